//! `Questionnaire`: the form, built from the item catalogue and the texts of the current rule table.

use actix_web::{HttpRequest, HttpResponse, web};

use super::element::{Coding, Extension, Typed, elements};
use super::names::{QUESTIONNAIRE, SARC_F_TOTAL};
use super::search::{Parameters, any};
use super::{expression, options, reply};
use crate::app::screening::rule_tables;
use crate::domain::language::Language;
use crate::domain::screening::questionnaire;
use crate::domain::screening::questionnaire::{CATALOGUE, Group, Spec};
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::texts::Texts;
use crate::http::kernel::extract::AcceptedLanguages;
use crate::http::kernel::fixed::json;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::state::State;

elements! {
    /// The form.
    Questionnaire {
        id: String,
        language: &'static str,
        url: &'static str,
        version: String,
        name: &'static str,
        title: String,
        status: &'static str,
        subject_type: Vec<&'static str>,
        description: String,
        purpose: String,
        item: Vec<Item>,
    }
    /// A heading, a question, or a computed total.
    Item {
        extension: Vec<Extension>,
        link_id: String,
        text: String,
        #[serde(rename = "type")]
        kind: &'static str,
        enable_when: Vec<EnableWhen>,
        enable_behavior: Option<&'static str>,
        required: Option<bool>,
        repeats: Option<bool>,
        read_only: Option<bool>,
        answer_option: Vec<AnswerOption>,
        item: Vec<Item>,
    }
    /// Condition for showing a question.
    EnableWhen {
        question: &'static str,
        operator: &'static str,
        answer_decimal: Option<f64>,
    }
    /// One option.
    AnswerOption {
        value_coding: Option<Coding>,
    }
}

/// `GET /fhir/Questionnaire/{id}`: the id is the version of the rule table.
///
/// # Errors
/// Fails when it is not the current version.
pub(super) async fn get_questionnaire(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    accepted: AcceptedLanguages,
) -> Result<HttpResponse, Problem> {
    let table = rule_tables::current(&state.app);
    if *id != *table.version {
        return Err(Problem::new(ProblemType::NotFound, "the form of this version is not served"));
    }
    let language = accepted.or(Language::default());
    let body = state.public.body("/fhir/Questionnaire", &table.version, language);
    reply::fixed(&request, language, &body, || json(&render(table, language)))
}

/// `GET /fhir/Questionnaire`: searches the current form.
///
/// # Errors
/// Fails on a parameter that this search does not support.
pub(super) async fn search_questionnaires(
    request: HttpRequest,
    state: web::Data<State>,
    accepted: AcceptedLanguages,
) -> Result<HttpResponse, Problem> {
    let table = rule_tables::current(&state.app);
    let language = accepted.or(Language::default());
    let mut parameters = Parameters::parse(request.query_string(), b"");
    let facts = [("_id", &*table.version), ("url", QUESTIONNAIRE), ("version", &*table.version), ("status", "active")];
    let asked = facts.map(|(name, value)| any(&parameters.all(name), value));
    parameters.end()?;
    let mut found = Vec::new();
    if asked.iter().all(|holds| *holds) {
        let body = state.public.body("/fhir/Questionnaire", &table.version, language);
        found.push((&*table.version, body.raw(|| json(&render(table, language)))?));
    }
    Ok(reply::found(&request, &state, language, "Questionnaire", &found))
}

/// The form in a language.
pub(super) fn render(table: &RuleTable, language: Language) -> Typed<Questionnaire> {
    let texts = table.texts(language);
    let form = texts.map(|texts| texts.questionnaire.clone());
    let (title, description) = form.map(|form| (form.title, form.introduction)).unwrap_or_default();
    let mut item: Vec<Item> = Group::ALL.into_iter().map(|group| heading(table, group, texts)).collect();
    item.extend(total(table, texts));
    Typed::new(
        "Questionnaire",
        Questionnaire {
            id: table.version.to_string(),
            language: language.as_str(),
            url: QUESTIONNAIRE,
            version: table.version.to_string(),
            name: "SarcopeniaScreen",
            title,
            status: "active",
            subject_type: vec!["Patient"],
            description,
            purpose: texts.map(|texts| texts.outcome.explanation.clone()).unwrap_or_default(),
            item,
        },
    )
}

fn heading(table: &RuleTable, group: Group, texts: Option<&Texts>) -> Item {
    let items = CATALOGUE.iter().filter(|spec| spec.group == group);
    Item {
        link_id: group.as_str().to_owned(),
        text: texts.and_then(|texts| texts.groups.get(group.as_str()).cloned()).unwrap_or_default(),
        kind: "group",
        item: items.map(|spec| question(table, spec, texts)).collect(),
        ..Item::default()
    }
}

fn question(table: &RuleTable, spec: &Spec, texts: Option<&Texts>) -> Item {
    let text = texts.and_then(|texts| texts.items.get(spec.id)).cloned();
    let (label, help) = text.map(|text| (text.label, text.help)).unwrap_or_default();
    let asked_when = spec.item.asked_when_above_0();
    let enabling = |item: &crate::domain::screening::questionnaire::Item| EnableWhen {
        question: item.id(),
        operator: ">",
        answer_decimal: Some(0.0),
    };
    let option = |coding| AnswerOption { value_coding: Some(coding) };
    let display = Item { link_id: format!("{}.help", spec.id), text: help.clone(), kind: "display", ..Item::default() };
    Item {
        extension: bounds(spec),
        link_id: spec.id.to_owned(),
        text: label,
        kind: match spec.kind {
            questionnaire::Kind::Number { scale: 1, .. } => "integer",
            questionnaire::Kind::Number { .. } => "decimal",
            questionnaire::Kind::Flag => "boolean",
            questionnaire::Kind::Choice(_) | questionnaire::Kind::Set { .. } => "choice",
        },
        enable_when: asked_when.iter().map(enabling).collect(),
        enable_behavior: (!asked_when.is_empty()).then_some("any"),
        required: Some(spec.required()),
        repeats: matches!(spec.kind, questionnaire::Kind::Set { .. }).then_some(true),
        answer_option: options::codings(table, spec, texts).into_iter().map(option).collect(),
        item: (!help.is_empty()).then_some(display).into_iter().collect(),
        ..Item::default()
    }
}

/// Range extensions of a number.
fn bounds(spec: &Spec) -> Vec<Extension> {
    let questionnaire::Kind::Number { minimum, maximum, scale, .. } = spec.kind else { return Vec::new() };
    let bound = |url, units: i32| {
        let whole = (scale == 1).then_some(units);
        let value_decimal = whole.is_none().then(|| f64::from(units) / f64::from(scale));
        Extension { url, value_integer: whole, value_decimal, ..Extension::default() }
    };
    vec![
        bound("http://hl7.org/fhir/StructureDefinition/minValue", minimum),
        bound("http://hl7.org/fhir/StructureDefinition/maxValue", maximum),
    ]
}

/// The total of SARC-F, which the form computes.
fn total(table: &RuleTable, texts: Option<&Texts>) -> Option<Item> {
    let instrument = table.instrument("sarc_f")?;
    let name = texts.and_then(|texts| texts.instruments.get("sarc_f")).map(|text| text.name.clone());
    Some(Item {
        extension: vec![expression::calculated(instrument)?],
        link_id: SARC_F_TOTAL.to_owned(),
        text: name.unwrap_or_default(),
        kind: "integer",
        read_only: Some(true),
        ..Item::default()
    })
}
