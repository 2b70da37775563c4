//! Compares the engine with the second calculation in `tests/second_calculation/`: another language, no shared code.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sarcoscreen::domain::screening::assessment::{Assessment, FlagKind, FlagReason};
use sarcoscreen::domain::screening::instrument::InstrumentResult;
use sarcoscreen::domain::screening::pathway::PathwayId;
use sarcoscreen::domain::screening::questionnaire::{Audience, Audiences};
use sarcoscreen::domain::screening::rule_table::RuleTable;
use sarcoscreen::domain::screening::scoring::{ScoreOptions, score};
use sarcoscreen::rules::released_files;
use serde_json::{Value, json};

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
    let table = RuleTable::compile(&released_files("2026.3").unwrap()).unwrap();
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

fn compare(table: &RuleTable, seed: u64, count: u64) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/second_calculation/compare.py");
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

/// Generated answers, their audiences, and the result of the engine.
fn line(table: &RuleTable, people: &mut People) -> Value {
    // One third complete, one third with few gaps, one third with many gaps.
    let answered = [100, 85, 45][usize::try_from(people.below(3)).unwrap()];
    let answers = people.person(answered);
    let audiences = Audiences { staff: people.below(2) == 0, laboratory: people.below(2) == 0 };
    let pathways: Vec<_> = PathwayId::ALL.into_iter().filter(|_| people.below(4) > 0).collect();
    let assessment = score(table, &answers, ScoreOptions { audiences, pathways: &pathways });
    let asked = Audience::ALL.into_iter().filter(|audience| audiences.include(*audience)).map(Audience::as_str);
    json!({
        "answers": answers,
        "audience": asked.collect::<Vec<_>>(),
        "pathways": pathways,
        "result": result(table, &assessment),
    })
}

fn result(table: &RuleTable, assessment: &Assessment) -> Value {
    let of = |kind: FlagKind| {
        let mut ids: Vec<&str> =
            assessment.flag_reasons.iter().filter(|reason| reason.kind == kind).map(|reason| &*reason.id).collect();
        ids.sort_unstable();
        ids
    };
    let mut levels: Vec<&str> =
        assessment.red_flags.iter().map(|id| table.red_flag(id).unwrap().level.as_str()).collect();
    levels.sort_unstable();
    let reason = |reason: &FlagReason| format!("{}:{}", reason.kind.as_str(), reason.id);
    let mut reasons: Vec<String> = assessment.flag_reasons.iter().map(reason).collect();
    reasons.sort_unstable();
    let mut red_flags: Vec<&str> = assessment.red_flags.iter().map(|id| &**id).collect();
    red_flags.sort_unstable();
    let instrument = |result: &InstrumentResult| {
        let numbers =
            json!({"outcome": result.outcome, "total": result.total, "lower": result.lower, "upper": result.upper});
        (result.instrument.to_string(), numbers)
    };
    let pathways = assessment.pathways.iter().map(|result| {
        let said = json!({
            "case_found": result.case_found,
            "strength_low": result.strength_low,
            "performance_low": result.performance_low,
            "stage": result.stage,
        });
        (result.pathway.as_str().to_owned(), said)
    });
    json!({
        "total": assessment.score.total,
        "lower": assessment.score.lower,
        "upper": assessment.score.upper,
        "band_at_least": assessment.band_at_least,
        "band_at_most": assessment.band_at_most,
        "instruments": assessment.instruments.iter().map(instrument).collect::<serde_json::Map<_, _>>(),
        "pathways": pathways.collect::<serde_json::Map<_, _>>(),
        "care_level": assessment.care_level,
        "flagged": assessment.flagged(),
        "flags": {
            "band": !of(FlagKind::Band).is_empty(),
            "instruments": of(FlagKind::Instrument),
            "pathways": of(FlagKind::Pathway),
            "laboratory": of(FlagKind::Laboratory).len(),
            "red_flags": of(FlagKind::RedFlag).len(),
        },
        "flag_reasons": reasons,
        "red_flags": red_flags,
        "red_flag_levels": levels,
        "urgency": assessment.urgency,
    })
}
