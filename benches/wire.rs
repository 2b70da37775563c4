//! The time to parse a submission and to write an assessment: `cargo bench --bench wire`.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sarcoscreen::domain::clinics::{Clinic, DueHours, EmergencyNumber, Profile};
use sarcoscreen::domain::ids::ClinicId;
use sarcoscreen::domain::language::Language;
use sarcoscreen::domain::screening::answers::Answers;
use sarcoscreen::domain::screening::pathway::PathwayId;
use sarcoscreen::domain::screening::questionnaire::Audiences;
use sarcoscreen::domain::screening::scoring::{ScoreOptions, score};
use sarcoscreen::domain::submissions::Draft;
use sarcoscreen::http::v1::screening::fragments::Fragments;
use sarcoscreen::http::v1::screening::render::Rendering;
use sarcoscreen::http::v1::screening::view::AssessmentView;
use sarcoscreen::http::v1::submissions::body::SubmissionInput;
use sarcoscreen::rules::Releases;
use uuid::Uuid;

const VIEWS: [AssessmentView; 3] = [AssessmentView::Summary, AssessmentView::Person, AssessmentView::Full];
const FULL: &str = include_str!("full_answers.json");

fn wire(criterion: &mut Criterion) {
    let releases = Releases::load().unwrap();
    let table = &releases.current().table;
    let body = format!(r#"{{"answers": {FULL}, "subject": {{"reference": "MRN-0000001"}}}}"#);
    let answers = read(&body).answers;
    let asked = ScoreOptions { audiences: Audiences::PERSON, pathways: &[PathwayId::Ewgsop2] };
    let assessment = score(table, &answers, asked);
    let (clinic, fragments) = (clinic(), Arc::new(Fragments::new(table, Language::En)));
    let rendering = Rendering { table, language: Language::En, clinic: &clinic, fragments };
    let write = |answers: &Answers, view: AssessmentView| {
        let mut json = Vec::with_capacity(64 * 1024);
        serde_json::to_writer(&mut json, &rendering.assessment(answers, &assessment, Audiences::PERSON, view)).unwrap();
        json
    };
    for view in VIEWS {
        let length = write(&answers, view).len();
        let counted = allocation_counter::measure(|| {
            black_box(write(black_box(&answers), view));
        });
        println!(
            "write an assessment, {view:?}: {length} bytes, {} allocations of {} bytes",
            counted.count_total, counted.bytes_total
        );
    }
    let counted = allocation_counter::measure(|| {
        black_box(read(black_box(&body)));
    });
    println!(
        "read a submission: {} bytes, {} allocations of {} bytes",
        body.len(),
        counted.count_total,
        counted.bytes_total
    );
    let mut group = criterion.benchmark_group("wire");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("read a submission of 59 answers", |bencher| bencher.iter(|| read(black_box(&body))));
    for view in VIEWS {
        group.throughput(Throughput::Bytes(write(&answers, view).len() as u64));
        let name = format!("write its assessment, {view:?}");
        group.bench_function(name, |bencher| bencher.iter(|| write(black_box(&answers), view)));
    }
    group.finish();
}

fn read(body: &str) -> Draft {
    let mut faults = Vec::new();
    let draft = serde_json::from_str::<SubmissionInput>(body).unwrap().parse(Language::En, &mut faults);
    assert!(faults.is_empty(), "{faults:?}");
    draft
}

fn clinic() -> Clinic {
    Clinic {
        clinic_id: ClinicId(Uuid::nil()),
        name: "Clinic".to_owned(),
        booking_url: "https://clinic.example/book".to_owned(),
        slug: None,
        profile: Profile {
            emergency_numbers: vec![EmergencyNumber { label: None, number: "112".to_owned() }],
            ..Profile::default()
        },
        language: Language::En,
        pathways: vec![PathwayId::Ewgsop2],
        languages: vec![Language::En],
        suspended: false,
        due: DueHours::SUGGESTED,
        retention_days: None,
        audit_retention_years: None,
        web_form_open: false,
    }
}

criterion_group!(benches, wire);
criterion_main!(benches);
