//! Retention of the audit log: only old entries are pruned, only the owner can prune, and tombstones are verifiable.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sarcoscreen::app::audit::pruning::{Pruning, prune};
use sarcoscreen::app::audit::sealing::seal;
use sarcoscreen::app::error::AppError;
use sarcoscreen::app::{App, Policy, clinics};
use sarcoscreen::domain::audit::seal::{Break, Head, Tombstone};
use sarcoscreen::domain::ids::ClinicId;
use sarcoscreen::store::database::keys::{Keys, MasterKey};
use sarcoscreen::store::database::writer::Grouping;
use sarcoscreen::store::database::{ConnectOptions, Store};
use sarcoscreen::store::writers::Writers;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::attacks::KINDS;
use super::verification::{attack_in_turn, keep, restore};
use super::verified;
use crate::embedded::place::Place;
use crate::program::{run, text};
use crate::world::{Clinic, World, frail, releases, sizes};

/// Three years and two days.
const LONG: i64 = (3 * 365 + 2) * 86_400;

/// The application, connected with a given database account.
async fn signed_in_as(world: &World, account: ConnectOptions) -> App {
    let keys = Keys::derive(&[MasterKey::parse(&MasterKey::text(&[7; 32])).unwrap()]).unwrap();
    let policy = Policy {
        idempotency_lifetime: Duration::from_hours(1),
        accepted_unsafe_settings: Vec::new(),
        erasure_log: Some(PathBuf::from("/nowhere")),
    };
    let store = Store::open(account, sizes(2, 10), keys);
    let writers = Writers::start(&store, Grouping::default());
    let app = App::new(store, writers, releases(), Arc::clone(&world.clock) as _, policy);
    app.prepare().await.unwrap();
    app
}

/// Prunes every clinic; returns the results.
async fn pruned(app: &App, dry_run: bool) -> Vec<(ClinicId, Pruning)> {
    let mut found = Vec::new();
    prune(app, None, dry_run, |clinic_id, pruning| found.push((clinic_id, pruning))).await.unwrap();
    found
}

fn tombstone(found: &[(ClinicId, Pruning)], clinic: &Clinic) -> Tombstone {
    match found {
        [(clinic_id, Pruning::Removed(tombstone))] if clinic_id.0 == clinic.id => *tombstone,
        _ => panic!("{found:?}"),
    }
}

/// Writes and seals audit entries in both clinics, in several rounds.
async fn work(world: &World, clinics: [&Clinic; 2], rounds: usize) -> Vec<Head> {
    let mut heads = Vec::new();
    for round in 0..rounds {
        for clinic in clinics {
            let body = json!({"answers": frail(), "subject": {"reference": format!("R-{round}")}});
            clinic.intake.submit(&body).await.expect(201);
            clinic.staff.get("/v1/follow-ups").await.expect(200);
        }
        heads.extend(seal(&world.app).await.unwrap());
    }
    heads
}

/// Two clinics with five old and five recent seals, and unsealed entries. The first one keeps its audit log for three
/// years.
async fn with_a_past(world: &World) -> (Clinic, Clinic, Vec<Head>) {
    let (one, two) = (world.clinic("One").await, world.clinic("Two").await);
    let mut heads = work(world, [&one, &two], 5).await;
    world.clock.advance(LONG);
    heads.extend(work(world, [&one, &two], 5).await);
    keeps_three_years(world, &one).await;
    one.staff.get("/v1/follow-ups").await.expect(200);
    (one, two, heads)
}

async fn keeps_three_years(world: &World, clinic: &Clinic) {
    let listed = clinics::list(&world.app).await.unwrap();
    let found = listed.into_iter().find(|listed| listed.clinic_id.0 == clinic.id).unwrap();
    let kept = sarcoscreen::domain::clinics::Clinic { audit_retention_years: Some(3), ..found };
    clinics::change(&world.app, &kept).await.unwrap();
}

