//! The FHIR facade: permissions and resources.

mod accept;
mod access;
mod addresses;
mod audit_events;
mod batch;
mod clients;
mod conditional;
mod corrected;
mod corrections;
mod described;
mod forms;
mod identity;
mod operations;
mod requests;
mod responses;
mod searches;
mod tasks;
mod units;
mod versions;
mod written;

use sarcoscreen::domain::screening::answers::{Answers, RawAnswers};
use sarcoscreen::domain::screening::questionnaire::{CATALOGUE, Kind};
use serde_json::{Value, json};

use crate::world::{Answer, User};

/// The code system of answer options.
pub(crate) const ANSWERS: &str = "urn:sarcoscreen:answers";

/// Answers of `/v1` as a `QuestionnaireResponse`.
pub(crate) fn response(answers: &Value) -> Value {
    let text = answers.to_string();
    let raw: RawAnswers<'_> = serde_json::from_str(&text).unwrap();
    assert!(Answers::parse(&raw).1.is_empty());
    let mut items = Vec::new();
    for (name, value) in answers.as_object().unwrap() {
        let spec = CATALOGUE.iter().find(|spec| spec.id == name).unwrap();
        let coding = |option: &str| json!({"valueCoding": {"system": ANSWERS, "code": format!("{name}.{option}")}});
        let answer = match spec.kind {
            Kind::Flag => vec![json!({"valueBoolean": value})],
            Kind::Number { scale: 1, .. } => vec![json!({"valueInteger": value})],
            Kind::Number { .. } => vec![json!({"valueDecimal": value})],
            Kind::Choice(_) => vec![coding(value.as_str().unwrap())],
            Kind::Set { .. } => {
                let options = value.as_array().unwrap();
                let none = options.is_empty().then(|| coding("none_of_these"));
                options.iter().map(|option| coding(option.as_str().unwrap())).chain(none).collect()
            }
        };
        items.push(json!({"linkId": name, "answer": answer}));
    }
    json!({"resourceType": "QuestionnaireResponse", "status": "completed", "item": items})
}

/// A conditional create, and its response.
pub(crate) async fn create_once(user: &User, identifier: &str, body: &Value) -> Answer {
    user.send(conditional_create(user, identifier, body)).await
}

/// The request of a conditional create.
pub(crate) fn conditional_create(user: &User, identifier: &str, body: &Value) -> reqwest::RequestBuilder {
    let request = user.request("POST", "/fhir/QuestionnaireResponse").header("content-type", "application/fhir+json");
    request.header("if-none-exist", format!("identifier=urn:ehr|{identifier}")).body(body.to_string())
}

/// A `QuestionnaireResponse` with an identifier.
pub(crate) fn identified(answers: &Value, identifier: &str) -> Value {
    let mut body = response(answers);
    body["identifier"] = json!({"system": "urn:ehr", "value": identifier});
    body
}

/// A search with parameters in its body.
pub(crate) fn search(user: &User, path: &str, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    user.request("POST", path).header("content-type", "application/x-www-form-urlencoded").body(text)
}

/// The ids of the resources of a bundle, without those of outcomes.
pub(crate) fn ids(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let found = entries.iter().filter(|entry| entry["search"]["mode"] != "outcome");
    found.map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned()).collect()
}

/// The expressions of an outcome.
pub(crate) fn expressions(outcome: &Value) -> Vec<String> {
    let issues = outcome["issue"].as_array().unwrap();
    let named = issues.iter().filter_map(|issue| issue["expression"][0].as_str());
    named.map(str::to_owned).collect()
}
