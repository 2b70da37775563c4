//! The `CapabilityStatement` and `docs/fhir.md` state what the routes serve, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use sarcoscreen::domain::access::actor::Role;
use sarcoscreen::http::fhir::INTERACTIONS;
use serde_json::Value;

use crate::world::World;

const GUIDE: &str = include_str!("../../../docs/fhir.md");

/// The names of a cell that are written as code, or else all that commas separate.
fn names(cell: &str) -> BTreeSet<String> {
    let code: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
    let plain = || cell.split(',').map(|one| one.split('(').next().unwrap_or_default());
    let found: Vec<&str> = if code.is_empty() { plain().collect() } else { code };
    found.into_iter().map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect()
}

/// The rows of the table below a heading of the guide, by the names in the first cell.
fn table(heading: &str) -> BTreeMap<String, Vec<String>> {
    let (_, rest) = GUIDE.split_once(&format!("{heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let lines = rest.lines().skip_while(|line| !line.starts_with('|')).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let mut found = BTreeMap::new();
    for row in rows {
        let cells = cells(row);
        for name in names(&cells[0]) {
            found.insert(name, cells[1..].to_vec());
        }
    }
    found
}

/// The interactions of each type by the routes, in the words of the guide.
fn served() -> BTreeMap<String, BTreeSet<String>> {
    let mut served = BTreeMap::<String, BTreeSet<String>>::new();
    for one in INTERACTIONS {
        let parts: Vec<&str> = one.path.split('/').skip(2).collect();
        let Some(kind) = parts.first().filter(|kind| kind.starts_with(char::is_uppercase)) else { continue };
        let name = match (one.method.as_str(), &parts[1..]) {
            (_, [operation] | [_, operation]) if operation.starts_with('$') => *operation,
            ("GET", []) | ("POST", ["_search"]) => "search",
            ("POST", []) => "create",
            ("GET", ["{id}"]) => "read",
            ("PUT", ["{id}"]) => "update",
            ("GET", ["{id}", "_history"]) => "history",
            ("GET", ["{id}", "_history", "{version}"]) => "vread",
            (method, rest) => panic!("{method} {rest:?} is not described"),
        };
        served.entry((*kind).to_owned()).or_default().insert(name.to_owned());
    }
    served
}

/// The interactions and operations of each type by the statement, in the words of the guide.
fn stated(statement: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    let of = |resource: &Value| {
        let codes = resource["interaction"].as_array().unwrap().iter().map(|one| match one["code"].as_str().unwrap() {
            "search-type" => "search".to_owned(),
            "history-instance" => "history".to_owned(),
            other => other.to_owned(),
        });
        let operations = resource["operation"].as_array().into_iter().flatten();
        let operations = operations.map(|one| format!("${}", one["name"].as_str().unwrap()));
        (text(&resource["type"]), codes.chain(operations).collect())
    };
    resources.iter().map(of).collect()
}

#[tokio::test]
async fn the_statement_and_the_guide_list_the_interactions_of_the_routes() {
    let world = World::new().await;
    let statement = world.holder(None).get("/fhir/metadata").await.expect(200);
    let served = served();
    assert_eq!(stated(&statement), served);
    let guide = table("# FHIR R4");
    let described: BTreeMap<_, _> = guide.iter().map(|(kind, cells)| (kind.clone(), names(&cells[0]))).collect();
    assert_eq!(described, served);
    for (kind, cells) in &guide {
        let of_kind = INTERACTIONS.iter().filter(|one| one.path.split('/').nth(2) == Some(kind.as_str()));
        let least: BTreeSet<_> = of_kind.map(|one| one.least.map_or("none", Role::as_str)).collect();
        assert!(least.iter().all(|role| cells[1].contains(role)), "{kind}: {least:?}");
    }
}

#[tokio::test]
async fn every_stated_search_parameter_is_in_the_guide_and_accepted_and_others_are_refused() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let statement = clinic.admin.get("/fhir/metadata").await.expect(200);
    let guide = table("## Search");
    let mut tried = 0;
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        let kind = resource["type"].as_str().unwrap();
        let mut stated = BTreeSet::new();
        for parameter in resource["searchParam"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            stated.insert(name.to_owned());
            let value = if parameter["type"] == "date" { "2026" } else { "x" };
            let answer = clinic.admin.get(&format!("/fhir/{kind}?{name}={value}")).await;
            assert_eq!(answer.status, 200, "{kind}?{name}: {}", answer.text);
            tried += 1;
        }
        // Each stated inclusion is accepted with strict handling and is in the guide; no other is accepted.
        let stated_inclusions = resource["searchInclude"].as_array().cloned().unwrap_or_default();
        let strict = async |value: &str| {
            let request = clinic.admin.request("GET", &format!("/fhir/{kind}?_include={value}"));
            clinic.admin.send(request.header("prefer", "handling=strict")).await.status
        };
        for inclusion in &stated_inclusions {
            let inclusion = inclusion.as_str().unwrap();
            assert_eq!(strict(inclusion).await, 200, "{inclusion}");
            assert!(GUIDE.contains(&format!("`_include={inclusion}`")), "{inclusion}");
        }
        assert_eq!(strict(&format!("{kind}:other")).await, 400, "{kind}");
        assert_eq!(!stated_inclusions.is_empty(), kind == "QuestionnaireResponse", "{kind}");
        let described = guide.get(kind).unwrap_or_else(|| panic!("{kind} is not described"));
        assert_eq!(names(&described[0]), stated, "{kind}");
        for unknown in ["encounter", "_tag", "based-on"] {
            clinic.admin.get(&format!("/fhir/{kind}?{unknown}=x")).await.expect(400);
        }
    }
    assert!(tried > 40, "{tried}");
}
