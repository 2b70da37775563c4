//! Verification reports every change of the audit log that was made outside the service, and its place.

use sarcoscreen::app::audit::sealing::seal;
use sarcoscreen::domain::audit::seal::{Break, Head};
use sarcoscreen::domain::ids::ClinicId;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use uuid::Uuid;

use super::attacks::{Dice, KINDS, Target};
use super::verified;
use crate::world::{Clinic, World, frail};

const TABLES: [&str; 4] = ["audit_entries", "audit_pending", "audit_seals", "audit_tombstones"];

/// Two clinics whose audit logs have seals of a few entries each, and some unsealed entries.
async fn worked(world: &World) -> (Clinic, Clinic, Vec<Head>) {
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let mut heads = Vec::new();
    for round in 0..9 {
        for clinic in [&clinic, &other] {
            let body = json!({"answers": frail(), "subject": {"reference": format!("R-{round}")}});
            clinic.intake.submit(&body).await.expect(201);
            clinic.staff.get("/v1/follow-ups").await.expect(200);
            clinic.staff.get("/v1/submissions").await.expect(200);
        }
        if round < 8 {
            heads.extend(seal(&world.app).await.unwrap());
        }
    }
    (clinic, other, heads)
}

#[tokio::test]
async fn an_unaltered_audit_log_has_no_breaks_and_reports_its_counts() {
    let world = World::new().await;
    let (_, _, heads) = worked(&world).await;
    assert_eq!(heads.len(), 16);
    let (all, found) = verified(&world, &heads).await;
    assert_eq!(found, []);
    let entries = world.count("select count(*) from audit_entries").await;
    assert_eq!((all.chains, all.seals, all.waiting, all.heads), (2, 16, 6, 16));
    assert_eq!(all.entries, entries.unsigned_abs());
    // Unsealed entries are part of the next seal; after that nothing is left to seal.
    assert_eq!(seal(&world.app).await.unwrap().len(), 2);
    assert_eq!(seal(&world.app).await.unwrap().len(), 0);
    let (all, found) = verified(&world, &heads).await;
    assert_eq!((all.waiting, found.len()), (0, 0));
}

#[tokio::test]
async fn every_change_by_the_table_owner_is_reported() {
    let world = World::new().await;
    let (clinic, other, heads) = worked(&world).await;
    let attacks = 3 * KINDS + 4;
    assert_eq!(attack_in_turn(&world, clinic.id, other.id, &heads, attacks).await, attacks);
}

/// Executes attacks one at a time and reverts each before the next; returns how many were reported.
pub(crate) async fn attack_in_turn(world: &World, clinic: Uuid, other: Uuid, heads: &[Head], attacks: usize) -> usize {
    let mut connection = world.connect().await;
    keep(&mut connection).await;
    let target = Target::of(&mut connection, clinic, other).await;
    let seed = u64::from(std::process::id());
    let mut dice = Dice(seed);
    let mut named = 0;
    for number in 0..attacks {
        let kind = if number < KINDS { number } else { dice.below(KINDS) };
        let attack = target.attack(&mut connection, kind, &mut dice).await;
        let (_, found) = verified(world, heads).await;
        for broken in &attack.named {
            assert!(found.contains(broken), "seed {seed}: {broken:?} is not among {found:?} after {}", attack.what);
        }
        // Only breaks that follow from an untrustworthy seal may be reported in addition.
        let of_seals = attack.named.iter().any(|(_, broken)| broken.kind().starts_with("seal"));
        let beside = found.iter().filter(|one| one.0.0 == clinic && !attack.named.contains(one));
        assert!(of_seals || beside.count() == 0 || kind == 31, "seed {seed}: {found:?} after {}", attack.what);
        named += 1;
        restore(&mut connection).await;
        let (_, found) = verified(world, heads).await;
        assert_eq!(found, [], "seed {seed}: after the restoration of {}", attack.what);
    }
    println!("seed {seed}: {named} of {attacks} attacks reported, {KINDS} kinds");
    named
}

#[tokio::test]
async fn entries_forged_before_a_seal_are_still_reported_after_it() {
    let world = World::new().await;
    let (clinic, other, heads) = worked(&world).await;
    let mut connection = world.connect().await;
    let target = Target::of(&mut connection, clinic.id, other.id).await;
    for (kind, seed) in [(25, 11), (26, 12), (9, 13), (21, 14)] {
        target.attack(&mut connection, kind, &mut Dice(seed)).await;
    }
    seal(&world.app).await.unwrap();
    let (all, found) = verified(&world, &heads).await;
    assert_eq!(all.waiting, 0);
    let count = |kind: &str| found.iter().filter(|(_, broken)| broken.kind() == kind).count();
    // Two entries are forged. Of the pending entries, one was changed and one removed; both may be the same entry.
    assert!(count("entry_changed") >= 2 && count("entry_missing") == 1, "{found:?}");
    assert!(count("entry_changed") + count("entry_missing") >= 3, "{found:?}");
}

