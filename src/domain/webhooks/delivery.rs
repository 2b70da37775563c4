//! Deliveries: the meaning of a response, when the next attempt is due, and when delivery is given up.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::WebhookEvent;
use crate::ids::EventId;
use crate::names::names;

names! {
    pub enum DeliveryState {
        /// An attempt is due or in progress.
        Pending = "pending",
        /// The endpoint returned 2xx.
        Delivered = "delivered",
        /// Given up; an admin can schedule it again.
        Failed = "failed",
    }

    /// Why an attempt got no response.
    pub enum DeliveryFailure {
        /// The URL is not allowed, or its name resolves to an address that is not allowed.
        AddressRefused = "address_refused",
        /// Name resolution, the connection or its encryption failed, or the connection broke.
        Connection = "connection",
        Timeout = "timeout",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempted {
    Answered {
        status: u16,
        /// The delay that the `Retry-After` header requests.
        retry_after: Option<Duration>,
    },
    Failed(DeliveryFailure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    Again(Timestamp),
    GivenUp,
    /// The endpoint returned 410 and is disabled.
    Gone,
}

/// One attempt in the delivery log. Only the status of a response is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedAttempt {
    pub at: Timestamp,
    pub status: Option<u16>,
    pub failure: Option<DeliveryFailure>,
    pub duration_ms: u32,
}

/// One delivery in the delivery log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub event_id: EventId,
    pub event: WebhookEvent,
    pub at: Timestamp,
    pub state: DeliveryState,
    pub due_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    /// The latest attempts, in their order.
    pub attempts: Vec<LoggedAttempt>,
}

/// Delay from each failed attempt to the next, seconds; after the last one the delivery is given up. The sum is a little
/// more than three days, which covers a weekend.
pub const BACKOFF: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
pub const ATTEMPTS: usize = BACKOFF.len() + 1;
/// The longest delay that a response can request.
pub const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// An endpoint is disabled when every attempt has failed for this long.
pub const DISABLED_AFTER: SignedDuration = SignedDuration::from_hours(5 * 24);
/// The duration of a lease. It exceeds the duration of an attempt; the rest covers clock differences between instances.
pub const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// The consequence of the attempt with this number, counted from 1. The jitter is any byte. It shifts the next attempt by
/// up to a fifth in either direction, so that deliveries that failed together are not retried together.
pub fn judge(attempted: Attempted, number: usize, now: Timestamp, jitter: u8) -> Verdict {
    match attempted {
        Attempted::Answered { status: 200..=299, .. } => Verdict::Delivered,
        Attempted::Answered { status: 410, .. } => Verdict::Gone,
        Attempted::Answered { retry_after, .. } => again(number, retry_after, now, jitter),
        Attempted::Failed(_) => again(number, None, now, jitter),
    }
}

fn again(number: usize, retry_after: Option<Duration>, now: Timestamp, jitter: u8) -> Verdict {
    let Some(seconds) = BACKOFF.get(number.saturating_sub(1)) else { return Verdict::GivenUp };
    let asked = retry_after.unwrap_or_default().min(LONGEST_WAIT);
    let wait = spread(*seconds, jitter).max(asked);
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    Verdict::Again(now.checked_add(wait).unwrap_or(Timestamp::MAX))
}

/// Four fifths to six fifths of a number of seconds.
fn spread(seconds: u64, jitter: u8) -> Duration {
    Duration::from_millis(seconds * 800 + seconds * 400 * u64::from(jitter) / 255)
}

/// Whether an endpoint has failed for long enough to be disabled.
pub fn hopeless(failing_since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(failing_since) >= DISABLED_AFTER
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, retry_after: Option<u64>) -> Attempted {
        Attempted::Answered { status, retry_after: retry_after.map(Duration::from_secs) }
    }

    fn seconds(attempted: Attempted, number: usize, jitter: u8) -> f64 {
        match judge(attempted, number, Timestamp::UNIX_EPOCH, jitter) {
            Verdict::Again(at) => at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_2xx_is_success_and_only_410_ends_everything() {
        for status in 100..=599 {
            let verdict = judge(answered(status, None), 1, Timestamp::UNIX_EPOCH, 0);
            match status {
                200..=299 => assert_eq!(verdict, Verdict::Delivered, "{status}"),
                410 => assert_eq!(verdict, Verdict::Gone),
                _ => assert!(matches!(verdict, Verdict::Again(_)), "{status}"),
            }
        }
    }

    #[test]
    fn the_delay_between_attempts_grows_over_three_days_and_then_delivery_is_given_up() {
        let failed = Attempted::Failed(DeliveryFailure::Timeout);
        let mut whole = [0.0, 0.0];
        for (index, wait) in BACKOFF.into_iter().enumerate() {
            let (least, most) = (seconds(failed, index + 1, 0), seconds(failed, index + 1, 255));
            let wait = f64::from(u32::try_from(wait).unwrap());
            assert!((least - wait * 0.8).abs() < 0.01 && (most - wait * 1.2).abs() < 0.01, "{least} {most}");
            whole = [whole[0] + least, whole[1] + most];
        }
        assert!(whole[0] > 2.5 * 86_400.0 && whole[1] < 4.0 * 86_400.0, "{whole:?}");
        assert_eq!(judge(failed, ATTEMPTS, Timestamp::UNIX_EPOCH, 0), Verdict::GivenUp);
        assert_eq!(judge(answered(500, Some(60)), ATTEMPTS, Timestamp::UNIX_EPOCH, 0), Verdict::GivenUp);
    }

    #[test]
    fn retry_after_delays_and_never_hastens_and_is_bounded() {
        assert!((seconds(answered(429, Some(60)), 1, 0) - 60.0).abs() < 0.01);
        assert!((seconds(answered(503, Some(1)), 2, 0) - 240.0).abs() < 0.01);
        assert!((seconds(answered(429, Some(u64::MAX)), 1, 0) - 86_400.0).abs() < 0.01);
    }

    #[test]
    fn five_days_of_failures_disable_an_endpoint_and_fewer_do_not() {
        let after = |hours: i64| Timestamp::from_second(hours * 3600).unwrap();
        assert!(!hopeless(after(0), after(119)) && hopeless(after(0), after(120)));
    }
}
