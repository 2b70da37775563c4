//! A scored response: what results are made of, whether it is stored here or was only sent to be read.

use jiff::Timestamp;

use super::element::{Meta, Reference};
use super::response::{meta, person};
use crate::domain::answers::Answers;
use crate::domain::assessment::Assessment;
use crate::domain::language::Language;
use crate::domain::rule_table::RuleTable;
use crate::domain::stored::StoredSubmission;
use crate::domain::texts::Texts;

/// A scored response.
pub(super) struct Scored<'a> {
    /// What it was scored by.
    pub(super) table: &'a RuleTable,
    /// The language of its outcome.
    pub(super) language: Language,
    /// The answers.
    pub(super) answers: &'a Answers,
    /// What the rule table makes of them.
    pub(super) assessment: &'a Assessment,
    /// When it was answered.
    pub(super) answered: Timestamp,
    /// When it was scored.
    pub(super) issued: Timestamp,
    /// The person.
    pub(super) subject: Reference,
    /// The response, where it has an address.
    pub(super) response: Option<Reference>,
    /// What the ids of its results begin with; empty where they have none.
    pub(super) id: String,
}

impl<'a> Scored<'a> {
    /// One that is stored.
    pub(super) fn stored(table: &'a RuleTable, stored: &'a StoredSubmission) -> Self {
        Self {
            table,
            language: stored.language,
            answers: &stored.answers,
            assessment: &stored.assessment,
            answered: stored.answered(),
            issued: stored.received_at,
            subject: person(stored.subject_id),
            response: Some(Reference::to("QuestionnaireResponse", stored.submission_id)),
            id: stored.submission_id.to_string(),
        }
    }

    /// The wording of the outcome.
    pub(super) fn texts(&self) -> Option<&'a Texts> {
        self.table.texts(self.language)
    }

    /// The version of a result, which never changes.
    pub(super) fn meta(&self) -> Option<Meta> {
        (!self.id.is_empty()).then(|| meta(1, self.issued))
    }
}
