//! The parts of a response that depend only on rule table and language: sources, accuracy, reasons, explanations.

use std::collections::BTreeMap;

use super::assessment::{AccuracyBody, OpenQuestionBody, RedFlagBody, ShareBody, SourceBody};
use crate::domain::language::Language;
use crate::domain::screening::instrument::{Accuracy, Share};
use crate::domain::screening::open_questions::OpenQuestion;
use crate::domain::screening::rule_table::{RuleTable, SourceUse};
use crate::domain::screening::texts::Texts;
use crate::http::kernel::names::{CareLevelName, ConfidenceName, SourceKindName};

/// A rule table with a language.
#[derive(Clone, Copy)]
pub struct Wording<'a> {
    /// The rule table.
    pub table: &'a RuleTable,
    /// The language of the texts.
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

    pub(in crate::http) fn accuracy(self, row: &Accuracy) -> AccuracyBody {
        let source = self.table.sources.get(row.source.as_str());
        AccuracyBody {
            sensitivity: row.sensitivity.map(ShareBody::from),
            specificity: row.specificity.map(ShareBody::from),
            setting: row.setting.clone(),
            reference: row.reference.clone(),
            source: source.map(|source| source.cite.clone()).unwrap_or_default(),
            note: row.note.clone(),
        }
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

impl From<Share> for ShareBody {
    fn from(share: Share) -> Self {
        Self { percent: share.percent, low: share.low, high: share.high }
    }
}

impl From<OpenQuestion> for OpenQuestionBody {
    fn from(question: OpenQuestion) -> Self {
        let own = [(question.band, "band"), (question.flagged, "flagged")];
        let own = own.into_iter().filter(|(changes, _)| *changes).map(|(_, what)| what.to_owned());
        let instruments = question.instruments.iter().map(ToString::to_string);
        Self { item: question.item.id(), could_change: own.chain(instruments).collect() }
    }
}

/// A text of a section; the rule table linter ensures that it exists.
pub(in crate::http) fn text<'a>(section: Option<&'a BTreeMap<String, String>>, key: &str) -> &'a str {
    section.and_then(|section| section.get(key)).map(String::as_str).unwrap_or_default()
}
