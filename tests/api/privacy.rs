//! Erasure that leaves no trace, even after a restore; complete exports; retention that survives kills.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use sarcoscreen::app::ambient::System;
use sarcoscreen::app::clinics;
use sarcoscreen::app::subjects::{erasure, retention};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use tokio::sync::mpsc;

use crate::subjects::dump_of;
use crate::world::{Clinic, World, app, fit, frail};

/// Number of subjects, and number of erased ones.
const PERSONS: usize = 1_000;
const ERASED: usize = 100;

/// The submission of one of the subjects.
fn person(index: usize) -> Value {
    let subject = json!({
        "reference": format!("Kanarienvogel-{index}-ref"),
        "contact": {"name": format!("Kanarienvogel {index} Name"), "telephone": format!("+34 655 {index:06}"),
            "email": format!("kanarienvogel{index}@mail.example"), "channel": "email", "language": "es"},
        "consent": {"to_contact": true, "text_version": format!("text-{index}"), "given_at": "2026-01-02T03:04:05Z"},
    });
    let answers = if index.is_multiple_of(3) { frail() } else { fit() };
    json!({"answers": answers, "subject": subject, "source": {"system": "ehr", "id": format!("Kanarienquelle-{index}-x")}})
}

/// Submits for every subject; returns the ids of subjects and submissions.
async fn submit_all(clinic: &Clinic) -> Vec<(String, String)> {
    let submit = async |index: usize| {
        let key = format!("Kanarienschluessel-{index}-x");
        let receipt = clinic.intake.submit_once(&key, &person(index)).await.expect(201);
        (receipt["subject_id"].as_str().unwrap().to_owned(), receipt["id"].as_str().unwrap().to_owned())
    };
    stream::iter(0..PERSONS).map(submit).buffered(16).collect().await
}

/// Clear texts of these subjects, and their sealed bytes and hashes as a dump writes them.
async fn traces(world: &World, erased: &[String], indexes: &[usize]) -> (Vec<String>, Vec<String>) {
    let clear = indexes.iter().flat_map(|index| {
        [format!("Kanarienquelle-{index}-x"), format!("Kanarienschluessel-{index}-x"), format!("text-{index}'")]
    });
    let sql = "select encode(unnest(array[reference_hash, reference_sealed, contact_sealed, name_hash, telephone_hash,
                   email_hash]), 'hex') from subjects where subject_id::text = any($1)
               union all
               select encode(before_sealed, 'hex') from subject_changes where subject_id::text = any($1)
                   and before_sealed is not null
               union all
               select encode(term_hash, 'hex') from subject_search_terms where subject_id::text = any($1)";
    let hidden: Vec<Option<String>> =
        sqlx::query_scalar(sql).bind(erased).fetch_all(&mut world.connect().await).await.unwrap();
    (clear.collect(), hidden.into_iter().flatten().collect())
}

fn hits(dump: &str, traces: &[String]) -> usize {
    traces.iter().filter(|trace| dump.contains(trace.as_str())).count()
}

/// A database restored from a dump, as an operator restores a backup.
pub(crate) async fn restored(world: &World, dump: &str) -> PgConnectOptions {
    let name = format!("{}_restored", world.database.get_database().unwrap());
    let mut connection = world.connect().await;
    connection.execute(AssertSqlSafe(format!("create database {name}"))).await.unwrap();
    let options = world.database.clone().database(&name);
    let plain: Vec<&str> = dump.lines().filter(|line| !line.starts_with('\\')).collect();
    options.connect().await.unwrap().execute(AssertSqlSafe(plain.join("\n"))).await.unwrap();
    options
}

