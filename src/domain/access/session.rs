//! Sessions of people who sign in to the web pages: how long they last.

use jiff::{SignedDuration, Timestamp};

/// How long a session lasts without a use.
pub const IDLE: SignedDuration = SignedDuration::from_mins(30);
/// How long a session lasts at most.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(10);
/// The same for a person who signed in at the token issuer. The issuer does not report that a person has left, so it is asked again.
pub const LONGEST_AT_ISSUER: SignedDuration = SignedDuration::from_hours(1);
/// A use within this time of the last stored one is not stored.
const PRECISION: SignedDuration = SignedDuration::from_mins(1);

/// How the person of a session signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInWay {
    Key,
    /// At the token issuer, under the settings with this hash. Other settings may admit other people.
    Issuer([u8; 32]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    pub way: SignInWay,
    pub started_at: Timestamp,
    pub last_used_at: Timestamp,
}

impl SignInWay {
    const fn longest(self) -> SignedDuration {
        match self {
            Self::Key => LONGEST,
            Self::Issuer(_) => LONGEST_AT_ISSUER,
        }
    }
}

impl Session {
    pub fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.last_used_at) >= IDLE || now.duration_since(self.started_at) >= self.way.longest()
    }

    /// Whether a use at this time must be stored.
    pub fn is_use_due(&self, now: Timestamp) -> bool {
        now.duration_since(self.last_used_at) >= PRECISION
    }
}

/// The latest last use and the latest start of sessions that are over. A session of the issuer is over earlier; it is then not used
/// any more, so its last use ends it here.
pub fn over_since(now: Timestamp) -> (Timestamp, Timestamp) {
    let before = |duration: SignedDuration| now.checked_sub(duration).unwrap_or(Timestamp::UNIX_EPOCH);
    (before(IDLE), before(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    fn session(started: i64, last_used: i64) -> Session {
        Session { way: SignInWay::Key, started_at: at(started), last_used_at: at(last_used) }
    }

    #[test]
    fn a_session_ends_after_half_an_hour_without_use_or_after_ten_hours() {
        assert!(!session(0, 0).is_over(at(29)) && session(0, 0).is_over(at(30)));
        assert!(!session(0, 599).is_over(at(599)) && session(0, 599).is_over(at(600)));
    }

    #[test]
    fn a_session_that_began_at_the_issuer_ends_after_an_hour() {
        let session = Session { way: SignInWay::Issuer([0; 32]), ..session(0, 59) };
        assert!(!session.is_over(at(59)) && session.is_over(at(60)));
    }

    #[test]
    fn the_times_that_delete_sessions_agree_with_their_end() {
        for (started, last_used) in [(0, 0), (0, 569), (0, 570), (0, 571), (1, 571), (1, 599)] {
            let session = session(started, last_used);
            let (used, begun) = over_since(at(600));
            assert_eq!(session.last_used_at <= used || session.started_at <= begun, session.is_over(at(600)));
        }
    }

    #[test]
    fn a_use_is_stored_once_a_minute() {
        assert!(!session(0, 5).is_use_due(at(5)) && session(0, 5).is_use_due(at(6)));
    }
}
