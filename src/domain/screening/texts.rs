//! The texts of a rule table in one language. Texts are part of a version and never change after its release.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::language::Language;
use crate::names::names;

type Section = BTreeMap<String, String>;

names! {
    /// The texts that belong to no entry of a rule table.
    pub enum TextPart {
        Questionnaire = "questionnaire",
        Outcome = "outcome",
        Groups = "groups",
        Units = "units",
        Categories = "categories",
        Bands = "bands",
        CareLevels = "care_levels",
        CareTitles = "care_titles",
        Stages = "stages",
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    pub language: Language,
    /// Title and introduction of the form.
    pub questionnaire: QuestionnaireTexts,
    /// The meaning of an outcome.
    pub outcome: OutcomeTexts,
    /// Headings by group id.
    pub groups: Section,
    /// Label and help by item id.
    pub items: BTreeMap<String, ItemTexts>,
    /// Option labels by item id, then option id.
    pub options: BTreeMap<String, Section>,
    /// Option labels in a few words, by item id, then option id; only those whose label is not short.
    #[serde(default)]
    pub short_options: BTreeMap<String, Section>,
    /// Unit names by unit id.
    pub units: Section,
    /// Category names by category id.
    pub categories: Section,
    /// The text for each band, and for `unsettled`.
    pub bands: Section,
    /// Why a rule counts, by rule id.
    pub rules: BTreeMap<String, ReasonText>,
    /// Why a red flag is an alarm, by red flag id.
    pub red_flags: BTreeMap<String, ReasonText>,
    /// What to do now, by care level, and for `unknown`. Tables that state urgencies also have `consultation_this_week`,
    /// `value_missing`, `undecided`, and `offer`, the offer of a consultation that a clinic may word itself.
    pub care_levels: Section,
    /// The care level in a few words.
    #[serde(default)]
    pub care_titles: Section,
    /// Name and explanation by instrument id.
    pub instruments: BTreeMap<String, InstrumentTexts>,
    /// Name and explanation by pathway id.
    #[serde(default)]
    pub pathways: BTreeMap<String, InstrumentTexts>,
    /// The text for each stage of a pathway.
    #[serde(default)]
    pub stages: Section,
    /// Advice by recommendation id.
    pub recommendations: Section,
    /// What findings can lead to, by risk id.
    #[serde(default)]
    pub risks: Section,
    /// The reason for the interval until the next screening, by band.
    #[serde(default)]
    pub next_screens: Section,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionnaireTexts {
    pub title: String,
    /// The purpose and the limits of the form.
    pub introduction: String,
    /// The beginning that the rows of alarm questions share.
    pub alarm_stem: Option<String>,
    /// The label of "no to all of these", below the last row.
    pub alarm_none: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeTexts {
    /// The explanation shown with every outcome.
    pub explanation: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemTexts {
    /// The question.
    pub label: String,
    /// How to answer it.
    pub help: String,
    /// The question in a few words; absent if the label is short, and in tables that have none.
    pub short: Option<String>,
}

impl Texts {
    /// The texts of a part, by id.
    #[must_use]
    pub fn part(&self, part: TextPart) -> Vec<(&str, &str)> {
        match part {
            TextPart::Questionnaire => self.questionnaire.by_id(),
            TextPart::Outcome => vec![("explanation", self.outcome.explanation.as_str())],
            TextPart::Groups => by_id(&self.groups),
            TextPart::Units => by_id(&self.units),
            TextPart::Categories => by_id(&self.categories),
            // The other texts are those of the bands.
            TextPart::Bands => {
                self.bands.get("unsettled").map(|text| ("unsettled", text.as_str())).into_iter().collect()
            }
            TextPart::CareLevels => by_id(&self.care_levels),
            TextPart::CareTitles => by_id(&self.care_titles),
            TextPart::Stages => by_id(&self.stages),
        }
    }
}

fn by_id(section: &Section) -> Vec<(&str, &str)> {
    section.iter().map(|(id, text)| (id.as_str(), text.as_str())).collect()
}

impl QuestionnaireTexts {
    fn by_id(&self) -> Vec<(&str, &str)> {
        let mut found = vec![("title", self.title.as_str()), ("introduction", self.introduction.as_str())];
        found.extend(self.alarm_stem.as_deref().map(|text| ("alarm_stem", text)));
        found.extend(self.alarm_none.as_deref().map(|text| ("alarm_none", text)));
        found
    }
}

impl ItemTexts {
    /// The question in a few words.
    #[must_use]
    pub fn short(&self) -> &str {
        self.short.as_deref().unwrap_or(&self.label)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonText {
    /// One sentence, addressed to the person.
    pub reason: String,
}

/// The texts of an instrument or a pathway.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstrumentTexts {
    /// The published name.
    pub name: String,
    /// What its outcome means.
    pub explanation: String,
}
