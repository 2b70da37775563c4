//! `QuestionnaireResponse` as it comes in: what becomes a draft of a submission. Elements that are not read here are allowed
//! and let be.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use validator::Validate;

use super::names::{ANSWERS, NONE_OF_THESE, QUESTIONNAIRE, SARC_F_TOTAL};
use crate::domain::answers::{Answers, RawAnswer, RawAnswers};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::questionnaire::{Group, Item, Kind};
use crate::domain::subject::{Reference, SubjectDraft};
use crate::domain::submission::ExternalSource;

/// The resource.
const RESPONSE: &str = "QuestionnaireResponse";

/// Answers to the form.
#[derive(Clone, Default, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResponseInput {
    resource_type: Option<String>,
    identifier: Option<IdentifierInput>,
    questionnaire: Option<String>,
    status: Option<String>,
    subject: Option<ReferenceInput>,
    authored: Option<String>,
    #[serde(default)]
    item: Vec<ItemInput>,
}

/// A name that another system gave.
#[derive(Clone, Deserialize)]
struct IdentifierInput {
    system: Option<String>,
    value: Option<String>,
}

/// Whom the answers are about.
#[derive(Clone, Deserialize)]
struct ReferenceInput {
    identifier: Option<IdentifierInput>,
}

/// A heading or a question.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemInput {
    link_id: Option<String>,
    #[serde(default)]
    answer: Vec<Map<String, Value>>,
    #[serde(default)]
    item: Vec<ItemInput>,
}

/// What the resource says, as far as it could be read.
#[derive(Default)]
pub(super) struct Read {
    /// The answers.
    pub(super) answers: Answers,
    /// The person.
    pub(super) subject: SubjectDraft,
    /// When it was answered.
    pub(super) answered_at: Option<Timestamp>,
    /// The record that it is in the other system.
    pub(super) source: Option<ExternalSource>,
    /// Where each question stands in the resource.
    places: HashMap<String, String>,
}

impl ResponseInput {
    /// Reads the resource; versions of the form that are not among those known are refused.
    pub(super) fn read(self, versions: &[String], faults: &mut Vec<Fault>) -> Read {
        let mut fault = |element: &str, code, detail: &str| faults.push(at(element, code, detail));
        if self.resource_type.as_deref() != Some(RESPONSE) {
            fault("resourceType", FaultCode::UnknownOption, "must be QuestionnaireResponse");
        }
        match self.status.as_deref() {
            Some("completed") => {}
            None => fault("status", FaultCode::Required, "must say completed"),
            Some(_) => fault("status", FaultCode::Contradiction, "only what is completed can be scored and stored"),
        }
        if self.questionnaire.is_some_and(|canonical| !known_form(&canonical, versions)) {
            fault("questionnaire", FaultCode::NotFound, "is not the form of this service in a version that it knows");
        }
        let mut read = Read { source: source(self.identifier, &mut fault), ..Read::default() };
        if let Some(text) = self.authored {
            read.answered_at = text.parse().ok();
            if read.answered_at.is_none() {
                fault("authored", FaultCode::Format, "must be a date with a time and an offset");
            }
        }
        if let Some(subject) = self.subject {
            read.subject.reference = reference(subject, &mut fault);
        }
        let mut raw = RawAnswers::default();
        collect(self.item, RESPONSE, &mut read.places, &mut raw, faults);
        let (answers, found) = Answers::parse(&raw);
        faults.extend(found.into_iter().map(|one| read.located(one.under("/answers"))));
        read.answers = answers;
        read
    }
}

impl Read {
    /// A fault of the draft, named by where it stands in the resource.
    pub(super) fn located(&self, fault: Fault) -> Fault {
        let path = match &*fault.pointer {
            "/answered_at" => format!("{RESPONSE}.authored"),
            "/source" => format!("{RESPONSE}.identifier"),
            "/subject/reference" => format!("{RESPONSE}.subject.identifier"),
            other => match other.strip_prefix("/answers/").and_then(|rest| rest.split('/').next()) {
                Some(link) => self.places.get(link).cloned().unwrap_or_else(|| question(RESPONSE, link)),
                None => return fault,
            },
        };
        Fault { pointer: path, ..fault }
    }
}

fn at(element: &str, code: FaultCode, detail: &str) -> Fault {
    Fault::new(format!("{RESPONSE}.{element}"), code, detail)
}

fn question(parent: &str, link: &str) -> String {
    format!("{parent}.item.where(linkId='{link}')")
}

fn known_form(canonical: &str, versions: &[String]) -> bool {
    match canonical.split_once('|') {
        Some((url, version)) => url == QUESTIONNAIRE && versions.iter().any(|known| known == version),
        None => canonical == QUESTIONNAIRE,
    }
}

/// What another system may call a record.
pub(super) fn plain(text: &str) -> bool {
    (1..=200).contains(&text.chars().count()) && !text.trim().is_empty() && !text.chars().any(char::is_control)
}

