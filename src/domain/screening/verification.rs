//! Verification that stored assessments equal a recomputation from their answers and rule table.

use std::collections::BTreeMap;

use serde_json::Value;

use super::assessment::Assessment;
use crate::ids::{ClinicId, SubmissionId};

/// The result of a verification. Its size is bounded, however many rows differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    pub rows: u64,
    pub differing: u64,
    /// The number of rows in which each field differs.
    pub fields: BTreeMap<String, u64>,
    /// The first rows that differ, in the order of their keys, at most [`Verification::LISTED`].
    pub first: Vec<Differing>,
}

/// A compared row, with the names of the fields that differ; never their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    pub clinic_id: ClinicId,
    pub submission_id: SubmissionId,
    /// The version of the rule table used to recompute it.
    pub rule_table: String,
    /// The names; empty if the row is correct.
    pub fields: Vec<String>,
}

impl Verification {
    /// The maximum number of differing rows listed.
    pub const LISTED: usize = 1_000;

    pub fn add(&mut self, row: Differing) {
        self.rows += 1;
        if row.fields.is_empty() {
            return;
        }
        self.differing += 1;
        for field in &row.fields {
            *self.fields.entry(field.clone()).or_default() += 1;
        }
        if self.first.len() < Self::LISTED {
            self.first.push(row);
        }
    }

    /// Adds the results of later rows.
    pub fn merge(&mut self, later: Self) {
        self.rows += later.rows;
        self.differing += later.differing;
        for (field, rows) in later.fields {
            *self.fields.entry(field).or_default() += rows;
        }
        let room = Self::LISTED - self.first.len();
        self.first.extend(later.first.into_iter().take(room));
    }
}

/// The names of the fields in which two assessments differ, in their stored form.
#[must_use]
pub fn differing_fields(stored: &Assessment, recomputed: &Assessment) -> Vec<String> {
    if stored == recomputed {
        return Vec::new();
    }
    let fields = |assessment: &Assessment| match serde_json::to_value(assessment) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (stored, recomputed) = (fields(stored), fields(recomputed));
    let differs = |name: &&String| stored.get(*name) != recomputed.get(*name);
    // A field that only the stored assessment has differs too.
    let surplus = stored.keys().filter(|name| !recomputed.contains_key(*name));
    recomputed.keys().chain(surplus).filter(differs).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::samples::assessment;
    use crate::screening::red_flag::CareLevel;

    fn row(place: u128, fields: &[&str]) -> Differing {
        Differing {
            clinic_id: ClinicId(uuid::Uuid::nil()),
            submission_id: SubmissionId(uuid::Uuid::from_u128(place)),
            rule_table: "2026.1".to_owned(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        }
    }

    #[test]
    fn exactly_the_differing_fields_are_reported() {
        let stored = assessment(7, &[("smoker", 1)], &[]);
        assert_eq!(differing_fields(&stored, &stored.clone()), Vec::<String>::new());
        let mut other = assessment(8, &[("smoker", 2)], &[]);
        assert_eq!(differing_fields(&stored, &other), ["score", "findings"]);
        other.rule_table = Arc::from("2026.2");
        other.care_level = Some(CareLevel::Emergency);
        assert_eq!(differing_fields(&stored, &other), ["rule_table", "score", "findings", "care_level"]);
    }

    #[test]
    fn a_field_of_only_the_stored_assessment_is_a_difference() {
        let recomputed = assessment(7, &[], &[]);
        let mut stored = recomputed.clone();
        stored.risks = vec![Arc::from("breathing")];
        assert_eq!(differing_fields(&stored, &recomputed), ["risks"]);
        assert_eq!(differing_fields(&recomputed, &stored), ["risks"]);
    }

    #[test]
    fn counts_of_two_parts_add_up_and_the_list_is_bounded() {
        let part = |first: u128| {
            let mut found = Verification::default();
            found.add(row(first, &[]));
            for place in 1..=700 {
                found.add(row(first + place, if place % 7 == 0 { &["score", "urgency"] } else { &["score"] }));
            }
            found
        };
        let mut whole = part(0);
        whole.merge(part(10_000));
        assert_eq!((whole.rows, whole.differing), (1402, 1400));
        assert_eq!(whole.fields, [("score".to_owned(), 1400), ("urgency".to_owned(), 200)].into());
        assert_eq!(whole.first.len(), Verification::LISTED);
        assert!(whole.first.windows(2).all(|pair| pair[0].submission_id < pair[1].submission_id));
    }
}
