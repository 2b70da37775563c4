//! The OpenAPI document is current and complete, and its schema of answers matches the catalogue.

use std::collections::BTreeSet;

use sarcoscreen::domain::fixed::to_units;
use sarcoscreen::domain::screening::questionnaire::{CATALOGUE, Kind};
use sarcoscreen::http::{audit_actions, document};
use serde_json::Value;

#[test]
fn the_checked_in_document_matches_the_routes() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/v1.json");
    let checked_in = std::fs::read_to_string(path).unwrap();
    assert!(checked_in == document(), "regenerate it: cargo run -- openapi > openapi/v1.json");
}

#[test]
fn every_operation_documents_its_roles_purpose_and_errors() {
    let document = parsed();
    let mut faults = Vec::new();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let place = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap_or_default();
        let verbs = [
            "create_",
            "list_",
            "get_",
            "search_",
            "take_",
            "claim_",
            "release_",
            "reassign_",
            "contact_",
            "book_",
            "unbook_",
            "mark_",
            "close_",
            "reopen_",
            "count_",
            "note_",
            "rotate_",
            "revoke_",
            "replace_",
            "merge_",
            "undo_",
            "export_",
            "delete_",
            "update_",
            "ping_",
            "redeliver_",
        ];
        if !verbs.iter().any(|verb| id.starts_with(verb)) || !ids.insert(id.to_owned()) {
            faults.push(format!("{place}: operation id {id:?}"));
        }
        for key in ["summary", "description", "tags", "security"] {
            if operation[key].is_null() {
                faults.push(format!("{place}: no {key}"));
            }
        }
        let responses = operation["responses"].as_object().unwrap();
        let secured = operation["security"][0]["key"].is_array();
        let body = operation.get("requestBody").is_some();
        let wanted =
            [(secured, &["401", "403", "503"][..]), (body, &["400", "408", "413", "415", "422"]), (true, &["500"])];
        for status in wanted.into_iter().filter(|row| row.0).flat_map(|row| row.1) {
            if !responses.contains_key(*status) {
                faults.push(format!("{place}: no {status}"));
            }
        }
        for (status, response) in responses {
            if response.get("$ref").is_none() && response["description"].as_str().unwrap_or_default().is_empty() {
                faults.push(format!("{place}: {status} has no description"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(ids.len() >= 13);
}

/// Operations with a key that show no data of a subject and change nothing.
const NOT_AUDITED: [&str; 4] = ["count_follow_up_changes", "create_score", "get_me", "list_staff"];

#[test]
fn every_secured_operation_that_shows_or_changes_data_of_subjects_is_audited() {
    let (document, actions) = (parsed(), audit_actions());
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let secured = operation["security"][0]["key"].is_array();
        let audited = actions.contains_key(&format!("{} {path}", method.to_uppercase()));
        assert_eq!(audited, secured && !NOT_AUDITED.contains(&id), "{method} {path}: give {id} an x-audit-action");
    }
}

#[test]
fn the_schema_of_answers_repeats_every_bound_of_the_catalogue() {
    let document = parsed();
    let properties = document["components"]["schemas"]["Answers"]["properties"].as_object().unwrap();
    assert_eq!(properties.len(), CATALOGUE.len());
    assert_eq!(document["components"]["schemas"]["Answers"]["additionalProperties"], false);
    for spec in &CATALOGUE {
        let schema = &properties[spec.id];
        match spec.kind {
            Kind::Number { maximum, step, scale, .. } => {
                let bound = |name: &str| to_units(schema[name].as_f64().unwrap(), scale);
                assert_eq!(bound("minimum"), Some(spec.least()), "{}", spec.id);
                assert_eq!(bound("maximum"), Some(maximum), "{}", spec.id);
                assert_eq!(bound("x-step"), Some(step), "{}", spec.id);
            }
            Kind::Flag => assert_eq!(schema["type"][0], "boolean", "{}", spec.id),
            Kind::Choice(options) => assert_eq!(options_of(&document, &schema["oneOf"][1]), options, "{}", spec.id),
            Kind::Set { options, .. } => assert_eq!(options_of(&document, &schema["items"]), options, "{}", spec.id),
        }
    }
}

/// The options in the schema that a reference names.
fn options_of<'a>(document: &'a Value, reference: &Value) -> Vec<&'a str> {
    let pointer = reference["$ref"].as_str().unwrap().trim_start_matches('#');
    strings(&document.pointer(pointer).unwrap()["enum"])
}

#[test]
fn the_names_of_schemas_say_what_they_are() {
    let document = parsed();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for general in ["By", "Share", "Change", "Rule", "Option", "Item"] {
        assert!(!schemas.contains_key(general), "{general} has another meaning in most programs");
    }
    assert!(schemas["ContactInput"]["properties"]["telephone"].is_object(), "the contact data of a submission");
    let ids: Vec<_> = CATALOGUE.iter().map(|spec| spec.id).collect();
    assert_eq!(strings(&schemas["ItemId"]["x-extensible-enum"]), ids);
    // One class for each list of options, not one for each question.
    let properties = schemas["Answers"]["properties"].as_object().unwrap().values();
    assert!(properties.clone().all(|schema| schema.get("enum").is_none() && schema["items"].get("enum").is_none()));
    assert_eq!(properties.filter(|schema| schema["oneOf"][1]["$ref"] == "#/components/schemas/Difficulty").count(), 4);
}

#[test]
fn no_path_or_query_contains_a_reference_a_name_or_a_number() {
    let document = parsed();
    for (method, path, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let forbidden = ["reference", "name", "telephone", "email"];
            assert!(!forbidden.contains(&name), "{method} {path} takes {name}");
        }
    }
}

fn parsed() -> Value {
    serde_json::from_str(&document()).unwrap()
}

fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
        })
        .collect()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().filter_map(Value::as_str).collect()
}
