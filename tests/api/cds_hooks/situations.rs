//! Twelve prefetch situations as record systems and the public sandbox of CDS Hooks send them, with the request and the cards of
//! each; discovery and feedback with the headers of a page in a browser.

use serde_json::{Value, json};

use super::{SERVICE, bundle, call, response};
use crate::world::{User, World, fit, frail};

const ORIGIN: &str = "https://clinic.example";
const NOT_ANSWERED: &str = "have not been answered yet";

/// A situation: its name, the prefetch data, the status, and parts of the summaries of the cards.
type Situation = (&'static str, Value, u16, &'static [&'static str]);

fn patient() -> Value {
    json!({"resourceType": "Patient", "id": "1288992", "birthDate": "1944-01-02", "gender": "female", "active": true,
        "identifier": [{"system": "urn:mrn", "value": "7"}],
        "name": [{"use": "official", "family": "Shaw", "given": ["Amy"]}],
        "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">Amy Shaw</div>"}})
}

/// A searchset as record systems send it: with a total, links, full URLs and an outcome.
fn searchset(resources: &[Value]) -> Value {
    let entry = |(place, resource): (usize, &Value)| {
        json!({"fullUrl": format!("https://ehr.example/fhir/QuestionnaireResponse/{place}"), "resource": resource,
            "search": {"mode": "match"}})
    };
    let mut entries: Vec<Value> = resources.iter().enumerate().map(entry).collect();
    let information = json!([{"severity": "information", "code": "informational"}]);
    let outcome = json!({"resourceType": "OperationOutcome", "issue": information});
    entries.push(json!({"resource": outcome, "search": {"mode": "outcome"}}));
    json!({"resourceType": "Bundle", "type": "searchset", "total": resources.len(), "entry": entries,
        "link": [{"relation": "self", "url": "https://ehr.example/fhir/QuestionnaireResponse?patient=1288992"}]})
}

fn about(mut response: Value, patient: &str) -> Value {
    response["subject"] = json!({"reference": format!("Patient/{patient}")});
    response
}

fn situations() -> [Situation; 12] {
    let answered = about(response(&frail(), "2026-11-01T10:00:00+01:00"), "1288992");
    let mut hosted = answered.clone();
    hosted["questionnaire"] = json!("https://screening.example/fhir/Questionnaire/sarcoscreen-person|2026.3");
    let mut draft = answered.clone();
    draft["status"] = json!("in-progress");
    let mut amended = about(response(&fit(), "2026-11-02"), "1288992");
    amended["status"] = json!("amended");
    let mut alarming = frail();
    alarming["new_confusion"] = json!(true);
    let mut deceased = patient();
    deceased["deceasedBoolean"] = json!(true);
    let failed = json!({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]});
    let of = |responses: Value| json!({"patient": patient(), "responses": responses});
    let other = about(response(&frail(), "2026-11-01"), "77");
    let alarm = about(response(&alarming, "2026-11-01"), "1288992");
    let later = bundle(&[answered.clone(), amended]);
    let single = std::slice::from_ref(&answered);
    [
        ("a positive response in a searchset", of(searchset(single)), 200, &["consultation"]),
        ("a response to the form of a person under a public URL", of(hosted), 200, &["consultation"]),
        ("an empty searchset", of(searchset(&[])), 200, &[NOT_ANSWERED]),
        ("no responses", of(Value::Null), 200, &[NOT_ANSWERED]),
        ("no patient", json!({"responses": bundle(single)}), 200, &["consultation"]),
        ("a draft only", of(bundle(&[draft])), 200, &[NOT_ANSWERED]),
        ("an amended response", json!({"responses": later}), 200, &["nothing was flagged"]),
        ("an alarm sign", of(alarm), 200, &["require immediate care"]),
        ("a response of another patient", of(bundle(&[other])), 200, &[NOT_ANSWERED]),
        ("a deceased patient", json!({"patient": deceased, "responses": bundle(single)}), 200, &[]),
        ("responses that could not be prefetched", of(failed), 412, &[]),
        ("no prefetch of responses", json!({"patient": patient()}), 412, &[]),
    ]
}

/// A call as the sandbox sends it: from a page, with the headers of its HTTP client.
fn sent(user: &User, prefetch: &Value) -> reqwest::RequestBuilder {
    let request = user.request("POST", SERVICE).header("origin", ORIGIN).header("accept", "application/json");
    request.json(&call(prefetch))
}

#[tokio::test]
async fn twelve_prefetch_situations_with_their_requests_and_cards() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    for (name, prefetch, status, summaries) in situations() {
        println!("## {name}\n\nPOST {SERVICE}\n{:#}\n", call(&prefetch));
        let answer = intake.send(sent(&intake, &prefetch)).await;
        println!("{}\n{:#}\n", answer.status, answer.json());
        assert_eq!(answer.header("access-control-allow-origin"), ORIGIN, "{name}");
        let body = answer.expect(status);
        if status != 200 {
            assert_eq!(body["type"], "/docs/problems#not_prefetched", "{name}");
            continue;
        }
        let cards = body["cards"].as_array().unwrap();
        assert_eq!(cards.len(), summaries.len(), "{name}: {body}");
        for (card, part) in cards.iter().zip(summaries) {
            assert!(card["summary"].as_str().unwrap().contains(part), "{name}: {card}");
            complete(card);
        }
    }
}

/// Checks the required members of a card, and of its suggestions and links.
fn complete(card: &Value) {
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    assert!(text(&card["uuid"]) && text(&card["detail"]) && text(&card["source"]["label"]), "{card}");
    assert!(card["summary"].as_str().unwrap().chars().count() < 140, "{card}");
    assert!(["info", "warning", "critical"].contains(&card["indicator"].as_str().unwrap()), "{card}");
    let suggestions = card["suggestions"].as_array().cloned().unwrap_or_default();
    assert_eq!(suggestions.is_empty(), card.get("selectionBehavior").is_none(), "{card}");
    for suggestion in suggestions {
        assert!(text(&suggestion["label"]) && text(&suggestion["uuid"]), "{suggestion}");
        for action in suggestion["actions"].as_array().unwrap() {
            let whole = text(&action["type"]) && text(&action["description"]);
            assert!(whole && action["resource"].is_object(), "{action}");
        }
    }
    for link in card["links"].as_array().cloned().unwrap_or_default() {
        assert!(text(&link["label"]) && text(&link["url"]) && link["type"] == "absolute", "{link}");
    }
}

#[tokio::test]
async fn a_sandbox_in_a_browser_discovers_calls_and_reports() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    let anonymous = world.holder(None);
    let accept = "application/json, text/plain, */*";
    let discovery = anonymous.request("GET", "/cds-services").header("origin", ORIGIN).header("accept", accept);
    let discovery = anonymous.send(discovery).await;
    assert!(!discovery.header("access-control-allow-origin").is_empty());
    let services = discovery.expect(200)["services"].as_array().unwrap().clone();
    assert!(services.iter().all(|service| service["hook"] == "patient-view" && service["prefetch"].is_object()));
    for path in [SERVICE.to_owned(), format!("{SERVICE}/feedback")] {
        let preflight = anonymous.request("OPTIONS", &path).header("origin", ORIGIN);
        let preflight = preflight.header("access-control-request-method", "POST");
        let preflight = preflight.header("access-control-request-headers", "authorization,content-type");
        let allowed = anonymous.send(preflight).await;
        assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (200, ORIGIN), "{path}");
    }
    let at = "2026-11-25T10:00:00Z";
    let (id, suggestion) = ("4e0a3a1e-3283-4575-ab82-028d55fe2719", "c1a4b3d2-0001-4000-8000-000000000001");
    let code = json!({"code": "patient-refused", "system": "https://ehr.example/reasons", "display": "Refused"});
    let reason = json!({"reason": code, "userComment": "Discussed"});
    for feedback in [
        json!({"card": id, "outcome": "accepted", "acceptedSuggestions": [{"id": suggestion}], "outcomeTimestamp": at}),
        json!({"card": id, "outcome": "overridden", "outcomeTimestamp": at}),
        json!({"card": id, "outcome": "overridden", "overrideReason": reason, "outcomeTimestamp": at}),
    ] {
        let path = format!("{SERVICE}/feedback");
        let request = intake.request("POST", &path).header("origin", ORIGIN).header("accept", accept);
        let answer = intake.send(request.json(&json!({"feedback": [feedback]}))).await;
        assert_eq!((answer.status, &*answer.text), (200, ""), "{feedback}");
    }
}
