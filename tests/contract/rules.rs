//! The released rule tables: locked, complete, each rule with a case; and a linter that reports every fault.

use std::collections::BTreeSet;

use sarcoscreen::domain::rule_table::{RuleFiles, RuleTable};
use sarcoscreen::rules::{Releases, digest, released_files};

use crate::scoring::cases;

#[test]
fn every_release_compiles_and_matches_its_line_in_lock() {
    let releases = Releases::load().unwrap_or_else(|error| panic!("{error}"));
    assert!(releases.iter().count() > 0);
}

#[test]
fn changing_one_word_of_a_release_changes_its_digest() {
    let mut files = files();
    let before = digest(&files);
    edit(&mut files, "texts.en.toml", "SARC-F", "SARC-G");
    assert_ne!(before, digest(&files));
}

#[test]
fn the_reachable_total_is_0_to_39() {
    assert_eq!(RuleTable::compile(&files()).unwrap().max_total(), 39);
}

#[test]
fn every_rule_and_red_flag_and_band_has_a_case() {
    let table = RuleTable::compile(&files()).unwrap();
    let covered: BTreeSet<String> = cases("2026.1").into_iter().flat_map(|case| case.covers).collect();
    let rules = table.rules.iter().map(|rule| rule.id.to_string());
    let flags = table.red_flags.iter().map(|flag| flag.id.to_string());
    let bands = ["band_low", "band_moderate", "band_high"].map(str::to_owned);
    let uncovered: Vec<_> = rules.chain(flags).chain(bands).filter(|id| !covered.contains(id)).collect();
    assert!(uncovered.is_empty(), "without a case: {uncovered:?}");
}

#[test]
fn no_text_says_that_there_is_no_sarcopenia_or_that_the_risk_is_low() {
    let forbidden = [
        "no sarcopenia",
        "low risk",
        "not at risk",
        "you are healthy",
        "riesgo bajo",
        "bajo riesgo",
        "sin sarcopenia",
        "no tiene sarcopenia",
        "sin riesgo",
        "está sano",
        "está sana",
    ];
    for (name, text) in files() {
        for phrase in forbidden {
            assert!(!text.to_lowercase().contains(phrase), "{name} says {phrase:?}");
        }
    }
}

#[test]
fn the_linter_reports_every_planted_fault_at_once() {
    let plants: [(&str, &str, &str, &str); 11] = [
        (
            "when = { item = \"smoker\", is = true }",
            "when = { item = \"smokes\", is = true }",
            "rules.smoker",
            "smokes",
        ),
        ("includes = \"cancer\"", "includes = \"cancers\"", "rules.cancer", "conditions"),
        (
            "{ item = \"weakness\", is = true }\nsources",
            "{ item = \"weakness\", is = \"yes\" }\nsources",
            "rules.weakness",
            "type",
        ),
        ("at_least = 60, at_most = 69", "at_least = 61, at_most = 69", "groups.age", "gap at age = 60"),
        (
            "item = \"falls_past_year\", at_least = 4",
            "item = \"falls_past_year\", at_least = 3",
            "groups.falls",
            "overlap",
        ),
        (
            "when = { item = \"medication_count\", at_least = 5 }",
            "when = { item = \"medication_count\", at_least = 61 }",
            "rules.polypharmacy",
            "outside the range",
        ),
        ("less_than = 18.5", "more_than = 20, less_than = 18.5", "rules.bmi_under_18_5", "no answers can satisfy"),
        ("id = \"diabetes\"", "id = \"copd\"", "rules.copd", "twice"),
        ("id = \"high\"\nfrom = 11", "id = \"high\"\nfrom = 40", "bands", "reachable"),
        (
            "{ id = \"houston_2008\", effect",
            "{ id = \"houston_2009\", effect",
            "rules.protein_not_daily",
            "unknown source",
        ),
        ("cut_off = 4", "cut_off = 11", "instruments.sarc_f", "cut-off"),
    ];
    let mut edited = files();
    for (from, to, _, _) in plants {
        edit(&mut edited, "table.toml", from, to);
    }
    edit(&mut edited, "texts.es.toml", "[rules.fatigue_often]", "[rules.fatigue_seldom]");
    let faults = RuleTable::compile(&edited).expect_err("twelve faults were planted");
    for (_, _, place, message) in plants {
        let found = faults.iter().any(|fault| fault.place == place && fault.message.contains(message));
        assert!(found, "{place} ({message}) is not among {faults:#?}");
    }
    let text = faults.iter().any(|fault| fault.place == "texts.es" && fault.message.contains("rules.fatigue_often"));
    assert!(text, "the missing Spanish text is not among {faults:#?}");
}

fn files() -> RuleFiles {
    released_files("2026.1").unwrap()
}

fn edit(files: &mut RuleFiles, name: &str, from: &str, to: &str) {
    let text = files.get_mut(name).unwrap();
    assert!(text.contains(from), "{from:?} is not in {name}");
    *text = text.replacen(from, to, 1);
}
