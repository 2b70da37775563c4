//! Every response of every test is validated against the schema of the document, closed: an undocumented field or status
//! fails the test.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// The documented responses of an operation.
struct Operation {
    method: String,
    template: Vec<String>,
    /// By status; `None` if the response has no JSON body.
    answers: HashMap<u16, Option<Arc<Validator>>>,
}

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(operations);

/// Compiles the schemas. It takes seconds, in which a service on the same threads cannot run.
pub(crate) async fn compile() {
    tokio::task::spawn_blocking(|| LazyLock::force(&OPERATIONS)).await.unwrap();
}

/// Checks a response to a request for a path of the document.
pub(crate) fn check(method: &str, address: &str, status: u16, text: &str) {
    let path = address.split('?').next().unwrap_or_default();
    let Some(operation) = OPERATIONS.iter().find(|operation| operation.takes(method, path)) else { return };
    if status == 405 {
        // The path of another operation, which also matches this template as an id.
        return;
    }
    let answer = operation.answers.get(&status);
    let answer = answer.unwrap_or_else(|| panic!("the document lists no {status} for {method} {path}: {text}"));
    let Some(validator) = answer else { return };
    let body: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{method} {path} {status}: {error}"));
    let faults: Vec<String> =
        validator.iter_errors(&body).map(|fault| format!("{} at {}", fault, fault.instance_path())).collect();
    assert!(faults.is_empty(), "{method} {path} {status} does not match the document: {faults:#?}\n{text}");
}

impl Operation {
    fn takes(&self, method: &str, path: &str) -> bool {
        let given: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let fits =
            |(wanted, given): (&String, &&str)| wanted == given || (wanted.starts_with('{') && !given.is_empty());
        self.method == method && self.template.len() == given.len() && self.template.iter().zip(&given).all(fits)
    }
}

fn operations() -> Vec<Operation> {
    let mut document: Value = serde_json::from_str(&sarcoscreen::http::document()).unwrap();
    enumerate(&mut document);
    close(&mut document);
    let components = document["components"].clone();
    let mut found = Vec::new();
    // Many responses have the same schema.
    let mut validators: HashMap<String, Arc<Validator>> = HashMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap().iter().map(|(status, response)| {
                let response = resolve(&components, response);
                let schema = response["content"].as_object().and_then(|content| {
                    let json = content.iter().find(|(kind, _)| kind.ends_with("json") && !kind.contains("ndjson"));
                    json.map(|(_, content)| {
                        let schema = &content["schema"];
                        let compiled = validators.entry(schema.to_string());
                        Arc::clone(compiled.or_insert_with(|| Arc::new(validator(&components, schema))))
                    })
                });
                (status.parse().unwrap(), schema)
            });
            found.push(Operation {
                method: method.to_uppercase(),
                template: path.trim_start_matches('/').split('/').map(str::to_owned).collect(),
                answers: answers.collect(),
            });
        }
    }
    // Paths without parameters come before parameterized paths that also match them.
    found.sort_by_key(|operation| operation.template.iter().filter(|part| part.starts_with('{')).count());
    found
}

fn resolve<'a>(components: &'a Value, response: &'a Value) -> &'a Value {
    match response["$ref"].as_str().and_then(|name| name.strip_prefix("#/components/")) {
        Some(name) => name.split('/').fold(components, |place, part| &place[part]),
        None => response,
    }
}

fn validator(components: &Value, schema: &Value) -> Validator {
    let whole = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema],
        "components": components});
    jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
}

/// Allows only the documented values of an open enumeration.
fn enumerate(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(values) = fields.get("x-extensible-enum").cloned() {
                fields.insert("enum".to_owned(), values);
            }
            fields.values_mut().for_each(enumerate);
        }
        Value::Array(entries) => entries.iter_mut().for_each(enumerate),
        _ => {}
    }
}

/// Closes every object schema of the document. A component that is part of an `allOf` is closed only where it is used by
/// itself.
fn close(document: &mut Value) {
    let mut parts = BTreeSet::new();
    parts_of(document, false, &mut parts);
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    let mut alone = Map::new();
    for part in &parts {
        let whole =
            json!({"allOf": [{"$ref": format!("#/components/schemas/{part}")}], "unevaluatedProperties": false});
        alone.insert(format!("{part}.alone"), whole);
    }
    for (name, schema) in schemas.iter_mut().filter(|(name, _)| !parts.contains(*name)) {
        let _ = name;
        close_schema(schema, &parts);
    }
    for part in &parts {
        for property in schemas[part.as_str()]["properties"].as_object_mut().into_iter().flatten() {
            close_schema(property.1, &parts);
        }
    }
    schemas.append(&mut alone);
    for item in document["paths"].as_object_mut().unwrap().values_mut() {
        close_schema(item, &parts);
    }
}

/// The names of components inside an `allOf`.
fn parts_of(value: &Value, inside: bool, parts: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(name) = fields.get("$ref").and_then(Value::as_str).filter(|_| inside) {
                parts.extend(name.strip_prefix("#/components/schemas/").map(str::to_owned));
            }
            for (key, value) in fields {
                parts_of(value, key == "allOf", parts);
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| parts_of(entry, inside, parts)),
        _ => {}
    }
}

fn close_schema(value: &mut Value, parts: &BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(name)) = fields.get_mut("$ref") {
                if name.strip_prefix("#/components/schemas/").is_some_and(|part| parts.contains(part)) {
                    name.push_str(".alone");
                }
                return;
            }
            let composed = fields.contains_key("allOf");
            let object = fields.get("properties").is_some_and(Value::is_object) && fields.contains_key("type");
            for (key, value) in fields.iter_mut() {
                match (key.as_str(), value) {
                    ("example" | "examples" | "enum" | "default", _) => {}
                    // Its members are closed as one.
                    ("allOf", Value::Array(members)) => {
                        for member in members.iter_mut().filter_map(|member| member.get_mut("properties")) {
                            close_schema(member, parts);
                        }
                    }
                    (_, value) => close_schema(value, parts),
                }
            }
            if (composed || object) && !fields.contains_key("additionalProperties") {
                fields.insert("unevaluatedProperties".to_owned(), json!(false));
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(|entry| close_schema(entry, parts)),
        _ => {}
    }
}

#[test]
fn a_response_with_undocumented_content_is_detected() {
    let noticed = |address: &str, status: u16, body: &Value| {
        std::panic::catch_unwind(|| check("GET", address, status, &body.to_string())).is_err()
    };
    let case = |more: &str| {
        let id = "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
        json!({"id": id, "status": "not_ready", "database": true, more: true})
    };
    assert!(!noticed("/health/live", 200, &json!({"status": "live"})));
    assert!(noticed("/health/live", 200, &json!({"status": "live", "since": 1})));
    assert!(noticed("/health/live", 418, &json!({"status": "live"})));
    assert!(noticed("/v1/submissions?limit=1", 200, &json!({"items": [case("flagged")], "next_cursor": null})));
    assert!(!noticed("/v1/submissions", 200, &json!({"items": [], "next_cursor": null})));
    assert!(noticed("/v1/submissions", 200, &json!({"items": []})));
}
