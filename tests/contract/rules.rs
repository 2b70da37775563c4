//! The released rule tables are locked and complete, and each rule has a case. The linter reports every fault.

use std::collections::{BTreeMap, BTreeSet};

use sarcoscreen::domain::screening::questionnaire::{CATALOGUE, Item};
use sarcoscreen::domain::screening::rule_table::{RuleFiles, RuleTable};
use sarcoscreen::rules::{Releases, conformance, digest, released_files};

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
fn every_rule_red_flag_band_instrument_and_pathway_has_a_case() {
    for version in ["2026.1", "2026.2", "2026.3"] {
        let table = RuleTable::compile(&released_files(version).unwrap()).unwrap();
        let covered: BTreeSet<String> = cases(version).into_iter().flat_map(|case| case.covers).collect();
        let rules = table.rules.iter().map(|rule| rule.id.to_string());
        let flags = table.red_flags.iter().map(|flag| flag.id.to_string());
        let bands = ["band_low", "band_moderate", "band_high"].map(str::to_owned);
        let instruments = table.instruments.iter().map(|instrument| instrument.id.to_string());
        let pathways = table.pathways.iter().map(|pathway| pathway.id.as_str().to_owned());
        let ids = rules.chain(flags).chain(bands).chain(instruments).chain(pathways);
        let uncovered: Vec<_> = ids.filter(|id| !covered.contains(id)).collect();
        assert!(uncovered.is_empty(), "{version}, without a case: {uncovered:?}");
    }
}

#[test]
fn every_cut_off_has_cases_one_step_below_at_it_and_one_step_above() {
    let mut tested: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for case in cases("2026.3") {
        if let Some((id, rest)) = case.name.split_once(" cut-off ")
            && let Some((place, _)) = rest.split_once(':')
            && let Some((what, step)) = place.split_once(" at ")
        {
            tested.entry((id.to_owned(), what.to_owned())).or_default().insert(step.to_owned());
        }
    }
    for ((id, what), steps) in &tested {
        println!("{id:12} {what:32} {}", steps.iter().map(String::as_str).collect::<Vec<_>>().join(" "));
        let whole = ["-1", "0", "+1"].iter().all(|step| steps.contains(*step));
        assert!(whole, "{id}, {what}: only {steps:?}");
    }
    let table = RuleTable::compile(&released_files("2026.3").unwrap()).unwrap();
    let instruments = table.instruments.iter().map(|instrument| instrument.id.to_string());
    for id in instruments.chain(table.pathways.iter().map(|pathway| pathway.id.as_str().to_owned())) {
        assert!(tested.keys().any(|(of, _)| *of == id), "no cut-off of {id} is tested");
    }
    assert!(tested.len() >= 60, "{} cut-offs", tested.len());
}

#[test]
fn every_item_and_option_of_the_catalogue_is_asked_by_some_table() {
    let releases = Releases::load().unwrap();
    let current = &releases.current().table.asked;
    let earlier: BTreeSet<_> =
        CATALOGUE.iter().map(|spec| spec.item).filter(|item| !current.items.has(*item)).collect();
    assert_eq!(earlier, BTreeSet::from(Item::EARLIER));
    for spec in &CATALOGUE {
        assert!(releases.iter().any(|release| release.table.asked.items.has(spec.item)), "{}", spec.id);
        for option in spec.kind.options() {
            let asked = releases.iter().any(|one| one.table.asked.options(spec.item).any(|asked| asked == *option));
            assert!(asked, "{}.{option}", spec.id);
        }
    }
}

