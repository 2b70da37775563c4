//! The wording of a rule table in one language. Wording is part of a version: it never changes once released.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::language::Language;

type Section = BTreeMap<String, String>;

/// Every text of one language.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// Which language.
    pub language: Language,
    /// Title and introduction of the form.
    pub questionnaire: QuestionnaireTexts,
    /// What an outcome means.
    pub outcome: OutcomeTexts,
    /// Headings by group id.
    pub groups: Section,
    /// Label and help by item id.
    pub items: BTreeMap<String, ItemTexts>,
    /// Option labels by item id, then option id.
    pub options: BTreeMap<String, Section>,
    /// Unit names by unit id.
    pub units: Section,
    /// Category names by category id.
    pub categories: Section,
    /// What a person reads for each band, and `unsettled`.
    pub bands: Section,
    /// Why a rule counts, by rule id.
    pub rules: BTreeMap<String, ReasonText>,
    /// Why a red flag alarms, by red flag id.
    pub red_flags: BTreeMap<String, ReasonText>,
    /// What to do now, by care level, and `unknown`.
    pub care_levels: Section,
    /// Name and explanation by instrument id.
    pub instruments: BTreeMap<String, InstrumentTexts>,
    /// Name and explanation by pathway id.
    #[serde(default)]
    pub pathways: BTreeMap<String, InstrumentTexts>,
    /// What a person reads for each stage of a pathway.
    #[serde(default)]
    pub stages: Section,
    /// Advice by recommendation id.
    pub recommendations: Section,
    /// What can come of findings, by risk id.
    #[serde(default)]
    pub risks: Section,
    /// Why the next screen is suggested then, by band.
    #[serde(default)]
    pub next_screens: Section,
}

/// Title and introduction of the form.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionnaireTexts {
    /// The form's title.
    pub title: String,
    /// What the form is for and what it is not.
    pub introduction: String,
}

/// What an outcome means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeTexts {
    /// The explanation that stands beside every outcome.
    pub explanation: String,
}

/// The question and how to answer it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemTexts {
    /// The question.
    pub label: String,
    /// How to answer it.
    pub help: String,
}

/// One reason.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonText {
    /// One sentence, addressed to the person.
    pub reason: String,
}

/// An instrument's or a pathway's name and explanation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstrumentTexts {
    /// The published name.
    pub name: String,
    /// What its outcome means.
    pub explanation: String,
}
