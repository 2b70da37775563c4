//! The questionnaire on the wire: everything that a front-end needs to render the form.

use serde::Serialize;
use utoipa::ToSchema;

use super::wording::text;
use super::{AudienceName, LanguageName};
use crate::domain::language::Language;
use crate::domain::questionnaire::{CATALOGUE, Group, Kind, Spec};
use crate::domain::rule_table::RuleTable;
use crate::domain::texts::Texts;

/// The form.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Questionnaire)]
pub struct QuestionnaireBody {
    /// The version of the rule table whose wording this is.
    #[schema(example = "2026.1")]
    pub rule_table: String,
    /// The language of the texts.
    pub language: LanguageName,
    /// The form's title.
    pub title: String,
    /// What the form is for and what it is not.
    pub introduction: String,
    /// What an outcome will mean.
    pub explanation: String,
    /// The groups, in the order of the form.
    pub groups: Vec<GroupBody>,
}

/// A heading with its items.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = QuestionnaireGroup)]
pub struct GroupBody {
    /// Id of the group.
    pub id: &'static str,
    /// The heading.
    pub title: String,
    /// Its items.
    pub items: Vec<ItemBody>,
}

/// One question or measured value.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = QuestionnaireItem)]
pub struct ItemBody {
    /// Id of the item: its name in `answers`.
    pub id: &'static str,
    /// The question.
    pub label: String,
    /// How to answer it.
    pub help: String,
    /// What an answer is: a JSON number, a boolean, one option, or an array of options.
    pub kind: ItemKind,
    /// Who can answer it.
    pub audience: AudienceName,
    /// Whether a submission must answer it.
    pub required: bool,
    /// Ask it when one of these items was answered above 0; ask always when empty.
    pub asked_when_above_0: Vec<&'static str>,
    /// The unit of a number.
    #[schema(required)]
    pub unit: Option<UnitBody>,
    /// Least value of a number.
    #[schema(required)]
    pub minimum: Option<f64>,
    /// Greatest value of a number.
    #[schema(required)]
    pub maximum: Option<f64>,
    /// Distance between two allowed values of a number.
    #[schema(required)]
    pub step: Option<f64>,
    /// The options of a choice or a set; empty for other kinds.
    pub options: Vec<OptionBody>,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A number without decimals.
    Integer,
    /// A number with decimals.
    Decimal,
    /// True or false.
    Boolean,
    /// One option.
    Choice,
    /// Any options; none of them is an empty array.
    Set,
}

/// The unit of a number.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Unit)]
pub struct UnitBody {
    /// Id of the unit.
    pub id: &'static str,
    /// Its name.
    pub label: String,
}

/// One option.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ItemOption)]
pub struct OptionBody {
    /// Id of the option: the answer.
    pub id: &'static str,
    /// What a person reads.
    pub label: String,
    /// Whether it stands alone in a set.
    pub excludes_others: bool,
}

impl QuestionnaireBody {
    /// Renders the form in a language.
    #[must_use]
    pub fn of(table: &RuleTable, language: Language) -> Self {
        let texts = table.texts(language);
        Self {
            rule_table: table.version.to_string(),
            language: LanguageName(language),
            title: texts.map(|texts| texts.questionnaire.title.clone()).unwrap_or_default(),
            introduction: texts.map(|texts| texts.questionnaire.introduction.clone()).unwrap_or_default(),
            explanation: texts.map(|texts| texts.outcome.explanation.clone()).unwrap_or_default(),
            groups: Group::ALL.into_iter().map(|group| GroupBody::of(group, texts)).collect(),
        }
    }
}

impl GroupBody {
    fn of(group: Group, texts: Option<&Texts>) -> Self {
        let items = CATALOGUE.iter().filter(|spec| spec.group == group);
        Self {
            id: group.as_str(),
            title: text(texts.map(|texts| &texts.groups), group.as_str()).to_owned(),
            items: items.map(|spec| ItemBody::of(spec, texts)).collect(),
        }
    }
}

impl ItemBody {
    fn of(spec: &Spec, texts: Option<&Texts>) -> Self {
        let item = texts.and_then(|texts| texts.items.get(spec.id));
        let number = |pick: fn(i32, i32, i32) -> i32| match spec.kind {
            Kind::Number { minimum, maximum, step, scale, .. } => {
                Some(f64::from(pick(minimum, maximum, step)) / f64::from(scale))
            }
            _ => None,
        };
        let labels = texts.and_then(|texts| texts.options.get(spec.id));
        let exclusive = if let Kind::Set { exclusive, .. } = spec.kind { exclusive } else { None };
        let option = |id: &&'static str| OptionBody {
            id,
            label: text(labels, id).to_owned(),
            excludes_others: exclusive == Some(*id),
        };
        Self {
            id: spec.id,
            label: item.map(|text| text.label.clone()).unwrap_or_default(),
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
            asked_when_above_0: spec.item.asked_when_above_0().iter().map(|item| item.id()).collect(),
            unit: match spec.kind {
                Kind::Number { unit, .. } => {
                    Some(UnitBody { id: unit, label: text(texts.map(|texts| &texts.units), unit).to_owned() })
                }
                _ => None,
            },
            minimum: number(|minimum, _, _| minimum),
            maximum: number(|_, maximum, _| maximum),
            step: number(|_, _, step| step),
            options: spec.kind.options().iter().map(option).collect(),
        }
    }
}
