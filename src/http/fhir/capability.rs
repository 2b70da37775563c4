//! `CapabilityStatement`, built from the list of interactions.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::{INTERACTIONS, Interaction, MEDIA_TYPE, reply};
use crate::domain::language::Language;
use crate::http::kernel::fixed;
use crate::http::kernel::fixed::Fixed;
use crate::http::kernel::problem::Problem;

/// Date of the last change to the supported interactions.
const CHANGED: &str = "2026-11-25";

/// Search parameters of resources made of submissions.
const OF_RECORDS: [(&str, &str); 6] = [
    ("_id", "token"),
    ("_lastUpdated", "date"),
    ("subject", "reference"),
    ("patient", "reference"),
    ("status", "token"),
    ("date", "date"),
];

/// Search parameters of resources made of follow-ups.
const OF_CASES: [(&str, &str); 5] = [
    ("_id", "token"),
    ("_lastUpdated", "date"),
    ("subject", "reference"),
    ("patient", "reference"),
    ("status", "token"),
];

/// Operations: type, name and definition.
const OPERATIONS: [(&str, &str, &str); 2] = [
    ("Questionnaire", "populate", "http://hl7.org/fhir/uv/sdc/OperationDefinition/Questionnaire-populate"),
    (
        "QuestionnaireResponse",
        "extract",
        "http://hl7.org/fhir/uv/sdc/OperationDefinition/QuestionnaireResponse-extract",
    ),
];

/// Search parameters of a type: name and kind.
fn parameters(name: &str) -> Vec<(&'static str, &'static str)> {
    match name {
        "Questionnaire" => vec![("_id", "token"), ("url", "uri"), ("version", "token"), ("status", "token")],
        "CodeSystem" => vec![("_id", "token"), ("url", "uri")],
        "QuestionnaireResponse" => {
            let own = [("authored", "date"), ("questionnaire", "reference"), ("identifier", "token")];
            OF_RECORDS.into_iter().filter(|(name, _)| *name != "date").chain(own).collect()
        }
        "Observation" => OF_RECORDS.into_iter().chain([("code", "token")]).collect(),
        "RiskAssessment" => OF_RECORDS.to_vec(),
        _ => OF_CASES.to_vec(),
    }
}

/// `GET /fhir/metadata`.
///
/// # Errors
/// Fails when it cannot be serialized.
pub(super) async fn get_metadata(request: HttpRequest) -> Result<HttpResponse, Problem> {
    static BODY: Fixed = Fixed::new();
    reply::fixed(&request, Language::default(), &BODY, || fixed::json(&statement()))
}

fn statement() -> Value {
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": CHANGED,
        "kind": "instance",
        "software": {"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")},
        "implementation": {"description": "Sarcopenia risk screening"},
        "fhirVersion": "4.0.1",
        "format": [MEDIA_TYPE, "json"],
        "rest": [{
            "mode": "server",
            "security": {
                "cors": true,
                "description": "Authorization: Bearer with a key of the clinic or a token of its identity provider",
            },
            "interaction": [{"code": "batch"}],
            "resource": types().map(resource).collect::<Vec<_>>(),
        }],
    })
}

/// All types, in the order of the list.
fn types() -> impl Iterator<Item = &'static str> {
    let mut seen = std::collections::HashSet::new();
    let names = INTERACTIONS.iter().filter_map(|one| one.path.split('/').nth(2));
    names.filter(move |name| name.starts_with(char::is_uppercase) && seen.insert(*name))
}

fn resource(name: &str) -> Value {
    let of_type = INTERACTIONS.iter().filter(|one| one.path.split('/').nth(2) == Some(name));
    let mut codes: Vec<&str> = of_type.filter_map(code).collect();
    codes.sort_unstable();
    codes.dedup();
    let interaction: Vec<Value> = codes.iter().map(|code| json!({"code": code})).collect();
    let parameter = |(name, kind): (&str, &str)| json!({"name": name, "type": kind});
    let created = codes.contains(&"create");
    let operation = OPERATIONS.into_iter().filter(|(of, ..)| *of == name);
    let operation: Vec<Value> = operation.map(|(_, name, at)| json!({"name": name, "definition": at})).collect();
    let mut resource = json!({
        "type": name,
        "interaction": interaction,
        "conditionalCreate": created,
        "versioning": "versioned",
        "searchParam": parameters(name).into_iter().map(parameter).collect::<Vec<_>>(),
    });
    if !operation.is_empty() {
        resource["operation"] = operation.into();
    }
    resource
}

/// The FHIR code of an interaction; `None` for operations.
fn code(one: &Interaction) -> Option<&'static str> {
    let rest = one.path.split('/').skip(3).collect::<Vec<_>>();
    Some(match (one.method, &rest[..]) {
        ("GET", []) | ("POST", ["_search"]) => "search-type",
        ("GET", ["{id}"]) => "read",
        ("POST", []) => "create",
        ("PUT", ["{id}"]) => "update",
        _ => return None,
    })
}
