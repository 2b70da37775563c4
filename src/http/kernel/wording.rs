//! The texts of a rule table in a language, and the red flags that they explain. Problems contain red flags too, so every API
//! uses them.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::names::{CareLevelName, ConfidenceName, LanguageName, SourceKindName};
use crate::domain::clinics::Clinic;
use crate::domain::language::Language;
use crate::domain::screening::assessment::{Assessment, FlagKind, FlagReason};
use crate::domain::screening::open_questions::item_set::ItemSet;
use crate::domain::screening::questionnaire::Item;
use crate::domain::screening::red_flag::CareLevel;
use crate::domain::screening::rule_table::{RuleTable, SourceUse};
use crate::domain::screening::scoring::OpenAlarms;
use crate::domain::screening::texts::{ItemTexts, Texts};
use crate::domain::screening::urgency::Urgency;

/// The language of all citations, effects, notes and licences.
pub const SOURCES: LanguageName = LanguageName(Language::En);

/// The source of a value.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Source)]
pub struct SourceBody {
    /// Id of the source in the rule table.
    pub id: String,
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
    /// Sources of the red flag. In the view `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sources: Option<Vec<SourceBody>>,
}

/// The rendered red flags of a rejected body.
#[derive(Clone, Debug)]
pub struct AlarmBody {
    pub red_flags: Vec<RedFlagBody>,
    pub care_level: Option<CareLevelName>,
    /// What to do now, in words.
    pub care_text: Option<String>,
}

/// The data that determines the care title and the care text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Care {
    pub level: Option<CareLevel>,
    pub urgency: Option<Urgency>,
    pub open: OpenAlarms,
    /// The missing values that a rule needs to be decided.
    pub missing: ItemSet,
    /// Whether missing values are the only reasons to flag.
    pub only_missing: bool,
}

/// Keys of texts that only some tables have.
const THIS_WEEK: &str = "consultation_this_week";
const VALUE_MISSING: &str = "value_missing";
const UNDECIDED: &str = "undecided";
const OFFER: &str = "offer";

/// A rule table with a language.
#[derive(Clone, Copy)]
pub struct Wording<'a> {
    pub table: &'a RuleTable,
    pub language: Language,
}

impl Care {
    pub(in crate::http) fn of(assessment: &Assessment, open: OpenAlarms) -> Self {
        let missing = |reason: &&FlagReason| reason.kind == FlagKind::ValueMissing;
        let figures = assessment.flag_reasons.iter().filter(missing);
        Self {
            level: assessment.care_level,
            urgency: assessment.urgency,
            open,
            missing: figures.filter_map(|reason| Item::from_id(&reason.id)).collect(),
            only_missing: assessment.flagged() && assessment.flag_reasons.iter().all(|reason| missing(&reason)),
        }
    }

    /// The key of its title and text.
    const fn key(&self) -> &'static str {
        match (self.level, self.urgency) {
            (None, _) => "unknown",
            (Some(CareLevel::Consultation), Some(Urgency::ThisWeek)) => THIS_WEEK,
            (Some(level), _) => level.as_str(),
        }
    }
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
            sources: None,
        })
    }

    /// Text on what to do now. Below the emergency level, open alarms add a text on what is unknown, because an appointment must
    /// not suggest that waiting is safe.
    pub(in crate::http) fn care_text(self, clinic: &Clinic, care: &Care) -> String {
        let section = self.texts().map(|texts| &texts.care_levels);
        let stated = |key: &str, items: ItemSet| text(section, key).replace("{items}", &self.shorts(items));
        let unknown = || {
            if section.is_some_and(|texts| texts.contains_key(UNDECIDED)) && !care.open.unanswered {
                stated(UNDECIDED, care.open.undecided)
            } else {
                stated("unknown", ItemSet::EMPTY)
            }
        };
        let mut parts: Vec<String> = Vec::new();
        match care.level {
            None => {}
            Some(CareLevel::Consultation) if care.only_missing => {}
            Some(level) => {
                let known = section.is_some_and(|texts| texts.contains_key(care.key()));
                parts.push(stated(if known { care.key() } else { level.as_str() }, ItemSet::EMPTY));
            }
        }
        if !care.missing.is_empty() && care.level < Some(CareLevel::Emergency) {
            parts.push(stated(VALUE_MISSING, care.missing));
        }
        let others = OpenAlarms { undecided: care.open.undecided.without(care.missing), ..care.open };
        if care.level.is_none() || (others.any() && care.level < Some(CareLevel::Emergency)) {
            parts.push(unknown());
        }
        let offer = clinic.profile.consultation_offer.get(&self.language);
        let offer = offer.map_or_else(|| text(section, OFFER), String::as_str);
        parts.join(" ").replace("{emergency_number}", clinic.emergency_number()).replace("{consultation_offer}", offer)
    }

    /// The care level in a few words; empty in tables that have none.
    pub(in crate::http) fn care_title(self, care: &Care) -> &'a str {
        text(self.texts().map(|texts| &texts.care_titles), care.key())
    }

    /// A reason to flag, in words.
    pub(in crate::http) fn flag_reason(self, reason: &FlagReason) -> &'a str {
        let Some(texts) = self.texts() else { return "" };
        let id = &*reason.id;
        let found = match reason.kind {
            FlagKind::Band => texts.bands.get(id).map(String::as_str),
            FlagKind::Instrument => texts.instruments.get(id).map(|named| &*named.name),
            FlagKind::Pathway => texts.pathways.get(id).map(|named| &*named.name),
            FlagKind::RedFlag | FlagKind::Laboratory => texts.red_flags.get(id).map(|flag| &*flag.reason),
            FlagKind::ValueMissing => texts.items.get(id).map(ItemTexts::short),
        };
        found.unwrap_or_default()
    }

    /// The short labels of items, as a list.
    fn shorts(self, items: ItemSet) -> String {
        let texts = self.texts().map(|texts| &texts.items);
        let label = |item: Item| texts.and_then(|texts| texts.get(item.id())).map(ItemTexts::short);
        items.iter().filter_map(label).collect::<Vec<_>>().join(", ")
    }

    pub(in crate::http) fn sources(self, uses: &[SourceUse]) -> Vec<SourceBody> {
        let source = |used: &SourceUse| {
            let source = self.table.sources.get(&used.id)?;
            Some(SourceBody {
                id: used.id.to_string(),
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