#[tokio::test]
async fn pruning_removes_whole_old_seals_and_the_chain_continues() {
    let world = World::new().await;
    let (one, _, mut heads) = with_a_past(&world).await;
    let owner = signed_in_as(&world, world.database.clone()).await;
    let before = verified(&world, &heads).await;
    assert_eq!(before.1, []);
    let old = "select count(*) from audit_entries e join clinics c using (clinic_id)
        where c.name = 'One' and at < now() + interval '1 day'";
    let (rows, old_rows) = (world.count("select count(*) from audit_entries").await, world.count(old).await);
    assert!(old_rows >= 14);

    let planned = tombstone(&pruned(&owner, true).await, &one);
    assert_eq!((planned.first_seal, planned.last_seal, planned.entries), (1, 5, old_rows));
    assert_eq!(verified(&world, &heads).await, before, "a dry run changes nothing");
    let done = tombstone(&pruned(&owner, false).await, &one);
    assert_eq!(Tombstone { pruned_at: planned.pruned_at, ..done }, planned);
    assert_eq!(world.count(old).await, 0);
    // The other clinic has no retention period. The run itself adds one entry to the first clinic.
    assert_eq!(world.count("select count(*) from audit_entries").await, rows - old_rows + 1);
    let removed = "select sum(occurrences)::bigint from audit_entries where action = 'audit_entries_pruned'";
    assert_eq!(world.count(removed).await, old_rows);
    let (all, found) = verified(&world, &heads).await;
    assert_eq!(found, []);
    assert_eq!((all.tombstones, all.pruned_seals, all.pruned_entries.cast_signed()), (1, 5, old_rows));
    assert_eq!((all.seals, all.chains), (15, 2));
    assert_eq!(pruned(&owner, false).await, []);

    // All entries of an inactive clinic are pruned too, and later entries continue its chain.
    heads.extend(seal(&world.app).await.unwrap());
    world.clock.advance(LONG);
    let rest = tombstone(&pruned(&owner, false).await, &one);
    assert_eq!((rest.first_seal, rest.last_seal, rest.previous_mac), (6, 11, done.last_mac));
    let last = seal(&world.app).await.unwrap();
    assert_eq!((last.len(), last[0].seal_number), (1, 12));
    heads.extend(last);
    let (all, found) = verified(&world, &heads).await;
    assert_eq!((found, all.tombstones, all.pruned_seals), (vec![], 2, 11));
    // A head of the last pruned seal is compared with the tombstone.
    let other = Head { clinic_id: ClinicId(one.id), seal_number: 5, mac: [9; 32] };
    assert_eq!(verified(&world, &[other]).await.1, [(ClinicId(one.id), Break::SealReplaced(5))]);
}

#[tokio::test]
async fn unverifiable_entries_are_not_pruned() {
    let world = World::new().await;
    let (one, _, heads) = with_a_past(&world).await;
    let owner = signed_in_as(&world, world.database.clone()).await;
    let mut connection = world.connect().await;
    keep(&mut connection).await;
    let edits = [
        "update audit_entries set occurrences = 2 where audit_entry_id = (
             select entry_ids[1] from audit_seals where clinic_id = '{}' and seal_number = 3)",
        "delete from audit_entries where audit_entry_id = (
             select entry_ids[1] from audit_seals where clinic_id = '{}' and seal_number = 1)",
        "delete from audit_seals where clinic_id = '{}' and seal_number = 1",
        "delete from audit_seals where clinic_id = '{}' and seal_number = 4",
        "update audit_seals set entry_macs = set_byte(entry_macs, 0, 1 # get_byte(entry_macs, 0)) where clinic_id = '{}'
             and seal_number = 5",
    ];
    for edit in edits {
        behind_the_back(&mut connection, &edit.replace("{}", &one.id.to_string())).await;
        let rows = world.count("select count(*) from audit_entries").await;
        let found = pruned(&owner, false).await;
        assert!(matches!(&found[..], [(_, Pruning::Refused(broken))] if !broken.is_empty()), "{edit}: {found:?}");
        assert_eq!(world.count("select count(*) from audit_entries").await, rows, "{edit}");
        assert_eq!(world.count("select count(*) from audit_tombstones").await, 0, "{edit}");
        restore(&mut connection).await;
    }
    assert_eq!(verified(&world, &heads).await.1, []);
    tombstone(&pruned(&owner, false).await, &one);
}

