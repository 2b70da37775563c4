//! `CapabilityStatement`, built from the list of interactions.

use std::collections::{BTreeSet, HashSet};

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::element::element;
use super::parameters::{inclusions, parameters};
use super::{INTERACTIONS, Interaction, MEDIA_TYPE, reply};
use crate::domain::language::Language;
use crate::http::kernel::fixed;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;

/// Date of the last change to the supported interactions.
const CHANGED: &str = "2026-11-30";

/// Where Structured Data Capture defines its operations.
const DEFINITIONS: &str = "http://hl7.org/fhir/uv/sdc/OperationDefinition";

/// The extension with the addresses of an authorization server.
const OAUTH_URIS: &str = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris";
const SECURITY_SERVICE: &str = "http://terminology.hl7.org/CodeSystem/restful-security-service";

pub(super) async fn get_metadata(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let body = state.public.body("/fhir/metadata", "", Language::default());
    reply::fixed(&request, Language::default(), &body, || fixed::json(&statement(state.app.token_endpoint())))
}

/// The statement, with the token endpoint of SMART backend services if there is one.
fn statement(token_endpoint: Option<&str>) -> Value {
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
            "security": security(token_endpoint),
            "interaction": [{"code": "batch"}],
            "resource": types().map(resource).collect::<Vec<_>>(),
        }],
    })
}

fn security(token_endpoint: Option<&str>) -> Value {
    let uris = |endpoint: &str| {
        let token = json!({"url": "token", "valueUri": endpoint});
        json!([{"url": OAUTH_URIS, "extension": [token]}])
    };
    let service = json!({"system": SECURITY_SERVICE, "code": "SMART-on-FHIR"});
    element(json!({
        "extension": token_endpoint.map(uris),
        "cors": true,
        "service": token_endpoint.map(|_| json!([{"coding": [service]}])),
        "description": "Authorization: Bearer with a key of the clinic, with a token of its identity provider, or with an access \
                        token of SMART backend services (see .well-known/smart-configuration)",
    }))
}

/// All types, in the order of the list.
fn types() -> impl Iterator<Item = &'static str> {
    let mut seen = HashSet::new();
    let names = INTERACTIONS.iter().filter_map(Interaction::resource_type);
    names.filter(move |name| name.starts_with(char::is_uppercase) && seen.insert(*name))
}

fn resource(name: &str) -> Value {
    let of_type = || INTERACTIONS.iter().filter(|one| one.resource_type() == Some(name));
    let codes: BTreeSet<&str> = of_type().filter_map(code).collect();
    let operations: BTreeSet<&str> = of_type().filter_map(|one| Some(one.path.split_once('$')?.1)).collect();
    let parameter = |(name, kind): &(&str, &str)| json!({"name": name, "type": kind});
    let operation = |one: &&str| json!({"name": one, "definition": format!("{DEFINITIONS}/{name}-{one}")});
    let mut resource = json!({
        "type": name,
        "interaction": codes.iter().map(|code| json!({"code": code})).collect::<Vec<_>>(),
        "conditionalCreate": codes.contains("create"),
        "versioning": versioning(name),
        "readHistory": codes.contains("vread"),
        "updateCreate": false,
        "searchParam": parameters(name).iter().map(parameter).collect::<Vec<_>>(),
    });
    if !inclusions(name).is_empty() {
        resource["searchInclude"] = inclusions(name).into();
    }
    if !operations.is_empty() {
        resource["operation"] = operations.iter().map(operation).collect();
    }
    resource
}

/// Whether resources of a type have a version, and whether an update must name it.
fn versioning(name: &str) -> &'static str {
    match name {
        "Questionnaire" | "CodeSystem" | "ValueSet" | "AuditEvent" => "no-version",
        "Task" => "versioned-update",
        _ => "versioned",
    }
}

/// The FHIR code of an interaction; `None` for operations.
fn code(one: &Interaction) -> Option<&'static str> {
    let rest = one.path.split('/').skip(3).collect::<Vec<_>>();
    Some(match (one.method.as_str(), &rest[..]) {
        ("GET", []) | ("POST", ["_search"]) => "search-type",
        ("GET", ["{id}"]) => "read",
        ("GET", ["{id}", "_history", "{version}"]) => "vread",
        ("GET", ["{id}", "_history"]) => "history-instance",
        ("POST", []) => "create",
        ("PUT", ["{id}"]) => "update",
        _ => return None,
    })
}
