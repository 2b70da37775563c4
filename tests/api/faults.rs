//! A fault says what to send, as values and in the asked language, and never repeats what was sent.

use serde_json::{Value, json};

use crate::world::{User, World, fit};

async fn fault(user: &User, language: Option<&str>, path: &str, body: &Value) -> Value {
    let mut request = user.request("POST", path).json(body);
    if let Some(language) = language {
        request = request.header("accept-language", language);
    }
    user.send(request).await.expect(422)["errors"][0].clone()
}

fn answer(item: &str, value: Value) -> Value {
    let mut answers = fit();
    answers[item] = value;
    json!({"answers": answers})
}

#[tokio::test]
async fn a_fault_has_the_values_that_may_be_sent() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let of = async |item: &str, value: Value| {
        let found = fault(&clinic.browser, None, "/v1/scores", &answer(item, value)).await;
        (found["code"].as_str().unwrap().to_owned(), found["params"].clone())
    };
    assert_eq!(of("age", json!(17)).await, ("out_of_range".into(), json!({"minimum": 18, "maximum": 120})));
    assert_eq!(of("age", json!(70.5)).await, ("precision".into(), json!({"step": 1})));
    let (code, params) = of("sex", json!("SENTVALUE")).await;
    assert_eq!((code.as_str(), &params["allowed"]), ("unknown_option", &json!(["female", "male"])));
    assert_eq!(of("age", json!("SENTVALUE")).await, ("type".into(), Value::Null));
    let note = json!({"ids": [], "not_needed_reason": "other", "note": "x".repeat(2001)});
    let found = clinic.staff.send(clinic.staff.request("POST", "/v1/follow-ups/close").json(&note)).await.expect(422);
    let of = |pointer: &str| {
        let mut all = found["errors"].as_array().unwrap().iter();
        all.find(|one| one["pointer"] == pointer).unwrap().clone()
    };
    assert_eq!(
        (&of("/ids")["code"], &of("/ids")["params"]),
        (&json!("out_of_range"), &json!({"minimum": 1, "maximum": 500}))
    );
    assert_eq!(
        (&of("/note")["code"], &of("/note")["params"]),
        (&json!("text"), &json!({"minimum": 1, "maximum": 2000}))
    );
}

#[tokio::test]
async fn a_fault_is_in_the_asked_language_and_never_repeats_the_input() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let cases = [
        ("/v1/scores", answer("age", json!("SENTVALUE"))),
        ("/v1/scores", answer("sex", json!("SENTVALUE"))),
        ("/v1/scores", answer("conditions", json!(["SENTVALUE"]))),
        ("/v1/scores", json!({"answers": fit(), "pathways": ["SENTVALUE"]})),
        ("/v1/scores", json!({"answers": "SENTVALUE"})),
        ("/v1/submissions", json!({"answers": fit(), "subject": {"contact": {"telephone": ["SENTVALUE"]}}})),
        ("/v1/submissions", json!({"answers": fit(), "answered_at": "SENTVALUE"})),
        ("/v1/submissions", json!({"answers": fit(), "answered_at": "2026, expected `SENTVALUE`"})),
    ];
    for (path, body) in cases {
        let english = fault(&clinic.browser, None, path, &body).await;
        let spanish = fault(&clinic.browser, Some("es-MX, en;q=0.5"), path, &body).await;
        assert_eq!((&english["pointer"], &english["code"]), (&spanish["pointer"], &spanish["code"]));
        assert_eq!(english["params"], spanish["params"]);
        assert_ne!(english["detail"], spanish["detail"], "{english}");
        let unknown = fault(&clinic.browser, Some("fr"), path, &body).await;
        assert_eq!(unknown["detail"], english["detail"]);
        for found in [english, spanish] {
            assert!(
                !found.to_string().contains("SENTVALUE") && !found["detail"].as_str().unwrap().contains('{'),
                "{found}"
            );
        }
    }
}

#[tokio::test]
async fn an_operation_outcome_and_an_item_of_a_batch_follow_the_language_too() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let intake = &clinic.intake;
    let search = async |language: &str| {
        let request = intake.request("GET", "/fhir/RiskAssessment?_count=few").header("accept-language", language);
        intake.send(request).await.json()["issue"][0]["diagnostics"].as_str().unwrap().to_owned()
    };
    assert_ne!(search("en").await, search("es").await);
    let batch = async |language: &str| {
        let request = intake.request("POST", "/v1/submissions/batch").header("accept-language", language);
        let body = json!({"items": [{"submission": answer("age", json!(17))}]});
        let answer = intake.send(request.json(&body)).await.json();
        answer["items"][0]["problem"]["errors"][0]["detail"].as_str().unwrap().to_owned()
    };
    assert_eq!(batch("en").await, "must be from 18 to 120");
    assert_eq!(batch("es").await, "debe estar entre 18 y 120");
}

#[tokio::test]
async fn the_page_of_problems_explains_each_code_of_a_fault() {
    let world = World::new().await;
    let page = world.holder(None).get("/docs/problems").await.text;
    for code in sarcoscreen::domain::fault::FaultCode::ALL {
        let row = format!("<code>{}</code></td><td>{}</td>", code.as_str(), code.meaning());
        assert!(page.contains(&row), "{row}");
    }
}