/// Executes a statement as the owner of the tables, with all triggers disabled.
async fn behind_the_back(connection: &mut PgConnection, sql: &str) {
    let mut transaction = connection.begin().await.unwrap();
    transaction.execute("set local session_replication_role = replica").await.unwrap();
    let touched = transaction.execute(AssertSqlSafe(sql.to_owned())).await.unwrap().rows_affected();
    assert!(touched > 0, "{sql}");
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn every_change_of_a_tombstone_or_its_neighbours_is_reported() {
    let world = World::new().await;
    let (one, two, heads) = with_a_past(&world).await;
    let owner = signed_in_as(&world, world.database.clone()).await;
    let mut connection = world.connect().await;
    connection.execute("create table pruned_seals as table audit_seals").await.unwrap();
    tombstone(&pruned(&owner, false).await, &one);
    keep(&mut connection).await;
    let (changed, missing) = (Break::TombstoneChanged(1), Break::SealsMissing { first: 1, last: 5 });
    let set = |change: &str| format!("update audit_tombstones set {change}");
    let (id, other) = (one.id, two.id);
    let attacks = [
        (set("last_seal = 6"), changed),
        (set("entries = entries - 1"), changed),
        (set("first_at = first_at - interval '1 second'"), changed),
        (set("last_at = last_at + interval '1 microsecond'"), changed),
        (set("previous_mac = sha256('x')"), changed),
        (set("last_mac = sha256('x')"), changed),
        (set("pruned_at = pruned_at + interval '1 day'"), changed),
        (set("key_version = 2"), changed),
        (set("mac = sha256('x')"), changed),
        (set("first_seal = 2"), Break::TombstoneChanged(2)),
        (set(&format!("clinic_id = '{other}'")), missing),
        ("delete from audit_tombstones".to_owned(), missing),
        // Inserts another tombstone, for the seal that is now the first.
        (
            "insert into audit_tombstones select clinic_id, 6, 6, 1, first_at, last_at, last_mac, previous_mac, pruned_at,
                 key_version, mac from audit_tombstones"
                .to_owned(),
            Break::TombstoneChanged(6),
        ),
        (
            format!("insert into audit_seals select * from pruned_seals where clinic_id = '{id}' and seal_number = 5"),
            Break::SealNotPruned(5),
        ),
        (
            format!("delete from audit_seals where clinic_id = '{id}' and seal_number = 6"),
            Break::SealsMissing { first: 6, last: 6 },
        ),
        (
            format!(
                "update audit_seals set previous_mac = sha256('x') where clinic_id = '{id}' and seal_number = 6"
            ),
            Break::SealChanged(6),
        ),
    ];
    let count = attacks.len();
    for (sql, named) in attacks {
        behind_the_back(&mut connection, &sql).await;
        let (_, found) = verified(&world, &heads).await;
        assert!(found.contains(&(ClinicId(id), named)), "{sql}: {named:?} is not among {found:?}");
        restore(&mut connection).await;
        assert_eq!(verified(&world, &heads).await.1, [], "after the restoration of {sql}");
    }
    println!("{count} of {count} changes of a tombstone or its neighbours reported");
    assert_eq!(attack_in_turn(&world, id, other, &heads, 2 * KINDS).await, 2 * KINDS);
}

#[tokio::test]
async fn only_the_owner_can_prune_and_only_the_clinic_of_the_transaction() {
    let world = World::new().await;
    let (one, two, _) = with_a_past(&world).await;
    let mut connection = world.connect().await;
    let roles = "sarcoscreen_app, sarcoscreen_writer, sarcoscreen_auth, sarcoscreen_jobs";
    let guest = format!("create role guest login; grant {roles} to guest");
    connection.execute(AssertSqlSafe(guest)).await.unwrap();
    let app = signed_in_as(&world, world.database.clone().username("guest")).await;
    let refused = prune(&app, None, false, |_, _| panic!("a guest prunes")).await.unwrap_err();
    assert!(matches!(refused, AppError::Conflict(detail) if detail.contains("only the owner")), "{refused}");

    // The triggers prevent every other deletion, for any role.
    for (prune, sql) in [
        ("", "delete from audit_entries where clinic_id = '{}'"),
        ("", "delete from audit_seals where clinic_id = '{}'"),
        (&*two.id.to_string(), "delete from audit_seals where clinic_id = '{}'"),
        (&*one.id.to_string(), "update audit_seals set seal_number = seal_number + 100 where clinic_id = '{}'"),
        (&*one.id.to_string(), "update audit_entries set occurrences = 2 where clinic_id = '{}'"),
        (&*one.id.to_string(), "truncate audit_seals"),
        (&*one.id.to_string(), "truncate audit_tombstones"),
    ] {
        let mut transaction = connection.begin().await.unwrap();
        let setting = format!("set local sarcoscreen.audit_prune = '{prune}'");
        transaction.execute(AssertSqlSafe(setting)).await.unwrap();
        let error = transaction.execute(AssertSqlSafe(sql.replace("{}", &one.id.to_string()))).await.unwrap_err();
        let code = error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("23001"), "{sql}: {error}");
    }
}