#[tokio::test]
async fn a_replaced_chain_is_detected_by_a_stored_head() {
    let world = World::new().await;
    let (clinic, _, heads) = worked(&world).await;
    let mut connection = world.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    transaction.execute("set local session_replication_role = replica").await.unwrap();
    for sql in [
        "delete from audit_pending where clinic_id = '{}'",
        "delete from audit_seals where clinic_id = '{}'",
        "delete from audit_entries where clinic_id = '{}' and action = 'submissions_listed'",
        "insert into audit_pending (clinic_id, audit_entry_id)
         select clinic_id, audit_entry_id from audit_entries where clinic_id = '{}'",
    ] {
        transaction.execute(AssertSqlSafe(sql.replace("{}", &clinic.id.to_string()))).await.unwrap();
    }
    transaction.commit().await.unwrap();
    seal(&world.app).await.unwrap();
    // The new chain is consistent in itself; only a stored head of the old chain reveals the replacement.
    assert_eq!(verified(&world, &[]).await.1, []);
    let (_, found) = verified(&world, &heads).await;
    let of = |broken| (ClinicId(clinic.id), broken);
    assert!(found.contains(&of(Break::SealReplaced(1))), "{found:?}");
    assert!(found.contains(&of(Break::ChainCut { known: 8, last: 1 })), "{found:?}");
}

#[tokio::test]
async fn audit_entries_from_before_sealing_are_accepted_once() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut connection = world.connect().await;
    // The state after the migration: more entries than one seal can hold, none with a hash.
    let sql = "insert into audit_entries (clinic_id, audit_entry_id, at, action, resource_id)
               select $1, gen_random_uuid(), now(), 'submission_created', gen_random_uuid() from generate_series(1, 2500)";
    sqlx::query(sql).bind(clinic.id).execute(&mut connection).await.unwrap();
    let wait =
        "insert into audit_pending (clinic_id, audit_entry_id) select clinic_id, audit_entry_id from audit_entries
                on conflict do nothing";
    connection.execute(wait).await.unwrap();
    let head = seal(&world.app).await.unwrap()[0];
    assert_eq!(head.seal_number, 3);
    assert_eq!(verified(&world, &[head]).await.1, []);
    let late = "insert into audit_entries (clinic_id, audit_entry_id, at, action, resource_id)
                values ($1, $2, now(), 'submission_created', $2)";
    let id = Uuid::from_u128(7);
    sqlx::query(late).bind(clinic.id).bind(id).execute(&mut connection).await.unwrap();
    let wait = "insert into audit_pending (clinic_id, audit_entry_id) values ($1, $2)";
    sqlx::query(wait).bind(clinic.id).bind(id).execute(&mut connection).await.unwrap();
    let of = |broken| (ClinicId(clinic.id), broken);
    assert_eq!(verified(&world, &[head]).await.1, [of(Break::EntryAdded(id.into()))]);
    seal(&world.app).await.unwrap();
    assert_eq!(verified(&world, &[head]).await.1, [of(Break::EntryChanged(id.into()))]);
}

#[tokio::test]
async fn entries_of_a_missing_clinic_are_reported() {
    let world = World::new().await;
    worked(&world).await;
    let (nowhere, id) = (Uuid::from_u128(3), Uuid::from_u128(7));
    let sql = "insert into audit_entries (clinic_id, audit_entry_id, at, action, resource_id)
               values ($1, $2, now(), 'submission_created', $2)";
    sqlx::query(sql).bind(nowhere).bind(id).execute(&mut world.connect().await).await.unwrap();
    let of = |clinic: Uuid, broken| (ClinicId(clinic), broken);
    assert_eq!(verified(&world, &[]).await.1, [of(nowhere, Break::EntryAdded(id.into()))]);
}

#[tokio::test]
async fn two_sealers_at_once_make_one_chain() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for _ in 0..6 {
        let reads = (0..4).map(|_| async { clinic.staff.get("/v1/follow-ups").await.expect(200) });
        let (seals, _) = tokio::join!(
            futures_util::future::join_all((0..4).map(|_| seal(&world.app))),
            futures_util::future::join_all(reads),
        );
        assert!(seals.iter().all(Result::is_ok), "{seals:?}");
    }
    seal(&world.app).await.unwrap();
    let (all, found) = verified(&world, &[]).await;
    assert_eq!((found, all.waiting), (vec![], 0));
    assert!(all.entries >= 24, "{all:?}");
}

/// Copies the audit log, to restore it later.
pub(super) async fn keep(connection: &mut sqlx::PgConnection) {
    for table in TABLES {
        let sql = format!("drop table if exists kept_{table}; create table kept_{table} as table {table}");
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
    }
}

/// Restores the copy of the audit log.
pub(super) async fn restore(connection: &mut sqlx::PgConnection) {
    let mut transaction = connection.begin().await.unwrap();
    transaction.execute("set local session_replication_role = replica").await.unwrap();
    for table in TABLES {
        let sql = format!("delete from {table}; insert into {table} select * from kept_{table}");
        transaction.execute(AssertSqlSafe(sql)).await.unwrap();
    }
    transaction.commit().await.unwrap();
}
