//! How a replica stands, judged from what both servers say.
//!
//! No clock of either server counts. Every so often the primary is asked how far it has written, and the moment of asking is
//! kept with the answer; once the replica has replayed that far, it holds everything that was acknowledged before that
//! moment. A primary that is idle makes no replica look old, and one that is out of the replica's sight does.

use std::collections::VecDeque;

use tokio::time::Instant;

/// How a replica stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It holds everything that was acknowledged before this moment.
    CompleteUntil(Instant),
    /// It answers, and is further behind than the bound.
    Behind,
    /// It does not answer.
    Away,
    /// It is a server of its own that replays nothing.
    NoReplica,
    /// It replays another database than ours, or ours from before a failover.
    OtherHistory,
}

impl Standing {
    /// The moment before which it holds everything.
    pub(super) fn complete_until(self) -> Option<Instant> {
        if let Self::CompleteUntil(at) = self { Some(at) } else { None }
    }
}

/// How far the primary was.
pub(super) struct Mark {
    pub(super) asked: Instant,
    position: i64,
}

/// What a server says of itself.
pub(super) struct Said {
    pub(super) standby: bool,
    /// How far it has written or replayed, in bytes.
    pub(super) position: i64,
    /// Which database system, and how many failovers it has behind it.
    pub(super) history: (i64, i32),
}

/// How the replica stands after both servers were asked, or one of them in vain.
pub(super) fn judge(
    asked: Instant,
    primary: Option<Said>,
    there: Option<Said>,
    marks: &mut VecDeque<Mark>,
) -> Standing {
    let Some(there) = there else { return Standing::Away };
    if !there.standby {
        return Standing::NoReplica;
    }
    if let Some(primary) = primary.filter(|primary| !primary.standby) {
        if primary.history != there.history {
            marks.clear();
            return Standing::OtherHistory;
        }
        marks.push_back(Mark { asked, position: primary.position });
    }
    let reached = marks.iter().rev().find(|mark| mark.position <= there.position);
    reached.map_or(Standing::Behind, |mark| Standing::CompleteUntil(mark.asked))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Instant, Said, Standing, VecDeque, judge};

    fn server(standby: bool, position: i64, history: (i64, i32)) -> Said {
        Said { standby, position, history }
    }

    #[test]
    fn a_replica_is_complete_until_the_latest_moment_whose_position_it_has_reached() {
        let start = Instant::now();
        let moment = |second| start + Duration::from_secs(second);
        let mut marks = VecDeque::new();
        let mut looked = |second, written, replayed| {
            let primary = Some(server(false, written, (7, 1)));
            judge(moment(second), primary, Some(server(true, replayed, (7, 1))), &mut marks)
        };
        assert_eq!(looked(1, 100, 90), Standing::Behind);
        assert_eq!(looked(2, 200, 150), Standing::CompleteUntil(moment(1)));
        assert_eq!(looked(3, 300, 199), Standing::CompleteUntil(moment(1)));
        assert_eq!(looked(4, 300, 300), Standing::CompleteUntil(moment(4)));
        // Nothing is written: it is as complete as ever.
        assert_eq!(looked(9, 300, 300), Standing::CompleteUntil(moment(9)));
        // The primary does not answer: the replica grows old.
        let silent = judge(moment(20), None, Some(server(true, 300, (7, 1))), &mut marks);
        assert_eq!(silent, Standing::CompleteUntil(moment(9)));
    }

    #[test]
    fn only_a_standby_with_the_history_of_the_primary_is_a_replica() {
        let now = Instant::now();
        let stands = |primary, there| judge(now, Some(primary), Some(there), &mut VecDeque::new());
        let primary = || server(false, 10, (7, 2));
        assert_eq!(stands(primary(), server(true, 10, (7, 2))), Standing::CompleteUntil(now));
        assert_eq!(stands(primary(), server(true, 99, (8, 2))), Standing::OtherHistory);
        assert_eq!(stands(primary(), server(true, 99, (7, 1))), Standing::OtherHistory);
        assert_eq!(stands(primary(), primary()), Standing::NoReplica);
        assert_eq!(judge(now, Some(primary()), None, &mut VecDeque::new()), Standing::Away);
        // Two standbys: nobody says how far the primary is.
        assert_eq!(stands(server(true, 10, (7, 2)), server(true, 10, (7, 2))), Standing::Behind);
    }
}
