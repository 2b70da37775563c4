//! Imported history of another system: scored and stored with the date of its answers, without any follow-up or event.

use jiff::ToSpan as _;
use sarcoscreen::app::ambient::Ambient as _;
use sarcoscreen::app::submissions::statistics::count_days;
use serde_json::{Value, json};

use crate::world::{Clinic, World, fit, frail};

/// A screening some years ago that would be flagged today.
fn screen(reference: &str, year: u16) -> Value {
    json!({
        "answers": frail(),
        "subject": {"reference": reference},
        "answered_at": format!("{year}-05-04T09:30:00+02:00"),
        "source": {"system": "old records", "id": format!("{reference}-{year}")},
        "imported": true,
    })
}

/// Imports three screenings of one subject and one of another in one batch; returns their ids.
async fn import(clinic: &Clinic) -> Vec<String> {
    let screens = [screen("A", 2019), screen("B", 2020), screen("A", 2021), screen("A", 2017)];
    let items: Vec<Value> = screens.iter().map(|one| json!({"submission": one})).collect();
    let results = clinic.intake.post("/v1/submissions/batch", &json!({"items": items})).await.expect(200);
    let id = |result: &Value| {
        let receipt = &result["submission"];
        assert_eq!((&result["status"], &receipt["follow_up"]), (&json!(201), &Value::Null), "{result}");
        assert_eq!(receipt["assessment"]["flagged"], true, "imported answers are flagged as usual");
        receipt["id"].as_str().unwrap().to_owned()
    };
    results["items"].as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn imported_history_opens_no_follow_up_and_sends_no_event() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let hook = json!({"url": "https://hooks.example/flagged", "events": ["submission.flagged"]});
    clinic.admin.post("/v1/webhooks", &hook).await.expect(201);
    import(&clinic).await;
    assert_eq!(world.count("select count(*) from submissions where imported").await, 4);
    assert_eq!(world.count("select count(*) from follow_ups").await, 0);
    assert_eq!(world.count("select count(*) from webhook_deliveries").await, 0);
    let today = json!({"answers": frail(), "subject": {"reference": "A"}, "imported": false});
    let receipt = clinic.intake.submit(&today).await.expect(201);
    assert_eq!(receipt["follow_up"]["joined"], false);
    // Imported submissions do not join an open follow-up.
    clinic.intake.submit(&screen("A", 2018)).await.expect(201);
    let case = receipt["follow_up"]["id"].as_str().unwrap();
    let case = clinic.staff.get(&format!("/v1/follow-ups/{case}")).await.expect(200);
    assert_eq!(case["submissions"].as_array().unwrap().len(), 1);
    assert_eq!(world.count("select count(*) from webhook_deliveries").await, 1);
}

