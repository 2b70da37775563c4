//! Assessments that earlier versions of the service stored: they can be read, and recomputing them gives the same result.

use std::path::Path;

use sarcoscreen::domain::screening::answers::{Answers, RawAnswers};
use sarcoscreen::domain::screening::assessment::Assessment;
use sarcoscreen::domain::screening::replay::rescore;
use sarcoscreen::rules::Releases;
use serde_json::Value;

#[test]
fn assessments_stored_under_2026_1_recompute_to_themselves() {
    let releases = Releases::load().unwrap();
    let table = &releases.find("2026.1").unwrap().table;
    // Columns `answers` and `assessment` of rows that the service stored when 2026.1 was its current table.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/stored/2026.1.jsonl");
    let rows = std::fs::read_to_string(path).unwrap();
    let mut flagged = 0;
    for row in rows.lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let text = row["answers"].to_string();
        let raw: RawAnswers<'_> = serde_json::from_str(&text).unwrap();
        let (answers, faults) = Answers::parse(&raw);
        assert!(faults.is_empty(), "{faults:?}");
        let stored: Assessment = serde_json::from_value(row["assessment"].clone()).unwrap();
        assert_eq!(rescore(table, &answers, &stored, &[]), stored);
        flagged += u32::from(stored.flagged());
    }
    assert_eq!(rows.lines().count(), 50);
    assert!((5..45).contains(&flagged), "{flagged}");
}
