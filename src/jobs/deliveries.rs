//! Delivers webhooks. The job wakes when this instance writes an event, and every few seconds for events of other instances
//! and for retries. A slow endpoint does not delay others: slots are limited by endpoint and by clinic, and clinics are
//! served round-robin. The results of an endpoint since the last turn are stored in one transaction.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::ready;
use std::hash::Hash;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::app::App;
use crate::app::error::AppError;
use crate::app::webhooks::deliveries::{self, DueEndpoint, Ended};
use crate::domain::causes::with_causes;
use crate::domain::ids::{ClinicId, WebhookId};

/// How often the job polls for due deliveries when nothing wakes it.
const EVERY: Duration = Duration::from_secs(2);
/// The minimum time between two polls, so that one poll finds many events.
const PACE: Duration = Duration::from_millis(20);
/// Maximum concurrent attempts at one endpoint; one while it fails.
const AT_ONE: usize = 16;
/// Maximum concurrent attempts at all endpoints. A clinic holds at most as many slots as are free, so slots remain for
/// other clinics even when all endpoints of a clinic hang.
const AT_ALL: usize = 256;
/// Endpoints of one clinic that one poll leases from, so that a clinic with many endpoints does not delay others.
const IN_ONE_LOOK: usize = 8;
/// How long attempts in progress may take at a stop. Unfinished ones are sent again when their lease expires.
const ENDING: Duration = Duration::from_secs(3);

/// What a task returns: its endpoint, and the attempt if it could be made.
type Attempt = (DueEndpoint, Option<Ended>);

/// Attempts in progress, and those that ended and are not stored yet.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<Attempt>,
    at: HashMap<WebhookId, usize>,
    of: HashMap<ClinicId, usize>,
    ended: HashMap<WebhookId, (DueEndpoint, Vec<Ended>)>,
}

pub async fn run(app: App, mut stopping: watch::Receiver<bool>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = UnderWay::default();
    let mut more = false;
    loop {
        tokio::select! {
            () = ready(()), if more => {}
            _ = ticks.tick() => {}
            () = app.delivery_waits() => {}
            Some(ended) = under_way.tasks.join_next() => under_way.ended(ended),
            _ = stopping.changed() => break,
        }
        while let Some(ended) = under_way.tasks.try_join_next() {
            under_way.ended(ended);
        }
        under_way.store_ended(&app).await;
        if app.prepared() {
            more = start(&app, &mut under_way).await.unwrap_or_else(|error| {
                tracing::warn!(error = %with_causes(&error), "cannot deliver webhooks; pending deliveries stay pending");
                false
            });
        }
        sleep(PACE).await;
    }
    let all = async {
        while let Some(ended) = under_way.tasks.join_next().await {
            under_way.ended(ended);
        }
    };
    let _ = timeout(ENDING, all).await;
    under_way.store_ended(&app).await;
}

/// Leases due deliveries for the free slots and starts to send them. Returns whether endpoints remain for which slots may
/// be free.
async fn start(app: &App, under_way: &mut UnderWay) -> Result<bool, AppError> {
    let mut more = false;
    for (rank, due) in under_way.in_turn(deliveries::due(app).await?) {
        let places = under_way.places(due);
        if places == 0 {
            continue;
        }
        if rank > IN_ONE_LOOK {
            more = true;
            break;
        }
        for leased in deliveries::lease(app, due, places).await? {
            under_way.began(due);
            let app = app.clone();
            under_way.tasks.spawn(async move {
                let attempt = deliveries::attempt(&app, leased).await.inspect_err(|error| {
                    tracing::warn!(error = %with_causes(error), "cannot make an attempt; the event is sent again");
                });
                (due, attempt.ok())
            });
        }
    }
    Ok(more)
}

impl UnderWay {
    /// Orders endpoints round-robin by clinic, each with its turn from 1. Within a clinic, endpoints with the fewest
    /// attempts in progress come first.
    fn in_turn(&self, mut due: Vec<DueEndpoint>) -> Vec<(usize, DueEndpoint)> {
        due.sort_by_key(|one| held(&self.at, &one.webhook_id));
        let mut turns = HashMap::<ClinicId, usize>::new();
        let turn = |one: DueEndpoint| {
            let turn = turns.entry(one.clinic_id).or_default();
            *turn += 1;
            (*turn, one)
        };
        let mut in_turn: Vec<_> = due.into_iter().map(turn).collect();
        in_turn.sort_by_key(|(turn, _)| *turn);
        in_turn
    }