#[test]
fn the_prune_command_reports_removals_and_refuses_short_periods() {
    let place = Place::new();
    let said = |arguments: &[&str]| {
        let output = run(&place, arguments);
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let fields = ["--name", "One", "--booking-url", "https://clinic.example/book", "--emergency-number", "112"];
    assert!(said(&[&["clinics", "create"], &fields[..]].concat()).0);
    let (fine, _, error) = said(&["audit", "prune", "--clinic", "One"]);
    assert!(!fine && error.contains("--audit-retention-years"), "{error}");
    let set = |years| said(&["clinics", "set", "--clinic", "One", "--audit-retention-years", years]);
    let (fine, _, error) = set("2");
    assert!(!fine && error.contains("must be 3 to 100, or forever"), "{error}");
    let (fine, line, error) = set("3");
    assert!(fine && line.contains("audit log kept 3 years"), "{line}{error}");
    let nothing = (true, "no entry is past its retention period\n".to_owned());
    for arguments in [&["audit", "prune", "--dry-run"][..], &["audit", "prune", "--clinic", "One"]] {
        let (fine, line, error) = said(arguments);
        assert_eq!((fine, line), nothing, "{error}");
    }
}

#[tokio::test]
async fn an_owner_without_superuser_rights_can_prune() {
    an_owner_prunes("keeper", false).await;
}

/// On Citus the owner adds the entry about the removal, because a transaction has one role.
#[tokio::test]
async fn an_owner_without_superuser_rights_can_prune_on_citus() {
    an_owner_prunes("distributed_keeper", true).await;
}

async fn an_owner_prunes(name: &str, on_citus: bool) {
    let first = World::new().await;
    let mut connection = first.connect().await;
    let roles = "sarcoscreen_app, sarcoscreen_writer, sarcoscreen_auth, sarcoscreen_jobs";
    for sql in
        [format!("create role {name} login; grant {roles} to {name}"), format!("create database {name} owner {name}")]
    {
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
    }
    let keeper = first.database.clone().username(name).database(name);
    let world = World::over(&keeper).await;
    if on_citus {
        crate::scale::distribute(&first.database.clone().database(name), &keeper).await;
    }
    let (one, _, heads) = with_a_past(&world).await;
    let owner = signed_in_as(&world, keeper).await;
    assert_eq!(tombstone(&pruned(&owner, false).await, &one).last_seal, 5);
    let (all, found) = verified(&world, &heads).await;
    assert_eq!((found, all.tombstones), (vec![], 1));
}
