//! Test submissions: scored, stored and shown as tests, without any follow-up, and counted nowhere.

use jiff::ToSpan as _;
use sarcoscreen::app::ambient::Ambient as _;
use sarcoscreen::app::submissions::statistics::count_days;
use serde_json::{Value, json};

use crate::world::{Clinic, User, World, fit, frail};

fn test_of(reference: &str) -> Value {
    json!({"answers": frail(), "subject": {"reference": reference}, "test": true})
}

async fn items(user: &User, path: &str) -> Vec<Value> {
    user.get(path).await.expect(200)["items"].as_array().unwrap().clone()
}

/// Registers a webhook for flagged submissions.
async fn webhook(clinic: &Clinic, test_submissions: Option<bool>) -> Value {
    let mut hook = json!({"url": "https://hooks.example/flagged", "events": ["submission.flagged"]});
    if let Some(wanted) = test_submissions {
        hook["test_submissions"] = json!(wanted);
    }
    clinic.admin.post("/v1/webhooks", &hook).await.expect(201)
}

#[tokio::test]
async fn a_test_opens_and_joins_no_follow_up() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for user in [&clinic.intake, &clinic.staff, &clinic.admin] {
        let receipt = user.submit(&test_of("A")).await.expect(201);
        assert_eq!((&receipt["test"], &receipt["follow_up"]), (&json!(true), &Value::Null));
        assert_eq!(receipt["assessment"]["flagged"], true, "a test is scored as usual");
    }
    assert_eq!(world.count("select count(*) from follow_ups").await, 0);
    let real = clinic.intake.submit(&json!({"answers": frail(), "subject": {"reference": "A"}})).await.expect(201);
    assert_eq!((&real["test"], &real["follow_up"]["joined"]), (&json!(false), &json!(false)));
    clinic.intake.submit(&test_of("A")).await.expect(201);
    let case = format!("/v1/follow-ups/{}", real["follow_up"]["id"].as_str().unwrap());
    let case = clinic.staff.get(&case).await.expect(200);
    assert_eq!((&case["version"], case["submissions"].as_array().unwrap().len()), (&json!(1), 1));
    let batch = json!({"items": [{"submission": test_of("B")}]});
    let results = clinic.intake.post("/v1/submissions/batch", &batch).await.expect(200);
    assert_eq!(results["items"][0]["submission"]["test"], true);
    let checked = clinic.intake.post("/v1/submissions?validate_only=true", &test_of("B")).await.expect(200);
    assert_eq!(checked["test"], true);
    assert_eq!(world.count("select count(*) from follow_ups").await, 1);
}

#[tokio::test]
async fn a_browser_key_sends_no_test() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let refused = clinic.browser.submit(&json!({"answers": fit(), "test": true})).await;
    assert_eq!(refused.pointers(), ["/test"]);
    let fault = &refused.json()["errors"][0];
    assert_eq!(fault["code"], "not_allowed");
    assert!(fault["detail"].as_str().unwrap().contains("intake or staff key"), "{fault}");
    clinic.browser.submit(&json!({"answers": fit(), "test": false})).await.expect(201);
}

