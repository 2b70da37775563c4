//! Rate limits per minute for a credential, a clinic and a visitor's address, and limits of failed sign-ins and of sign-ins at the
//! token issuer per address. The counters are in the memory of this process.
//!
//! The narrowest limit is counted first: a visitor over the limit does not use the quota of the site, and a credential over
//! the limit does not use the quota of its clinic.

mod counter;

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use uuid::Uuid;

use crate::app::ambient::Ambient;
use crate::domain::access::actor::{Actor, Role};
use counter::{Counter, Elapsed};

pub const WINDOW: Duration = Duration::from_mins(1);
/// Failed sign-ins allowed per address; further ones get 429.
pub const FAILURES_OF_AN_ADDRESS: u32 = 60;
/// Sign-ins at the token issuer allowed per address, each of which sends a code to it; further ones get 429.
pub const EXCHANGES_OF_AN_ADDRESS: u32 = 60;

/// Requests per minute; 0 means no limit.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    pub per_credential: u32,
    pub per_clinic: u32,
    /// Submissions of one browser credential from one address.
    pub submissions_per_address: u32,
    /// Other requests of one browser credential from one address.
    pub scores_per_address: u32,
    /// Networks whose addresses each have a multiple of both budgets. The narrowest network applies.
    pub address_factors: Vec<(IpNet, u32)>,
}

/// The budget per address that a request of a browser credential counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Everything except submissions.
    Scores,
    Submissions,
}

/// The state of one limit for a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name in response headers.
    pub name: &'static str,
    /// Requests per minute; 0 means no limit.
    pub quota: u32,
    /// Requests left; `None` if the request was not counted.
    pub left: Option<u32>,
}

/// The limits of a caller, in the order of counting.
pub type RateStatus = [Limit; 3];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// The state of the limits that were counted.
    pub rate_status: RateStatus,
    pub wait: Duration,
}

pub(crate) struct Limits {
    credentials: Option<Counter<Uuid>>,
    clinics: Option<Counter<Uuid>>,
    /// The networks with budgets of their own, the narrowest first.
    raised: Vec<(IpNet, Budgets)>,
    /// The budgets of all other addresses.
    others: Budgets,
    failures: Option<Counter<IpAddr>>,
    exchanges: Option<Counter<IpAddr>>,
}

/// The budgets of one address with one browser credential.
struct Budgets {
    scores: Option<Counter<(Uuid, IpAddr)>>,
    submissions: Option<Counter<(Uuid, IpAddr)>>,
}

impl Limits {
    pub(crate) fn new(rates: &Rates, ambient: Arc<dyn Ambient>) -> Self {
        let clock = Elapsed(ambient);
        let budgets = |factor: u32| Budgets {
            scores: Counter::new(rates.scores_per_address.saturating_mul(factor), &clock),
            submissions: Counter::new(rates.submissions_per_address.saturating_mul(factor), &clock),
        };
        let mut raised = rates.address_factors.clone();
        raised.sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix_len()));
        Self {
            credentials: Counter::new(rates.per_credential, &clock),
            clinics: Counter::new(rates.per_clinic, &clock),
            raised: raised.into_iter().map(|(network, factor)| (network, budgets(factor))).collect(),
            others: budgets(1),
            failures: Counter::new(FAILURES_OF_AN_ADDRESS, &clock),
            exchanges: Counter::new(EXCHANGES_OF_AN_ADDRESS, &clock),
        }
    }

    pub(in crate::app) fn count(&self, actor: &Actor, address: IpAddr, budget: Budget) -> Result<RateStatus, Exceeded> {
        let (credential, clinic) = (actor.credential_id.0, actor.clinic_id.0);
        let of_address = (actor.role == Role::Browser).then(|| self.of_address(address, budget)).flatten();
        let mut rate_status = [
            limit("address", of_address),
            limit("credential", self.credentials.as_ref()),
            limit("clinic", self.clinics.as_ref()),
        ];
        let [visitor, caller, tenant] = &mut rate_status;
        let visited = of_address.map(|counter| {
            let everywhere = (credential, IpAddr::V6(Ipv6Addr::UNSPECIFIED));
            counter.count_within_room((credential, place(address)), everywhere)
        });
        let exceeded = take(visitor, visited)
            .or_else(|| take(caller, self.credentials.as_ref().map(|counter| counter.count(&credential))))
            .or_else(|| take(tenant, self.clinics.as_ref().map(|counter| counter.count(&clinic))));
        exceeded.map_or(Ok(rate_status), |wait| Err(Exceeded { rate_status, wait }))
    }

    /// Counts a failed sign-in. Fails with the time to wait when too many failed at this address.
    pub(in crate::app) fn count_failure(&self, address: IpAddr) -> Result<(), Duration> {
        count_at(self.failures.as_ref(), address)
    }

    /// Counts a sign-in at the token issuer. Fails with the time to wait when this address had too many.
    pub(in crate::app) fn count_exchange(&self, address: IpAddr) -> Result<(), Duration> {
        count_at(self.exchanges.as_ref(), address)
    }

    fn of_address(&self, address: IpAddr, budget: Budget) -> Option<&Counter<(Uuid, IpAddr)>> {
        let address = address.to_canonical();
        let raised = self.raised.iter().find(|(network, _)| network.contains(&address));
        let budgets = raised.map_or(&self.others, |(_, budgets)| budgets);
        match budget {
            Budget::Scores => budgets.scores.as_ref(),
            Budget::Submissions => budgets.submissions.as_ref(),
        }
    }
}

