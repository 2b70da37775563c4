//! Events: which ones are sent, to which endpoints, and that they contain ids only.

use serde_json::{Value, json};

use super::receiver::{Manner, Receiver};
use super::{Delivering, count, log, register, until, world};
use crate::world::{fit, frail};

#[tokio::test]
async fn events_of_submissions_follow_ups_and_erasures_contain_ids_only() {
    let world = world().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let receiver = Receiver::start(Manner::Takes).await;
    let events = ["submission.flagged", "follow_up.state_changed", "subject.erased"];
    let (webhook, secret) = register(&clinic, &receiver.url, &events).await;
    let job = Delivering::start(&world.app);
    // A submission of another clinic, and one that is not flagged, send no event.
    other.intake.submit(&json!({"answers": frail()})).await.expect(201);
    clinic.intake.submit(&json!({"answers": fit()})).await.expect(201);
    let body = json!({"answers": frail(), "subject": {"reference": "CANARY-1", "contact": {"name": "Canary Ana"}}});
    let receipt = clinic.intake.submit(&body).await.expect(201);
    let case = receipt["follow_up"]["id"].as_str().unwrap();
    let command = |name: &str, seen: &str| {
        let request = clinic.staff.request("POST", &format!("/v1/follow-ups/{case}/{name}"));
        request.header("if-match", seen.to_owned()).json(&json!({"note": "Canary note"}))
    };
    clinic.staff.send(command("notes", "\"1\"")).await.expect(200);
    clinic.staff.send(command("claim", "\"2\"")).await.expect(200);
    let taken = receiver.attempts(2).await;
    let person = format!("/v1/subjects/{}", receipt["subject_id"].as_str().unwrap());
    let version = clinic.admin.get(&person).await.header("etag").to_owned();
    clinic.admin.send(clinic.admin.request("DELETE", &person).header("if-match", version)).await.expect(204);
    let erased = receiver.attempts(3).await.pop().unwrap();
    assert_eq!(taken.len(), 2);

    let read = |body: &str| serde_json::from_str::<Value>(body).unwrap();
    let flagged = taken.iter().map(|one| read(&one.body)).find(|one| one["type"] == "submission.flagged").unwrap();
    let (id, subject) = (&receipt["id"], &receipt["subject_id"]);
    assert_eq!(
        flagged["data"],
        json!({"submission_id": id, "subject_id": subject, "follow_up_id": case, "state": "open",
            "urgency": receipt["follow_up"]["urgency"], "test": false})
    );
    assert_eq!(flagged["timestamp"], receipt["received_at"]);
    let moved = taken.iter().map(|one| read(&one.body)).find(|one| one["type"] == "follow_up.state_changed").unwrap();
    assert_eq!((&moved["data"]["state"], &moved["data"]["version"]), (&json!("assigned"), &json!(3)));
    assert_eq!(read(&erased.body)["data"], json!({"subject_ids": [subject]}));
    for one in taken.iter().chain([&erased]) {
        assert!(one.verified_by(&secret), "{one:?}");
        let fields = read(&one.body);
        assert_eq!(fields.as_object().unwrap().keys().collect::<Vec<_>>(), ["type", "timestamp", "data"]);
        assert!(!one.body.to_lowercase().contains("canary") && !one.body.contains("inactive"), "{}", one.body);
        assert!(!one.body.contains("score") && one.body.len() < 400, "{}", one.body);
    }
    // Erasing the subject deleted its events; the event about the erasure remains.
    until("the log is short", async || log(&clinic, &webhook).await.len() == 1).await;
    job.stop().await;
    assert_eq!(world.count("select count(*) from webhook_attempts a where not exists (select from webhook_deliveries d where d.event_id = a.event_id)").await, 0);
}

#[tokio::test]
async fn no_event_is_written_without_a_subscription_and_erasure_deletes_pending_events() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let submit = async || clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    submit().await;
    let (webhook, _) = register(&clinic, "https://clinic.example/hooks", &["subject.erased"]).await;
    submit().await;
    assert_eq!(count(&world, "pending").await, 0);
    let change = json!({"events": ["submission.flagged"]});
    clinic.admin.send(clinic.admin.request("PATCH", &webhook).json(&change)).await.expect(200);
    let receipt = submit().await;
    assert_eq!(count(&world, "pending").await, 1);
    let person = format!("/v1/subjects/{}", receipt["subject_id"].as_str().unwrap());
    let version = clinic.admin.get(&person).await.header("etag").to_owned();
    clinic.admin.send(clinic.admin.request("DELETE", &person).header("if-match", version)).await.expect(204);
    assert_eq!(count(&world, "pending").await, 0);
    // No event is written for a disabled webhook either.
    clinic.admin.send(clinic.admin.request("PATCH", &webhook).json(&json!({"enabled": false}))).await.expect(200);
    submit().await;
    assert_eq!(count(&world, "pending").await, 0);
}