#[tokio::test]
async fn erased_subjects_are_in_no_dump_and_a_restored_backup_erases_them_again() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let ids = submit_all(&clinic).await;
    let indexes: Vec<usize> = (0..PERSONS).step_by(PERSONS / ERASED).collect();
    let erased: Vec<String> = indexes.iter().map(|&index| ids[index].0.clone()).collect();
    for id in &erased {
        let path = format!("/v1/subjects/{id}/contact");
        let tag = clinic.staff.get(&format!("/v1/subjects/{id}")).await.header("etag").to_owned();
        let request = clinic.staff.request("PUT", &path).header("if-match", tag).json(&json!({"name": "Ana"}));
        clinic.staff.send(request).await.expect(200);
    }
    // A correction of one of these submissions does not prevent the erasure.
    let corrected = json!({"answers": fit(), "supersedes": ids[0].1});
    clinic.intake.submit(&corrected).await.expect(201);
    let (clear, hidden) = traces(&world, &erased, &indexes).await;
    let backup = dump_of(&world.database).await;
    assert_eq!(hits(&backup, &clear), clear.len(), "control: a dump shows the data");
    assert_eq!(hits(&backup, &hidden), hidden.len());
    // Hash and seal of the reference, the current and the earlier contact data, and the term of the name.
    assert_eq!(hidden.len(), 5 * ERASED);

    for id in &erased {
        clinic.staff.send(clinic.staff.request("DELETE", &format!("/v1/subjects/{id}"))).await.expect(403);
        clinic.admin.send(clinic.admin.request("DELETE", &format!("/v1/subjects/{id}"))).await.expect(204);
        clinic.admin.get(&format!("/v1/subjects/{id}")).await.expect(404);
    }
    clinic.admin.send(clinic.admin.request("DELETE", &format!("/v1/subjects/{}", erased[0]))).await.expect(404);
    let dump = dump_of(&world.database).await;
    assert_eq!((hits(&dump, &clear), hits(&dump, &hidden)), (0, 0));
    assert!(dump.contains("Kanarienquelle-1-x"), "another subject is gone too");
    assert_eq!(
        world.count("select count(*) from audit_entries where action = 'subject_erased' and outcome = 'success'").await,
        100
    );

    let log = std::fs::read_to_string(&world.erasure_log).unwrap();
    assert_eq!(log.lines().count(), ERASED);
    assert!(erased.iter().all(|id| !log.contains(id.as_str())) && !log.contains(&clinic.id.to_string()));
    assert_eq!(mode(&world.erasure_log), 0o600);

    let options = restored(&world, &backup).await;
    assert_eq!(hits(&dump_of(&options).await, &clear), clear.len());
    let other = app(&options, Arc::new(System), &[7], None);
    other.prepare().await.unwrap();
    for again in [ERASED as u64, 0] {
        let logs = [world.erasure_log.clone()];
        let replayed = erasure::replay(&other, &logs, |_| ()).await.unwrap();
        assert_eq!((replayed.named, replayed.erased, replayed.unreadable), (ERASED, again, 0));
    }
    let dump = dump_of(&options).await;
    assert_eq!((hits(&dump, &clear), hits(&dump, &hidden)), (0, 0));
    sarcoscreen::app::health::close(&other).await;
    let drop = format!("drop database {} with (force)", options.get_database().unwrap());
    world.connect().await.execute(AssertSqlSafe(drop)).await.unwrap();
}

fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
}

#[tokio::test]
async fn without_an_erasure_log_erasure_fails_and_everything_else_works() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let subject = clinic.intake.submit(&person(1)).await.expect(201)["subject_id"].clone();
    let bare = app(&world.database, Arc::new(System), &[7], None);
    bare.prepare().await.unwrap();
    let (base, server) = crate::world::serve(bare);
    let path = format!("/v1/subjects/{}", subject.as_str().unwrap());
    let admin = clinic.admin.at(&base);
    let refused = admin.send(admin.request("DELETE", &path)).await;
    assert!(refused.text.contains("SARCOSCREEN_ERASURE_LOG"), "{}", refused.text);
    refused.expect(503);
    admin.get(&path).await.expect(200);
    drop(server.stop(false));
}

