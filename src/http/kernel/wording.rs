//! The texts of a rule table in a language, and the red flags that they explain. Problems hold red flags too, so every wing uses
//! them.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::names::{CareLevelName, ConfidenceName, SourceKindName};
use crate::domain::clinics::Clinic;
use crate::domain::language::Language;
use crate::domain::screening::red_flag::CareLevel;
use crate::domain::screening::rule_table::{RuleTable, SourceUse};
use crate::domain::screening::scoring::Alarm;
use crate::domain::screening::texts::Texts;

/// The source of a value.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Source)]
pub struct SourceBody {
    /// Kind of source.
    pub kind: SourceKindName,
    /// The citation.
    pub cite: String,
    /// Digital object identifier (DOI).
    #[schema(required)]
    pub doi: Option<String>,
    /// The value or statement taken from the source, in English.
    pub effect: String,
    /// Confidence in the value.
    pub confidence: ConfidenceName,
}

/// An alarm (red flag) that applies.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RedFlag)]
pub struct RedFlagBody {
    /// Id of the red flag.
    pub id: String,
    /// The care level that the red flag raises to.
    pub level: CareLevelName,
    /// Reason for the alarm.
    pub reason: String,
    /// Sources of the red flag.
    pub sources: Vec<SourceBody>,
}

/// The rendered red flags of a rejected body.
#[derive(Clone, Debug)]
pub struct AlarmBody {
    pub red_flags: Vec<RedFlagBody>,
    pub care_level: Option<CareLevelName>,
    /// What to do now, in words.
    pub care_text: Option<String>,
}

/// A rule table with a language.
#[derive(Clone, Copy)]
pub struct Wording<'a> {
    pub table: &'a RuleTable,
    pub language: Language,
}

impl<'a> Wording<'a> {
    pub(in crate::http) fn texts(self) -> Option<&'a Texts> {
        self.table.texts(self.language)
    }

    pub(in crate::http) fn red_flag(self, id: &str) -> Option<RedFlagBody> {
        let flag = self.table.red_flag(id)?;
        let reason = self.texts().and_then(|texts| texts.red_flags.get(id));
        Some(RedFlagBody {
            id: id.to_owned(),
            level: CareLevelName(flag.level),
            reason: reason.map(|text| text.reason.clone()).unwrap_or_default(),
            sources: self.sources(&flag.sources),
        })
    }

    /// Renders the red flags of rejected answers.
    pub(in crate::http) fn alarm(self, clinic: &Clinic, alarm: &Alarm) -> AlarmBody {
        AlarmBody {
            red_flags: alarm.red_flags.iter().filter_map(|id| self.red_flag(id)).collect(),
            care_level: alarm.care_level.map(CareLevelName),
            care_text: alarm.care_level.map(|level| self.care_text(clinic, Some(level), alarm.open)),
        }
    }

    /// Text on what to do now. Below emergency level, unanswered alarm questions add the text for an unknown level, because an
    /// appointment must not suggest that waiting is safe.
    pub(in crate::http) fn care_text(self, clinic: &Clinic, level: Option<CareLevel>, alarms_open: bool) -> String {
        let stated = |key: &str| text(self.texts().map(|texts| &texts.care_levels), key);
        let unknown = stated("unknown");
        let text = match level {
            None => unknown,
            Some(level) if alarms_open && level < CareLevel::Emergency => {
                &format!("{} {unknown}", stated(level.as_str()))
            }
            Some(level) => stated(level.as_str()),
        };
        text.replace("{emergency_number}", &clinic.emergency_number)
    }

    pub(in crate::http) fn sources(self, uses: &[SourceUse]) -> Vec<SourceBody> {
        let source = |used: &SourceUse| {
            let source = self.table.sources.get(&used.id)?;
            Some(SourceBody {
                kind: SourceKindName(source.kind),
                cite: source.cite.clone(),
                doi: source.doi.clone(),
                effect: used.effect.clone(),
                confidence: ConfidenceName(used.confidence),
            })
        };
        uses.iter().filter_map(source).collect()
    }
}

/// A text of a section; the rule table linter ensures that it exists.
pub(in crate::http) fn text<'a>(section: Option<&'a BTreeMap<String, String>>, key: &str) -> &'a str {
    section.and_then(|section| section.get(key)).map(String::as_str).unwrap_or_default()
}
