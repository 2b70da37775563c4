//! CDS Hooks: requests and cards of a record system, in the format of the specification.

mod one_call;
mod prefetch;
mod situations;
mod systems;

use serde_json::{Map, Value, json};

use crate::world::{Answer, User, World, fit, frail};

pub(crate) const SERVICE: &str = "/cds-services/muscle-loss";

/// A call with prefetched data.
pub(crate) fn call(prefetch: &Value) -> Value {
    json!({
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "fhirServer": "https://ehr.example/fhir",
        "context": {"userId": "Practitioner/example", "patientId": "1288992", "encounterId": "89284"},
        "prefetch": prefetch,
        "extension": {"example.timestamp": "2026-11-25"},
    })
}

/// Answers as items of a response, inside a group as in typical forms.
fn response(answers: &Value, authored: &str) -> Value {
    let value = |value: &Value| match value {
        Value::Bool(_) => json!({"valueBoolean": value}),
        Value::Number(number) if number.is_i64() => json!({"valueInteger": value}),
        Value::Number(_) => json!({"valueDecimal": value}),
        _ => json!({"valueCoding": {"code": value}}),
    };
    let item = |(id, answer): (&String, &Value)| {
        let answers: Vec<Value> = match answer {
            Value::Array(several) => several.iter().map(value).collect(),
            one => vec![value(one)],
        };
        json!({"linkId": id, "answer": answers})
    };
    let items: Vec<Value> = answers.as_object().unwrap().iter().map(item).collect();
    json!({
        "resourceType": "QuestionnaireResponse", "status": "completed", "authored": authored,
        "questionnaire": "urn:sarcoscreen:questionnaire",
        "item": [{"linkId": "form", "item": items}, {"linkId": "foreign-question"}],
    })
}

fn bundle(resources: &[Value]) -> Value {
    let entries: Vec<Value> = resources.iter().map(|resource| json!({"resource": resource})).collect();
    json!({"resourceType": "Bundle", "type": "searchset", "entry": entries})
}

async fn card(user: &User, prefetch: &Value) -> Value {
    let answer = user.post(SERVICE, &call(prefetch)).await.expect(200);
    let cards = answer["cards"].as_array().unwrap();
    assert_eq!(cards.len(), 1, "{answer}");
    cards[0].clone()
}

#[tokio::test]
async fn three_exchanges_of_a_record_system() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let show = |heading: &str, body: &Value| println!("{heading}\n{body:#}\n");

    let discovery = world.holder(None).get("/cds-services").await.expect(200);
    show("GET /cds-services", &discovery);
    let service = &discovery["services"][0];
    assert_eq!((&service["hook"], &service["id"]), (&json!("patient-view"), &json!("muscle-loss")));
    for text in ["title", "description", "usageRequirements"] {
        assert!(!service[text].as_str().unwrap().is_empty(), "{text}");
    }
    assert_eq!(service["prefetch"]["patient"], "Patient/{{context.patientId}}");
    assert!(
        service["prefetch"]["responses"]
            .as_str()
            .unwrap()
            .starts_with("QuestionnaireResponse?patient={{context.patientId}}")
    );

    let sent = call(&json!({"patient": {"resourceType": "Patient", "birthDate": "1944-01-02", "gender": "female"},
        "responses": bundle(&[response(&frail(), "2026-11-01T10:00:00+01:00")])}));
    show(&format!("POST {SERVICE}"), &sent);
    let flagged = clinic.intake.post(SERVICE, &sent).await.expect(200);
    show("200", &flagged);
    let card = &flagged["cards"][0];
    assert_eq!(card["indicator"], "warning");
    assert!(card["summary"].as_str().unwrap().chars().count() < 140);
    let detail = card["detail"].as_str().unwrap();
    for said in ["2026-11-01", "SARC-F: positive", "has tested the list yet", "does not rule out"] {
        assert!(detail.contains(said), "{said}: {detail}");
    }
    let action = &card["suggestions"][0]["actions"][0];
    assert_eq!((&action["type"], &action["resource"]["resourceType"]), (&json!("create"), &json!("ServiceRequest")));
    assert_eq!(action["resource"]["subject"]["reference"], "Patient/1288992");
    assert_eq!(card["selectionBehavior"], "at-most-one");
    assert_eq!(card["links"][0]["url"], "https://clinic.example/book");

    let feedback = json!({"feedback": [{"card": card["uuid"], "outcome": "accepted",
        "acceptedSuggestions": [{"id": card["suggestions"][0]["uuid"]}], "outcomeTimestamp": "2026-11-25T10:00:00Z"}]});
    show(&format!("POST {SERVICE}/feedback"), &feedback);
    clinic.intake.post(&format!("{SERVICE}/feedback"), &feedback).await.expect(200);

    assert_eq!(world.count("select count(*) from submissions").await, 0, "nothing is stored");
    assert_eq!(world.count("select count(*) from audit_entries where action like 'submission%'").await, 0);
}

