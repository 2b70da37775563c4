//! Erasure of single submissions: by an admin, audited, in the erasure log, and repeated over a restored backup.

use std::sync::Arc;

use jiff::ToSpan as _;
use jiff::civil::Date;
use sarcoscreen::app::ambient::{Ambient as _, System};
use sarcoscreen::app::subjects::erasure;
use sarcoscreen::app::submissions::statistics::count_days;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::privacy::restored;
use crate::subjects::dump_of;
use crate::world::{Answer, Clinic, User, World, app, fit, frail};

const SUBMISSIONS: &str = "select count(*) from submissions";
const SUBJECTS: &str = "select count(*) from subjects";

fn of(reference: &str, answers: Value) -> Value {
    json!({"answers": answers, "subject": {"reference": reference}})
}

async fn submit(user: &User, body: &Value) -> Value {
    user.submit(body).await.expect(201)
}

async fn erase(user: &User, receipt: &Value) -> Answer {
    user.send(user.request("DELETE", &path(receipt))).await
}

fn path(receipt: &Value) -> String {
    format!("/v1/submissions/{}", receipt["id"].as_str().unwrap())
}

/// Closes the follow-up of a submission, in its first version.
async fn close(clinic: &Clinic, receipt: &Value) {
    let case = format!("/v1/follow-ups/{}/close", receipt["follow_up"]["id"].as_str().unwrap());
    let request = clinic.staff.request("POST", &case).header("if-match", "\"1\"");
    let body = json!({"outcome": "not_needed", "not_needed_reason": "entered_in_error"});
    clinic.staff.send(request.json(&body)).await.expect(200);
}

async fn actions(clinic: &Clinic, query: &str) -> Vec<Value> {
    let page = clinic.admin.get(&format!("/v1/audit-entries?{query}")).await.expect(200);
    page["items"].as_array().unwrap().iter().map(|item| item["action"].clone()).collect()
}

fn lines(world: &World) -> Vec<String> {
    let log = std::fs::read_to_string(&world.erasure_log).unwrap_or_default();
    log.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn an_admin_erases_a_submission_and_the_rest_of_its_subject_stays() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let kept = submit(&clinic.intake, &of("A", fit())).await;
    let wrong = submit(&clinic.intake, &of("A", fit())).await;
    for user in [&clinic.browser, &clinic.intake, &clinic.staff] {
        erase(user, &wrong).await.expect(403);
    }
    assert_eq!(lines(&world).len(), 0);
    erase(&clinic.admin, &wrong).await.expect(204);
    erase(&clinic.admin, &wrong).await.expect(404);
    clinic.admin.get(&path(&wrong)).await.expect(404);
    clinic.admin.get(&path(&kept)).await.expect(200);
    let history = format!("/v1/subjects/{}/submissions", kept["subject_id"].as_str().unwrap());
    let history = clinic.staff.get(&history).await.expect(200);
    assert_eq!(history["items"].as_array().unwrap().len(), 1);
    let [line] = <[String; 1]>::try_from(lines(&world)).unwrap();
    assert!(line.starts_with("submission ") && !line.contains(wrong["id"].as_str().unwrap()), "{line}");
    let entries = actions(&clinic, &format!("resource_id={}&outcome=success", wrong["id"].as_str().unwrap())).await;
    assert_eq!(entries, ["submission_erased", "submission_created"], "earlier entries stay");
    let subject = kept["subject_id"].as_str().unwrap();
    assert_eq!(actions(&clinic, &format!("subject_id={subject}&action=subject_erased")).await.len(), 0);
}

