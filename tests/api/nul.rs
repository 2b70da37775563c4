//! U+0000, which PostgreSQL cannot store: a text that contains it is refused with its pointer and causes no other error. In
//! contact data of a submission it causes a warning.

use serde_json::{Value, json};

use crate::access::{Rows, call, operations, ready, request_with};
use crate::fhir::{create_once, identified, search};
use crate::world::{World, frail};

const NUL: &str = "a\u{0}b";

/// The pointers of the texts in a value, and of one more field in each object.
fn places(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(place.to_owned()),
        Value::Array(entries) => {
            entries.iter().enumerate().for_each(|(index, entry)| places(entry, &format!("{place}/{index}"), found));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(value, &format!("{place}/{name}"), found));
        }
        _ => {}
    }
}

fn with_nul(body: &Value, place: &str) -> Value {
    let mut body = body.clone();
    *body.pointer_mut(place).unwrap() = json!(NUL);
    body
}

#[tokio::test]
async fn nul_in_a_body_is_refused_with_its_pointer() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let (mut bodies, mut tried) = (0, 0);
    for operation in operations(&world).await {
        let rows = ready(&world, &clinic, &clinic.admin, &operation, &Rows::of(&world, &clinic).await).await;
        let (_, Some(mut body), _) = call(&operation, &rows) else { continue };
        if body.get("answers").is_some() {
            let contact = json!({"name": "Ana", "email": "a@b.example"});
            let consent = json!({"to_contact": true, "text_version": "1", "given_at": "2026-01-01T00:00:00Z"});
            body["subject"] = json!({"reference": "R", "contact": contact, "consent": consent});
            body["source"] = json!({"system": "ehr", "id": "1"});
        } else if operation.path.starts_with("/v1/follow-ups") {
            body["note"] = json!("Called");
        }
        bodies += 1;
        let mut found = Vec::new();
        places(&body, "", &mut found);
        for place in found {
            let sent = with_nul(&body, &place);
            let answer = clinic.admin.send(request_with(&clinic.admin, &operation, &rows, Some(sent))).await;
            let named = if operation.id == "create_submission" && place.starts_with("/subject/contact/") {
                answer.status == 201 && answer.text.contains(&place)
            } else if operation.id == "create_submission_batch" {
                answer.text.contains(place.trim_start_matches("/items/0/submission"))
            } else {
                answer.status == 422 && answer.pointers().contains(&place)
            };
            assert!(named, "{} {place}: {} {}", operation.id, answer.status, answer.text);
            tried += 1;
        }
    }
    println!("{tried} places in {bodies} bodies");
    assert!(bodies >= 15 && tried >= 40, "{bodies} {tried}");
}

#[tokio::test]
async fn nul_in_a_query_is_refused_with_the_parameter_name() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let document = world.holder(None).get("/openapi.json").await.expect(200);
    let mut tried = 0;
    for operation in operations(&world).await {
        let parameters = document["paths"][&operation.path][operation.method.to_lowercase()]["parameters"].clone();
        let queries = parameters.as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "query");
        let rows = Rows::of(&world, &clinic).await;
        let (path, ..) = call(&operation, &rows);
        for parameter in queries {
            let name = parameter["name"].as_str().unwrap();
            let request = clinic.admin.request(&operation.method, &format!("{path}?{name}=a%00b"));
            let answer = clinic.admin.send(request).await;
            assert_eq!(answer.pointers(), [format!("/{name}")], "{path}: {}", answer.text);
            answer.expect(400);
            tried += 1;
        }
    }
    assert!(tried >= 30, "{tried}");
    for (path, names) in [
        ("/fhir/QuestionnaireResponse", &["_id", "_cursor", "questionnaire", "identifier", "status", "subject"][..]),
        ("/fhir/Observation", &["code", "_id", "date"]),
        ("/fhir/Task", &["_id", "status", "_cursor", "_lastUpdated"]),
        ("/fhir/Questionnaire", &["url"]),
        ("/fhir/Patient", &["_id", "identifier"]),
    ] {
        for name in names {
            let answer = clinic.staff.get(&format!("{path}?{name}=a%00b")).await;
            assert!(answer.text.contains(&format!("http.{name}")), "{path} {name}: {}", answer.text);
            answer.expect(400);
            if path != "/fhir/Questionnaire" {
                let posted = search(&clinic.staff, &format!("{path}/_search"), &[(name, NUL)]);
                clinic.staff.send(posted).await.expect(400);
            }
        }
    }
}

#[tokio::test]
async fn nul_in_a_fhir_resource_or_condition_is_refused() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut body = identified(&frail(), "1");
    body["subject"] = json!({"identifier": {"value": "R-1"}});
    let mut found = Vec::new();
    places(&body, "", &mut found);
    assert!(found.len() > 10);
    for place in found {
        let sent = with_nul(&body, &place);
        let request = clinic.intake.request("POST", "/fhir/QuestionnaireResponse").json(&sent);
        let answer = clinic.intake.send(request).await;
        assert_eq!(answer.status, 422, "{place}: {}", answer.text);
        let entry = json!({"request": {"method": "POST", "url": "QuestionnaireResponse"}, "resource": sent});
        let bundle = json!({"resourceType": "Bundle", "type": "batch", "entry": [entry]});
        let answer = clinic.intake.send(clinic.intake.request("POST", "/fhir").json(&bundle)).await.expect(200);
        assert_eq!(answer["entry"][0]["response"]["status"], "422", "{place}: {answer}");
    }
    let condition = create_once(&clinic.intake, "a%00b", &body).await;
    assert!(condition.text.contains("http.If-None-Exist"), "{}", condition.text);
    condition.expect(400);
    assert_eq!(world.count("select count(*) from submissions").await, 0);
}
