//! The `CapabilityStatement` and the guide say what is served: both are compared with the list of interactions.

use std::collections::{BTreeMap, BTreeSet};

use sarcoscreen::http::fhir::{INTERACTIONS, Interaction};
use serde_json::Value;

use crate::world::World;

/// The type of an interaction; `None` for those of the whole service.
fn kind(one: &Interaction) -> Option<&'static str> {
    one.path.split('/').nth(2).filter(|kind| kind.starts_with(char::is_uppercase))
}

/// The name of an interaction in the guide.
fn name(one: &Interaction) -> String {
    let rest: Vec<&str> = one.path.split('/').skip(3).collect();
    match (one.method.as_str(), &rest[..]) {
        (_, [.., last]) if last.starts_with('$') => (*last).to_owned(),
        ("GET", []) | ("POST", ["_search"]) => "search".to_owned(),
        ("GET", [_]) => "read".to_owned(),
        ("GET", [_, "_history"]) => "history".to_owned(),
        ("GET", [_, "_history", _]) => "vread".to_owned(),
        ("POST", []) => "create".to_owned(),
        ("PUT", [_]) => "update".to_owned(),
        other => panic!("{other:?} has no name"),
    }
}

/// The interactions of each type.
fn served() -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut served = BTreeMap::<_, BTreeSet<String>>::new();
    for one in INTERACTIONS {
        if let Some(kind) = kind(one) {
            served.entry(kind).or_default().insert(name(one));
        }
    }
    served
}

#[test]
fn the_guide_lists_each_type_with_its_interactions() {
    let guide = std::fs::read_to_string("docs/fhir.md").unwrap();
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| ")).map(|row| row.split(" | ").collect::<Vec<_>>());
    let mut listed = BTreeMap::<&str, BTreeSet<String>>::new();
    for row in rows.filter(|row| row.len() == 4) {
        for kind in row[0].split(", ").filter(|kind| served().contains_key(*kind)) {
            listed.entry(kind).or_default().extend(row[1].split(", ").map(str::to_owned));
        }
    }
    assert_eq!(listed, served());
}

#[tokio::test]
async fn the_statement_lists_each_type_and_its_search_parameters_work() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let statement = clinic.admin.get("/fhir/metadata").await.expect(200);
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut listed = BTreeMap::new();
    for resource in resources {
        let interactions = resource["interaction"].as_array().unwrap().iter().map(|one| match &*text(&one["code"]) {
            "search-type" => "search".to_owned(),
            "history-instance" => "history".to_owned(),
            other => other.to_owned(),
        });
        let operations = resource["operation"].as_array().cloned().unwrap_or_default();
        let operations = operations.iter().map(|one| format!("${}", text(&one["name"])));
        listed.insert(text(&resource["type"]), interactions.chain(operations).collect::<BTreeSet<_>>());
        for parameter in resource["searchParam"].as_array().unwrap() {
            let (kind, name) = (text(&resource["type"]), text(&parameter["name"]));
            let value = match &*text(&parameter["type"]) {
                "date" => "2026-01-01",
                "reference" => "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071",
                _ => "urn:other",
            };
            let answer = clinic.admin.get(&format!("/fhir/{kind}?{name}={value}")).await;
            assert!(!answer.text.contains("unsupported search parameter"), "{kind}?{name}: {}", answer.text);
        }
    }
    let served: BTreeMap<String, BTreeSet<String>> =
        served().into_iter().map(|(kind, names)| (kind.to_owned(), names)).collect();
    assert_eq!(listed, served);
}