#[tokio::test]
async fn a_subject_export_contains_everything_that_was_sent() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut same = 0;
    for index in 0..100 {
        let sent = person(index);
        let receipt = clinic.intake.submit(&sent).await.expect(201);
        let subject = receipt["subject_id"].as_str().unwrap();
        let path = format!("/v1/subjects/{subject}/export");
        clinic.staff.get(&path).await.expect(403);
        let export = clinic.admin.get(&path).await.expect(200);
        let (person, stored) = (&export["subjects"][0], &export["submissions"][0]);
        let parts = [
            (&person["reference"], &sent["subject"]["reference"]),
            (&person["contact"], &sent["subject"]["contact"]),
            (&person["consent"], &sent["subject"]["consent"]),
            (&stored["answers"], &sent["answers"]),
            (&stored["source_system"], &sent["source"]["system"]),
            (&stored["source_id"], &sent["source"]["id"]),
            (&stored["submission_id"], &receipt["id"]),
            (&stored["assessment"]["score"]["total"], &receipt["assessment"]["score"]["total"]),
            (&export["follow_ups"][0]["follow_up_id"], &receipt["follow_up"]["id"]),
        ];
        for (found, wanted) in parts {
            assert_eq!(numbers(found), numbers(wanted), "person {index}");
        }
        assert_eq!(export["audit_entries"][0]["action"], "submission_created");
        same += 1;
    }
    assert_eq!(same, 100);
}

/// A value with normalized numbers: 168 becomes 168.0.
fn numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(numbers).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), numbers(value))).collect(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn restoring_a_backup_from_before_an_undone_merge_erases_only_the_erased_subject() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let (first, second) = (person(6), person(3));
    let one = clinic.intake.submit_once("k", &first).await.expect(201)["subject_id"].as_str().unwrap().to_owned();
    let two = clinic.intake.submit(&second).await.expect(201)["subject_id"].as_str().unwrap().to_owned();
    let send = async |method: &str, path: String, body: Value| {
        let request = clinic.admin.request(method, &path).header("if-match", "\"1\"");
        clinic.admin.send(request.json(&body)).await
    };
    sqlx::query("update subjects set row_version = 1").execute(&mut world.connect().await).await.unwrap();
    let merge = send("POST", format!("/v1/subjects/{one}/merge"), json!({"merged": two})).await.expect(200);
    send("DELETE", format!("/v1/subjects/{two}"), Value::Null).await.expect(409);
    let backup = dump_of(&world.database).await;
    let undo = format!("/v1/subjects/{one}/merges/{}/undo", merge["id"].as_str().unwrap());
    send("POST", undo, Value::Null).await.expect(200);
    send("DELETE", format!("/v1/subjects/{two}"), Value::Null).await.expect(204);

    let options = restored(&world, &backup).await;
    let other = app(&options, Arc::new(System), &[7], None);
    other.prepare().await.unwrap();
    let replayed = erasure::replay(&other, std::slice::from_ref(&world.erasure_log), |_| ()).await.unwrap();
    assert_eq!((replayed.named, replayed.erased), (1, 1));
    let dump = dump_of(&options).await;
    assert!(!dump.contains("Kanarienquelle-3-x") && dump.contains("Kanarienquelle-6-x"));
    sarcoscreen::app::health::close(&other).await;
    let drop = format!("drop database {} with (force)", options.get_database().unwrap());
    world.connect().await.execute(AssertSqlSafe(drop)).await.unwrap();
}

/// Adds old and recent submissions besides the existing one, each of a different subject; every tenth has a follow-up,
/// every twentieth an open one.
const MANY: &str = "
    create temp table made as select gen_random_uuid() as subject, gen_random_uuid() as submission,
        gen_random_uuid() as follow_up, n, now() - make_interval(days => case when n % 7 = 0 then 1 else 400 end) as at
        from generate_series(1, 3500) n;
    insert into subjects (clinic_id, subject_id, created_at, updated_at)
        select c.clinic_id, subject, at, at from made, clinics c;
    insert into follow_ups (clinic_id, follow_up_id, subject_id, state, urgency, flagged_at, updated_at, due_at,
                            last_received_at, band, outcome, not_needed_reason, closed_at)
        select c.clinic_id, follow_up, subject, case when n % 20 = 0 then 'open' else 'closed' end, 2, at, at, at, at, 'high',
               case when n % 20 <> 0 then 'not_needed' end, case when n % 20 <> 0 then 'other' end,
               case when n % 20 <> 0 then at end
        from made, clinics c where n % 10 = 0;
    insert into submissions select s.clinic_id, submission, subject, s.credential_id, s.origin, at, null, s.language, null,
        null, null, null, s.rule_table, s.answers, s.assessment, s.score_total, s.score_lower, s.score_upper,
        s.band_at_least, s.band_at_most, s.care_level, n % 10 = 0, s.findings, s.positive_instruments,
        case when n % 10 = 0 then follow_up end, case when n % 10 = 0 then 'open' end,
        case when n % 10 = 0 then 2 end, case when n % 10 = 0 then false end
        from made, submissions s";