#[tokio::test]
async fn a_card_matches_the_score_of_the_same_answers() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for answers in [frail(), fit(), json!({"age": 70, "falls_past_year": 1})] {
        let scored = clinic.intake.post("/v1/scores", &json!({"answers": answers})).await.expect(200);
        let card = card(&clinic.intake, &json!({"responses": response(&answers, "2026-11-01")})).await;
        let detail = card["detail"].as_str().unwrap();
        assert!(detail.contains(scored["label"].as_str().unwrap()), "{detail}");
        assert!(detail.contains(scored["consultation"]["text"].as_str().unwrap()), "{detail}");
        for finding in scored["findings"].as_array().unwrap() {
            assert!(detail.contains(finding["reason"].as_str().unwrap()), "{finding}");
        }
        assert_eq!(card.get("suggestions").is_some(), scored["consultation"]["offered"] == true && answers == frail());
        assert!(!detail.to_lowercase().contains("no sarcopenia"));
    }
}

#[tokio::test]
async fn a_response_to_this_services_form_is_read_by_its_codes() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    let mut coded = response(&fit(), "2026-11-01");
    for item in coded["item"][0]["item"].as_array_mut().unwrap() {
        let link = item["linkId"].as_str().unwrap().to_owned();
        for answer in item["answer"].as_array_mut().unwrap() {
            if let Some(code) = answer.pointer_mut("/valueCoding/code") {
                *code = json!(format!("{link}.{}", code.as_str().unwrap()));
            }
        }
        // Explicitly none: the form needs a code where a plain list would be empty.
        if link == "conditions" {
            item["answer"] = json!([{"valueCoding": {"code": "conditions.none_of_these"}}]);
        }
    }
    let card = card(&intake, &json!({"responses": coded})).await;
    assert_eq!(card["summary"], "Screening for muscle loss: nothing was flagged; this does not rule out muscle loss");
    assert!(!card["detail"].as_str().unwrap().contains("Questions to ask"), "{card}");
}

#[tokio::test]
async fn alarm_rows_are_asked_only_as_new_on_a_card_and_in_the_fhir_form() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    let form = intake.get("/v1/questionnaire").await.expect(200);
    let stem = form["alarm_stem"].as_str().unwrap();
    let fhir = intake.get("/fhir/Questionnaire/2026.3").await.expect(200);
    let group = fhir["item"].as_array().unwrap().iter().find(|item| item["linkId"] == "alarm").unwrap();
    assert!(group["text"].as_str().unwrap().ends_with(stem), "{group}");
    let mut answers = fit();
    for unanswered in ["new_one_sided_weakness", "palpitations"] {
        answers.as_object_mut().unwrap().remove(unanswered);
    }
    let card = card(&intake, &json!({"responses": response(&answers, "2026-11-01")})).await;
    let detail = card["detail"].as_str().unwrap();
    let rows = group["item"].as_array().unwrap().iter().map(|row| format!("- {}\n", row["text"].as_str().unwrap()));
    let mut listed = 0;
    for at in rows.filter_map(|row| detail.find(&row)) {
        listed += 1;
        assert_eq!(detail[..at].rsplit("**").nth(1), Some(stem), "{detail}");
    }
    assert_eq!(listed, 2, "{detail}");
}