fn source(
    identifier: Option<IdentifierInput>,
    fault: &mut impl FnMut(&str, FaultCode, &str),
) -> Option<ExternalSource> {
    let IdentifierInput { system, value } = identifier?;
    for (part, name) in [(&system, "system"), (&value, "value")] {
        let element = format!("identifier.{name}");
        match part {
            None => fault(&element, FaultCode::Required, "an identifier has a system and a value"),
            Some(text) if !plain(text) => fault(&element, FaultCode::Text, "must be 1 to 200 visible characters"),
            Some(_) => {}
        }
    }
    Some(ExternalSource { system: system?, id: value? })
}

fn reference(subject: ReferenceInput, fault: &mut impl FnMut(&str, FaultCode, &str)) -> Option<Reference> {
    let Some(value) = subject.identifier.and_then(|identifier| identifier.value) else {
        fault("subject", FaultCode::Required, "name the person by subject.identifier.value, the clinic's reference");
        return None;
    };
    match Reference::parse(&value) {
        Ok(reference) => Some(reference),
        Err(wrong) => {
            fault("subject.identifier.value", wrong.code, &wrong.detail);
            None
        }
    }
}

/// Takes the answers out of the tree of headings.
fn collect(
    items: Vec<ItemInput>,
    parent: &str,
    places: &mut HashMap<String, String>,
    raw: &mut RawAnswers<'_>,
    faults: &mut Vec<Fault>,
) {
    for ItemInput { link_id, answer, item } in items {
        let Some(link) = link_id else {
            faults.push(Fault::new(format!("{parent}.item.linkId"), FaultCode::Required, "an item has a linkId"));
            continue;
        };
        // The linkId is quoted in what is answered, so only a plain one is.
        let plain = link.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        let place = if plain { question(parent, &link) } else { format!("{parent}.item") };
        if let Some(known) = Item::from_id(&link) {
            if !answer.is_empty() {
                raw.0.push((Cow::Owned(link.clone()), read_answers(known, &answer, &place, faults)));
            }
            places.insert(link, place.clone());
        } else if !of_the_form(&link) {
            faults.push(Fault::new(place.clone(), FaultCode::UnknownField, "the form has no such item"));
        }
        collect(item, &place, places, raw, faults);
    }
}

/// What the form shows beside its questions.
fn of_the_form(link: &str) -> bool {
    let help = |link: &str| link.strip_suffix(".help").is_some_and(|item| Item::from_id(item).is_some());
    link == SARC_F_TOTAL || Group::ALL.iter().any(|group| group.as_str() == link) || help(link)
}

/// The answers to one question, which only a set may have several of.
fn read_answers(
    item: Item,
    answers: &[Map<String, Value>],
    place: &str,
    faults: &mut Vec<Fault>,
) -> RawAnswer<'static> {
    let kind = item.spec().kind;
    let set = matches!(kind, Kind::Set { .. });
    if !set && answers.len() > 1 {
        faults.push(Fault::new(place, FaultCode::Duplicate, "takes one answer"));
        return RawAnswer::Null;
    }
    let mut read: Vec<RawAnswer<'static>> = Vec::new();
    for answer in answers {
        match read_value(item, answer) {
            Ok(value) => read.push(value),
            Err((code, detail)) => faults.push(Fault::new(place, code, detail)),
        }
    }
    if read.len() < answers.len() {
        return RawAnswer::Null;
    }
    let none = |value: &RawAnswer<'_>| *value == RawAnswer::Text(Cow::Borrowed(NONE_OF_THESE));
    match kind {
        Kind::Set { exclusive: None, .. } if read.len() == 1 && none(&read[0]) => RawAnswer::List(Vec::new()),
        Kind::Set { .. } => RawAnswer::List(read),
        _ => read.pop().unwrap_or(RawAnswer::Null),
    }
}

fn read_value(item: Item, answer: &Map<String, Value>) -> Result<RawAnswer<'static>, (FaultCode, &'static str)> {
    let number = || answer.get("valueInteger").or_else(|| answer.get("valueDecimal"));
    match item.spec().kind {
        Kind::Flag => answer.get("valueBoolean").and_then(Value::as_bool).map(RawAnswer::Flag),
        Kind::Number { .. } => number().and_then(Value::as_f64).map(RawAnswer::Number),
        Kind::Choice(_) | Kind::Set { .. } => {
            let coding = answer.get("valueCoding").ok_or((FaultCode::Type, "must be answered by valueCoding"))?;
            let text = |name: &str| coding.get(name).and_then(Value::as_str);
            let option = text("code").and_then(|code| code.strip_prefix(item.id())?.strip_prefix('.'));
            return match option {
                Some(option) if text("system") == Some(ANSWERS) => Ok(RawAnswer::Text(Cow::Owned(option.to_owned()))),
                _ => Err((FaultCode::UnknownOption, "must be a code of urn:sarcoscreen:answers for this item")),
            };
        }
    }
    .ok_or((FaultCode::Type, "must be answered by the value of the item's type"))
}
