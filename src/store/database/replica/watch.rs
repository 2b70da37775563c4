//! Watches a replica as long as the store exists.

use std::collections::VecDeque;
use std::mem::{Discriminant, discriminant};
use std::sync::Weak;
use std::time::Duration;

use futures_util::future::join;
use tokio::time::{Instant, sleep, timeout};

use super::state::{Mark, ReplicaState, WalReading, judge};
use super::{Replica, Result, Store};

/// Time limit for the response of each server.
const LOOK: Duration = Duration::from_secs(2);

/// Checks the replica repeatedly until the store is dropped or closed.
pub(super) async fn run(replica: Weak<Replica>) {
    let (mut marks, mut logged) = (VecDeque::<Mark>::new(), None);
    while let Some(replica) = replica.upgrade().filter(|replica| !replica.there.pool.is_closed()) {
        let asked = Instant::now();
        let [primary, there] = &replica.watched;
        let (primary, there) = join(read_wal(primary), read_wal(there)).await;
        let state = judge(asked, primary, there, &mut marks);
        // One mark older than the bound is kept, to report the age of the replica's data.
        while marks.len() > 1 && marks.front().is_some_and(|mark| mark.asked.elapsed() > replica.bound) {
            marks.pop_front();
        }
        replica.state.send_replace(state);
        replica.tell_figures();
        tell(&mut logged, state, replica.fresh());
        let pause = (replica.bound / 10).clamp(Duration::from_millis(50), Duration::from_secs(1));
        drop(replica);
        sleep(pause).await;
    }
}

/// Logs each change between using and not using the replica, with the reason.
fn tell(logged: &mut Option<(bool, Discriminant<ReplicaState>)>, state: ReplicaState, in_use: bool) {
    let now = Some((in_use, discriminant(&state)));
    if *logged == now {
        return;
    }
    *logged = now;
    let reason = match state {
        ReplicaState::CompleteUntil(_) if in_use => return tracing::info!("exports and statistics use the replica"),
        ReplicaState::CompleteUntil(_) | ReplicaState::Behind => "the replica is too far behind",
        ReplicaState::Away => "the replica does not answer",
        ReplicaState::NoReplica => "the server in DATABASE_READ_URL is not a replica",
        ReplicaState::OtherHistory => "the server in DATABASE_READ_URL is a replica of another database",
    };
    tracing::warn!("exports and statistics use the primary: {reason}");
}

/// The response of a server. `None` if it does not respond.
async fn read_wal(server: &Store) -> Option<WalReading> {
    timeout(LOOK, ask(server)).await.ok()?.ok()
}

async fn ask(server: &Store) -> Result<WalReading> {
    let row = sqlx::query!(
        r#"select pg_is_in_recovery() as "standby!",
                  (coalesce(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() end,
                            '0/0') - '0/0')::bigint as "position!",
                  s.system_identifier as "system!", c.timeline_id as "timeline!"
           from pg_control_system() s, pg_control_checkpoint() c"#
    )
    .fetch_one(&mut *server.account().await?)
    .await?;
    Ok(WalReading { standby: row.standby, position: row.position, history: (row.system, row.timeline) })
}