#[tokio::test]
async fn the_newest_complete_response_counts_and_other_forms_do_not() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    let mut draft = response(&frail(), "2026-11-20");
    draft["status"] = json!("in-progress");
    let other = json!({"resourceType": "QuestionnaireResponse", "status": "completed", "authored": "2026-11-21",
        "item": [{"linkId": "phq-1", "answer": [{"valueInteger": 3}]}]});
    let all = [response(&frail(), "2026-10-01"), response(&fit(), "2026-11-01T09:00:00Z"), draft, other];
    let newest = card(&intake, &json!({"responses": bundle(&all)})).await;
    assert_eq!(newest["indicator"], "info", "{newest}");
    assert!(newest["detail"].as_str().unwrap().contains("2026-11-01"));
    assert!(newest["summary"].as_str().unwrap().contains("does not rule out"));

    let none = card(&intake, &json!({"responses": null})).await;
    assert_eq!(none["summary"], "The questions about muscle loss have not been answered yet");
    assert!(none["detail"].as_str().unwrap().contains("Your age"), "{none}");
    let known = json!({"patient": {"resourceType": "Patient", "birthDate": "1944-01-02"}, "responses": null});
    assert!(!card(&intake, &known).await["detail"].as_str().unwrap().contains("Your age"));
    let child = json!({"patient": {"resourceType": "Patient", "birthDate": "2020-01-02"}, "responses": null});
    let answer = intake.post(SERVICE, &call(&child)).await.expect(200);
    assert_eq!(answer, json!({"cards": []}));
}

#[tokio::test]
async fn an_emergency_is_critical_and_offers_no_appointment() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    let mut answers = frail();
    answers["new_breathing_trouble_or_chest_pain"] = json!(true);
    let scored = intake.post("/v1/scores", &json!({"answers": answers})).await.expect(200);
    assert!(scored["care_level"].as_str().unwrap().starts_with("emergency"), "{scored}");
    let card = card(&intake, &json!({"responses": response(&answers, "2026-11-01")})).await;
    assert_eq!(card["indicator"], "critical");
    assert_eq!((card.get("suggestions"), card.get("links")), (None, None));
    assert!(card["detail"].as_str().unwrap().contains(scored["red_flags"][0]["reason"].as_str().unwrap()));
}

#[tokio::test]
async fn the_summary_follows_the_care_level_and_the_urgency() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    for (item, value, indicator, words) in [
        ("new_confusion", json!(true), "critical", "require immediate care"),
        ("weakness_over_weeks", json!(true), "warning", "require a doctor within 24 hours"),
        ("medications", json!(["statin"]), "warning", "a consultation within 7 days"),
        ("muscle_pain", json!(true), "warning", "a consultation is advised"),
    ] {
        let mut answers = fit();
        answers[item] = value;
        if item == "medications" {
            answers["muscle_pain"] = json!(true);
        }
        let card = card(&intake, &json!({"responses": response(&answers, "2026-11-01")})).await;
        assert_eq!(card["indicator"], indicator, "{item}");
        assert!(card["summary"].as_str().unwrap().contains(words), "{item}: {}", card["summary"]);
    }
}

#[tokio::test]
async fn unreadable_content_is_refused_with_its_place_and_never_ignored() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    let of = |answer: Value| {
        let response = json!({"resourceType": "QuestionnaireResponse", "status": "completed",
            "item": [{"linkId": "age", "answer": [{"valueInteger": 80}]}, {"linkId": "weight_kg", "answer": [answer]}]});
        call(&json!({"responses": bundle(&[response])}))
    };
    let refused = async |body: &Value| -> (u16, Vec<String>) {
        let answer: Answer = intake.post(SERVICE, body).await;
        (answer.status, answer.pointers())
    };
    let place = "/prefetch/responses/entry/0/resource/item/1";
    for answer in [
        json!({"valueDecimal": 900}),
        json!({"valueQuantity": {"value": 140, "unit": "lb"}}),
        json!({"valueString": "64"}),
    ] {
        assert_eq!(refused(&of(answer.clone())).await, (422, vec![place.to_owned()]), "{answer}");
    }
    let good = of(json!({"valueDecimal": 64.5}));
    intake.post(SERVICE, &good).await.expect(200);
    let without = |name: &str| {
        let mut body = good.as_object().cloned().unwrap_or_else(Map::new);
        body.remove(name);
        Value::Object(body)
    };
    assert_eq!(refused(&without("hook")).await, (422, vec!["/hook".to_owned()]));
    assert_eq!(refused(&without("hookInstance")).await, (422, vec!["/hookInstance".to_owned()]));
    assert_eq!(refused(&without("context")).await, (422, vec!["/context/patientId".to_owned()]));
    assert_eq!(refused(&without("prefetch")).await.0, 412);
    let failed = json!({"resourceType": "OperationOutcome", "issue": []});
    assert_eq!(refused(&call(&json!({"responses": failed}))).await.0, 412);
    assert_eq!(intake.send(intake.request("PUT", SERVICE)).await.status, 405);
    assert_eq!(intake.get("/cds-services/other").await.status, 404);
}
