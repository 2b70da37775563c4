//! The rule table that scoring reads: parsed, checked and indexed once, then immutable.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::answers::Answers;
use super::asked::Asked;
use super::assessment::{Assessment, FlagKind};
use super::condition::Condition;
use super::evidence::TotalEvidence;
use super::instrument::Instrument;
use super::open_questions::item_set::ItemSet;
use super::pathway::{Criterion, Pathway};
use super::questionnaire::Item;
use super::red_flag::CareLevel;
use super::rule_lint::{self, LintFault};
use super::rule_source;
use super::texts::Texts;
use super::urgency::Urgency;
use crate::fault::Fault;
use crate::language::Language;
use crate::names::names;
use crate::screening::pathway::PathwayId;

/// A stable id in the rule table; cheap to clone.
pub type Id = Arc<str>;

/// The files of one version, by file name. The digest covers names and texts.
pub type RuleFiles = BTreeMap<String, String>;

#[derive(Clone, Debug)]
pub struct RuleTable {
    /// The version, such as `2026.1`.
    pub version: Id,
    pub bands: BandStarts,
    /// How soon staff should act on a high band; `None` in tables that do not state it.
    pub high_band: Option<StatedReason>,
    /// What the table asks.
    pub asked: Asked,
    /// The sources of the bands, low to high.
    pub band_sources: Vec<Vec<SourceUse>>,
    pub sources: BTreeMap<Id, Source>,
    /// How rules combine. A rule without a group counts on its own.
    pub groups: Vec<Group>,
    pub rules: Vec<Rule>,
    pub red_flags: Vec<RedFlag>,
    pub instruments: Vec<Instrument>,
    pub pathways: Vec<Pathway>,
    /// Advice triggered by findings.
    pub recommendations: Vec<Advice>,
    /// What findings can lead to.
    pub risks: Vec<Advice>,
    /// When to screen again, by band.
    pub next_screens: Vec<NextScreen>,
    /// What was measured of the own total. It is added to a parsed table.
    pub evidence: Vec<TotalEvidence>,
    pub texts: BTreeMap<Language, Texts>,
    /// The terms of the own total: single rules and groups.
    pub(crate) units: Vec<Unit>,
}

names! {
    /// The band of the own total.
    #[derive(PartialOrd, Ord)]
    pub enum Band {
        /// Few of the risk factors asked about.
        Low = "low",
        /// Some of them.
        Moderate = "moderate",
        /// Many of them.
        High = "high",
    }
}

/// The lowest totals of the two upper bands; the low band begins at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BandStarts {
    /// The lowest total that is moderate.
    pub moderate: i32,
    /// The lowest total that is high.
    pub high: i32,
}

/// The source of a figure.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub kind: SourceKind,
    pub cite: String,
    pub doi: Option<String>,
}

names! {
    #[derive(PartialOrd, Ord)]
    pub enum SourceKind {
        /// A pooled analysis of several studies.
        MetaAnalysis = "meta_analysis",
        /// A study that follows people over time.
        Cohort = "cohort",
        Trial = "trial",
        /// An overview of the literature.
        Review = "review",
        /// An agreed definition.
        Consensus = "consensus",
        /// The publication of a screening instrument.
        Instrument = "instrument",
        /// A study of an instrument's accuracy.
        ValidationStudy = "validation_study",
        /// A textbook or a public advice page.
        ReferenceWork = "reference_work",
        /// Documented facts of the clinic.
        Clinic = "clinic",
        /// The authors' judgement.
        Judgement = "judgement",
    }

    /// The confidence in a figure.
    pub enum Confidence {
        /// Read in the named source itself.
        Confirmed = "confirmed",
        /// Read in another text that reports it.
        SecondHand = "second_hand",
        /// Well known, not read again.
        Recalled = "recalled",
        /// Sources disagree.
        Disputed = "disputed",
        /// No source, stated openly.
        Judgement = "judgement",
    }
}

