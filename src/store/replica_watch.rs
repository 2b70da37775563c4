//! Watching a replica: up to which moment it holds everything that the primary had acknowledged.
//!
//! No clock of either server counts. Every so often the primary is asked how far it has written, and the moment of asking is
//! kept with the answer; once the replica has replayed that far, it holds everything that was acknowledged before that
//! moment. A primary that is idle makes no replica look old, and one that is out of the replica's sight does.

use std::collections::VecDeque;
use std::sync::Weak;
use std::time::Duration;

use futures_util::future::join;
use tokio::time::{Instant, sleep, timeout};

use super::replica::Replica;
use super::{Store, StoreError};

/// How long each server may take to say how far it is.
const LOOK: Duration = Duration::from_secs(2);

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
struct Mark {
    asked: Instant,
    position: i64,
}

/// What a server says of itself.
struct Said {
    standby: bool,
    /// How far it has written or replayed, in bytes.
    position: i64,
    /// Which database system, and how many failovers it has behind it.
    history: (i64, i32),
}

/// Looks again and again until the store is gone or closed.
pub(super) async fn watch(replica: Weak<Replica>) {
    let (mut marks, mut told) = (VecDeque::new(), None);
    while let Some(replica) = replica.upgrade().filter(|replica| !replica.there.pool.is_closed()) {
        let standing = look(&replica, &mut marks).await;
        replica.standing.send_replace(standing);
        tell(&mut told, standing, replica.fresh());
        let pause = (replica.bound / 10).clamp(Duration::from_millis(50), Duration::from_secs(1));
        drop(replica);
        sleep(pause).await;
    }
}

/// Logs that the replica came into use or fell out of it, and why; once.
fn tell(told: &mut Option<(bool, std::mem::Discriminant<Standing>)>, standing: Standing, in_use: bool) {
    let now = Some((in_use, std::mem::discriminant(&standing)));
    if *told == now {
        return;
    }
    *told = now;
    match standing {
        Standing::CompleteUntil(_) if in_use => tracing::info!("lists are read from the replica"),
        Standing::CompleteUntil(_) | Standing::Behind => {
            tracing::warn!("lists are read from the primary: the replica is too far behind");
        }
        Standing::Away => tracing::warn!("lists are read from the primary: the replica does not answer"),
        Standing::NoReplica => tracing::warn!("lists are read from the primary: DATABASE_READ_URL names no replica"),
        Standing::OtherHistory => {
            tracing::warn!("lists are read from the primary: DATABASE_READ_URL names a replica of another database");
        }
    }
}

async fn look(replica: &Replica, marks: &mut VecDeque<Mark>) -> Standing {
    let asked = Instant::now();
    let (primary, there) = join(said(&replica.primary), said(&replica.there)).await;
    let standing = judge(asked, primary, there, marks);
    while marks.front().is_some_and(|mark| replica.outdated(mark.asked)) && marks.len() > 1 {
        marks.pop_front();
    }
    standing
}

/// How the replica stands after both servers were asked, or one of them in vain.
fn judge(asked: Instant, primary: Option<Said>, there: Option<Said>, marks: &mut VecDeque<Mark>) -> Standing {
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

/// What a server says; `None` when it does not.
async fn said(server: &Store) -> Option<Said> {
    timeout(LOOK, ask(server)).await.ok()?.ok()
}

async fn ask(server: &Store) -> Result<Said, StoreError> {
    let row = sqlx::query!(
        r#"select pg_is_in_recovery() as "standby!",
                  (coalesce(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() end,
                            '0/0') - '0/0')::bigint as "position!",
                  s.system_identifier as "system!", c.timeline_id as "timeline!"
           from pg_control_system() s, pg_control_checkpoint() c"#
    )
    .fetch_one(&mut *server.account().await?)
    .await?;
    Ok(Said { standby: row.standby, position: row.position, history: (row.system, row.timeline) })
}

#[cfg(test)]
mod tests {
    use super::{Duration, Instant, Said, Standing, VecDeque, judge};

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
