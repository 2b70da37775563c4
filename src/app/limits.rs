//! How many requests a credential, and a clinic, may make in a minute: counted in memory, after signing in.
//!
//! The credential is counted first, so that one that asks too much eats nothing of what its clinic's others have.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use uuid::Uuid;

use super::App;
use super::ambient::Ambient;
use crate::domain::actor::Actor;

/// The window of every limit.
pub const WINDOW: Duration = Duration::from_mins(1);

/// Requests a minute; 0 sets no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Of one credential.
    pub per_credential: u32,
    /// Of all credentials of one clinic.
    pub per_clinic: u32,
}

/// Where a caller stands after a request was let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Requests that the credential has left; `None` without a limit.
    pub credential: Option<u32>,
    /// Requests that the clinic has left; `None` without a limit.
    pub clinic: Option<u32>,
}

/// Which limit was reached, and when the next request is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// What is left of the limits that were looked at.
    pub standing: Standing,
    /// How long to wait.
    pub wait: Duration,
}

impl App {
    /// Counts a request of somebody signed in.
    ///
    /// # Errors
    /// When its credential or its clinic has made too many.
    pub fn count(&self, actor: &Actor) -> Result<Standing, Exceeded> {
        self.limits.count(actor)
    }

    /// The limits that requests are counted against.
    #[must_use]
    pub fn rates(&self) -> Rates {
        self.limits.rates
    }
}

/// The counters of this process.
pub(crate) struct Limits {
    rates: Rates,
    clock: Elapsed,
    credentials: Option<Limiter>,
    clinics: Option<Limiter>,
    /// The window in which was last swept.
    swept: AtomicU64,
}

type Limiter = RateLimiter<Uuid, DashMapStateStore<Uuid>, Elapsed, StateInformationMiddleware>;

impl Limits {
    pub(crate) fn new(rates: Rates, ambient: Arc<dyn Ambient>) -> Self {
        let clock = Elapsed(ambient);
        let limiter = |rate: u32| {
            let quota = Quota::per_minute(NonZeroU32::new(rate)?);
            Some(Limiter::new(quota, DashMapStateStore::default(), clock.clone()).with_middleware())
        };
        Self {
            credentials: limiter(rates.per_credential),
            clinics: limiter(rates.per_clinic),
            rates,
            clock,
            swept: AtomicU64::default(),
        }
    }

    fn count(&self, actor: &Actor) -> Result<Standing, Exceeded> {
        let mut standing = Standing::default();
        standing.credential = self.one(self.credentials.as_ref(), actor.credential_id.0).map_err(|wait| {
            let standing = Standing { credential: Some(0), ..standing };
            Exceeded { standing, wait }
        })?;
        standing.clinic = self.one(self.clinics.as_ref(), actor.clinic_id.0).map_err(|wait| {
            let standing = Standing { clinic: Some(0), ..standing };
            Exceeded { standing, wait }
        })?;
        Ok(standing)
    }

    fn one(&self, limiter: Option<&Limiter>, key: Uuid) -> Result<Option<u32>, Duration> {
        let Some(limiter) = limiter else { return Ok(None) };
        match limiter.check_key(&key) {
            Ok(state) => Ok(Some(state.remaining_burst_capacity())),
            Err(refused) => Err(refused.wait_time_from(self.clock.now())),
        }
    }

    /// Forgets whoever has not asked for a while; does so at most once in a window, however often it is called.
    pub(crate) fn sweep(&self) {
        let window = self.clock.0.elapsed().as_secs() / WINDOW.as_secs();
        if self.swept.swap(window, Ordering::Relaxed) == window {
            return;
        }
        for limiter in [&self.credentials, &self.clinics].into_iter().flatten() {
            limiter.retain_recent();
        }
    }
}

/// The process's own time as the limiter takes it.
#[derive(Clone)]
struct Elapsed(Arc<dyn Ambient>);

impl GovernorClock for Elapsed {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}