/// The contribution of one source to one entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceUse {
    /// Id of the source.
    pub id: Id,
    /// The figure or statement taken from it.
    pub effect: String,
    pub confidence: Confidence,
}

names! {
    /// The evidence that a flag reason rests on. Reasons of two families make a follow-up more urgent.
    pub enum Family {
        /// Reported difficulty in moving about, or a thin calf.
        Symptoms = "symptoms",
        /// A measured test of strength or performance.
        Measured = "measured",
        /// Muscle enzymes in the blood.
        Enzymes = "enzymes",
        Weight = "weight",
        Medicine = "medicine",
        /// Signs that need to be checked separately.
        Signs = "signs",
    }
}

/// The urgency of a flag reason, as the table states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatedReason {
    pub urgency: Urgency,
    pub family: Option<Family>,
}

/// How the rules of a group combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combination {
    /// The rules partition the whole range of one item.
    Steps(Item),
    /// Only the highest counts.
    HighestOf,
    /// The sum counts, up to this many points.
    Cap(i32),
}

#[derive(Clone, Debug)]
pub struct Group {
    pub id: Id,
    pub combination: Combination,
}

#[derive(Clone, Debug)]
pub struct Rule {
    /// Stable id, never reused.
    pub id: Id,
    pub group: Option<Id>,
    pub category: Id,
    /// Points if it applies; 0 for a step that only completes a partition.
    pub points: i32,
    pub when: Condition,
    /// The condition as written in the table, for display.
    pub stated: serde_json::Value,
    /// Why its points differ from the tier rule.
    pub note: Option<String>,
    pub sources: Vec<SourceUse>,
}

/// An alarm: a condition that raises the care level.
#[derive(Clone, Debug)]
pub struct RedFlag {
    pub id: Id,
    /// The care level it raises to.
    pub level: CareLevel,
    pub flags: bool,
    pub laboratory: bool,
    /// How soon staff should act on it; `None` in tables that do not state it.
    pub reason: Option<StatedReason>,
    pub items: ItemSet,
    pub when: Condition,
    /// The condition as written in the table, for display.
    pub stated: serde_json::Value,
    pub sources: Vec<SourceUse>,
    /// The parts that rest on less than a source that was read.
    pub note: Option<String>,
}

/// Advice or a risk, given when one of its findings applies, its condition holds, or the submission is flagged by one of
/// its kinds of reason.
#[derive(Clone, Debug)]
pub struct Advice {
    pub id: Id,
    /// The rules that trigger it.
    pub findings: Vec<Id>,
    /// The condition that triggers it without a finding.
    pub when: Option<Criterion>,
    /// The kinds of flag reason that trigger it: a person flagged by measurements alone needs advice too.
    pub flagged_by: Vec<FlagKind>,
    pub sources: Vec<SourceUse>,
}

/// The interval suggested after a screening of this band.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextScreen {
    /// The highest band still possible; `high` also applies to every flagged submission.
    pub band: Band,
    /// Days from one screening to the next.
    pub days: u16,
    pub sources: Vec<SourceUse>,
}

/// A single rule or a group, as indices into the rules.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub combination: Option<Combination>,
    pub rules: Vec<usize>,
    pub items: ItemSet,
}

impl StatedReason {
    pub(super) fn of(urgency: Option<Urgency>, family: Option<Family>) -> Option<Self> {
        urgency.map(|urgency| Self { urgency, family })
    }
}

impl RuleTable {
    /// A fault for each answer to an item or an option that this table does not ask.
    #[must_use]
    pub fn not_asked(&self, answers: &Answers) -> Vec<Fault> {
        self.asked.faults(&self.version, answers)
    }

    /// Parses and checks the files of a version that is to be released or used for new answers.
    ///
    /// # Errors
    /// Returns every fault of the files at once, each with its place.
    pub fn compile(files: &RuleFiles) -> Result<Self, Vec<LintFault>> {
        let mut faults = Vec::new();
        let table = rule_source::read(files, &mut faults);
        if let Some(table) = table {
            faults.extend(rule_lint::lint(&table));
            if faults.is_empty() {
                return Ok(table);
            }
        }
        Err(faults)
    }