#[test]
fn every_case_file_is_served() {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/cases").join(conformance::VERSION);
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let written: BTreeSet<String> =
        names.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    let served: BTreeSet<String> = conformance::files().map(str::to_owned).collect();
    assert_eq!(written, served);
    assert_eq!(conformance::cases().unwrap().len(), cases(conformance::VERSION).len());
    assert_eq!(conformance::VERSION, &*Releases::load().unwrap().current().table.version);
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
    let every = ["2026.1", "2026.2", "2026.3"].into_iter().flat_map(|version| released_files(version).unwrap());
    for (name, text) in every {
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

#[test]
fn the_linter_knows_the_grammar_of_instruments_pathways_and_advice() {
    let plants: [(&str, &str, &str, &str, &str); 14] = [
        (
            "instruments.toml",
            "at_most = { female = 33, male = 34 }",
            "at_most = { female = 33 }",
            "instruments.sarc_calf",
            "female and male",
        ),
        ("instruments.toml", "times = 0.62", "times = 0.6201", "instruments.ishii", "cannot be exact"),
        ("instruments.toml", "cut_off = 45", "cut_off = 61", "instruments.msra_5", "cut-off"),
        (
            "instruments.toml",
            "{ item = \"finger_ring\", is = \"smaller\" }",
            "{ item = \"finger_rings\", is = \"smaller\" }",
            "instruments.finger_ring",
            "unknown item",
        ),
        ("pathways.toml", "from = 65, less_than", "from = 50, less_than", "pathways.awgs_2025", "must ascend"),
        (
            "pathways.toml",
            "{ instrument = \"sarc_f\" }",
            "{ instrument = \"sarc_g\" }",
            "pathways.ewgsop2",
            "unknown instrument",
        ),
        ("pathways.toml", "unable = \"chair_stands\"", "unable = \"gait\"", "pathways.ewgsop2", "another test"),
        ("pathways.toml", "stage = \"criteria_met\"", "stage = \"at_risk\"", "pathways.sdoc", "must lead to"),
        ("advice.toml", "days = 180", "days = 0", "next_screens.moderate", "at least a day"),
        (
            "advice.toml",
            "{ item = \"cold_intolerance\", is = true }",
            "{ item = \"cold_intolerance\", is = 1 }",
            "risks.body_temperature",
            "does not fit",
        ),
        (
            "table.toml",
            "item = \"smoker\", is = true",
            "item = \"fatigue\", is = \"rarely\"",
            "rules.smoker",
            "feeds two units",
        ),
        ("texts.en.toml", "at_risk = ", "at_ris = ", "texts.en", "stages.at_risk"),
        ("texts.es.toml", "[pathways.sdoc]", "[pathways.sdod]", "texts.es", "pathways (name).sdoc"),
        ("texts.es.toml", "[instruments.ishii]", "[instruments.ishi]", "texts.es", "instruments (name).ishii"),
    ];
    for (file, from, to, place, message) in plants {
        let mut edited = released_files("2026.2").unwrap();
        edit(&mut edited, file, from, to);
        let faults = RuleTable::compile(&edited).expect_err(to);
        let found = faults.iter().any(|fault| fault.place == place && fault.message.contains(message));
        assert!(found, "{place} ({message}) is not among {faults:#?}");
    }
}

#[test]
fn an_emergency_that_rests_on_a_judgement_has_a_note() {
    for flag in ["head_hit_on_blood_thinner", "creatine_kinase_emergency", "sarc_f_under_60"] {
        let mut edited = released_files("2026.3").unwrap();
        let text = edited.get_mut("table.toml").unwrap();
        let start = text.find(&format!("[[red_flags]]\nid = \"{flag}\"\n")).unwrap();
        let note = start + text[start..].find("note = ").unwrap();
        let end = note + text[note..].find('\n').unwrap();
        text.replace_range(note..=end, "");
        let faults = RuleTable::compile(&edited).unwrap_err();
        let said: Vec<_> = faults.iter().map(|fault| (&*fault.place, &*fault.message)).collect();
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0].0, format!("red_flags.{flag}"));
        assert!(said[0].1.contains("has no note"), "{said:?}");
    }
}

fn files() -> RuleFiles {
    released_files("2026.1").unwrap()
}

fn edit(files: &mut RuleFiles, name: &str, from: &str, to: &str) {
    let text = files.get_mut(name).unwrap();
    assert!(text.contains(from), "{from:?} is not in {name}");
    *text = text.replacen(from, to, 1);
}
