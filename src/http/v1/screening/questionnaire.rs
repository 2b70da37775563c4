//! The questionnaire: everything that a front-end needs to render the form.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, VARY};
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::answers::ItemIdName;
use crate::app::error::AppError;
use crate::app::screening::rule_tables;
use crate::domain::language::Language;
use crate::domain::screening::instrument::Instrument;
use crate::domain::screening::questionnaire::{Group, Kind, Spec};
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::texts::Texts;
use crate::http::kernel::extract::AcceptedLanguages;
use crate::http::kernel::fixed::{JSON, json};
use crate::http::kernel::names::{AudienceName, LanguageName};
use crate::http::kernel::state::State;
use crate::http::kernel::wording::{SOURCES, SourceBody, Wording, text};
use crate::http::v1::HttpResult;

/// The form.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Questionnaire)]
pub struct QuestionnaireBody {
    /// Version of the rule table that the wording comes from.
    #[schema(example = "2026.1")]
    pub rule_table: String,
    /// The language of the texts.
    pub language: LanguageName,
    /// The form's title.
    pub title: String,
    /// The beginning that the rows of alarm questions share, as in a grid.
    pub alarm_stem: Option<String>,
    /// The label of the answer no to all alarm questions, which belongs below the last row.
    pub alarm_none: Option<String>,
    /// Purpose and limits of the form.
    pub introduction: String,
    /// Meaning of a result.
    pub explanation: String,
    /// The groups, in the order of the form.
    pub groups: Vec<GroupBody>,
    /// The published instruments that questions are adapted from.
    pub instruments: Vec<AdaptedBody>,
    /// The language of all citations, effects and notes.
    pub sources_language: LanguageName,
}

/// A published instrument that questions are adapted from.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AdaptedInstrument)]
pub struct AdaptedBody {
    /// Id of the instrument.
    pub id: String,
    /// Published name.
    pub name: String,
    /// What was adapted, and what a result means.
    pub explanation: String,
    /// Sources of the instrument.
    pub sources: Vec<SourceBody>,
}

/// A heading with its items.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = QuestionnaireGroup)]
pub struct GroupBody {
    /// Id of the group.
    pub id: &'static str,
    /// The heading.
    pub title: String,
    /// Items of the group.
    pub items: Vec<ItemBody>,
}

/// One question or measured value.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = QuestionnaireItem)]
pub struct ItemBody {
    /// Id of the item: its name in `answers`.
    pub id: ItemIdName,
    /// The question.
    pub label: String,
    /// The question in a few words.
    pub short: String,
    /// How to answer it.
    pub help: String,
    /// Type of the answer: a JSON number, a boolean, one option, or an array of options.
    pub kind: ItemKind,
    /// Who can answer it.
    pub audience: AudienceName,
    /// Whether a submission must answer the item.
    pub required: bool,
    /// Ask the item only when one of these items was answered above 0; always ask it when empty.
    pub asked_when_above_0: Vec<ItemIdName>,
    /// The unit of a number.
    pub unit: Option<UnitBody>,
    /// Lowest value of a number.
    pub minimum: Option<f64>,
    /// Highest value of a number.
    pub maximum: Option<f64>,
    /// Distance between two allowed values of a number.
    pub step: Option<f64>,
    /// The options of a choice or a set; empty for other kinds.
    pub options: Vec<OptionBody>,
}

/// Type of an answer.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    Integer,
    Decimal,
    Boolean,
    Choice,
    /// Any number of options; an empty array means none.
    Set,
}

/// The unit of a number.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Unit)]
pub struct UnitBody {
    /// Id of the unit.
    pub id: &'static str,
    /// Name of the unit.
    pub label: String,
}

/// One option.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ItemOption)]
pub struct OptionBody {
    /// Id of the option, as used in the answer.
    pub id: &'static str,
    /// Label for the person.
    pub label: String,
    /// The label in a few words.
    pub short: String,
    /// Whether the option excludes all others of a set.
    pub excludes_others: bool,
}

