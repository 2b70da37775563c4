//! `QuestionnaireResponse` as output: the answers of a submission under the headings of the form.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::element::{coding, element, identifier, reference};
use super::forms::Form;
use super::names::{ANSWERS, IMPORTED, NONE_OF_THESE, RESULTS, SUPERSEDES, TEST};
use super::options::code;
use super::people::People;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::questionnaire::{CATALOGUE, Group, Kind, Spec};
use crate::domain::submissions::record::Standing;
use crate::domain::submissions::stored::StoredSubmission;

pub(super) fn render(stored: &StoredSubmission, people: &People) -> Value {
    with_items(outline(stored, people), &stored.answers)
}

/// A response in an earlier version; `None` if it has no such version. The first version is what was sent, the second that it is
/// corrected.
pub(super) fn render_version(stored: &StoredSubmission, people: &People, asked: i32) -> Option<Value> {
    if asked == version(stored).0 {
        return Some(render(stored, people));
    }
    if asked != 1 {
        return None;
    }
    Some(render(&StoredSubmission { superseded_by: None, superseded_at: None, ..stored.clone() }, people))
}

fn outline(stored: &StoredSubmission, people: &People) -> Value {
    let tags = [(stored.imported, IMPORTED), (stored.test, TEST)];
    let tag: Vec<Value> = tags.into_iter().filter(|(set, _)| *set).map(|(_, code)| coding(RESULTS, code)).collect();
    let (version, updated) = version(stored);
    let supersedes = stored
        .supersedes
        .map(|id| [json!({"url": SUPERSEDES, "valueReference": reference("QuestionnaireResponse", id)})]);
    let authored = stored.stated.answered_on.clone().unwrap_or_else(|| stored.answered().to_string());
    json!({
        "resourceType": "QuestionnaireResponse",
        "id": stored.submission_id,
        "meta": element(json!({"versionId": version.to_string(), "lastUpdated": updated, "tag": tag})),
        "language": stored.language.as_str(),
        "extension": supersedes,
        "identifier": stored.source.as_ref().map(|source| identifier(&source.system, &source.id)),
        "questionnaire": Form::Whole.canonical(stored.form_version()),
        "status": status(Standing::of(stored)),
        "subject": people.reference(stored.subject_id),
        "authored": authored,
    })
}

/// The status of a response, by what corrections say about it.
pub(super) const fn status(standing: Standing) -> &'static str {
    match standing {
        Standing::Original => "completed",
        Standing::Correction => "amended",
        Standing::Superseded => "entered-in-error",
    }
}

/// The version of the resources of a submission, and when it was made. A correction makes the second version of what it corrects.
pub(super) fn version(stored: &StoredSubmission) -> (i32, Timestamp) {
    stored.superseded_at.map_or((1, stored.received_at), |at| (2, at))
}

/// Adds the answers to a response, under their headings; headings without answers are omitted.
pub(super) fn with_items(mut response: Value, answers: &Answers) -> Value {
    let heading = |group: Group| {
        let questions = CATALOGUE.iter().filter(|spec| spec.group == group);
        let questions: Vec<Value> = questions.filter_map(|spec| question(spec, answers)).collect();
        (!questions.is_empty()).then(|| item(group.as_str(), "item", questions))
    };
    response["item"] = Group::ALL.into_iter().filter_map(heading).collect();
    element(response)
}

fn question(spec: &Spec, answers: &Answers) -> Option<Value> {
    let value = answers.get(spec.item)?;
    let coding = |option: &str| json!({"valueCoding": coding(ANSWERS, &code(spec.id, option))});
    let answer = match spec.kind {
        Kind::Flag => vec![json!({"valueBoolean": value != 0})],
        Kind::Number { scale: 1, .. } => vec![json!({"valueInteger": value})],
        Kind::Number { scale, .. } => vec![json!({"valueDecimal": f64::from(value) / f64::from(scale)})],
        Kind::Choice(options) => {
            let place = usize::try_from(value).unwrap_or_default();
            options.get(place).map(|option| coding(option)).into_iter().collect()
        }
        Kind::Set { .. } if value == 0 => vec![coding(NONE_OF_THESE)],
        Kind::Set { options, .. } => {
            let chosen = options.iter().enumerate().filter(|(bit, _)| value & (1 << bit) != 0);
            chosen.map(|(_, option)| coding(option)).collect()
        }
    };
    Some(item(spec.id, "answer", answer))
}

/// An item. Takes its parts by value, because a search makes many items.
fn item(link_id: &str, name: &str, parts: Vec<Value>) -> Value {
    element([("linkId", Value::from(link_id)), (name, parts.into())].into_iter().collect())
}
