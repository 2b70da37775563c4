//! Scoring of the case files: each case names its source and lists only certain expectations. `cases/README.md` describes
//! the format.

use std::collections::BTreeSet;
use std::path::Path;

use sarcoscreen::domain::screening::answers::{AnswerValue, Answers, RawAnswers};
use sarcoscreen::domain::screening::assessment::Assessment;
use sarcoscreen::domain::screening::condition::View;
use sarcoscreen::domain::screening::instrument::{InstrumentResult, Method};
use sarcoscreen::domain::screening::open_questions::open_questions;
use sarcoscreen::domain::screening::pathway::PathwayId;
use sarcoscreen::domain::screening::pathway::PathwayResult;
use sarcoscreen::domain::screening::questionnaire::{Audiences, Item};
use sarcoscreen::domain::screening::rule_table::RuleTable;
use sarcoscreen::domain::screening::scoring::{ScoreOptions, score};
use sarcoscreen::rules::released_files;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) covers: Vec<String>,
    source: String,
    answers: Value,
    #[serde(default)]
    audience: Vec<String>,
    #[serde(default)]
    pathways: Vec<String>,
    expect: Map<String, Value>,
}

/// Every case of a version of the rule table.
pub(crate) fn cases(version: &str) -> Vec<Case> {
    #[derive(Deserialize)]
    struct File {
        case: Vec<Case>,
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/cases").join(version);
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
fn every_case_of_2026_1_scores_as_it_says() {
    let cases = cases("2026.1");
    assert!(cases.len() >= 250);
    check("2026.1", &cases, |_| true);
}

#[test]
fn every_case_of_2026_2_scores_as_it_says() {
    let cases = cases("2026.2");
    println!("{} cases", cases.len());
    assert!(cases.len() >= 300);
    check("2026.2", &cases, |_| true);
}

#[test]
fn every_case_of_2026_3_scores_as_it_says() {
    let cases = cases("2026.3");
    println!("{} cases", cases.len());
    assert!(cases.len() >= 500);
    check("2026.3", &cases, |_| true);
}

#[test]
fn the_own_total_is_the_same_under_2026_2_as_under_2026_1() {
    let unchanged =
        ["total", "lower", "upper", "band", "band_at_least", "band_at_most", "findings", "red_flags", "faults"];
    check("2026.2", &cases("2026.1"), |key| {
        unchanged.contains(&key) || key.starts_with("findings_") || key == "sarc_f"
    });
}

fn check(version: &str, cases: &[Case], compared: impl Fn(&str) -> bool) {
    let table = RuleTable::compile(&released_files(version).unwrap()).unwrap();
    let mut differences = Vec::new();
    let mut names = BTreeSet::new();
    for case in cases {
        assert!(names.insert(&case.name), "two cases are called {}", case.name);
        assert!(!case.source.is_empty(), "{} names no source", case.name);
        assert!(!case.expect.is_empty(), "{} expects nothing", case.name);
        let got = outcome(&table, case);
        for (key, wanted) in case.expect.iter().filter(|(key, _)| compared(key)) {
            let given = &got[key.as_str()];
            if !matches(key, given, wanted) {
                differences.push(format!("{}: {key} is {given}, expected {wanted}", case.name));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The result of scoring a case, under the keys that cases use.
fn outcome(table: &RuleTable, case: &Case) -> Value {
    let text = case.answers.to_string();
    let raw: RawAnswers<'_> = serde_json::from_str(&text).unwrap();
    let (answers, mut faults) = Answers::parse(&raw);
    faults.extend(table.not_asked(&answers));
    let has = |name: &str| case.audience.iter().any(|audience| audience == name);
    let audiences = Audiences { staff: has("staff"), laboratory: has("laboratory") };
    let pathways: Vec<_> = case.pathways.iter().map(|name| PathwayId::parse(name).unwrap()).collect();
    let asked = ScoreOptions { audiences, pathways: &pathways };
    let assessment = score(table, &answers, asked);
    let counted: i32 = assessment.findings.iter().map(|finding| finding.points).sum();
    assert_eq!(counted, assessment.score.total, "{}: the findings do not add up to the total", case.name);
    let faults: Vec<_> = faults
        .iter()
        .map(|fault| json!({"pointer": format!("/answers{}", fault.pointer), "code": fault.code.as_str()}))
        .collect();
    let questions = open_questions(table, &answers, asked, &assessment);
    let questions: Vec<_> = questions.iter().map(|question| question.item.id()).collect();
    let mut got = describe(&assessment);
    got["alarm_items_unanswered"] = json!(table.asked.alarms_unanswered(&answers).count());
    got["faults"] = json!(faults);
    for key in ["open_questions", "open_questions_include", "open_questions_exclude"] {
        got[key] = json!(questions);
    }
    let instruments = assessment.instruments.iter().map(|result| instrument(table, &answers, result));
    got["instruments"] = Value::Object(instruments.collect());
    got["sarc_f"] = got["instruments"]["sarc_f"].clone();
    got["pathways"] =
        Value::Object(assessment.pathways.iter().map(|result| pathway(table, &answers, *result)).collect());
    got
}

fn describe(assessment: &Assessment) -> Value {
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
        "flag_reasons_include": reasons,
        "flag_reasons_exclude": reasons,
        "urgency": or_none(json!(assessment.urgency)),
        "care_level": or_none(json!(assessment.care_level)),
        "red_flags": assessment.red_flags,
        "recommendations_include": assessment.recommendations,
        "recommendations_exclude": assessment.recommendations,
        "risks_include": assessment.risks,
        "risks_exclude": assessment.risks,
    })
}

fn instrument(table: &RuleTable, answers: &Answers, result: &InstrumentResult) -> (String, Value) {
    let instrument = table.instrument(&result.instrument).unwrap();
    let number = |units: Option<i32>| units.map_or(json!("none"), |units| json!(instrument.shown(units)));
    let category = match instrument.method {
        Method::Category { item, .. } => answers.get(item).map(|value| json!(AnswerValue { item, value })),
        _ => None,
    };
    let settling: Vec<Vec<_>> =
        instrument.would_settle(answers).into_iter().map(|items| items.iter().map(Item::id).collect()).collect();
    let value = json!({
        "outcome": result.outcome,
        "total": number(result.total),
        "lower": number(result.lower),
        "upper": number(result.upper),
        "cut_off": number(instrument.cut_off(answers)),
        "category": or_none(json!(category)),
        "probability": or_none(json!(instrument.probability(answers, result.total))),
        "would_settle": settling,
    });
    (result.instrument.to_string(), value)
}

fn pathway(table: &RuleTable, answers: &Answers, result: PathwayResult) -> (String, Value) {
    let pathway = table.pathway(result.pathway).unwrap();
    let view = View { answers, audiences: Audiences::ALL };
    let needs: Vec<_> = pathway.needs(table, view, result).iter().map(Item::id).collect();
    let value = json!({
        "stage": result.stage,
        "case_found": or_none(json!(result.case_found)),
        "strength_low": or_none(json!(result.strength_low)),
        "performance_low": or_none(json!(result.performance_low)),
        "needs": needs,
        "because": pathway.because(table, view),
    });
    (result.pathway.as_str().to_owned(), value)
}

fn or_none(value: Value) -> Value {
    if value.is_null() { json!("none") } else { value }
}

/// Compares one expectation; an unknown key is a mistake in the case.
fn matches(key: &str, given: &Value, wanted: &Value) -> bool {
    let set = |value: &Value| {
        let entries = value.as_array().unwrap_or_else(|| panic!("{key} must be a list"));
        let text = |entry: &Value| match entry {
            Value::Object(fault) => format!("{} {}", fault["pointer"], fault["code"]),
            Value::Array(items) => format!("{:?}", items.iter().map(Value::to_string).collect::<BTreeSet<_>>()),
            _ => entry.to_string(),
        };
        entries.iter().map(text).collect::<BTreeSet<_>>()
    };
    match key {
        "findings" | "flag_reasons" | "red_flags" | "faults" | "needs" | "because" | "would_settle" => {
            set(given) == set(wanted)
        }
        "instruments" | "pathways" => {
            each(wanted, |id, parts| each(parts, |part, value| matches(part, &given[id][part], value)))
        }
        "sarc_f" => each(wanted, |part, value| matches(part, &given[part], value)),
        "probability" => match (given.as_f64(), wanted.as_f64()) {
            (Some(given), Some(wanted)) => (given - wanted).abs() <= 0.005,
            _ => given == wanted,
        },
        _ if key.ends_with("_include") => set(wanted).is_subset(&set(given)),
        _ if key.ends_with("_exclude") => set(wanted).is_disjoint(&set(given)),
        _ if given.is_number() && wanted.is_number() => given.as_f64() == wanted.as_f64(),
        _ => !given.is_null() && given == wanted,
    }
}

fn each(object: &Value, mut holds: impl FnMut(&str, &Value) -> bool) -> bool {
    object.as_object().unwrap().iter().all(|(key, value)| holds(key, value))
}
