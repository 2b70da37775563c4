//! The history of a subject: the changes from one submission to the next.

use serde_json::{Value, json};

use crate::world::{Clinic, User, World, fit, frail, releases};

/// Submits answers of one subject and returns the receipt.
async fn submit(clinic: &Clinic, answers: Value) -> Value {
    clinic.intake.submit(&json!({"answers": answers, "subject": {"reference": "R-1"}})).await.expect(201)
}

/// Every item of a subject's history, page by page.
async fn history(staff: &User, subject: &Value, limit: usize) -> Vec<Value> {
    let path = format!("/v1/subjects/{}/submissions?limit={limit}", subject.as_str().unwrap());
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = staff.get(&format!("{path}{cursor}")).await.expect(200);
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return items };
        cursor = format!("&cursor={next}");
    }
}

fn edited(mut answers: Value, edits: &[(&str, Value)]) -> Value {
    for (item, value) in edits {
        answers[*item] = value.clone();
    }
    answers
}

#[tokio::test]
async fn each_submission_lists_the_changes_since_the_previous_one() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let first = submit(&clinic, fit()).await;
    let grown = [("age", json!(82)), ("medications", json!(["other"])), ("weight_kg", json!(61.5))];
    let risks = [("falls_past_year", json!(4)), ("stair_difficulty", json!("a_lot_or_unable")), ("sex", Value::Null)];
    let second = submit(&clinic, edited(edited(fit(), &grown), &risks)).await;
    let third = submit(&clinic, frail()).await;
    // A submission of another subject in between is not a predecessor.
    clinic.intake.submit(&json!({"answers": frail(), "subject": {"reference": "R-2"}})).await.expect(201);
    let fourth = submit(&clinic, frail()).await;

    let items = history(&clinic.staff, &first["subject_id"], 50).await;
    let ids: Vec<&Value> = items.iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [&fourth["id"], &third["id"], &second["id"], &first["id"]]);
    assert_eq!(items[3]["change"], Value::Null);
    let change = &items[2]["change"];
    assert_eq!(change["since"], first["id"]);
    let bounds = |receipt: &Value| {
        let score = &receipt["assessment"]["score"];
        json!({"total": score["total"], "lower": score["lower"], "upper": score["upper"]})
    };
    assert_eq!(change["score"], json!({"from": bounds(&first), "to": bounds(&second)}));
    assert_eq!(change["flagged"], json!({"from": false, "to": true}));
    assert_eq!(change["care_level"], json!({"from": "self_care", "to": "consultation"}));
    assert_eq!(change["band"]["from"], first["assessment"]["band"]);
    assert_eq!(change["band"]["to"], second["assessment"]["band"]);
    let moved = json!([
        {"item": "age", "from": 45, "to": 82},
        {"item": "sex", "from": "female", "to": null},
        {"item": "weight_kg", "from": 64.5, "to": 61.5},
        {"item": "stair_difficulty", "from": "none", "to": "a_lot_or_unable"},
        {"item": "falls_past_year", "from": 0, "to": 4},
        {"item": "medications", "from": ["none_of_these"], "to": ["other"]},
    ]);
    assert_eq!(change["items"], moved);
    let outcome = |receipt: &Value, id: &str| {
        let all = receipt["assessment"]["instruments"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["id"] == id).unwrap()["outcome"].clone()
    };
    for instrument in change["instruments"].as_array().unwrap() {
        let id = instrument["id"].as_str().unwrap();
        assert_eq!((&instrument["from"], &instrument["to"]), (&outcome(&first, id), &outcome(&second, id)));
        assert_ne!(instrument["from"], instrument["to"]);
    }
    assert!(change["instruments"].as_array().unwrap().iter().any(|one| one["id"] == "sarc_f"), "{change}");
    let same = &items[0]["change"];
    assert_eq!((&same["since"], &same["instruments"], &same["items"]), (&third["id"], &json!([]), &json!([])));
    // For any page size, each submission has the same predecessor.
    for limit in [1, 2, 3, 4] {
        assert_eq!(history(&clinic.staff, &first["subject_id"], limit).await, items, "{limit}");
    }
}

#[tokio::test]
async fn the_history_shows_what_the_list_of_submissions_shows() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let subject = submit(&clinic, frail()).await["subject_id"].clone();
    submit(
        &clinic,
        json!({"age": 70, "activity": "light", "falls_past_year": 1, "stair_difficulty": "some",
        "medications": []}),
    )
    .await;
    submit(&clinic, fit()).await;
    let listed = clinic.staff.get(&format!("/v1/submissions?subject_id={}", subject.as_str().unwrap())).await;
    let listed = listed.expect(200)["items"].as_array().unwrap().clone();
    let items = history(&clinic.staff, &subject, 2).await;
    assert_eq!((listed.len(), items.len()), (3, 3));
    for (listed, item) in listed.iter().zip(&items) {
        for (name, value) in listed.as_object().unwrap() {
            assert_eq!(&item[name], value, "{name}");
        }
    }
    assert_eq!(items[1]["change"]["band"], json!({"from": "high", "to": null}));
}

