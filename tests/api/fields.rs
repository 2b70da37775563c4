//! No operation accepts body fields that the service sets itself. `schema.rs` checks the response fields in all tests.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::access::{Rows, call, operations, ready, request};
use crate::world::World;

/// The names of all fields of all schemas of the document.
fn every_field(document: &Value) -> BTreeSet<String> {
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut names = BTreeSet::new();
    for schema in schemas.values() {
        collect(schema, &mut names);
    }
    names
}

fn collect(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
                names.extend(properties.keys().cloned());
            }
            fields.values().for_each(|value| collect(value, names));
        }
        Value::Array(entries) => entries.iter().for_each(|entry| collect(entry, names)),
        _ => {}
    }
}

/// The properties that the body of an operation may have, by the pointer of each object in it.
fn objects_of(document: &Value, schema: &Value, place: &str, found: &mut Vec<(String, BTreeSet<String>)>) {
    let schema = match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    for alternative in schema["oneOf"].as_array().into_iter().flatten() {
        objects_of(document, alternative, place, found);
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    found.push((place.to_owned(), properties.keys().cloned().collect()));
    for (name, property) in properties {
        objects_of(document, property, &format!("{place}/{name}"), found);
    }
}

/// The body with more fields at a pointer.
fn with(body: &Value, place: &str, names: &[&String]) -> Value {
    let mut body = body.clone();
    let mut target = &mut body;
    for part in place.split('/').skip(1) {
        target = target.as_object_mut().unwrap().entry(part).or_insert_with(|| Value::Object(Map::new()));
    }
    for name in names {
        target.as_object_mut().unwrap().insert((*name).clone(), Value::from(1));
    }
    body
}

#[tokio::test]
async fn no_body_accepts_a_field_of_another_schema() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let document = world.holder(None).get("/openapi.json").await.expect(200);
    let every = every_field(&document);
    let (mut writing, mut tried) = (0, 0);
    for operation in operations(&world).await {
        let path = document["paths"][&operation.path][operation.method.to_lowercase()].clone();
        let Some(schema) = path["requestBody"]["content"].as_object().and_then(|content| content.values().next())
        else {
            continue;
        };
        writing += 1;
        let mut objects = Vec::new();
        objects_of(&document, &schema["schema"], "", &mut objects);
        assert!(!objects.is_empty(), "the body of {} has no object", operation.id);
        let rows = ready(&world, &clinic, &clinic.admin, &operation, &Rows::of(&world, &clinic).await).await;
        let body = call(&operation, &rows).1.unwrap_or_else(|| Value::Object(Map::new()));
        for (place, own) in objects {
            let foreign: Vec<&String> = every.iter().filter(|name| !own.contains(*name)).collect();
            // A response has at most 100 faults.
            for names in foreign.chunks(50) {
                let sent = request(&clinic.admin, &operation, &rows).json(&with(&body, &place, names));
                let answer = clinic.admin.send(sent).await;
                assert_eq!(answer.status, 422, "{} took {names:?} in {place}: {}", operation.id, answer.text);
                let faults = answer.json()["errors"].clone();
                for name in names {
                    let pointer = format!("{place}/{name}");
                    let reports = |fault: &Value| fault["pointer"] == *pointer && fault["code"] == "unknown_field";
                    assert!(
                        faults.as_array().unwrap().iter().any(reports),
                        "{} took {pointer}: {faults}",
                        operation.id
                    );
                }
                tried += names.len();
            }
        }
    }
    println!("{writing} operations with a body, {} fields of the service, {tried} fields refused", every.len());
    assert!(writing >= 18 && every.len() > 150, "{writing} {}", every.len());
}
