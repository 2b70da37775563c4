//! Items of a `QuestionnaireResponse`: the answers in its tree of headings.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::names::{ANSWERS, SARC_F_TOTAL};
use crate::domain::fault::{Fault, FaultCode, MOST_FAULTS, Sentence};
use crate::domain::screening::answers::{RawAnswer, RawAnswers};
use crate::domain::screening::questionnaire::{Group, Item, Kind};

/// Maximum depth of nested items.
const DEPTH: usize = 16;
/// Maximum characters of a `linkId` that is repeated in a fault.
const LINK_QUOTED: usize = 100;

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ItemInput {
    link_id: Option<String>,
    #[serde(default)]
    answer: Vec<AnswerInput>,
    #[serde(default)]
    item: Vec<Self>,
}

/// An answer, with the items nested below it.
#[derive(Clone, Deserialize)]
struct AnswerInput {
    #[serde(default)]
    item: Vec<ItemInput>,
    #[serde(flatten)]
    value: Map<String, Value>,
}

/// How places in the resource are written.
#[derive(Clone, Copy)]
pub(in crate::http) struct Places {
    /// An item: place of its parent, its index, and its `linkId` if that may be repeated.
    pub(in crate::http) item: fn(&str, usize, Option<&str>) -> String,
    /// An answer: place of its question, and its index.
    pub(in crate::http) answer: fn(&str, usize) -> String,
}

#[derive(Clone, Default)]
pub(in crate::http) struct Found {
    pub(in crate::http) raw: RawAnswers<'static>,
    pub(in crate::http) places: HashMap<&'static str, String>,
    /// Answers to questions of the form that could not be read.
    pub(in crate::http) faults: Vec<Fault>,
    /// Items that are not in the form.
    pub(in crate::http) foreign: Vec<Fault>,
    /// Whether an item that is not in the form has an answer; a group has none.
    pub(in crate::http) foreign_answers: bool,
}

/// Parent of a list of items: the resource, an item, or an answer.
#[derive(Clone, Copy)]
enum Step<'s> {
    Resource(&'s str),
    Item { of: &'s Step<'s>, index: usize, link: Option<&'s str> },
    Answer { of: &'s Step<'s>, index: usize },
}

impl Step<'_> {
    /// Renders the place. Only faults and known items need it.
    fn render(&self, places: Places) -> String {
        match self {
            Self::Resource(place) => (*place).to_owned(),
            Self::Item { of, index, link } => (places.item)(&of.render(places), *index, *link),
            Self::Answer { of, index } => (places.answer)(&of.render(places), *index),
        }
    }
}

impl Found {
    pub(in crate::http) fn collect(&mut self, items: &[ItemInput], parent: &str, places: Places) {
        self.walk(items, &Step::Resource(parent), DEPTH, places);
    }

    fn walk(&mut self, items: &[ItemInput], of: &Step<'_>, deeper: usize, places: Places) {
        if deeper == 0 && !items.is_empty() {
            tell(&mut self.faults, || {
                Fault::new(
                    of.render(places),
                    FaultCode::Format,
                    Sentence::new(
                        "is nested too deeply; send the items as the form has them",
                        "tiene demasiados niveles; envíe los elementos como los tiene el formulario",
                    ),
                )
            });
            return;
        }
        for (index, ItemInput { link_id: link, answer, item }) in items.iter().enumerate() {
            let link = link.as_deref();
            // The response repeats the linkId, so only a plain and short one is used.
            let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
            let quoted = link.filter(|link| link.len() <= LINK_QUOTED && link.chars().all(plain));
            let step = Step::Item { of, index, link: quoted };
            let known = link.is_some_and(|link| Item::from_id(link).is_some() || of_the_form(link));
            self.foreign_answers |= !known && !answer.is_empty();
            match link.map(|link| (link, Item::from_id(link))) {
                Some((_, Some(known))) => self.take(known, answer, &step.render(places)),
                Some((link, None)) if of_the_form(link) => {}
                Some(_) => tell(&mut self.foreign, || {
                    Fault::new(
                        step.render(places),
                        FaultCode::UnknownField,
                        Sentence::new(
                            "the form has no such item; remove it",
                            "el formulario no tiene este elemento; quítelo",
                        ),
                    )
                }),
                None => tell(&mut self.foreign, || {
                    let place = format!("{}.linkId", step.render(places));
                    Fault::new(
                        place,
                        FaultCode::Required,
                        Sentence::new("an item must have a linkId", "un elemento debe tener un linkId"),
                    )
                }),
            }
            self.walk(item, &step, deeper - 1, places);
            for (index, answer) in answer.iter().enumerate() {
                self.walk(&answer.item, &Step::Answer { of: &step, index }, deeper - 1, places);
            }
        }
    }

