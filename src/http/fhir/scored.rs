//! A scored response, from which results are made. It is either stored or only sent for scoring.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::element::{coding, element, reference};
use super::names::{RESULTS, TEST};
use super::people::People;
use super::response::version;
use crate::domain::language::Language;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::assessment::Assessment;
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::texts::Texts;
use crate::domain::submissions::record::Standing;
use crate::domain::submissions::stored::StoredSubmission;

pub(super) struct Scored<'a> {
    /// The rule table that it was scored with.
    pub(super) table: &'a RuleTable,
    pub(super) language: Language,
    pub(super) answers: &'a Answers,
    pub(super) assessment: &'a Assessment,
    /// When the questions were answered.
    pub(super) answered: Timestamp,
    pub(super) issued: Timestamp,
    /// Whether the response is a test, which the tag of its results states.
    pub(super) test: bool,
    /// The version of its results, and when it was made.
    pub(super) version: (i32, Timestamp),
    pub(super) standing: Standing,
    pub(super) subject: Value,
    /// Reference to the response, if it has one.
    pub(super) response: Option<Value>,
    /// Prefix of the ids of its results; empty if they have no ids.
    pub(super) id: String,
}

impl<'a> Scored<'a> {
    pub(super) fn stored(table: &'a RuleTable, stored: &'a StoredSubmission, people: &People) -> Self {
        Self {
            table,
            language: stored.language,
            answers: &stored.answers,
            assessment: &stored.assessment,
            answered: stored.answered(),
            issued: stored.received_at,
            test: stored.test,
            version: version(stored),
            standing: Standing::of(stored),
            subject: people.reference(stored.subject_id),
            response: Some(reference("QuestionnaireResponse", stored.submission_id)),
            id: stored.submission_id.to_string(),
        }
    }

    pub(super) fn texts(&self) -> Option<&'a Texts> {
        self.table.texts(self.language)
    }

    /// The status of a result, by what corrections say about the response.
    pub(super) const fn status(&self) -> &'static str {
        result_status(self.standing)
    }

    /// Metadata of a result. A result without an id has a tag at most.
    pub(super) fn meta(&self) -> Option<Value> {
        let stored = !self.id.is_empty();
        let (version, updated) = self.version;
        let (version, updated) = (stored.then(|| version.to_string()), stored.then_some(updated));
        let tag = self.test.then(|| [coding(RESULTS, TEST)]);
        let meta = json!({"versionId": version, "lastUpdated": updated, "tag": tag});
        (stored || self.test).then(|| element(meta))
    }
}

/// The status of an `Observation` or a `RiskAssessment`.
pub(super) const fn result_status(standing: Standing) -> &'static str {
    match standing {
        Standing::Original => "final",
        Standing::Correction => "corrected",
        Standing::Superseded => "entered-in-error",
    }
}
