//! CapabilityStatement: what is served, made of the list of interactions.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::{INTERACTIONS, Interaction, MEDIA_TYPE, reply};
use crate::domain::language::Language;
use crate::http::State;

/// The day on which what is served last changed.
const CHANGED: &str = "2026-11-25";

/// Search parameters by type, in the words of the statement: name and kind.
const PARAMETERS: [(&str, &[(&str, &str)]); 2] = [
    ("Questionnaire", &[("_id", "token"), ("url", "uri"), ("version", "token"), ("status", "token")]),
    ("CodeSystem", &[("_id", "token"), ("url", "uri")]),
];

/// `GET /fhir/metadata`.
pub(super) async fn get_metadata(_state: web::Data<State>) -> HttpResponse {
    reply::public(Language::default(), &statement())
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
                "description": "Authorization: Bearer with a key of the clinic or a token of its issuer",
            },
            "resource": types().map(resource).collect::<Vec<_>>(),
        }],
    })
}

/// Every type, in the order of the list.
fn types() -> impl Iterator<Item = &'static str> {
    let mut seen = std::collections::HashSet::new();
    let names = INTERACTIONS.iter().filter_map(|one| one.path.split('/').nth(2));
    names.filter(move |name| name.starts_with(char::is_uppercase) && seen.insert(*name))
}

fn resource(name: &str) -> Value {
    let of_type = INTERACTIONS.iter().filter(|one| one.path.split('/').nth(2) == Some(name));
    let mut codes: Vec<&str> = of_type.filter_map(code).collect();
    codes.dedup();
    let interaction: Vec<Value> = codes.into_iter().map(|code| json!({"code": code})).collect();
    let parameters = PARAMETERS.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, parameters)| parameters);
    let parameter = |(name, kind): &(&str, &str)| json!({"name": name, "type": kind});
    json!({
        "type": name,
        "interaction": interaction,
        "searchParam": parameters.iter().map(parameter).collect::<Vec<_>>(),
    })
}

/// The interaction in the words of the specification; operations have none.
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
