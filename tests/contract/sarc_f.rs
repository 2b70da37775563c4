//! SARC-F against a second calculation: all 243 combinations, written from the published table without code of the engine.

use sarcoscreen::domain::screening::answers::{Answers, RawAnswers};
use sarcoscreen::domain::screening::rule_table::RuleTable;
use sarcoscreen::domain::screening::scoring::{ScoreOptions, score};
use sarcoscreen::rules::released_files;
use serde_json::json;

#[test]
fn all_243_combinations_agree_with_the_published_table() {
    let table = RuleTable::compile(&released_files("2026.2").unwrap()).unwrap();
    let difficulty = ["none", "some", "a_lot_or_unable"];
    let falls = [0, 2, 4];
    let mut compared = 0;
    for combination in 0..243_usize {
        let digits: Vec<usize> = (0..5).map(|place| combination / 3_usize.pow(place) % 3).collect();
        let text = json!({
            "age": 70,
            "carrying_difficulty": difficulty[digits[0]],
            "walking_difficulty": difficulty[digits[1]],
            "chair_rise_difficulty": difficulty[digits[2]],
            "stair_difficulty": difficulty[digits[3]],
            "falls_past_year": falls[digits[4]],
        })
        .to_string();
        let raw: RawAnswers<'_> = serde_json::from_str(&text).unwrap();
        let result = score(&table, &Answers::parse(&raw).0, ScoreOptions::PERSON).instruments.remove(0);
        // Each digit is the published score of its item, so the published total is their sum.
        let published = i32::try_from(digits.iter().sum::<usize>()).unwrap();
        let positive = published > 3;
        assert_eq!(result.total, Some(published), "{text}");
        assert_eq!(result.outcome.as_str(), if positive { "positive" } else { "negative" }, "{text}");
        compared += 1;
    }
    assert_eq!(compared, 243);
}
