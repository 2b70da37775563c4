//! The guides agree with the document.

use std::collections::BTreeMap;
use std::fs;

use sarcoscreen::domain::fault::FaultCode;
use serde_json::Value;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The rows of the table of roles: each least role with its operations, in the order of the document.
fn roles(document: &Value) -> Vec<String> {
    let mut operations: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if METHODS.contains(&method.as_str()) {
                let role = operation["security"][0]["key"][0].as_str().unwrap_or("none").to_owned();
                operations.entry(role).or_default().push(format!("`{} {path}`", method.to_uppercase()));
            }
        }
    }
    let row = |role| format!("| {role} | {} |", operations.remove(role).unwrap().join(", "));
    let rows = ["none", "browser", "intake", "staff", "admin"].map(row).to_vec();
    assert!(operations.is_empty(), "{operations:?}");
    rows
}

#[test]
fn the_guide_lists_each_operation_with_its_least_role() {
    let document: Value = serde_json::from_str(&fs::read_to_string("openapi/v1.json").unwrap()).unwrap();
    let guide = fs::read_to_string("docs/api.md").unwrap();
    for row in roles(&document) {
        assert!(guide.lines().any(|line| line == row), "docs/api.md lacks the row:\n{row}");
    }
}

#[test]
fn the_guide_explains_each_code_of_a_fault() {
    let guide = fs::read_to_string("docs/api.md").unwrap();
    for code in FaultCode::ALL {
        let row = format!("| `{}` | {} |", code.as_str(), code.meaning());
        assert!(guide.lines().any(|line| line == row), "docs/api.md lacks the row:\n{row}");
    }
}
