//! The view of a request selects the fields of the assessment in the response and changes nothing else: each view has the
//! same values as the next larger one, and a retry gets the view that it requests.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::{Answer, User, World, frail};

const SUMMARY: [&str; 13] = [
    "rule_table",
    "language",
    "score",
    "band",
    "band_at_least",
    "band_at_most",
    "flagged",
    "flag_reasons",
    "care_level",
    "care_title",
    "red_flags",
    "alarm_items_unanswered",
    "open_questions",
];
const PERSON: [&str; 9] = [
    "label",
    "explanation",
    "findings",
    "instruments",
    "pathways",
    "recommendations",
    "risks",
    "next_screen",
    "consultation",
];

fn fields(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Checks that a view has the values of a larger one, without some fields.
fn check_part(smaller: &Value, larger: &Value, place: &str) {
    match (smaller, larger) {
        (Value::Object(smaller), Value::Object(larger)) => {
            for (name, value) in smaller {
                check_part(value, &larger[name], &format!("{place}/{name}"));
            }
        }
        (Value::Array(smaller), Value::Array(larger)) => {
            assert_eq!(smaller.len(), larger.len(), "{place}");
            for (index, pair) in smaller.iter().zip(larger).enumerate() {
                check_part(pair.0, pair.1, &format!("{place}/{index}"));
            }
        }
        _ => assert_eq!(smaller, larger, "{place}"),
    }
}

async fn views(user: &User, path: &str, body: Option<&Value>) -> [Value; 3] {
    let mut views = ["summary", "person", "full"].map(|view| (view, Value::Null));
    for (view, answer) in &mut views {
        let path = format!("{path}?view={view}");
        *answer = match body {
            Some(body) => user.post(&path, body).await.expect(200),
            None => user.get(&path).await.expect(200),
        };
    }
    views.map(|(_, answer)| answer)
}

#[tokio::test]
async fn a_view_is_a_part_of_the_next_larger_one() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let scored = json!({"answers": frail(), "pathways": ["ewgsop2"]});
    let stored = clinic.intake.submit(&json!({"answers": frail(), "pathway": "ewgsop2"})).await;
    let path = stored.header("location").to_owned();
    let path = path.as_str();
    for (body, path, inside) in [(Some(&scored), "/v1/scores", ""), (None, path, "/assessment")] {
        let [summary, person, full] = views(&clinic.intake, path, body).await;
        check_part(&summary, &person, "");
        check_part(&person, &full, "");
        let [summary, person, full] = [&summary, &person, &full].map(|view| view.pointer(inside).unwrap());
        assert_eq!(fields(summary), BTreeSet::from(SUMMARY));
        let of_a_person: BTreeSet<&str> = SUMMARY.into_iter().chain(PERSON).collect();
        assert_eq!(fields(person), of_a_person);
        assert_eq!(&fields(full) - &of_a_person, BTreeSet::from(["evidence", "sources_language"]));
        for (list, evidence) in [
            ("red_flags", &["sources"][..]),
            ("findings", &["sources"]),
            ("instruments", &["accuracy_rows", "licence", "explanation", "sources"]),
            ("pathways", &["explanation", "sources"]),
            ("recommendations", &["sources"]),
            ("risks", &["sources"]),
        ] {
            let more = &fields(&full[list][0]) - &fields(&person[list][0]);
            assert_eq!(more, evidence.iter().copied().collect(), "{list}");
        }
    }
}

#[tokio::test]
async fn a_retry_gets_the_view_that_it_asks_for() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let body = json!({"answers": frail()});
    let send = async |query: &str, prefer: Option<&str>| -> Answer {
        let mut request = clinic.browser.request("POST", &format!("/v1/submissions{query}"));
        request = request.header("idempotency-key", "k").json(&body);
        clinic.browser.send(prefer.into_iter().fold(request, |request, value| request.header("prefer", value))).await
    };
    let first = send("?view=full", None).await.expect(201);
    for (query, prefer, fields_of_an_assessment) in [
        ("", None, 22),
        ("?view=summary", None, 13),
        ("?view=person", Some("return=minimal"), 22),
        ("", Some("respond-async, return=minimal"), 13),
        ("", Some("return=representation"), 22),
        ("?view=full", None, 24),
    ] {
        let retried = send(query, prefer).await.expect(201);
        assert_eq!(fields(&retried["assessment"]).len(), fields_of_an_assessment, "{query} {prefer:?}");
        check_part(&retried, &first, "");
    }
    let refused = send("?view=all&vew=1", None).await;
    assert_eq!((refused.status, refused.pointers()), (400, vec!["/view".to_owned(), "/vew".to_owned()]));
    assert_eq!(world.count("select count(*) from submissions").await, 1);
}

#[tokio::test]
async fn the_full_view_and_the_rule_table_have_what_was_measured_of_the_total() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let file: toml::Table = toml::from_str(include_str!("../../src/rules/evidence.toml")).unwrap();
    let entries = file.get("evidence").map(|all| all.as_array().unwrap().clone()).unwrap_or_default();
    let table = async |version: &str| world.holder(None).get(&format!("/v1/rule-tables/{version}")).await.expect(200);
    for version in ["2026.1", "2026.2", "2026.3"] {
        let shown = table(version).await["evidence"].clone();
        let measured: Vec<_> = entries.iter().filter(|one| one["rule_table"].as_str() == Some(version)).collect();
        assert_eq!(shown.as_array().unwrap().len(), measured.len(), "{version}");
        for (shown, entry) in shown.as_array().unwrap().iter().zip(measured) {
            for name in ["outcome", "data", "measured_on"] {
                assert_eq!(shown[name].as_str(), entry[name].as_str(), "{version} {name}");
            }
            assert_eq!(shown["area"]["percent"].as_f64(), entry["area"]["percent"].as_float(), "{shown}");
            assert_eq!(shown["bands"].as_array().unwrap().len(), 2, "{shown}");
        }
    }
    let scored = clinic.browser.post("/v1/scores?view=full", &json!({"answers": frail()})).await.expect(200);
    let version = scored["rule_table"].as_str().unwrap();
    assert_eq!(scored["evidence"], table(version).await["evidence"]);
    // Figures from another survey's questions are no study of the total.
    assert_eq!(scored["score"]["validated"], false);
}

#[tokio::test]
async fn the_rule_table_has_the_evidence_that_a_person_view_names() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let scored = clinic.browser.post("/v1/scores", &json!({"answers": frail()})).await.expect(200);
    let version = scored["rule_table"].as_str().unwrap();
    let table = world.holder(None).get(&format!("/v1/rule-tables/{version}")).await.expect(200);
    let ids = |value: &Value| -> BTreeSet<String> {
        value.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let (sources, rules, instruments) = (ids(&table["sources"]), ids(&table["rules"]), ids(&table["instruments"]));
    for finding in scored["findings"].as_array().unwrap() {
        assert!(rules.contains(finding["rule"].as_str().unwrap()), "{finding}");
    }
    let mut figures = 0;
    for instrument in scored["instruments"].as_array().unwrap() {
        assert!(instruments.contains(instrument["id"].as_str().unwrap()), "{instrument}");
        let named: BTreeSet<String> =
            instrument["source_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
        assert!(!named.is_empty() && named.is_subset(&sources), "{instrument}");
        if let Some(figure) = instrument["accuracy"].as_object() {
            figures += 1;
            assert!(named.contains(figure["source_id"].as_str().unwrap()), "{instrument}");
        }
    }
    assert_eq!(figures, 6, "two instruments have no published accuracy");
}
