//! Scoring over the case files: each case names its source and says only what it is sure of.

use std::collections::BTreeSet;
use std::path::Path;

use sarcoscreen::domain::answers::{Answers, RawAnswers};
use sarcoscreen::domain::assessment::Assessment;
use sarcoscreen::domain::questionnaire::Audiences;
use sarcoscreen::domain::rule_table::RuleTable;
use sarcoscreen::domain::scoring::score;
use sarcoscreen::rules::released_files;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) covers: Vec<String>,
    source: String,
    answers: Value,
    #[serde(default)]
    audience: Vec<String>,
    expect: serde_json::Map<String, Value>,
}

/// Every case of every file.
pub(crate) fn cases() -> Vec<Case> {
    #[derive(Deserialize)]
    struct File {
        case: Vec<Case>,
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/cases");
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        cases.extend(file.case);
    }
    cases
}

#[test]
fn every_case_scores_as_it_says() {
    let table = RuleTable::compile(&released_files("2026.1").unwrap()).unwrap();
    let mut differences = Vec::new();
    let mut names = BTreeSet::new();
    let cases = cases();
    for case in &cases {
        assert!(names.insert(&case.name), "two cases are called {}", case.name);
        assert!(!case.source.is_empty(), "{} names no source", case.name);
        assert!(!case.expect.is_empty(), "{} expects nothing", case.name);
        let got = outcome(&table, case);
        for (key, wanted) in &case.expect {
            let given = &got[key.as_str()];
            if !matches(key, given, wanted) {
                differences.push(format!("{}: {key} is {given}, expected {wanted}", case.name));
            }
        }
    }
    println!("{} cases", cases.len());
    assert!(cases.len() >= 150);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// What scoring says of a case, under the keys that cases use.
fn outcome(table: &RuleTable, case: &Case) -> Value {
    let text = case.answers.to_string();
    let raw: RawAnswers<'_> = serde_json::from_str(&text).unwrap();
    let (answers, faults) = Answers::parse(&raw);
    let has = |name: &str| case.audience.iter().any(|audience| audience == name);
    let audiences = Audiences { staff: has("staff"), laboratory: has("laboratory") };
    let assessment = score(table, &answers, audiences);
    let counted: i32 = assessment.findings.iter().map(|finding| finding.points).sum();
    assert_eq!(counted, assessment.score.total, "{}: the findings do not add up to the total", case.name);
    let faults: Vec<_> = faults
        .iter()
        .map(|fault| json!({"pointer": format!("/answers{}", fault.pointer), "code": fault.code.as_str()}))
        .collect();
    let mut got = describe(&assessment);
    got["alarm_items_unanswered"] = json!(answers.alarms_unanswered().count());
    got["faults"] = json!(faults);
    got
}

fn describe(assessment: &Assessment) -> Value {
    let or_none = |value: Value| if value.is_null() { json!("none") } else { value };
    let sarc_f = &assessment.instruments[0];
    let reasons: Vec<_> =
        assessment.flag_reasons.iter().map(|reason| format!("{}:{}", reason.kind.as_str(), reason.id)).collect();
    let findings: Vec<_> = assessment.findings.iter().map(|finding| &finding.rule).collect();
    json!({
        "total": assessment.score.total,
        "lower": assessment.score.lower,
        "upper": assessment.score.upper,
        "band": or_none(json!(assessment.band())),
        "band_at_least": assessment.band_at_least,
        "band_at_most": assessment.band_at_most,
        "findings": findings,
        "findings_include": findings,
        "findings_exclude": findings,
        "flagged": assessment.flagged(),
        "flag_reasons": reasons,
        "urgency": or_none(json!(assessment.urgency)),
        "care_level": or_none(json!(assessment.care_level)),
        "red_flags": assessment.red_flags,
        "recommendations_include": assessment.recommendations,
        "sarc_f": {
            "outcome": sarc_f.outcome,
            "total": or_none(json!(sarc_f.total)),
            "lower": sarc_f.lower,
            "upper": sarc_f.upper,
        },
    })
}

fn matches(key: &str, given: &Value, wanted: &Value) -> bool {
    let set = |value: &Value| {
        let entries = value.as_array().unwrap_or_else(|| panic!("{key} must be a list"));
        let text = |entry: &Value| match entry.as_object() {
            Some(fault) => format!("{} {}", fault["pointer"], fault["code"]),
            None => entry.to_string(),
        };
        entries.iter().map(text).collect::<BTreeSet<_>>()
    };
    match key {
        "findings" | "flag_reasons" | "red_flags" | "faults" => set(given) == set(wanted),
        "findings_include" | "recommendations_include" => set(wanted).is_subset(&set(given)),
        "findings_exclude" => set(wanted).is_disjoint(&set(given)),
        "sarc_f" => wanted.as_object().unwrap().iter().all(|(part, value)| given[part.as_str()] == *value),
        _ => !given.is_null() && given == wanted,
    }
}
