//! Corrections of closed follow-ups, and the erasure of corrections: no flagged person is left without an open follow-up,
//! unless staff closed it with the answers that count.

use std::sync::Arc;

use sarcoscreen::app::ambient::System;
use sarcoscreen::app::subjects::erasure;
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};

use super::{correct, instant, path_of, routine, shown, submit, urgent};
use crate::follow_ups::act;
use crate::privacy::restored;
use crate::subjects::dump_of;
use crate::world::{Answer, Clinic, World, app, fit};

async fn close(clinic: &Clinic, receipt: &Value, version: i64) {
    let reason = json!({"outcome": "not_needed", "not_needed_reason": "other"});
    act(&clinic.staff, &path_of(receipt), "close", version, &reason).await.expect(200);
}

async fn reopen(clinic: &Clinic, receipt: &Value, version: i64) -> Answer {
    act(&clinic.staff, &path_of(receipt), "reopen", version, &json!({})).await
}

async fn erase(clinic: &Clinic, receipt: &Value) {
    let path = format!("/v1/submissions/{}", receipt["id"].as_str().unwrap());
    clinic.admin.send(clinic.admin.request("DELETE", &path)).await.expect(204);
}

/// State, urgency, whether it is flagged, and version.
async fn standing(clinic: &Clinic, receipt: &Value) -> Value {
    let case = shown(clinic, receipt).await;
    json!([case["state"], case["urgency"], case["flagged"], case["version"]])
}

/// Number of open, flagged follow-ups that are due today.
async fn due_today(connection: &mut PgConnection) -> i64 {
    let sql = "select count(*) from follow_ups where state = 'open' and urgency = 1 and flagged";
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

/// The event of the last version: the command and the submission.
async fn last_event(clinic: &Clinic, receipt: &Value) -> (Value, Value) {
    let history = clinic.staff.get(&format!("{}/history", path_of(receipt))).await.expect(200);
    let last = history["items"].as_array().unwrap().last().unwrap().clone();
    (last["command"].clone(), last["submission_id"].clone())
}

#[tokio::test]
async fn a_reopened_follow_up_has_what_was_corrected_while_it_was_closed() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let first = submit(&clinic, "R-1", urgent()).await;
    close(&clinic, &first, 1).await;
    let corrected = correct(&clinic.intake, &first, fit()).await;
    assert!(corrected["follow_up"].is_null());
    assert_eq!(standing(&clinic, &first).await, json!(["closed", "today", true, 2]));
    reopen(&clinic, &first, 2).await.expect(200);
    assert_eq!(standing(&clinic, &first).await, json!(["open", "routine", false, 3]));
    let case = shown(&clinic, &first).await;
    assert_eq!(case["corrected_at"], corrected["received_at"]);
    assert_eq!(case["band"], corrected["assessment"]["band_at_least"]);
    // The next correction reaches it.
    let again = correct(&clinic.intake, &corrected, urgent()).await;
    assert_eq!(again["follow_up"]["id"], first["follow_up"]["id"]);
    assert_eq!(standing(&clinic, &first).await, json!(["open", "today", true, 4]));
    // As a Task it is reopened with what counts too.
    close(&clinic, &first, 4).await;
    let last = correct(&clinic.intake, &again, fit()).await;
    let task = path_of(&first).replace("/v1/follow-ups/", "/fhir/Task/");
    let body = json!({"resourceType": "Task", "id": first["follow_up"]["id"], "status": "requested"});
    let request = clinic.staff.request("PUT", &task).header("if-match", "W/\"5\"");
    clinic.staff.send(request.json(&body)).await.expect(200);
    assert_eq!(standing(&clinic, &first).await, json!(["open", "routine", false, 6]));
    assert_eq!(shown(&clinic, &first).await["corrected_at"], last["received_at"]);
    // Without a correction it stays as it was.
    let other = submit(&clinic, "R-2", routine()).await;
    submit(&clinic, "R-2", urgent()).await;
    let before = shown(&clinic, &other).await;
    close(&clinic, &other, 2).await;
    reopen(&clinic, &other, 3).await.expect(200);
    let after = shown(&clinic, &other).await;
    for name in ["urgency", "flagged", "due_at", "band", "last_received_at", "corrected_at", "positive_instruments"] {
        assert_eq!(after[name], before[name], "{name}");
    }
}

#[tokio::test]
async fn a_correction_and_a_reopening_at_the_same_time_agree() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for round in 0..8 {
        let first = submit(&clinic, &format!("R-{round}"), urgent()).await;
        close(&clinic, &first, 1).await;
        let (reopened, _) = tokio::join!(reopen(&clinic, &first, 2), correct(&clinic.intake, &first, fit()));
        reopened.expect(200);
        let case = shown(&clinic, &first).await;
        assert_eq!(
            (&case["state"], &case["urgency"], &case["flagged"]),
            (&json!("open"), &json!("routine"), &json!(false)),
            "{round}"
        );
    }
}

