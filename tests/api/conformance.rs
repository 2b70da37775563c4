//! The published conformance cases over HTTP, as another implementation would run them; pathways; what to ask next.

use std::collections::BTreeSet;

use sarcoscreen::app::clinics;
use sarcoscreen::domain::clinics::Clinic;
use sarcoscreen::domain::screening::pathway::PathwayId;
use serde_json::{Map, Value, json};

use super::world::{User, World, fit, frail};

#[tokio::test]
async fn every_published_case_has_its_expected_result_over_http() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let published = world.holder(None).get("/v1/conformance").await.expect(200);
    assert_eq!(published["rule_table"], "2026.3");
    let cases = published["cases"].as_array().unwrap();
    assert!(cases.len() >= 600 && published["count"] == cases.len());
    let (mut compared, mut differences) = (0, Vec::new());
    for case in cases {
        let body = json!({"answers": case["answers"], "audience": case["audience"], "pathways": case["pathways"]});
        let answer = clinic.browser.post("/v1/scores", &body).await;
        let got = if answer.status == 422 { faults(&answer.json()) } else { outcome(answer.expect(200)) };
        for (key, wanted) in case["expect"].as_object().unwrap().iter().filter(|(key, _)| shown(key, &got)) {
            compared += 1;
            if !matches(key, &got[key.as_str()], wanted) {
                differences.push(format!("{}: {key} is {}, expected {wanted}", case["name"], got[key.as_str()]));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(compared > 1_200, "only {compared} expectations were compared");
}

#[tokio::test]
async fn a_request_uses_its_own_pathways_or_the_clinics() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let weak = json!({
        "age": 72, "sex": "male", "activity": "moderate", "falls_past_year": 0, "stair_difficulty": "none",
        "carrying_difficulty": "none", "walking_difficulty": "none", "chair_rise_difficulty": "none",
        "medications": ["none_of_these"], "grip_strength_kg": 27.5,
    });
    let stages = async |body: Value| {
        let scored = clinic.browser.post("/v1/scores", &body).await.expect(200);
        let pathways = scored["pathways"].as_array().unwrap().iter();
        pathways
            .map(|result| format!("{} {}", result["id"].as_str().unwrap(), result["stage"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert!(stages(json!({"answers": weak})).await.is_empty(), "this clinic has no pathway");
    let named = json!({"answers": weak, "pathways": ["awgs_2019", "ewgsop2"]});
    assert_eq!(stages(named).await, ["ewgsop2 none_found_yet", "awgs_2019 possible"]);
    clinic.browser.post("/v1/scores", &json!({"answers": weak, "pathways": ["ewgsop"]})).await.expect(422);

    let all = clinics::list(&world.app).await.unwrap();
    let own = all.into_iter().find(|one| one.clinic_id.0 == clinic.id).unwrap();
    clinics::change(&world.app, &Clinic { pathways: vec![PathwayId::Awgs2019], ..own }).await.unwrap();
    world.clock.advance(5); // a used key is cached for four seconds
    let submitted = clinic.intake.submit(&json!({"answers": weak})).await;
    let submitted_at = submitted.header("location").to_owned();
    let stored = follow(&clinic.staff, &submitted_at).await;
    let submitted = submitted.expect(201);
    assert_eq!(submitted["assessment"]["flag_reasons"], json!([{"kind": "pathway", "id": "awgs_2019"}]));
    assert_eq!(submitted["follow_up"]["urgency"], "this_week");
    assert_eq!(stored["assessment"]["pathways"], submitted["assessment"]["pathways"]);
    let pathway = &stored["assessment"]["pathways"][0];
    assert_eq!((&pathway["strength_low"], &pathway["because"]), (&json!(true), &json!(["grip_strength_kg"])));
    let full = clinic.staff.get(&format!("{submitted_at}?view=full")).await.expect(200);
    let explanation = &full["assessment"]["pathways"][0]["explanation"];
    assert!(explanation.as_str().unwrap().contains("never a diagnosis"));
    // Flagged by a measurement alone: there is still advice.
    let advice = |list: &str| {
        let entries = stored["assessment"][list].as_array().unwrap().iter();
        entries.map(|entry| entry["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(advice("recommendations"), ["strength_training", "physical_therapy", "consultation_topics"]);
    assert_eq!(advice("risks"), ["disability"]);
    let asked = clinic.intake.submit(&json!({"answers": weak, "pathway": "ewgsop2"})).await.expect(201);
    assert_eq!(
        (&asked["assessment"]["flagged"], &asked["assessment"]["pathways"][0]["id"]),
        (&json!(false), &json!("ewgsop2"))
    );
}

#[tokio::test]
async fn next_questions_end_when_nothing_can_change_and_stay_within_the_audience() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let few = clinic.browser.post("/v1/scores", &json!({"answers": {"age": 70}})).await.expect(200);
    let asked = items(&few);
    assert!(asked.len() > 20);
    assert!(!asked.iter().any(|item| item.contains("grip") || item.contains("calf") || item.contains("creatine")));
    let first = &few["open_questions"][0];
    assert!(first["could_change"].as_array().unwrap().len() >= 4, "{first}");
    let whole = clinic.browser.post("/v1/scores", &json!({"answers": fit()})).await.expect(200);
    assert_eq!(whole["open_questions"], json!([]));
    let mut answers = fit();
    answers["age"] = json!(70);
    let body = json!({"answers": answers, "audience": ["person", "staff"]});
    let staff = clinic.browser.post("/v1/scores", &body).await.expect(200);
    let measured = [
        "calf_circumference_cm",
        "grip_strength_kg",
        "sppb",
        "five_chair_stands_s",
        "timed_up_and_go_s",
        "gait_speed_m_s",
        "tests_unable",
    ];
    assert_eq!(items(&staff), measured.map(str::to_owned));
    let sarc_calf = staff["instruments"].as_array().unwrap().iter().find(|one| one["id"] == "sarc_calf").unwrap();
    assert_eq!((&sarc_calf["outcome"], &sarc_calf["would_settle"]), (&json!("negative"), &json!([])));
}

#[tokio::test]
async fn a_test_with_a_value_cannot_be_listed_as_not_performed() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut answers = frail();
    answers["grip_strength_kg"] = json!(20.5);
    answers["tests_unable"] = json!(["grip"]);
    let refused = clinic.browser.submit(&json!({"answers": answers})).await;
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/answers/tests_unable".to_owned()]));
}

async fn follow(user: &User, location: &str) -> Value {
    user.get(location).await.expect(200)
}

fn items(assessment: &Value) -> Vec<String> {
    let questions = assessment["open_questions"].as_array().unwrap().iter();
    questions.map(|question| question["item"].as_str().unwrap().to_owned()).collect()
}

fn faults(problem: &Value) -> Value {
    json!({"faults": problem["errors"]})
}

/// The result of `/v1/scores`, under the keys of the cases. Flags, urgency and follow-ups only exist for submissions.
fn outcome(assessment: Value) -> Value {
    let ids = |list: &str, id: &str| -> Vec<Value> {
        assessment[list].as_array().unwrap().iter().map(|entry| entry[id].clone()).collect()
    };
    let by_id = |list: &str| -> Map<String, Value> {
        let entries = assessment[list].as_array().unwrap().iter();
        entries.map(|entry| (entry["id"].as_str().unwrap().to_owned(), entry.clone())).collect()
    };
    let mut got = json!({
        "total": assessment["score"]["total"],
        "lower": assessment["score"]["lower"],
        "upper": assessment["score"]["upper"],
        "band": assessment["band"],
        "band_at_least": assessment["band_at_least"],
        "band_at_most": assessment["band_at_most"],
        "care_level": assessment["care_level"],
        "red_flags": ids("red_flags", "id"),
        "alarm_items_unanswered": assessment["alarm_items_unanswered"].as_array().unwrap().len(),
        "instruments": by_id("instruments"),
        "pathways": by_id("pathways"),
        "faults": [],
    });
    for (key, list, id) in [
        ("findings", "findings", "rule"),
        ("open_questions", "open_questions", "item"),
        ("recommendations", "recommendations", "id"),
        ("risks", "risks", "id"),
    ] {
        for ending in ["", "_include", "_exclude"] {
            got[format!("{key}{ending}")] = json!(ids(list, id));
        }
    }
    got
}

fn shown(key: &str, got: &Value) -> bool {
    got.get(key).is_some()
}

fn matches(key: &str, given: &Value, wanted: &Value) -> bool {
    let set = |value: &Value| {
        let text = |entry: &Value| match entry {
            Value::Object(fault) => format!("{} {}", fault["pointer"], fault["code"]),
            Value::Array(items) => format!("{:?}", items.iter().map(Value::to_string).collect::<BTreeSet<_>>()),
            _ => entry.to_string(),
        };
        value.as_array().unwrap().iter().map(text).collect::<BTreeSet<_>>()
    };
    match key {
        "findings" | "red_flags" | "faults" | "needs" | "because" | "would_settle" => set(given) == set(wanted),
        "instruments" | "pathways" => wanted.as_object().unwrap().iter().all(|(id, parts)| {
            let parts = parts.as_object().unwrap().iter();
            parts.into_iter().all(|(part, value)| given[id].get(part).is_some_and(|given| matches(part, given, value)))
        }),
        _ if wanted == "none" => given.is_null(),
        "probability" => (given.as_f64().unwrap_or(-1.0) - wanted.as_f64().unwrap()).abs() <= 0.005,
        _ if key.ends_with("_include") => set(wanted).is_subset(&set(given)),
        _ if key.ends_with("_exclude") => set(wanted).is_disjoint(&set(given)),
        _ if given.is_number() && wanted.is_number() => given.as_f64() == wanted.as_f64(),
        _ => given == wanted,
    }
}
