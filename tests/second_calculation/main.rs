//! Compares the engine with the second calculation in this folder: another language, no shared code. A test of the domain, because it
//! is compiled with optimization and this is its longest test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../contract/people.rs"]
mod people;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sarcoscreen_domain::screening::answers::Answers;
use sarcoscreen_domain::screening::assessment::{Assessment, FlagKind, FlagReason};
use sarcoscreen_domain::screening::instrument::{InstrumentResult, Outcome};
use sarcoscreen_domain::screening::pathway::{PathwayId, PathwayResult, Stage};
use sarcoscreen_domain::screening::questionnaire::{Audience, Audiences};
use sarcoscreen_domain::screening::red_flag::CareLevel;
use sarcoscreen_domain::screening::rule_table::{Band, Id, RuleFiles, RuleTable};
use sarcoscreen_domain::screening::scoring::{ScoreOptions, score};
use sarcoscreen_domain::screening::urgency::Urgency;
use serde::Serialize;

use crate::people::People;

const PROCESSES: u64 = 2;

#[test]
fn a_second_calculation_agrees_on_20_000_complete_and_partial_answers() {
    agrees_on(20_000);
}

#[test]
#[ignore = "takes minutes; the gate runs it"]
fn a_second_calculation_agrees_on_1_000_000_complete_and_partial_answers() {
    agrees_on(1_000_000);
}

fn agrees_on(count: u64) {
    let table = RuleTable::compile(&released()).unwrap();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..PROCESSES)
            .map(|process| {
                let table = &table;
                scope.spawn(move || compare(table, 2026 + process, count / PROCESSES))
            })
            .collect();
        for run in runs {
            println!("{}", run.join().unwrap());
        }
    });
}

/// The files of the current rule table.
fn released() -> RuleFiles {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules/2026.3");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()))
        .collect()
}

fn compare(table: &RuleTable, seed: u64, count: u64) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/second_calculation/compare.py");
    let mut command = Command::new("python3");
    let mut child =
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = std::io::BufWriter::new(child.stdin.take().unwrap());
    let reader = std::thread::spawn(move || child.wait_with_output().unwrap());
    let mut people = People::seeded(table, seed);
    for _ in 0..count {
        let line = line(table, &mut people);
        if writeln!(input, "{line}").is_err() {
            break;
        }
    }
    drop(input);
    let output = reader.join().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said, format!("compared {count}, differences 0"));
    said
}

/// Generated answers, their audiences, and the result of the engine. Written as text at once: values of JSON take longer to make
/// than the engine takes to score.
fn line(table: &RuleTable, people: &mut People) -> String {
    // One third complete, one third with few gaps, one third with many gaps.
    let answered = [100, 85, 45][usize::try_from(people.below(3)).unwrap()];
    let answers = people.person(answered);
    let audiences = Audiences { staff: people.below(2) == 0, laboratory: people.below(2) == 0 };
    let pathways: Vec<_> = PathwayId::ALL.into_iter().filter(|_| people.below(4) > 0).collect();
    let assessment = score(table, &answers, ScoreOptions { audiences, pathways: &pathways });
    let asked = Audience::ALL.into_iter().filter(|audience| audiences.include(*audience)).map(Audience::as_str);
    let line = Line {
        answers: &answers,
        audience: asked.collect(),
        pathways: &pathways,
        result: Compared::of(table, &assessment),
    };
    serde_json::to_string(&line).unwrap()
}

#[derive(Serialize)]
struct Line<'a> {
    answers: &'a Answers,
    audience: Vec<&'static str>,
    pathways: &'a [PathwayId],
    result: Compared<'a>,
}

/// What both calculations must agree on.
#[derive(Serialize)]
struct Compared<'a> {
    total: i32,
    lower: i32,
    upper: i32,
    band_at_least: Band,
    band_at_most: Band,
    instruments: BTreeMap<&'a str, Numbers>,
    pathways: BTreeMap<&'static str, Stages>,
    care_level: Option<CareLevel>,
    flagged: bool,
    flags: FlagSources<'a>,
    flag_reasons: Vec<String>,
    red_flags: Vec<&'a str>,
    red_flag_levels: Vec<&'static str>,
    urgency: Option<Urgency>,
}

#[derive(Serialize)]
struct Numbers {
    outcome: Outcome,
    total: Option<i32>,
    lower: Option<i32>,
    upper: Option<i32>,
}

#[derive(Serialize)]
struct Stages {
    case_found: Option<bool>,
    strength_low: Option<bool>,
    performance_low: Option<bool>,
    stage: Stage,
}

#[derive(Serialize)]
struct FlagSources<'a> {
    band: bool,
    instruments: Vec<&'a str>,
    pathways: Vec<&'a str>,
    laboratory: usize,
    red_flags: usize,
}

impl<'a> Compared<'a> {
    fn of(table: &RuleTable, assessment: &'a Assessment) -> Self {
        let of = |kind: FlagKind| {
            let reasons = assessment.flag_reasons.iter().filter(|reason| reason.kind == kind);
            sorted(reasons.map(|reason| &*reason.id).collect())
        };
        let instrument = |result: &'a InstrumentResult| {
            let InstrumentResult { instrument, outcome, total, lower, upper } = result;
            (&**instrument, Numbers { outcome: *outcome, total: *total, lower: *lower, upper: *upper })
        };
        let pathway = |result: &PathwayResult| {
            let PathwayResult { pathway, case_found, strength_low, performance_low, stage } = *result;
            (pathway.as_str(), Stages { case_found, strength_low, performance_low, stage })
        };
        let reason = |reason: &FlagReason| format!("{}:{}", reason.kind.as_str(), reason.id);
        let level = |id: &Id| table.red_flag(id).unwrap().level.as_str();
        Self {
            total: assessment.score.total,
            lower: assessment.score.lower,
            upper: assessment.score.upper,
            band_at_least: assessment.band_at_least,
            band_at_most: assessment.band_at_most,
            instruments: assessment.instruments.iter().map(instrument).collect(),
            pathways: assessment.pathways.iter().map(pathway).collect(),
            care_level: assessment.care_level,
            flagged: assessment.flagged(),
            flags: FlagSources {
                band: !of(FlagKind::Band).is_empty(),
                instruments: of(FlagKind::Instrument),
                pathways: of(FlagKind::Pathway),
                laboratory: of(FlagKind::Laboratory).len(),
                red_flags: of(FlagKind::RedFlag).len(),
            },
            flag_reasons: sorted(assessment.flag_reasons.iter().map(reason).collect()),
            red_flags: sorted(assessment.red_flags.iter().map(|id| &**id).collect()),
            red_flag_levels: sorted(assessment.red_flags.iter().map(level).collect()),
            urgency: assessment.urgency,
        }
    }
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list
}