#[tokio::test]
async fn an_erased_correction_reopens_the_follow_up_that_was_closed_because_of_it() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let hook = json!({"url": "https://hooks.example/all", "events": ["follow_up.state_changed", "submission.erased"]});
    clinic.admin.post("/v1/webhooks", &hook).await.expect(201);
    let first = submit(&clinic, "R-1", urgent()).await;
    let wrong = correct(&clinic.intake, &first, fit()).await;
    assert_eq!(standing(&clinic, &first).await, json!(["open", "routine", false, 2]));
    close(&clinic, &first, 2).await;
    erase(&clinic, &wrong).await;
    assert_eq!(standing(&clinic, &first).await, json!(["open", "today", true, 4]));
    let case = shown(&clinic, &first).await;
    assert!(instant(&case["due_at"]) <= instant(&first["received_at"]) + jiff::SignedDuration::from_hours(25));
    assert_eq!(case["submissions"].as_array().unwrap().len(), 1);
    assert_eq!(last_event(&clinic, &first).await, (json!("reopen"), Value::Null));
    let id = first["follow_up"]["id"].as_str().unwrap();
    let entries = clinic.admin.get(&format!("/v1/audit-entries?resource_id={id}&action=follow_up_reopened")).await;
    assert_eq!(entries.expect(200)["items"].as_array().unwrap().len(), 1);
    let urgent_again = "select count(*) from webhook_deliveries where event = 'follow_up.state_changed'
        and data ->> 'state' = 'open' and data ->> 'urgency' = 'today'";
    assert_eq!(world.count(urgent_again).await, 1);
    // The right correction reaches it.
    correct(&clinic.intake, &first, routine()).await;
    assert_eq!(standing(&clinic, &first).await, json!(["open", "routine", true, 5]));
}

#[tokio::test]
async fn an_erased_correction_leaves_closed_what_staff_closed_with_the_answers_that_count() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    // Closed before the correction.
    let first = submit(&clinic, "R-1", urgent()).await;
    close(&clinic, &first, 1).await;
    let late = correct(&clinic.intake, &first, fit()).await;
    erase(&clinic, &late).await;
    assert_eq!(standing(&clinic, &first).await, json!(["closed", "today", true, 2]));
    // Closed with a correction that is as urgent.
    let first = submit(&clinic, "R-2", urgent()).await;
    let same = correct(&clinic.intake, &first, urgent()).await;
    close(&clinic, &first, 2).await;
    erase(&clinic, &same).await;
    assert_eq!(standing(&clinic, &first).await, json!(["closed", "today", true, 3]));
    // The correction is corrected, so what it corrected does not count.
    let first = submit(&clinic, "R-3", urgent()).await;
    let middle = correct(&clinic.intake, &first, fit()).await;
    let last = correct(&clinic.intake, &middle, fit()).await;
    close(&clinic, &first, 3).await;
    erase(&clinic, &middle).await;
    assert_eq!(standing(&clinic, &first).await, json!(["closed", "routine", false, 4]));
    erase(&clinic, &last).await;
    assert_eq!(standing(&clinic, &first).await, json!(["open", "today", true, 5]));
}

#[tokio::test]
async fn an_erased_correction_changes_the_open_follow_up() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    // The follow-up was reopened after the correction, which does not belong to it.
    let first = submit(&clinic, "R-1", urgent()).await;
    close(&clinic, &first, 1).await;
    let late = correct(&clinic.intake, &first, fit()).await;
    reopen(&clinic, &first, 2).await.expect(200);
    erase(&clinic, &late).await;
    assert_eq!(standing(&clinic, &first).await, json!(["open", "today", true, 4]));
    assert_eq!(last_event(&clinic, &first).await, (json!("join"), first["id"].clone()));

    // Another follow-up of the subject is open: it gets the submission, and stays urgent when its own is corrected.
    let first = submit(&clinic, "R-2", urgent()).await;
    let wrong = correct(&clinic.intake, &first, fit()).await;
    close(&clinic, &first, 2).await;
    let second = submit(&clinic, "R-2", routine()).await;
    assert_eq!(second["follow_up"]["joined"], false);
    erase(&clinic, &wrong).await;
    assert_eq!(standing(&clinic, &second).await, json!(["open", "today", true, 2]));
    assert_eq!(shown(&clinic, &second).await["submissions"].as_array().unwrap().len(), 2);
    clinic.staff.get(&path_of(&first)).await.expect(404);
    correct(&clinic.intake, &second, fit()).await;
    assert_eq!(standing(&clinic, &second).await, json!(["open", "today", true, 3]));
}

#[tokio::test]
async fn a_restored_backup_reopens_follow_ups_when_it_erases_corrections_again() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let (open, closed) = (submit(&clinic, "R-1", urgent()).await, submit(&clinic, "R-2", urgent()).await);
    let wrong = [correct(&clinic.intake, &open, fit()).await, correct(&clinic.intake, &closed, fit()).await];
    close(&clinic, &closed, 2).await;
    // In the backup the first follow-up is open; later the first correction is corrected.
    let backup = dump_of(&world.database).await;
    correct(&clinic.intake, &wrong[0], routine()).await;
    close(&clinic, &open, 3).await;
    for correction in &wrong {
        erase(&clinic, correction).await;
    }
    let options = restored(&world, &backup).await;
    let other = app(&options, Arc::new(System), &[7], None);
    other.prepare().await.unwrap();
    let mut connection = options.connect().await.unwrap();
    assert_eq!(due_today(&mut connection).await, 0);
    let replayed = erasure::replay(&other, std::slice::from_ref(&world.erasure_log), |_| ()).await.unwrap();
    assert_eq!(replayed.erased_submissions, 2);
    assert_eq!(due_today(&mut connection).await, 2);
    drop(connection);
    sarcoscreen::app::health::close(&other).await;
    let drop = format!("drop database {} with (force)", options.get_database().unwrap());
    world.connect().await.execute(AssertSqlSafe(drop)).await.unwrap();
}
