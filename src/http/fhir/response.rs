//! `QuestionnaireResponse` as output: the answers of a submission under the headings of the form.

use super::element::{Coding, Identifier, Meta, Reference, Typed, elements};
use super::names::{ANSWERS, IMPORTED, NONE_OF_THESE, QUESTIONNAIRE, RESULTS, SUBJECT};
use super::options::code;
use crate::domain::ids::SubjectId;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::questionnaire::{CATALOGUE, Group, Kind, Spec};
use crate::domain::submissions::stored::StoredSubmission;

elements! {
    /// Answers to the form.
    Response {
        id: String,
        meta: Option<Meta>,
        language: &'static str,
        identifier: Option<Identifier>,
        questionnaire: String,
        status: &'static str,
        subject: Option<Reference>,
        authored: String,
        item: Vec<Item>,
    }
    /// A heading or a question.
    Item {
        link_id: &'static str,
        answer: Vec<Answer>,
        item: Vec<Item>,
    }
    /// One answer.
    Answer {
        value_boolean: Option<bool>,
        value_decimal: Option<f64>,
        value_integer: Option<i32>,
        value_coding: Option<Coding>,
    }
}

pub(super) fn render(stored: &StoredSubmission) -> Typed<Response> {
    let source = stored.source.clone();
    let tag = stored.imported.then(|| Coding::new(RESULTS, IMPORTED, None)).into_iter();
    Typed::new(
        "QuestionnaireResponse",
        Response {
            id: stored.submission_id.to_string(),
            meta: Some(Meta { tag: tag.collect(), ..meta(1, stored.received_at) }),
            language: stored.language.as_str(),
            identifier: source.map(|source| Identifier { system: Some(source.system), value: source.id }),
            questionnaire: format!("{QUESTIONNAIRE}|{}", stored.assessment.rule_table),
            status: "completed",
            subject: Some(person(stored.subject_id)),
            authored: stored.answered().to_string(),
            item: items(&stored.answers),
        },
    )
}

/// A person, for whom no resource is served.
pub(super) fn person(subject_id: SubjectId) -> Reference {
    Reference::named("Patient", SUBJECT, subject_id)
}

/// Metadata with version and time of the last change.
pub(super) fn meta(version: i32, at: jiff::Timestamp) -> Meta {
    Meta { version_id: Some(version.to_string()), last_updated: Some(at.to_string()), tag: Vec::new() }
}

/// Answers under their headings; headings without answers are omitted.
pub(super) fn items(answers: &Answers) -> Vec<Item> {
    let heading = |group: Group| Item {
        link_id: group.as_str(),
        item: CATALOGUE.iter().filter(|spec| spec.group == group).filter_map(|spec| question(spec, answers)).collect(),
        answer: Vec::new(),
    };
    Group::ALL.into_iter().map(heading).filter(|heading| !heading.item.is_empty()).collect()
}

fn question(spec: &Spec, answers: &Answers) -> Option<Item> {
    let value = answers.get(spec.item)?;
    let coding = |option: &str| Answer {
        value_coding: Some(Coding::new(ANSWERS, code(spec.id, option), None)),
        ..Answer::default()
    };
    let place = usize::try_from(value).unwrap_or_default();
    let answer = match spec.kind {
        Kind::Flag => vec![Answer { value_boolean: Some(value != 0), ..Answer::default() }],
        Kind::Number { scale: 1, .. } => vec![Answer { value_integer: Some(value), ..Answer::default() }],
        Kind::Number { scale, .. } => {
            vec![Answer { value_decimal: Some(f64::from(value) / f64::from(scale)), ..Answer::default() }]
        }
        Kind::Choice(options) => options.get(place).map(|option| coding(option)).into_iter().collect(),
        Kind::Set { .. } if value == 0 => vec![coding(NONE_OF_THESE)],
        Kind::Set { options, .. } => {
            let chosen = options.iter().enumerate().filter(|(bit, _)| value & (1 << bit) != 0);
            chosen.map(|(_, option)| coding(option)).collect()
        }
    };
    Some(Item { link_id: spec.id, answer, item: Vec::new() })
}