/// Get the questionnaire
///
/// Items, options, ranges, steps, units, audience, groups and wording: everything needed to render the form. The language of
/// the wording follows `Accept-Language`.
#[utoipa::path(
    tag = "screening",
    params(
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages; the response is in en or es"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the form that the client has"),
    ),
    responses(
        (status = 200, description = "The form", body = QuestionnaireBody, headers(
            ("ETag" = String, description = "Identifies this version in this language"),
            ("Content-Language" = String, description = "The language of the texts"),
        )),
        (status = 304, description = "The client already has this form"),
    ),
    security(())
)]
#[get("/v1/questionnaire")]
pub async fn get_questionnaire(
    request: HttpRequest,
    state: web::Data<State>,
    accepted: AcceptedLanguages,
) -> HttpResult {
    let language = accepted.or(Language::default());
    let release = rule_tables::list(&state.app).pop();
    let release = release.ok_or(AppError::NotFound)?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((VARY, "Accept-Language, Accept-Encoding"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header((CONTENT_LANGUAGE, language.as_str()));
    let body = state.public.body("/v1/questionnaire", &release.table.version, language);
    body.answer(&request, response, JSON, || json(&QuestionnaireBody::new(&release.table, language)))
}

impl QuestionnaireBody {
    pub fn new(table: &RuleTable, language: Language) -> Self {
        let texts = table.texts(language);
        let wording = Wording { table, language };
        Self {
            rule_table: table.version.to_string(),
            language: LanguageName(language),
            title: texts.map(|texts| texts.questionnaire.title.clone()).unwrap_or_default(),
            alarm_stem: texts.and_then(|texts| texts.questionnaire.alarm_stem.clone()),
            alarm_none: texts.and_then(|texts| texts.questionnaire.alarm_none.clone()),
            introduction: texts.map(|texts| texts.questionnaire.introduction.clone()).unwrap_or_default(),
            explanation: texts.map(|texts| texts.outcome.explanation.clone()).unwrap_or_default(),
            groups: Group::ALL.into_iter().map(|group| GroupBody::new(group, table, texts)).collect(),
            instruments: table.instruments.iter().map(|instrument| AdaptedBody::new(instrument, wording)).collect(),
            sources_language: SOURCES,
        }
    }
}

impl AdaptedBody {
    fn new(instrument: &Instrument, wording: Wording<'_>) -> Self {
        let texts = wording.texts().and_then(|texts| texts.instruments.get(&*instrument.id));
        Self {
            id: instrument.id.to_string(),
            name: texts.map(|texts| texts.name.clone()).unwrap_or_default(),
            explanation: texts.map(|texts| texts.explanation.clone()).unwrap_or_default(),
            sources: wording.sources(&instrument.sources),
        }
    }
}

impl GroupBody {
    fn new(group: Group, table: &RuleTable, texts: Option<&Texts>) -> Self {
        let items = table.asked.of_group(group).into_iter();
        Self {
            id: group.as_str(),
            title: text(texts.map(|texts| &texts.groups), group.as_str()).to_owned(),
            items: items.map(|spec| ItemBody::new(spec, table, texts)).collect(),
        }
    }
}

impl ItemBody {
    fn new(spec: &Spec, table: &RuleTable, texts: Option<&Texts>) -> Self {
        let item = texts.and_then(|texts| texts.items.get(spec.id));
        let (unit, [minimum, maximum, step]) = match spec.kind {
            Kind::Number { unit, maximum, step, scale, .. } => {
                let label = text(texts.map(|texts| &texts.units), unit).to_owned();
                let numbers = [spec.least(), maximum, step].map(|units| Some(f64::from(units) / f64::from(scale)));
                (Some(UnitBody { id: unit, label }), numbers)
            }
            _ => (None, [None; 3]),
        };
        let labels = texts.and_then(|texts| texts.options.get(spec.id));
        let shorts = texts.and_then(|texts| texts.short_options.get(spec.id));
        let exclusive = if let Kind::Set { exclusive, .. } = spec.kind { exclusive } else { None };
        let option = |id: &'static str| OptionBody {
            id,
            label: text(labels, id).to_owned(),
            short: text(shorts.filter(|shorts| shorts.contains_key(id)).or(labels), id).to_owned(),
            excludes_others: exclusive == Some(id),
        };
        Self {
            id: ItemIdName(spec.item),
            label: item.map(|text| text.label.clone()).unwrap_or_default(),
            short: item.map(|text| text.short().to_owned()).unwrap_or_default(),
            help: item.map(|text| text.help.clone()).unwrap_or_default(),
            kind: match spec.kind {
                Kind::Number { scale: 1, .. } => ItemKind::Integer,
                Kind::Number { .. } => ItemKind::Decimal,
                Kind::Flag => ItemKind::Boolean,
                Kind::Choice(_) => ItemKind::Choice,
                Kind::Set { .. } => ItemKind::Set,
            },
            audience: AudienceName(spec.audience()),
            required: spec.required(),
            asked_when_above_0: table.asked.when_above_0(spec.item).iter().copied().map(ItemIdName).collect(),
            unit,
            minimum,
            maximum,
            step,
            options: table.asked.options(spec.item).map(option).collect(),
        }
    }
}