#[tokio::test]
async fn an_open_follow_up_prevents_it_and_a_closed_one_leaves_with_its_last_submission() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    submit(&clinic.intake, &of("A", fit())).await;
    let first = submit(&clinic.intake, &of("A", frail())).await;
    let refused = erase(&clinic.admin, &first).await;
    assert_eq!(refused.json()["detail"], "the follow-up of the submission is open; close it first");
    refused.expect(409);
    assert_eq!((world.count(SUBMISSIONS).await, lines(&world).len()), (2, 0));
    let conflicts = actions(&clinic, "action=submission_erased&outcome=conflict").await;
    assert_eq!(conflicts.len(), 1);
    close(&clinic, &first).await;
    erase(&clinic.admin, &first).await.expect(204);
    assert_eq!(world.count("select count(*) from follow_ups").await, 0);
    assert_eq!(world.count("select count(*) from follow_up_events").await, 0);
    assert_eq!(world.count(SUBJECTS).await, 1);

    // A closed follow-up with another submission stays as it is.
    let first = submit(&clinic.intake, &of("B", frail())).await;
    let second = submit(&clinic.intake, &of("B", frail())).await;
    assert_eq!(second["follow_up"]["joined"], true);
    let case = format!("/v1/follow-ups/{}", first["follow_up"]["id"].as_str().unwrap());
    let request = clinic.staff.request("POST", &format!("{case}/close")).header("if-match", "\"2\"");
    clinic.staff.send(request.json(&json!({"outcome": "not_needed", "not_needed_reason": "other"}))).await.expect(200);
    let before = clinic.staff.get(&case).await.expect(200);
    erase(&clinic.admin, &first).await.expect(204);
    let after = clinic.staff.get(&case).await.expect(200);
    assert_eq!((&after["version"], &after["band"]), (&before["version"], &before["band"]));
    assert_eq!(after["submissions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_open_follow_up_that_continues_a_merged_one_prevents_it() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let kept = submit(&clinic.intake, &of("A", frail())).await;
    let merged = submit(&clinic.intake, &of("B", frail())).await;
    let path = format!("/v1/subjects/{}", kept["subject_id"].as_str().unwrap());
    let tag = clinic.staff.get(&path).await.header("etag").to_owned();
    let request = clinic.staff.request("POST", &format!("{path}/merge")).header("if-match", tag);
    clinic.staff.send(request.json(&json!({"merged": merged["subject_id"]}))).await.expect(200);
    erase(&clinic.admin, &merged).await.expect(409);
    let case = format!("/v1/follow-ups/{}", kept["follow_up"]["id"].as_str().unwrap());
    let tag = clinic.staff.get(&case).await.header("etag").to_owned();
    let request = clinic.staff.request("POST", &format!("{case}/close")).header("if-match", tag);
    clinic.staff.send(request.json(&json!({"outcome": "not_needed", "not_needed_reason": "other"}))).await.expect(200);
    erase(&clinic.admin, &merged).await.expect(204);
}

#[tokio::test]
async fn a_subject_left_with_nothing_is_erased_too() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut body = of("A", frail());
    body["test"] = json!(true);
    body["source"] = json!({"system": "ehr", "id": "1"});
    let test = clinic.intake.submit_once("k", &body).await.expect(201);
    erase(&clinic.admin, &test).await.expect(204);
    assert_eq!((world.count(SUBMISSIONS).await, world.count(SUBJECTS).await), (0, 0));
    let subject = test["subject_id"].as_str().unwrap();
    assert_eq!(actions(&clinic, &format!("resource_id={subject}")).await, ["subject_erased"]);
    assert_eq!(lines(&world).iter().filter(|line| line.starts_with("submission ")).count(), 1);
    assert_eq!(lines(&world).len(), 2);
    // The key is free again: a retry stores the submission anew.
    assert_eq!(world.count("select count(*) from idempotency_keys").await, 0);
    let again = clinic.intake.submit_once("k", &body).await.expect(201);
    assert!(again["id"] != test["id"] && again["subject_id"] != test["subject_id"]);
}

#[tokio::test]
async fn corrections_close_up_over_an_erased_submission() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let first = submit(&clinic.intake, &of("A", fit())).await;
    let correcting = |of: &Value| json!({"answers": fit(), "subject": {"reference": "A"}, "supersedes": of["id"]});
    let second = submit(&clinic.intake, &correcting(&first)).await;
    let third = submit(&clinic.intake, &correcting(&second)).await;
    let read = async |receipt: &Value| clinic.staff.get(&path(receipt)).await.expect(200);
    erase(&clinic.admin, &second).await.expect(204);
    assert_eq!(read(&third).await["supersedes"], first["id"]);
    assert_eq!(read(&first).await["superseded_by"], third["id"]);
    erase(&clinic.admin, &third).await.expect(204);
    assert_eq!(read(&first).await["superseded_by"], Value::Null);
    let fourth = submit(&clinic.intake, &correcting(&first)).await;
    erase(&clinic.admin, &first).await.expect(204);
    assert_eq!(read(&fourth).await["supersedes"], Value::Null);
}

