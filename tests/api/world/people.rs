//! Generated answers.

use std::sync::LazyLock;

use sarcoscreen::rules::Releases;
use serde_json::{Value, json};

/// The alarm items of the current rule table.
pub(crate) static ALARMS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let releases = Releases::load().unwrap();
    releases.current().table.asked.alarms.iter().map(|item| item.id()).collect()
});

/// The answers of the README's 82-year-old: 11 points, SARC-F at least 4.
pub(crate) fn frail() -> Value {
    json!({
        "age": 82, "activity": "inactive", "falls_past_year": 4, "stair_difficulty": "a_lot_or_unable",
        "medications": ["systemic_corticosteroid_3_weeks"],
    })
}

/// A fit 45-year-old who answered everything.
pub(crate) fn fit() -> Value {
    let mut answers = json!({
        "age": 45, "sex": "female", "height_cm": 168, "weight_kg": 64.5, "carrying_difficulty": "none",
        "walking_difficulty": "none", "chair_rise_difficulty": "none", "stair_difficulty": "none",
        "falls_past_year": 0, "muscle_shrinkage": false, "weakness": false, "balance_trouble": false,
        "cold_intolerance": false, "fatigue": "rarely", "activity": "vigorous", "strength_training_days": 3,
        "can_walk_1000_m": true, "three_meals_usually": true, "dairy_daily": true, "protein_daily": true,
        "smoker": false, "sleep_hours": 7.5, "weight_loss_past_year_kg": 0, "weight_loss_6_months_kg": 0,
        "hospital_stays_past_year": 0, "bed_rest_days_past_year": 0, "conditions": ["none_of_these"],
        "muscle_injury_or_surgery": false, "fracture_from_fall": false, "medications": ["none_of_these"],
        "regular_medication_count": 0, "poor_appetite": false, "chewing_trouble": false, "finger_ring": "bigger",
    });
    for alarm in ALARMS.iter() {
        answers[*alarm] = if *alarm == "head_injury" { json!("none") } else { json!(false) };
    }
    answers
}
