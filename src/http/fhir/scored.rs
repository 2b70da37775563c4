//! A scored response, from which results are made. It is either stored or only sent for scoring.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::element::reference;
use super::response::{person, version};
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
    pub(super) fn stored(table: &'a RuleTable, stored: &'a StoredSubmission) -> Self {
        Self {
            table,
            language: stored.language,
            answers: &stored.answers,
            assessment: &stored.assessment,
            answered: stored.answered(),
            issued: stored.received_at,
            version: version(stored),
            standing: Standing::of(stored),
            subject: person(stored.subject_id),
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

    /// Metadata of a result.
    pub(super) fn meta(&self) -> Option<Value> {
        let (version, updated) = self.version;
        (!self.id.is_empty()).then(|| json!({"versionId": version.to_string(), "lastUpdated": updated}))
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