fn count_at(counter: Option<&Counter<IpAddr>>, address: IpAddr) -> Result<(), Duration> {
    let everywhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let counted = counter.map(|counter| counter.count_within_room(place(address), everywhere));
    counted.transpose().map(drop)
}

fn limit<K: Clone + Eq + Hash>(name: &'static str, counter: Option<&Counter<K>>) -> Limit {
    Limit { name, quota: counter.map_or(0, Counter::quota), left: None }
}

/// Stores a counter's result in the limit; returns the time to wait if the limit was exceeded.
fn take(limit: &mut Limit, counted: Option<Result<u32, Duration>>) -> Option<Duration> {
    let counted = counted?;
    limit.left = Some(counted.unwrap_or(0));
    counted.err()
}

/// The unit that counts as one address: for IPv6 the /64 network, because a client controls all of it.
pub fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::counter::tests::Still;
    use super::*;
    use crate::domain::ids::{ClinicId, CredentialId, SenderId};

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn actor(role: Role, credential: u128) -> Actor {
        let (clinic_id, credential_id) = (ClinicId(Uuid::from_u128(1)), CredentialId(Uuid::from_u128(credential)));
        let sender_id = SenderId(credential_id.0);
        Actor { clinic_id, credential_id, sender_id, role, web_form: false, request_id: None }
    }

    fn limits(rates: &Rates) -> Limits {
        Limits::new(rates, Arc::new(Still::default()))
    }

    fn room(limits: &Limits, actor: &Actor, from: &str, budget: Budget) -> usize {
        (0..1000).take_while(|_| limits.count(actor, address(from), budget).is_ok()).count()
    }

    #[test]
    fn the_budgets_of_an_address_are_apart_for_scores_and_submissions_and_for_each_credential() {
        let limits = limits(&Rates { scores_per_address: 6, submissions_per_address: 3, ..Rates::default() });
        let (one, other) = (actor(Role::Browser, 1), actor(Role::Browser, 2));
        assert_eq!(room(&limits, &one, "192.0.2.1", Budget::Scores), 6);
        assert_eq!(room(&limits, &one, "192.0.2.1", Budget::Submissions), 3);
        assert_eq!(room(&limits, &one, "::ffff:192.0.2.1", Budget::Scores), 0);
        assert_eq!(room(&limits, &one, "192.0.2.2", Budget::Scores), 6);
        assert_eq!(room(&limits, &other, "192.0.2.1", Budget::Scores), 6);
        assert_eq!(room(&limits, &actor(Role::Intake, 1), "192.0.2.1", Budget::Scores), 1000);
    }

    #[test]
    fn an_ipv6_network_of_64_bits_counts_as_one_address() {
        let limits = limits(&Rates { scores_per_address: 2, ..Rates::default() });
        let browser = actor(Role::Browser, 1);
        assert_eq!(room(&limits, &browser, "2001:db8:0:1::1", Budget::Scores), 2);
        assert_eq!(room(&limits, &browser, "2001:db8:0:1:ffff::2", Budget::Scores), 0);
        assert_eq!(room(&limits, &browser, "2001:db8:0:2::1", Budget::Scores), 2);
        for _ in 0..FAILURES_OF_AN_ADDRESS {
            assert!(limits.count_failure(address("2001:db8::1")).is_ok());
        }
        assert!(limits.count_failure(address("2001:db8::2")).is_err());
        assert!(limits.count_failure(address("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn sign_ins_at_the_issuer_are_counted_for_each_address_and_apart_from_failures() {
        let limits = limits(&Rates::default());
        for _ in 0..EXCHANGES_OF_AN_ADDRESS {
            assert!(limits.count_exchange(address("192.0.2.1")).is_ok());
        }
        assert!(limits.count_exchange(address("192.0.2.1")).is_err());
        assert!(limits.count_exchange(address("192.0.2.2")).is_ok());
        assert!(limits.count_failure(address("192.0.2.1")).is_ok());
    }

    #[test]
    fn the_narrowest_network_with_a_factor_counts_for_each_of_its_addresses() {
        let factors =
            [("203.0.113.0/24", 2), ("203.0.113.7/32", 4)].map(|(net, factor)| (net.parse().unwrap(), factor));
        let rates = Rates { submissions_per_address: 3, address_factors: factors.into(), ..Rates::default() };
        let (limits, browser) = (limits(&rates), actor(Role::Browser, 1));
        for (from, wanted) in [("203.0.113.7", 12), ("203.0.113.8", 6), ("203.0.113.9", 6), ("203.0.114.7", 3)] {
            assert_eq!(room(&limits, &browser, from, Budget::Submissions), wanted, "{from}");
        }
    }

    #[test]
    fn a_visitor_over_the_budget_does_not_use_the_quota_of_the_credential_or_the_clinic() {
        let rates = Rates { per_credential: 5, per_clinic: 7, scores_per_address: 2, ..Rates::default() };
        let (limits, browser) = (limits(&rates), actor(Role::Browser, 1));
        assert_eq!(room(&limits, &browser, "192.0.2.1", Budget::Scores), 2);
        for _ in 0..100 {
            let exceeded = limits.count(&browser, address("192.0.2.1"), Budget::Scores).unwrap_err();
            assert_eq!(exceeded.rate_status.map(|limit| limit.left), [Some(0), None, None]);
        }
        let rate_status = limits.count(&browser, address("192.0.2.2"), Budget::Scores).unwrap();
        let shown = rate_status.map(|limit| (limit.name, limit.quota, limit.left));
        assert_eq!(shown, [("address", 2, Some(1)), ("credential", 5, Some(2)), ("clinic", 7, Some(4))]);
    }
}
