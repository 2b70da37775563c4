//! Counts the instructions of the hot path with valgrind, so the load of the machine does not matter: `cargo bench --bench
//! instructions`. Needs valgrind and the gungraun-runner of the same version.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use sarcoscreen::domain::screening::answers::{Answers, RawAnswers};
use sarcoscreen::domain::screening::assessment::Assessment;
use sarcoscreen::domain::screening::pathway::PathwayId;
use sarcoscreen::domain::screening::questionnaire::Audiences;
use sarcoscreen::domain::screening::scoring::{ScoreOptions, score};
use sarcoscreen::rules::Releases;

const FULL: &str = include_str!("full_answers.json");

fn parsed(text: &str) -> Answers {
    let raw: RawAnswers<'_> = serde_json::from_str(text).unwrap();
    Answers::parse(&raw).0
}

fn ready() -> (Releases, Answers) {
    (Releases::load().unwrap(), parsed(FULL))
}

fn scored() -> Assessment {
    let (releases, answers) = ready();
    score(&releases.current().table, &answers, ScoreOptions { audiences: Audiences::ALL, pathways: &PathwayId::ALL })
}

#[library_benchmark]
fn parse_59_answers() -> Answers {
    parsed(black_box(FULL))
}

#[library_benchmark]
#[bench::all(setup = ready)]
fn score_59_answers((releases, answers): (Releases, Answers)) -> (Releases, Assessment) {
    let asked = ScoreOptions { audiences: Audiences::ALL, pathways: &PathwayId::ALL };
    let assessment = score(&releases.current().table, black_box(&answers), asked);
    // The releases are returned, so that dropping them is not counted.
    (releases, assessment)
}

#[library_benchmark]
#[bench::all(setup = scored)]
fn write_an_assessment_to_be_stored(assessment: Assessment) -> Vec<u8> {
    serde_json::to_vec(black_box(&assessment)).unwrap()
}

library_benchmark_group!(name = hot; benchmarks = parse_59_answers, score_59_answers, write_an_assessment_to_be_stored);
main!(library_benchmark_groups = hot);