#[tokio::test]
async fn the_next_screen_depends_on_possible_results_and_never_delays_care() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let days = async |answers: Value| {
        let subject = submit(&clinic, answers).await["subject_id"].clone();
        history(&clinic.staff, &subject, 1).await[0]["next_screen"]["days"].clone()
    };
    assert_eq!(days(fit()).await, 365);
    assert_eq!(days(frail()).await, 90);
    assert_eq!(days(edited(fit(), &[("age", json!(70)), ("sppb", json!(2))])).await, 90, "flagged by SPPB alone");
    assert_eq!(
        days(edited(
            fit(),
            &["conditions", "regular_medication_count", "bed_rest_days_past_year", "muscle_shrinkage"]
                .map(|item| (item, Value::Null)),
        ))
        .await,
        180
    );
    assert_eq!(days(edited(fit(), &[("new_breathing_trouble_or_chest_pain", json!(true))])).await, Value::Null);
}

#[tokio::test]
async fn a_paper_form_entered_later_is_placed_by_its_answer_time() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let body =
        |answered_at: &str| json!({"answers": frail(), "subject": {"reference": "R-1"}, "answered_at": answered_at});
    let now = clinic.intake.submit(&body("2026-10-01T09:00:00Z")).await.expect(201);
    let old = clinic.intake.submit(&body("2025-01-01T09:00:00Z")).await.expect(201);
    let correction = json!({"answers": fit(), "subject": {"reference": "R-1"}, "supersedes": now["id"],
        "answered_at": "2026-10-01T09:00:01Z"});
    let corrected = clinic.intake.submit(&correction).await.expect(201);
    let items = history(&clinic.staff, &now["subject_id"], 1).await;
    let ids: Vec<_> = items.iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [&corrected["id"], &now["id"], &old["id"]]);
    assert_eq!((&items[0]["change"]["corrects"], &items[1]["change"]["corrects"]), (&json!(true), &json!(false)));
    assert_eq!(items[2]["answered_at"], "2025-01-01T09:00:00Z");
}

#[tokio::test]
async fn a_cursor_is_not_valid_for_the_history_of_another_subject() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut cursors = Vec::new();
    for reference in ["R-1", "R-2"] {
        let body = json!({"answers": frail(), "subject": {"reference": reference}});
        clinic.intake.submit(&body).await.expect(201);
        let subject = clinic.intake.submit(&body).await.expect(201)["subject_id"].as_str().unwrap().to_owned();
        let path = format!("/v1/subjects/{subject}/submissions?limit=1");
        let page = clinic.staff.get(&path).await.expect(200);
        cursors.push((path, page["next_cursor"].as_str().unwrap().to_owned()));
    }
    clinic.staff.get(&format!("{}&cursor={}", cursors[0].0, cursors[0].1)).await.expect(200);
    clinic.staff.get(&format!("{}&cursor={}", cursors[0].0, cursors[1].1)).await.expect(400);
    clinic.staff.get(&format!("/v1/submissions?cursor={}", cursors[0].1)).await.expect(400);
}

#[tokio::test]
async fn the_next_screen_is_due_after_the_interval_of_the_band_from_the_answer_time() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let subject = json!({"reference": "R-1"});
    let low = json!({"answers": fit(), "subject": subject, "answered_at": "2026-01-31T23:30:00-01:00"});
    let high = json!({"answers": frail(), "subject": subject});
    let spanish = clinic.intake.request("POST", "/v1/submissions").header("accept-language", "es").json(&low);
    let receipt = clinic.intake.send(spanish).await.expect(201);
    clinic.intake.submit(&high).await.expect(201);
    let items = history(&clinic.staff, &receipt["subject_id"], 50).await;
    let reason = |language: &str, band: &str| {
        let releases = releases();
        let texts = sarcoscreen::domain::language::Language::from_tag(language).unwrap();
        releases.current().table.texts(texts).unwrap().next_screens[band].clone()
    };
    let due = json!({"date": "2027-02-01", "days": 365, "reason": reason("es", "low")});
    assert_eq!(items[1]["next_screen"], due);
    let received: jiff::Timestamp = items[0]["received_at"].as_str().unwrap().parse().unwrap();
    let date = (received + jiff::SignedDuration::from_hours(90 * 24)).to_string()[..10].to_owned();
    assert_eq!(items[0]["next_screen"], json!({"date": date, "days": 90, "reason": reason("en", "high")}));
    // With a rule table without intervals there is no next screening.
    let sql = "update submissions set rule_table = '2026.1',
                   assessment = jsonb_set(assessment::jsonb, '{rule_table}', '\"2026.1\"')";
    sqlx::Executor::execute(&mut world.connect().await, sql).await.unwrap();
    let items = history(&clinic.staff, &receipt["subject_id"], 50).await;
    assert!(items.iter().all(|item| item["next_screen"].is_null()));
}
