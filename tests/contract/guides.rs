//! The guides agree with the document.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use sarcoscreen::domain::fault::FaultCode;
use sarcoscreen::domain::page::CURSOR_LIFETIME;
use sarcoscreen::http::kernel::problem::ProblemType;
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

#[test]
fn the_guide_says_what_to_do_for_the_status_of_each_problem() {
    let guide = fs::read_to_string("docs/api.md").unwrap();
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    let listed: BTreeSet<&str> = rows.flat_map(|(first, _)| first.split(", ")).collect();
    for kind in ProblemType::ALL {
        let (name, status, _) = kind.row();
        assert!(listed.contains(&*status.to_string()), "docs/api.md lacks the status {status} of {name}");
    }
}

#[test]
fn the_guide_states_the_limits_of_pages() {
    let document: Value = serde_json::from_str(&fs::read_to_string("openapi/v1.json").unwrap()).unwrap();
    let guide = fs::read_to_string("docs/api.md").unwrap();
    assert!(guide.contains(&format!("came from, for {} hours", CURSOR_LIFETIME.as_hours())));
    assert!(guide.contains("`limit` is 1 to 200, 50 by default"));
    let mut lists = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let parameters = methods["get"]["parameters"].as_array().into_iter().flatten();
        for limit in parameters.filter(|parameter| parameter["name"] == "limit") {
            let schema = &limit["schema"];
            assert_eq!((&schema["minimum"], &schema["maximum"]), (&Value::from(1), &Value::from(200)), "{path}");
            lists += 1;
        }
    }
    assert!(lists > 5, "only {lists} lists were found");
}

#[test]
fn a_deprecated_operation_announces_its_end() {
    let document: Value = serde_json::from_str(&fs::read_to_string("openapi/v1.json").unwrap()).unwrap();
    let changelog = fs::read_to_string("docs/changelog.md").unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap().iter().filter(|(_, one)| one["deprecated"] == true) {
            let headers =
                operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with('2'));
            for (status, response) in headers {
                let named = ["Deprecation", "Sunset"].iter().all(|name| response["headers"].get(*name).is_some());
                assert!(named, "{method} {path}: {status} has no Deprecation and Sunset");
            }
            assert!(changelog.contains(path), "docs/changelog.md says nothing of {path}");
        }
    }
}