#[tokio::test]
async fn closing_by_a_merge_and_opening_by_its_undo_send_events() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let receiver = Receiver::start(Manner::Takes).await;
    register(&clinic, &receiver.url, &["follow_up.state_changed"]).await;
    let job = Delivering::start(&world.app);
    let mut receipts = Vec::new();
    for reference in ["R-1", "R-2"] {
        let body = json!({"answers": frail(), "subject": {"reference": reference}});
        receipts.push(clinic.intake.submit(&body).await.expect(201));
    }
    let person = |index: usize| receipts[index]["subject_id"].as_str().unwrap();
    let path = format!("/v1/subjects/{}/merge", person(0));
    let merge = clinic.staff.request("POST", &path).header("if-match", "\"1\"").json(&json!({"merged": person(1)}));
    let merge = clinic.staff.send(merge).await.expect(200);
    let undo = format!("/v1/subjects/{}/merges/{}/undo", person(0), merge["id"].as_str().unwrap());
    let first = receiver.attempts(1).await;
    clinic.staff.post(&undo, &json!({})).await.expect(200);
    let both = receiver.attempts(2).await;
    job.stop().await;
    let data_of = |body: &str| serde_json::from_str::<Value>(body).unwrap()["data"].clone();
    let closed = data_of(&first[0].body);
    assert_eq!((&closed["state"], &closed["subject_id"]), (&json!("closed"), &receipts[0]["subject_id"]));
    assert_eq!(closed["follow_up_id"], receipts[1]["follow_up"]["id"]);
    let opened = both.iter().map(|one| data_of(&one.body)).find(|data| data["state"] == "open").unwrap();
    assert_eq!((&opened["follow_up_id"], &opened["subject_id"]), (&closed["follow_up_id"], &receipts[1]["subject_id"]));
    assert_eq!(
        world.count("select count(*) from webhook_deliveries").await,
        2,
        "a follow-up that only moved sends no event"
    );
}

/// A body with equal places for all ids, all times and all urgencies, which differ from run to run. A list has each place once.
fn shape(body: &Value) -> Value {
    match body {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(items) => {
            let mut places: Vec<Value> = items.iter().map(shape).collect();
            places.dedup();
            places.into()
        }
        Value::String(text) if uuid::Uuid::try_parse(text).is_ok() => "an id".into(),
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => "a time".into(),
        Value::String(text) if ["today", "this_week", "routine"].contains(&text.as_str()) => "an urgency".into(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn each_event_equals_its_example_in_the_document_and_the_guide() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let (receiver, gone) =
        (Receiver::start(Manner::Takes).await, Receiver::start(Manner::Says("410 Gone".into())).await);
    let events = [
        "submission.flagged",
        "submission.corrected",
        "follow_up.state_changed",
        "submission.erased",
        "subject.erased",
        "webhook.disabled",
    ];
    let (webhook, _) = register(&clinic, &receiver.url, &events).await;
    let (other, _) = register(&clinic, &gone.url, &["subject.erased"]).await;
    let job = Delivering::start(&world.app);
    let subject = json!({"reference": "R-1"});
    let receipt = clinic.intake.submit(&json!({"answers": frail(), "subject": subject})).await.expect(201);
    let claim = format!("/v1/follow-ups/{}/claim", receipt["follow_up"]["id"].as_str().unwrap());
    clinic.staff.send(clinic.staff.request("POST", &claim).header("if-match", "\"1\"")).await.expect(200);
    clinic.intake.submit(&json!({"answers": frail(), "supersedes": receipt["id"]})).await.expect(201);
    let wrong = clinic.intake.submit(&json!({"answers": fit(), "subject": subject})).await.expect(201);
    let wrong = format!("/v1/submissions/{}", wrong["id"].as_str().unwrap());
    clinic.admin.send(clinic.admin.request("DELETE", &wrong)).await.expect(204);
    receiver.attempts(4).await;
    clinic.admin.post(&format!("{webhook}/ping"), &json!({})).await.expect(202);
    clinic.admin.post(&format!("{other}/ping"), &json!({})).await.expect(202);
    receiver.attempts(6).await;
    let person = format!("/v1/subjects/{}", receipt["subject_id"].as_str().unwrap());
    let version = clinic.admin.get(&person).await.header("etag").to_owned();
    clinic.admin.send(clinic.admin.request("DELETE", &person).header("if-match", version)).await.expect(204);
    let sent = receiver.attempts(7).await;
    job.stop().await;

    let document: Value = serde_json::from_str(&sarcoscreen::http::document()).unwrap();
    let guide = std::fs::read_to_string("docs/webhooks.md").unwrap();
    let samples = guide.split("```json\n").skip(1).map(|part| part.split("\n```").next().unwrap());
    let samples: Vec<Value> = samples.map(|sample| serde_json::from_str(sample).unwrap()).collect();
    let described = document["webhooks"].as_object().unwrap();
    assert_eq!(described.len(), sent.len());
    for one in sent {
        let body: Value = serde_json::from_str(&one.body).unwrap();
        let content = &described[body["type"].as_str().unwrap()]["post"]["requestBody"]["content"]["application/json"];
        assert_eq!(shape(&body), shape(&content["example"]));
        let sample = samples.iter().find(|sample| sample["type"] == body["type"]);
        assert_eq!(sample.map(shape), Some(shape(&body)), "docs/webhooks.md");
    }
}

#[tokio::test]
async fn an_erasure_removes_an_attempt_that_is_recorded_while_it_waits() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    register(&clinic, "http://127.0.0.1:9/hooks", &["submission.flagged"]).await;
    let receipt = clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    let person = format!("/v1/subjects/{}", receipt["subject_id"].as_str().unwrap());
    let version = clinic.admin.get(&person).await.header("etag").to_owned();
    let mut recording = world.connect().await;
    for sql in [
        "begin",
        "update webhook_deliveries set attempts = attempts + 1",
        "insert into webhook_attempts (clinic_id, webhook_id, event_id, lease, at, status, duration_ms)
         select clinic_id, webhook_id, event_id, 1, now(), 500, 1 from webhook_deliveries",
    ] {
        sqlx::query(sql).execute(&mut recording).await.unwrap();
    }
    let erase = clinic.admin.send(clinic.admin.request("DELETE", &person).header("if-match", version));
    let commit = async {
        let waiting =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        until("the erasure waits", async || world.count(waiting).await == 1).await;
        sqlx::query("commit").execute(&mut recording).await.unwrap();
    };
    let (erased, ()) = tokio::join!(erase, commit);
    erased.expect(204);
    assert_eq!(world.count("select count(*) from webhook_attempts").await, 0);
}