    /// Parses the files of an earlier version. It passed the linter of its release; the current linter may require more,
    /// such as the texts of an item that did not exist then.
    ///
    /// # Errors
    /// Returns the faults of the parts that cannot be read.
    pub fn read(files: &RuleFiles) -> Result<Self, Vec<LintFault>> {
        let mut faults = Vec::new();
        rule_source::read(files, &mut faults).filter(|_| faults.is_empty()).ok_or(faults)
    }

    #[must_use]
    pub fn texts(&self, language: Language) -> Option<&Texts> {
        self.texts.get(&language)
    }

    /// Whether the table states the urgency of each reason to flag. Tables before 2026.3 do not.
    #[must_use]
    pub const fn states_urgency(&self) -> bool {
        self.high_band.is_some()
    }

    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| &*rule.id == id)
    }

    #[must_use]
    pub fn red_flag(&self, id: &str) -> Option<&RedFlag> {
        self.red_flags.iter().find(|flag| &*flag.id == id)
    }

    #[must_use]
    pub fn instrument(&self, id: &str) -> Option<&Instrument> {
        self.instruments.iter().find(|instrument| &*instrument.id == id)
    }

    #[must_use]
    pub fn pathway(&self, id: PathwayId) -> Option<&Pathway> {
        self.pathways.iter().find(|pathway| pathway.id == id)
    }

    /// The interval until the next screening. The highest band that is still possible decides; a flagged assessment counts as
    /// high. `None` if the person should be seen within 24 hours, so that no date months away is shown.
    #[must_use]
    pub fn next_screen(&self, assessment: &Assessment) -> Option<&NextScreen> {
        if assessment.care_level >= Some(CareLevel::Consultation24h) {
            return None;
        }
        let band = if assessment.flagged() { Band::High } else { assessment.band_at_most };
        self.next_screens.iter().find(|next| next.band == band)
    }

    /// The highest total that any answers reach.
    #[must_use]
    pub fn max_total(&self) -> i32 {
        self.units.iter().map(|unit| unit.max_points(&self.rules)).sum()
    }
}

impl Unit {
    /// The units of a table, in the order of their first rules.
    pub(crate) fn all(groups: &[Group], rules: &[Rule]) -> Vec<Self> {
        let mut units: Vec<(Option<&Id>, Self)> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let known = rule.group.as_ref().and_then(|id| units.iter().position(|unit| unit.0 == Some(id)));
            if let Some(position) = known {
                let unit = &mut units[position].1;
                unit.rules.push(index);
                unit.items = unit.items.with(rule.when.items());
                continue;
            }
            let group = rule.group.as_ref().and_then(|id| groups.iter().find(|group| group.id == *id));
            let unit = Self {
                combination: group.map(|group| group.combination),
                rules: vec![index],
                items: rule.when.items(),
            };
            units.push((rule.group.as_ref(), unit));
        }
        units.into_iter().map(|unit| unit.1).collect()
    }

    /// The maximum points of the unit.
    fn max_points(&self, rules: &[Rule]) -> i32 {
        let points = self.rules.iter().map(|index| rules[*index].points);
        match self.combination {
            Some(Combination::Cap(cap)) => points.sum::<i32>().min(cap),
            None | Some(Combination::Steps(_) | Combination::HighestOf) => points.max().unwrap_or(0),
        }
    }
}

impl BandStarts {
    #[must_use]
    pub const fn band(self, total: i32) -> Band {
        if total >= self.high {
            Band::High
        } else if total >= self.moderate {
            Band::Moderate
        } else {
            Band::Low
        }
    }

    /// The lowest total of a band.
    #[must_use]
    pub const fn lowest(self, band: Band) -> i32 {
        match band {
            Band::Low => 0,
            Band::Moderate => self.moderate,
            Band::High => self.high,
        }
    }
}