#[tokio::test]
async fn imported_history_is_marked_everywhere_and_placed_by_its_answer_time() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let ids = import(&clinic).await;
    let today = json!({"answers": fit(), "subject": {"reference": "A"}});
    let today = clinic.intake.submit(&today).await.expect(201);
    let one = clinic.staff.get(&format!("/v1/submissions/{}", ids[0])).await.expect(200);
    assert_eq!((&one["imported"], &one["answered_at"]), (&json!(true), &json!("2019-05-04T07:30:00Z")));

    let shown = async |path: &str| {
        let page = clinic.staff.get(path).await.expect(200);
        page["items"].as_array().unwrap().iter().map(|one| one["imported"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(shown("/v1/submissions").await, [false, true, true, true, true]);
    assert_eq!(shown("/v1/submissions?imported=false").await, [false]);
    assert_eq!(shown("/v1/submissions?imported=true&flagged=true&limit=3").await, [true; 3]);
    let export = clinic.staff.get("/v1/exports/submissions?imported=true&format=csv").await;
    let imported = export.text.matches(",true,false,,\r\n").count();
    assert_eq!((export.text.lines().count(), imported), (5, 4), "{}", export.text);

    // Staff see one timeline of the subject.
    let person = today["subject_id"].as_str().unwrap();
    let history = clinic.staff.get(&format!("/v1/subjects/{person}/submissions")).await.expect(200);
    let history = history["items"].as_array().unwrap();
    let order: Vec<&str> = history.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(order, [today["id"].as_str().unwrap(), &ids[2], &ids[0], &ids[3]]);
    assert_eq!(history[1]["imported"], true);
    assert_eq!(history[0]["change"]["since"], json!(ids[2]));

    let tag = json!([{"system": "urn:sarcoscreen:results", "code": "imported"}]);
    for (id, wanted) in [(&*ids[1], &tag), (today["id"].as_str().unwrap(), &Value::Null)] {
        let resource = clinic.staff.get(&format!("/fhir/QuestionnaireResponse/{id}")).await.expect(200);
        assert_eq!(&resource["meta"]["tag"], wanted);
    }
}

#[tokio::test]
async fn imported_history_is_excluded_from_live_and_rolled_up_statistics() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    import(&clinic).await;
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
async fn imported_history_needs_a_past_date_and_is_refused_for_browser_keys() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut undated = screen("A", 2019);
    undated.as_object_mut().unwrap().remove("answered_at");
    let mut ahead = screen("A", 2019);
    ahead["answered_at"] = json!(world.clock.now() + 1.second());
    for (body, code) in [(undated, "required"), (ahead, "out_of_range")] {
        let refused = clinic.intake.submit(&body).await;
        assert_eq!(refused.pointers(), ["/answered_at"]);
        assert_eq!(refused.json()["errors"][0]["code"], code);
    }
    let own = json!({"answers": fit(), "answered_at": "2019-05-04T09:30:00Z", "imported": true});
    assert_eq!(clinic.browser.submit(&own).await.pointers(), ["/imported"]);
    assert_eq!(world.count("select count(*) from submissions").await, 0);
}

#[tokio::test]
async fn history_is_imported_over_fhir_with_its_tag() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut resource = crate::fhir::identified(&frail(), "old-1");
    resource["meta"] =
        json!({"tag": [{"code": "imported"}, {"system": "urn:sarcoscreen:results", "code": "imported"}]});
    let create = async |body: &Value| clinic.intake.post("/fhir/QuestionnaireResponse", body).await;
    let undated = create(&resource).await.expect(422);
    assert_eq!(undated["issue"][0]["expression"], json!(["QuestionnaireResponse.authored"]));
    resource["authored"] = json!("2018-03-04T10:00:00+01:00");
    let stored = create(&resource).await.expect(201);
    assert_eq!(stored["meta"]["tag"], json!([resource["meta"]["tag"][1]]));
    resource["meta"]["tag"][1]["system"] = json!("urn:other");
    create(&resource).await.expect(201);
    let imported = world.count("select count(*) from submissions where imported").await;
    let cases = world.count("select count(*) from follow_ups").await;
    assert_eq!((imported, cases), (1, 1), "a foreign tag has no effect");
}

#[tokio::test]
async fn imported_contact_data_fills_gaps_and_replaces_nothing() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let consent = json!({"to_contact": true, "text_version": "1", "given_at": "2020-01-01T00:00:00Z"});
    let subject = json!({"reference": "A", "contact": {"telephone": "600 111 222"}, "consent": consent});
    clinic.intake.submit(&json!({"answers": fit(), "subject": subject})).await.expect(201);
    let mut old = screen("A", 2019);
    old["subject"]["contact"] = json!({"telephone": "600 999 999", "name": "Ana"});
    clinic.intake.submit(&old).await.expect(201);
    let look_up = json!({"reference": "A"});
    let found = clinic.staff.post("/v1/subjects/search", &look_up).await.expect(200);
    let contact = &found["items"][0]["contact"];
    assert_eq!((&contact["telephone"], &contact["name"]), (&json!("600 111 222"), &json!("Ana")));
}
