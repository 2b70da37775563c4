//! Deliveries: what an answer means, when the next attempt is due, and when there is none any more.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::audit::names;
use super::ids::EventId;
use super::webhook::WebhookEvent;

names! {
    /// Where a delivery stands.
    DeliveryState:
    /// It is to be sent, or sent again.
    Pending = "pending",
    /// An answer of 2xx came.
    Delivered = "delivered",
    /// Nothing is tried any more, unless an admin asks.
    Failed = "failed",
}

names! {
    /// Why no answer came.
    DeliveryFailure:
    /// The address, or what its name stands for, is none that may be sent to.
    AddressRefused = "address_refused",
    /// The name, the connection or its encryption failed, or it broke off.
    Connection = "connection",
    /// No answer came in time.
    Timeout = "timeout",
}

/// What came of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// An answer came.
    Answered {
        /// Its status.
        status: u16,
        /// What it says of when to ask again.
        retry_after: Option<Duration>,
    },
    /// None came.
    Failed(DeliveryFailure),
}

/// What follows from an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It arrived.
    Delivered,
    /// It is tried again then.
    Again(Timestamp),
    /// That was the last attempt.
    GivenUp,
    /// The endpoint wants nothing any more.
    Gone,
}

/// One attempt, as the log keeps it. What was answered is not kept, but for its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedAttempt {
    /// When it began.
    pub at: Timestamp,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Why there was none.
    pub failure: Option<DeliveryFailure>,
    /// How long it took, milliseconds.
    pub duration_ms: u32,
}

/// One delivery, as the log shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The event.
    pub event_id: EventId,
    /// What happened.
    pub event: WebhookEvent,
    /// When.
    pub at: Timestamp,
    /// Where the delivery stands.
    pub state: DeliveryState,
    /// When the next attempt is due.
    pub due_at: Option<Timestamp>,
    /// When it arrived.
    pub delivered_at: Option<Timestamp>,
    /// The latest attempts, in their order.
    pub attempts: Vec<LoggedAttempt>,
}

/// How long after each failed attempt the next one is due, seconds; after the last one it is given up. Together a little
/// more than three days: a weekend.
pub const BACKOFF: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Attempts at most.
pub const ATTEMPTS: usize = BACKOFF.len() + 1;
/// An answer can put the next attempt off by this at most.
pub const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// An endpoint that has failed at every attempt for so long is disabled.
pub const DISABLED_AFTER: SignedDuration = SignedDuration::from_hours(5 * 24);
/// How long an attempt belongs to whoever leased it. It is more than an attempt can take, and the clocks of instances may
/// differ by the rest.
pub const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// What follows from the attempt of this number, the first being 1. The jitter is any byte: it spreads attempts by up to a
/// fifth in either direction, so that what failed together does not come back together.
#[must_use]
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

/// Four fifths to six fifths of some seconds.
fn spread(seconds: u64, jitter: u8) -> Duration {
    Duration::from_millis(seconds * 800 + seconds * 400 * u64::from(jitter) / 255)
}

/// Whether an endpoint has failed for so long that it is disabled.
#[must_use]
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
    fn attempts_lie_further_and_further_apart_over_three_days_and_then_end() {
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
    fn retry_after_puts_off_and_never_hurries_and_is_bounded() {
        assert!((seconds(answered(429, Some(60)), 1, 0) - 60.0).abs() < 0.01);
        assert!((seconds(answered(503, Some(1)), 2, 0) - 240.0).abs() < 0.01);
        assert!((seconds(answered(429, Some(u64::MAX)), 1, 0) - 86_400.0).abs() < 0.01);
    }

    #[test]
    fn five_days_of_failures_are_hopeless_and_less_is_not() {
        let after = |hours: i64| Timestamp::from_second(hours * 3600).unwrap();
        assert!(!hopeless(after(0), after(119)) && hopeless(after(0), after(120)));
    }
}
