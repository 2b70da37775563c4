//! Tests the check itself: it detects each kind of damage.

use sqlx::{AssertSqlSafe, Executor as _};

use crate::support::check::{Report, check};
use crate::support::load::Load;
use crate::support::site::Site;

const CLIENTS: usize = 4;
const SUBMISSIONS: usize = 100;

/// Damage to one flagged submission of a clinic with two endpoints, and the expected counts of the check: lost, doubled,
/// half-written, not shown.
const DAMAGE: [(&str, [i64; 4]); 8] = [
    ("delete from submissions where submission_id = $1", [1, 0, 0, 1]),
    ("delete from audit_entries where resource_id = $1 and action = 'submission_created'", [0, 0, 1, 0]),
    ("delete from idempotency_keys where submission_id = $1", [0, 0, 1, 0]),
    ("delete from follow_up_events where submission_id = $1", [0, 0, 1, 0]),
    (
        "delete from webhook_deliveries d where event_id = $1 and not exists (
            select from webhook_deliveries o where o.event_id = $1 and o.webhook_id < d.webhook_id)",
        [0, 0, 1, 0],
    ),
    ("update submissions set score_total = score_total + 1 where submission_id = $1", [0, 0, 1, 0]),
    ("update submissions set follow_up_id = null where submission_id = $1", [0, 0, 1, 0]),
    (
        "insert into submissions select (jsonb_populate_record(s, jsonb_build_object('submission_id', gen_random_uuid(),
                'receipt_number', s.receipt_number # 1))).*
            from submissions s where submission_id = $1",
        [0, 1, 0, 0],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_damage_is_detected() {
    let site = Site::new().await;
    let service = site.serve(&[]);
    let load = Load::start(site.clinics, service.address(), CLIENTS);
    load.more(SUBMISSIONS).await;
    let ledger = load.finish().await;
    let mut connection = site.cluster.connect().await;
    // Triggers and foreign keys do not act in the replica role; these constraints would still prevent the damage.
    let weaken = "set session_replication_role = replica;
        alter table submissions drop constraint submissions_follow_up_whole, drop constraint submissions_score_ordered";
    connection.execute(weaken).await.unwrap();
    let found = async |connection: &mut _| {
        let Report { lost, doubled, half_written, not_shown, .. } =
            check(connection, &[], service.address(), &ledger).await;
        [lost, doubled, half_written, i64::try_from(not_shown).unwrap()]
    };
    let mut expected = [0; 4];
    assert_eq!(found(&mut connection).await, expected, "without damage");
    let mut victims = ledger.acknowledged().into_iter().filter(|one| one.flagged && one.clinic == 1);
    for (damage, counted) in DAMAGE {
        let sql = damage.replace("$1", &format!("'{}'", victims.next().unwrap().id));
        assert_eq!(connection.execute(AssertSqlSafe(sql)).await.unwrap().rows_affected(), 1, "{damage}");
        for (sum, more) in expected.iter_mut().zip(counted) {
            *sum += more;
        }
        assert_eq!(found(&mut connection).await, expected, "{damage}");
    }
    service.stop();
}