    /// How many attempts may start at an endpoint.
    fn places(&self, due: DueEndpoint) -> usize {
        let own = if due.failing { 1 } else { AT_ONE };
        let free = AT_ALL.saturating_sub(self.tasks.len());
        // Each started attempt adds one to the clinic's slots and takes one from the free slots.
        let of_clinic = free.saturating_sub(held(&self.of, &due.clinic_id)).div_ceil(2);
        own.saturating_sub(held(&self.at, &due.webhook_id)).min(of_clinic)
    }

    fn began(&mut self, due: DueEndpoint) {
        *self.at.entry(due.webhook_id).or_default() += 1;
        *self.of.entry(due.clinic_id).or_default() += 1;
    }

    /// Stores the results of all attempts that ended, with one transaction for each endpoint.
    async fn store_ended(&mut self, app: &App) {
        let stored = self.ended.drain().map(async |(_, (due, ended))| {
            if let Err(error) = deliveries::record(app, due, &ended).await {
                tracing::warn!(error = %with_causes(&error), "cannot store results of deliveries; their events are sent again");
            }
        });
        join_all(stored).await;
    }

    fn ended(&mut self, ended: Result<Attempt, tokio::task::JoinError>) {
        match ended {
            Ok((due, ended)) => {
                one_less(&mut self.at, due.webhook_id);
                one_less(&mut self.of, due.clinic_id);
                if let Some(ended) = ended {
                    self.ended.entry(due.webhook_id).or_insert((due, Vec::new())).1.push(ended);
                }
            }
            Err(error) => {
                tracing::error!(%error, "a delivery panicked");
                // The endpoint of the delivery is unknown, so all counts are reset. Leases prevent two simultaneous
                // attempts at a delivery.
                self.at.clear();
                self.of.clear();
            }
        }
    }
}

fn held<K: Eq + Hash>(counts: &HashMap<K, usize>, of: &K) -> usize {
    counts.get(of).copied().unwrap_or_default()
}

fn one_less<K: Eq + Hash>(counts: &mut HashMap<K, usize>, of: K) {
    if let Entry::Occupied(mut count) = counts.entry(of) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn due(clinic: u128, endpoint: u128) -> DueEndpoint {
        DueEndpoint {
            clinic_id: ClinicId(Uuid::from_u128(clinic)),
            webhook_id: WebhookId(Uuid::from_u128(endpoint)),
            failing: false,
        }
    }

    /// Starts as many attempts at an endpoint as allowed; none of them ends.
    fn hang(under_way: &mut UnderWay, due: DueEndpoint) -> usize {
        let places = under_way.places(due);
        for _ in 0..places {
            under_way.began(due);
            under_way.tasks.spawn(std::future::pending());
        }
        places
    }

    #[tokio::test]
    async fn a_clinic_with_many_hanging_endpoints_leaves_slots_for_every_other() {
        let mut under_way = UnderWay::default();
        let hung: usize = (0..100).map(|endpoint| hang(&mut under_way, due(1, endpoint))).sum();
        assert_eq!(hung, AT_ALL / 2);
        for clinic in 2..=6 {
            assert!(hang(&mut under_way, due(clinic, clinic * 1_000)) > 0, "{clinic}");
        }
    }

    #[tokio::test]
    async fn clinics_are_served_round_robin_and_their_busy_endpoints_last() {
        let mut under_way = UnderWay::default();
        under_way.began(due(1, 10));
        let listed = vec![due(1, 10), due(1, 11), due(1, 12), due(2, 20), due(3, 30), due(2, 21)];
        let served: Vec<_> = under_way.in_turn(listed).into_iter().map(|(_, due)| due.webhook_id.0.as_u128()).collect();
        assert_eq!(served, [11, 20, 30, 12, 21, 10]);
    }
}