    fn take(&mut self, item: Item, answers: &[AnswerInput], place: &str) {
        self.places.insert(item.id(), place.to_owned());
        if answers.is_empty() {
            return;
        }
        match read(item, answers) {
            Ok(answer) => self.raw.0.push((Cow::Borrowed(item.id()), answer)),
            Err((code, sentence)) => tell(&mut self.faults, || Fault::new(place, code, sentence)),
        }
    }
}

/// Adds a fault, up to the maximum number of faults.
fn tell(faults: &mut Vec<Fault>, fault: impl FnOnce() -> Fault) {
    if faults.len() <= MOST_FAULTS {
        faults.push(fault());
    }
}

/// Whether a link id is part of the form, but not a question.
fn of_the_form(link: &str) -> bool {
    let help = |link: &str| link.strip_suffix(".help").is_some_and(|item| Item::from_id(item).is_some());
    link == SARC_F_TOTAL || Group::ALL.iter().any(|group| group.as_str() == link) || help(link)
}

/// The answers to one question; only a set may have several.
fn read(item: Item, answers: &[AnswerInput]) -> Result<RawAnswer<'static>, (FaultCode, Sentence)> {
    let values = answers.iter().map(|answer| read_value(item, &answer.value)).collect::<Result<Vec<_>, _>>()?;
    match (item.spec().kind, <[_; 1]>::try_from(values)) {
        (Kind::Set { .. }, Ok(one)) => Ok(RawAnswer::List(one.into())),
        (Kind::Set { .. }, Err(several)) => Ok(RawAnswer::List(several)),
        (_, Ok([one])) => Ok(one),
        (_, Err(_)) => Err((FaultCode::Duplicate, Sentence::new("allows one answer", "admite una sola respuesta"))),
    }
}

/// One answer. A quantity is not accepted, because it may have any unit.
fn read_value(item: Item, answer: &Map<String, Value>) -> Result<RawAnswer<'static>, (FaultCode, Sentence)> {
    let number = || answer.get("valueInteger").or_else(|| answer.get("valueDecimal"));
    match item.spec().kind {
        Kind::Flag => {
            let flag = answer.get("valueBoolean").and_then(Value::as_bool);
            flag.map(RawAnswer::Flag).ok_or((
                FaultCode::Type,
                Sentence::new("must be answered by valueBoolean", "debe responderse con valueBoolean"),
            ))
        }
        Kind::Number { .. } => {
            let number = number().and_then(Value::as_f64);
            number.map(RawAnswer::Number).ok_or((
                FaultCode::Type,
                Sentence::new(
                    "must be answered by valueInteger or valueDecimal",
                    "debe responderse con valueInteger o valueDecimal",
                ),
            ))
        }
        Kind::Choice(_) | Kind::Set { .. } => {
            let coding = answer.get("valueCoding").ok_or((
                FaultCode::Type,
                Sentence::new("must be answered by valueCoding", "debe responderse con valueCoding"),
            ))?;
            let unknown = Sentence::new(
                "must be a code of urn:sarcoscreen:answers for this item",
                "debe ser un código de urn:sarcoscreen:answers para esta pregunta",
            );
            option(item, coding).map(RawAnswer::Text).ok_or((FaultCode::UnknownOption, unknown))
        }
    }
}

/// The option of a code, with or without the item prefix; `None` for a code of another system.
fn option(item: Item, coding: &Value) -> Option<Cow<'static, str>> {
    let ours = coding.get("system").is_none_or(|system| system == ANSWERS);
    let code = coding.get("code").and_then(Value::as_str).filter(|_| ours)?;
    let within = code.strip_prefix(item.id()).and_then(|rest| rest.strip_prefix('.'));
    let options = item.spec().kind.options().iter().copied();
    options.into_iter().find(|option| *option == within.unwrap_or(code)).map(Cow::Borrowed)
}