#[tokio::test]
async fn a_test_is_shown_as_such_everywhere() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let real = clinic.intake.submit(&json!({"answers": frail(), "subject": {"reference": "A"}})).await.expect(201);
    let test = clinic.intake.submit(&test_of("A")).await.expect(201);
    let (id, subject) = (test["id"].as_str().unwrap(), test["subject_id"].as_str().unwrap());
    assert_eq!(test["subject_id"], real["subject_id"]);
    assert_eq!(clinic.staff.get(&format!("/v1/submissions/{id}")).await.expect(200)["test"], true);
    let shown = async |path: &str| {
        items(&clinic.staff, path).await.iter().map(|one| one["test"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(shown("/v1/submissions").await, [true, false]);
    assert_eq!(shown("/v1/submissions?test=true").await, [true]);
    assert_eq!(shown("/v1/submissions?test=false&flagged=true").await, [false]);
    assert_eq!(shown(&format!("/v1/subjects/{subject}/submissions")).await, [true, false]);
    for (filter, rows) in [("", 2), ("&test=true", 1), ("&test=false", 1)] {
        let export = clinic.staff.get(&format!("/v1/exports/submissions?format=csv{filter}")).await;
        assert!(
            export.text.lines().next().unwrap().ends_with(",imported,test,supersedes,superseded_by"),
            "{}",
            export.text
        );
        assert_eq!(export.text.lines().count(), rows + 1, "{}", export.text);
    }
    let export = clinic.staff.get("/v1/exports/submissions?test=true").await;
    assert!(export.text.contains("\"test\":true") && export.text.contains(id), "{}", export.text);
    let export = clinic.admin.get(&format!("/v1/subjects/{subject}/export")).await.expect(200);
    assert_eq!(export["submissions"][1]["test"], true);

    let tag = json!([{"system": "urn:sarcoscreen:results", "code": "test"}]);
    for (id, wanted) in [(id, &tag), (real["id"].as_str().unwrap(), &Value::Null)] {
        for (kind, code) in [("QuestionnaireResponse", ""), ("RiskAssessment", ""), ("Observation", "-score")] {
            let resource = clinic.staff.get(&format!("/fhir/{kind}/{id}{code}")).await.expect(200);
            assert_eq!(&resource["meta"]["tag"], wanted, "{kind}");
        }
        let extract = format!("/fhir/QuestionnaireResponse/{id}/$extract");
        let extracted = clinic.staff.post(&extract, &json!({})).await.expect(200);
        assert_eq!(&extracted["entry"][0]["resource"]["meta"]["tag"], wanted);
    }
}

#[tokio::test]
async fn a_test_is_sent_over_fhir_with_its_tag() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut resource = crate::fhir::identified(&frail(), "t-1");
    resource["meta"] = json!({"tag": [{"system": "urn:sarcoscreen:results", "code": "test"}]});
    let stored = clinic.intake.post("/fhir/QuestionnaireResponse", &resource).await.expect(201);
    assert_eq!(stored["meta"]["tag"], resource["meta"]["tag"]);
    resource["meta"]["tag"][0]["system"] = json!("urn:other");
    clinic.intake.post("/fhir/QuestionnaireResponse", &resource).await.expect(201);
    assert_eq!(world.count("select count(*) from submissions where test").await, 1);
    assert_eq!(world.count("select count(*) from follow_ups").await, 1);
}

#[tokio::test]
async fn a_test_of_a_record_does_not_take_its_place() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let real = crate::fhir::identified(&frail(), "r-1");
    let mut test = real.clone();
    test["meta"] = json!({"tag": [{"system": "urn:sarcoscreen:results", "code": "test"}]});
    for resource in [&test, &real] {
        let stored = crate::fhir::create_once(&clinic.intake, "r-1", resource).await.expect(201);
        assert_eq!(crate::fhir::create_once(&clinic.intake, "r-1", resource).await.expect(200)["id"], stored["id"]);
    }
    assert_eq!(world.count("select count(*) from follow_ups").await, 1);
    // A correction with the same source takes the place of what it corrects.
    let real = crate::fhir::create_once(&clinic.intake, "r-1", &real).await.expect(200);
    let source = json!({"system": "urn:ehr", "id": "r-1"});
    let body = json!({"answers": frail(), "source": source, "supersedes": real["id"]});
    let corrected = clinic.intake.submit(&body).await.expect(201);
    let found = crate::fhir::create_once(&clinic.intake, "r-1", &crate::fhir::identified(&frail(), "r-1")).await;
    assert_eq!(found.expect(200)["id"], corrected["id"]);
}

#[tokio::test]
async fn tests_are_excluded_from_live_and_rolled_up_statistics() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    clinic.intake.submit(&test_of("A")).await.expect(201);
    for answers in [fit(), frail()] {
        clinic.browser.submit(&json!({"answers": answers})).await.expect(201);
    }
    let today = world.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let path = format!("/v1/statistics?from={}&to={today}", today - 3.days());
    let counts = async || clinic.staff.get(&path).await.expect(200)["submissions"].clone();
    let before = counts().await;
    assert_eq!((&before["total"], &before["flagged"]), (&json!(2), &json!(1)));
    world.clock.advance(3 * 24 * 3600);
    assert!(count_days(&world.app).await.unwrap() > 0);
    assert_eq!(counts().await, before);
}

