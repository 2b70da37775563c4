//! The state of a replica, derived from the responses of both servers.
//!
//! The clocks of the servers are not used. The primary is queried regularly for its WAL position, which is stored with
//! the time of the query. Once the replica has replayed up to this position, it has everything that was acknowledged
//! before that time. So the data of the replica does not age while the primary is idle, but it ages while the replica
//! cannot reach the primary.

use std::collections::VecDeque;

use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplicaState {
    /// The replica has everything that was acknowledged before this time.
    CompleteUntil(Instant),
    /// The replica responds, and is further behind than the bound.
    Behind,
    Away,
    /// The server is not a standby.
    NoReplica,
    /// The server replays a different database, or this database from before a failover.
    OtherHistory,
}

impl ReplicaState {
    /// The time before which the replica has everything.
    pub(super) fn complete_until(self) -> Option<Instant> {
        if let Self::CompleteUntil(at) = self { Some(at) } else { None }
    }
}

/// A WAL position of the primary, with the time of the query.
pub(super) struct Mark {
    pub(super) asked: Instant,
    position: i64,
}

/// The response of a server.
pub(super) struct WalReading {
    pub(super) standby: bool,
    /// The WAL position written or replayed, in bytes.
    pub(super) position: i64,
    /// The database system identifier and the timeline.
    pub(super) history: (i64, i32),
}

/// The state of the replica after both servers were queried. `None` is a server that did not respond.
pub(super) fn judge(
    asked: Instant,
    primary: Option<WalReading>,
    there: Option<WalReading>,
    marks: &mut VecDeque<Mark>,
) -> ReplicaState {
    let Some(there) = there else { return ReplicaState::Away };
    if !there.standby {
        return ReplicaState::NoReplica;
    }
    if let Some(primary) = primary.filter(|primary| !primary.standby) {
        if primary.history != there.history {
            marks.clear();
            return ReplicaState::OtherHistory;
        }
        marks.push_back(Mark { asked, position: primary.position });
    }
    let reached = marks.iter().rev().find(|mark| mark.position <= there.position);
    reached.map_or(ReplicaState::Behind, |mark| ReplicaState::CompleteUntil(mark.asked))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Instant, ReplicaState, VecDeque, WalReading, judge};

    fn server(standby: bool, position: i64, history: (i64, i32)) -> WalReading {
        WalReading { standby, position, history }
    }

    #[test]
    fn a_replica_is_complete_until_the_latest_mark_that_it_has_replayed() {
        let start = Instant::now();
        let moment = |second| start + Duration::from_secs(second);
        let mut marks = VecDeque::new();
        let mut looked = |second, written, replayed| {
            let primary = Some(server(false, written, (7, 1)));
            judge(moment(second), primary, Some(server(true, replayed, (7, 1))), &mut marks)
        };
        assert_eq!(looked(1, 100, 90), ReplicaState::Behind);
        assert_eq!(looked(2, 200, 150), ReplicaState::CompleteUntil(moment(1)));
        assert_eq!(looked(3, 300, 199), ReplicaState::CompleteUntil(moment(1)));
        assert_eq!(looked(4, 300, 300), ReplicaState::CompleteUntil(moment(4)));
        // An idle primary: the replica is complete up to now.
        assert_eq!(looked(9, 300, 300), ReplicaState::CompleteUntil(moment(9)));
        // The primary does not respond: the replica's data becomes older.
        let silent = judge(moment(20), None, Some(server(true, 300, (7, 1))), &mut marks);
        assert_eq!(silent, ReplicaState::CompleteUntil(moment(9)));
    }

    #[test]
    fn only_a_standby_with_the_history_of_the_primary_is_a_replica() {
        let now = Instant::now();
        let judged = |primary, there| judge(now, Some(primary), Some(there), &mut VecDeque::new());
        let primary = || server(false, 10, (7, 2));
        assert_eq!(judged(primary(), server(true, 10, (7, 2))), ReplicaState::CompleteUntil(now));
        assert_eq!(judged(primary(), server(true, 99, (8, 2))), ReplicaState::OtherHistory);
        assert_eq!(judged(primary(), server(true, 99, (7, 1))), ReplicaState::OtherHistory);
        assert_eq!(judged(primary(), primary()), ReplicaState::NoReplica);
        assert_eq!(judge(now, Some(primary()), None, &mut VecDeque::new()), ReplicaState::Away);
        // Two standbys: no server reports the position of the primary.
        assert_eq!(judged(server(true, 10, (7, 2)), server(true, 10, (7, 2))), ReplicaState::Behind);
    }
}
