//! The time and the allocations of one scoring: `cargo bench --bench scoring`.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sarcoscreen::domain::screening::answers::{Answers, RawAnswers};
use sarcoscreen::domain::screening::open_questions::open_questions;
use sarcoscreen::domain::screening::pathway::PathwayId;
use sarcoscreen::domain::screening::questionnaire::Audiences;
use sarcoscreen::domain::screening::rule_table::RuleTable;
use sarcoscreen::domain::screening::scoring::{ScoreOptions, score};
use sarcoscreen::rules::Releases;

const FULL: &str = include_str!("full_answers.json");
const PERSON: &str =
    r#"{"age": 82, "activity": "inactive", "falls_past_year": 4, "stair_difficulty": "a_lot_or_unable"}"#;

fn scoring(criterion: &mut Criterion) {
    let releases = Releases::load().unwrap();
    let table: &RuleTable = &releases.current().table;
    let everything = ScoreOptions { audiences: Audiences::ALL, pathways: &PathwayId::ALL };
    let (full, few) = (parse(FULL), parse(PERSON));
    let assessment = score(table, &full, everything);
    assert_eq!((assessment.instruments.len(), assessment.pathways.len()), (8, 4));
    let counted = allocation_counter::measure(|| {
        black_box(score(table, black_box(&full), everything));
    });
    println!(
        "score, 59 answers, 8 instruments, 4 pathways: {} allocations, {} bytes, {} findings, {} red flags",
        counted.count_total,
        counted.bytes_total,
        assessment.findings.len(),
        assessment.red_flags.len()
    );
    criterion.bench_function("score, 59 answers, 8 instruments, 4 pathways", |bencher| {
        bencher.iter(|| score(table, black_box(&full), everything));
    });
    criterion.bench_function("score, 4 answers of a person", |bencher| {
        bencher.iter(|| score(table, black_box(&few), ScoreOptions::PERSON));
    });
    let partial = score(table, &few, ScoreOptions::PERSON);
    criterion.bench_function("open questions after 4 answers", |bencher| {
        bencher.iter(|| open_questions(table, black_box(&few), ScoreOptions::PERSON, &partial));
    });
    criterion.bench_function("what would settle each instrument after 4 answers", |bencher| {
        bencher.iter(|| table.instruments.iter().map(|one| one.would_settle(black_box(&few)).len()).sum::<usize>());
    });
    criterion.bench_function("parse 59 answers", |bencher| bencher.iter(|| parse(black_box(FULL))));
}

fn parse(text: &str) -> Answers {
    let raw: RawAnswers<'_> = serde_json::from_str(text).unwrap();
    let (answers, faults) = Answers::parse(&raw);
    assert!(faults.is_empty(), "{faults:?}");
    answers
}

criterion_group!(benches, scoring);
criterion_main!(benches);