#[tokio::test]
async fn retention_has_the_same_result_when_it_is_killed_repeatedly() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    clinic.intake.submit_once("k", &json!({"answers": fit()})).await.expect(201);
    world.connect().await.execute(MANY).await.unwrap();
    let listed = clinics::list(&world.app).await.unwrap().remove(0);
    let kept = sarcoscreen::domain::clinics::Clinic { retention_days: Some(365), ..listed };
    clinics::change(&world.app, &kept).await.unwrap();
    let old = "select count(*) from submissions s left join follow_ups f using (clinic_id, follow_up_id)
        where s.received_at < now() - interval '365 days' and (f.state is null or f.state = 'closed')";
    let (due, all) = (world.count(old).await, world.count("select count(*) from submissions").await);
    assert!(due > 2_500, "{due}");
    let mut kills = 0;
    while kills < 5 {
        let (seen, mut batches) = mpsc::unbounded_channel();
        let app = world.app.clone();
        let run = tokio::spawn(async move {
            let tell = |_| {
                let _ = seen.send(());
                ControlFlow::Continue(())
            };
            retention::run(&app, tell).await
        });
        // The next batch is in progress when the one before is reported.
        if kills > 0 && batches.recv().await.is_none() {
            // The transaction of the previous, killed run still locked the clinic.
            run.await.unwrap().unwrap();
            continue;
        }
        tokio::task::yield_now().await;
        run.abort();
        assert!(run.await.is_err_and(|error| error.is_cancelled()), "it ended before it was killed");
        kills += 1;
    }
    assert!(world.count(old).await > 0, "nothing was left to do");
    let go_on = |_| ControlFlow::Continue(());
    // Two concurrent instances do not disturb each other.
    let (one, two) = tokio::join!(retention::run(&world.app, go_on), retention::run(&world.app, go_on));
    one.unwrap();
    two.unwrap();
    retention::run(&world.app, go_on).await.unwrap();
    assert_eq!(world.count(old).await, 0);
    assert_eq!(world.count("select count(*) from submissions").await, all - due);
    assert_eq!(world.count("select count(*) from subjects").await, all - due);
    let retired_entries =
        "select coalesce(sum(occurrences), 0)::bigint from audit_entries where action = 'submission_retired'";
    assert_eq!(world.count(retired_entries).await, due);
    let retired_entries = "select coalesce(sum(cardinality(subject_ids)), 0)::bigint from audit_entries
        where action = 'subject_retired'";
    assert_eq!(world.count(retired_entries).await, due);
    let closed = "select count(*) from follow_ups f where state = 'closed' and not exists
        (select from submissions s where s.follow_up_id = f.follow_up_id)";
    assert_eq!(world.count(closed).await, 0);
    // Subjects that retention removes are in the erasure log too, because restoring a backup would restore them.
    let lines = std::fs::read_to_string(&world.erasure_log).unwrap().lines().count();
    assert!(i64::try_from(lines).unwrap() >= due, "{lines}");
    // Expired idempotency keys are deleted as well.
    assert_eq!(world.count("select count(*) from idempotency_keys").await, 1);
    world.clock.advance(3_700);
    retention::run(&world.app, go_on).await.unwrap();
    assert_eq!(world.count("select count(*) from idempotency_keys").await, 0);
}