#[tokio::test]
async fn statistics_keep_past_days_and_count_the_current_day_anew() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let today = world.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let path = format!("/v1/statistics?from={}&to={today}", today - 3.days());
    let total = async || clinic.staff.get(&path).await.expect(200)["submissions"]["total"].clone();
    let receipts = [submit(&clinic.intake, &of("A", fit())).await, submit(&clinic.intake, &of("A", fit())).await];
    submit(&clinic.intake, &of("A", fit())).await;
    assert_eq!(total().await, 3);
    erase(&clinic.admin, &receipts[0]).await.expect(204);
    assert_eq!(total().await, 2);
    world.clock.advance(3 * 24 * 3600);
    assert!(count_days(&world.app).await.unwrap() > 0);
    erase(&clinic.admin, &receipts[1]).await.expect(204);
    assert_eq!(total().await, 2);
}

/// The submissions of each of three days. The bands of all days add up to the same number.
async fn counted(clinic: &Clinic, first: Date) -> [u64; 3] {
    let path = format!("/v1/statistics?from={first}&to={}", first + 2.days());
    let counts = clinic.staff.get(&path).await.expect(200)["submissions"].clone();
    let bands = counts["bands"].as_object().unwrap().values().map(|count| count.as_u64().unwrap());
    assert_eq!(bands.sum::<u64>(), counts["total"], "{counts}");
    let days = counts["days"].as_array().unwrap().iter().map(|day| day["submissions"].as_u64().unwrap());
    <[u64; 3]>::try_from(days.collect::<Vec<_>>()).unwrap()
}

#[tokio::test]
async fn statistics_count_a_chain_of_corrections_once_when_a_part_of_it_is_erased() {
    const DAY: i64 = 24 * 3600;
    let world = World::new().await;
    world.clock.advance_to_noon();
    let first_day = world.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let names = ["middle", "first", "last", "same day"];
    let mut clinics = Vec::new();
    for name in names {
        clinics.push(world.clinic(name).await);
    }
    let [middle, first, last, same_day] = &clinics[..] else { panic!("four clinics") };
    let correct = async |clinic: &Clinic, of: &Value| {
        submit(&clinic.intake, &json!({"answers": fit(), "supersedes": of["id"]})).await
    };
    let mut originals = Vec::new();
    for clinic in &clinics {
        submit(&clinic.intake, &of("another", fit())).await;
        originals.push(submit(&clinic.intake, &of("A", fit())).await);
    }
    let of_same_day = correct(same_day, &originals[3]).await;
    world.clock.advance(DAY);
    for clinic in &clinics {
        submit(&clinic.intake, &of("another", fit())).await;
    }
    let (of_middle, of_last) = (correct(middle, &originals[0]).await, correct(last, &originals[2]).await);
    world.clock.advance(DAY);
    assert!(count_days(&world.app).await.unwrap() >= 8, "two days of four clinics");
    for (clinic, of) in [(middle, &of_middle), (first, &originals[1]), (same_day, &of_same_day)] {
        correct(clinic, of).await;
        assert_eq!(counted(clinic, first_day).await, [1, 1, 1]);
    }
    assert_eq!(counted(last, first_day).await, [1, 2, 0]);
    for (clinic, erased) in [(middle, &of_middle), (first, &originals[1]), (last, &of_last), (same_day, &of_same_day)] {
        erase(&clinic.admin, erased).await.expect(204);
    }
    // The original of the last one counts again, until it is corrected anew.
    assert_eq!(counted(last, first_day).await, [2, 1, 0]);
    correct(last, &originals[2]).await;
    for counted_days in [2, 3] {
        for (clinic, name) in clinics.iter().zip(names) {
            assert_eq!(counted(clinic, first_day).await, [1, 1, 1], "{name}, {counted_days} days are counted");
        }
        world.clock.advance(DAY);
        count_days(&world.app).await.unwrap();
    }
}