#[tokio::test]
async fn the_history_compares_real_submissions_over_a_test() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let real = json!({"answers": frail(), "subject": {"reference": "A"}});
    let first = clinic.intake.submit(&real).await.expect(201);
    let mut fit_test = test_of("A");
    fit_test["answers"] = fit();
    clinic.intake.submit(&fit_test).await.expect(201);
    let last = clinic.intake.submit(&real).await.expect(201);
    let path = format!("/v1/subjects/{}/submissions", first["subject_id"].as_str().unwrap());
    // The page that ends before the test needs the submission behind it.
    for limit in [1, 50] {
        let items = items(&clinic.staff, &format!("{path}?limit={limit}")).await;
        assert_eq!((&items[0]["id"], &items[0]["change"]["since"]), (&last["id"], &first["id"]));
        assert_eq!(items[0]["change"]["items"], json!([]));
    }
    let test = &items(&clinic.staff, &path).await[1];
    assert_eq!((&test["test"], &test["change"], &test["next_screen"]), (&json!(true), &Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_test_changes_no_contact_data_and_corrects_only_tests() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let consent = json!({"to_contact": true, "text_version": "1", "given_at": "2026-01-02T03:04:05Z"});
    let subject = json!({"reference": "A", "contact": {"telephone": "600 111 222"}, "consent": consent});
    let real = clinic.intake.submit(&json!({"answers": fit(), "subject": subject})).await.expect(201);
    let mut test = test_of("A");
    test["subject"]["contact"] = json!({"telephone": "600 999 999", "name": "Test"});
    let first = clinic.intake.submit(&test).await.expect(201);
    let found = clinic.staff.get(&format!("/v1/subjects/{}", real["subject_id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&found["contact"]["telephone"], &found["contact"]["name"]), (&json!("600 111 222"), &Value::Null));

    for user in [&clinic.intake, &clinic.staff] {
        for (corrected, test) in [(&real, true), (&first, false)] {
            let subject = json!({"reference": "A"});
            let body = json!({"answers": fit(), "subject": subject, "supersedes": corrected["id"], "test": test});
            let refused = user.submit(&body).await;
            assert_eq!(refused.pointers(), ["/supersedes"]);
            assert_eq!(refused.json()["errors"][0]["code"], "contradiction");
        }
    }
    let body = json!({"answers": fit(), "subject": {"reference": "A"}, "supersedes": first["id"], "test": true});
    clinic.intake.submit(&body).await.expect(201);
}

#[tokio::test]
async fn a_webhook_gets_events_of_tests_only_if_it_asks_for_them() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let plain = webhook(&clinic, None).await;
    assert_eq!(plain["test_submissions"], false);
    let events = "select count(*) from webhook_deliveries";
    clinic.intake.submit(&test_of("A")).await.expect(201);
    assert_eq!(world.count(events).await, 0);

    let asking = webhook(&clinic, Some(true)).await;
    assert_eq!(asking["test_submissions"], true);
    let test = clinic.intake.submit(&test_of("A")).await.expect(201);
    let mut fit_test = test_of("A");
    fit_test["answers"] = fit();
    clinic.intake.submit(&fit_test).await.expect(201);
    let mut imported = test_of("A");
    (imported["imported"], imported["answered_at"]) = (json!(true), json!("2019-05-04T09:30:00Z"));
    clinic.intake.submit(&imported).await.expect(201);
    let sent: Vec<(uuid::Uuid, Value)> = sqlx::query_as("select webhook_id, data from webhook_deliveries")
        .fetch_all(&mut world.connect().await)
        .await
        .unwrap();
    let data = json!({"submission_id": test["id"], "subject_id": test["subject_id"], "follow_up_id": null,
        "state": null, "urgency": sent[0].1["urgency"], "test": true});
    assert_eq!(sent, [(asking["id"].as_str().unwrap().parse().unwrap(), data)]);
    assert!(sent[0].1["urgency"].is_string());

    // A real submission reaches both, and the setting can be changed.
    clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    assert_eq!(world.count("select count(*) from webhook_deliveries where data ->> 'test' = 'false'").await, 2);
    let path = format!("/v1/webhooks/{}", asking["id"].as_str().unwrap());
    let change = async |change: Value| clinic.admin.send(clinic.admin.request("PATCH", &path).json(&change)).await;
    assert_eq!(change(json!({"description": "d"})).await.expect(200)["test_submissions"], true);
    assert_eq!(change(json!({"test_submissions": false})).await.expect(200)["test_submissions"], false);
    clinic.intake.submit(&test_of("A")).await.expect(201);
    assert_eq!(world.count(events).await, 3);
}