#[tokio::test]
async fn webhooks_get_its_erasure_and_no_longer_its_flag() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let hook = json!({"url": "https://hooks.example/all",
        "events": ["submission.flagged", "submission.erased", "subject.erased"]});
    clinic.admin.post("/v1/webhooks", &hook).await.expect(201);
    let last = submit(&clinic.intake, &of("A", fit())).await;
    let flagged = submit(&clinic.intake, &of("A", frail())).await;
    close(&clinic, &flagged).await;
    let sent = async || -> Vec<(String, Value)> {
        let sql = "select event, data from webhook_deliveries order by event";
        sqlx::query_as(sql).fetch_all(&mut world.connect().await).await.unwrap()
    };
    assert_eq!(sent().await[0].0, "submission.flagged");
    let subject = &last["subject_id"];
    let erased = |receipt: &Value| {
        ("submission.erased".to_owned(), json!({"submission_id": receipt["id"], "subject_id": subject}))
    };
    erase(&clinic.admin, &flagged).await.expect(204);
    assert_eq!(sent().await, [erased(&flagged)]);
    // The erasure of the subject deletes its other events.
    erase(&clinic.admin, &last).await.expect(204);
    let whole = ("subject.erased".to_owned(), json!({"subject_ids": [subject]}));
    assert_eq!(sent().await, [whole, erased(&last)]);
}

#[tokio::test]
async fn without_an_erasure_log_nothing_is_erased() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = submit(&clinic.intake, &of("A", fit())).await;
    let bare = app(&world.database, Arc::new(System), &[7], None);
    bare.prepare().await.unwrap();
    let (base, server) = crate::world::serve(bare);
    let refused = erase(&clinic.admin.at(&base), &receipt).await;
    assert!(refused.text.contains("SARCOSCREEN_ERASURE_LOG"), "{}", refused.text);
    refused.expect(503);
    assert_eq!(world.count(SUBMISSIONS).await, 1);
    drop(server.stop(false));
}

#[tokio::test]
async fn a_restored_backup_erases_the_submission_again() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let source = |id: &str| json!({"system": "ehr", "id": id});
    let mut bodies = [of("A", frail()), of("A", fit()), of("B", fit())];
    for (body, id) in bodies.iter_mut().zip(["Kanarie-1", "Kanarie-2", "Kanarie-3"]) {
        body["source"] = source(id);
    }
    let flagged = submit(&clinic.intake, &bodies[0]).await;
    clinic.intake.submit_once("kept", &bodies[1]).await.expect(201);
    submit(&clinic.intake, &of("C", frail())).await;
    let alone = submit(&clinic.intake, &bodies[2]).await;
    // In the backup the follow-up of the first one is still open.
    let backup = dump_of(&world.database).await;
    close(&clinic, &flagged).await;
    for receipt in [&flagged, &alone] {
        erase(&clinic.admin, receipt).await.expect(204);
    }
    let dump = dump_of(&world.database).await;
    assert!(!dump.contains("Kanarie-1") && dump.contains("Kanarie-2") && !dump.contains("Kanarie-3"));

    let options = restored(&world, &backup).await;
    let other = app(&options, Arc::new(System), &[7], None);
    other.prepare().await.unwrap();
    let logs = [world.erasure_log.clone()];
    // The subject of the last one is listed too, so its submission is erased with it.
    for erased in [(1, 1), (0, 0)] {
        let replayed = erasure::replay(&other, &logs, |_| ()).await.unwrap();
        assert_eq!((replayed.erased, replayed.erased_submissions), erased);
        assert_eq!((replayed.named, replayed.named_submissions, replayed.unreadable), (1, 2, 0));
    }
    let dump = dump_of(&options).await;
    assert!(!dump.contains("Kanarie-1") && dump.contains("Kanarie-2") && !dump.contains("Kanarie-3"));
    sarcoscreen::app::health::close(&other).await;
    let drop = format!("drop database {} with (force)", options.get_database().unwrap());
    world.connect().await.execute(AssertSqlSafe(drop)).await.unwrap();
}
