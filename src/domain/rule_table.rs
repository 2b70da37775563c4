//! The rule table as the scoring reads it: parsed, checked and indexed once, then never changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::assessment::FlagKind;
use super::condition::Condition;
use super::instrument::Instrument;
use super::item_set::ItemSet;
use super::language::Language;
use super::pathway::{Criterion, Pathway};
use super::questionnaire::Item;
use super::red_flag::CareLevel;
use super::rule_lint::{self, LintFault};
use super::rule_source;
use super::submission::PathwayId;
use super::texts::Texts;

/// A stable id within the rule table; cheap to clone.
pub type Id = Arc<str>;

/// The files of one version, by file name: the text that is released, digested and kept.
pub type RuleFiles = BTreeMap<String, String>;

/// A released version of the rules.
#[derive(Clone, Debug)]
pub struct RuleTable {
    /// The version, such as `2026.1`.
    pub version: Id,
    /// Where the bands begin.
    pub bands: BandStarts,
    /// Where the bands come from, low to high.
    pub band_sources: Vec<Vec<SourceUse>>,
    /// Every source by id.
    pub sources: BTreeMap<Id, Source>,
    /// How rules combine; a rule that stands alone is in none.
    pub groups: Vec<Group>,
    /// The scored rules.
    pub rules: Vec<Rule>,
    /// Alarms.
    pub red_flags: Vec<RedFlag>,
    /// Published instruments.
    pub instruments: Vec<Instrument>,
    /// Consensus pathways.
    pub pathways: Vec<Pathway>,
    /// Advice tied to findings.
    pub recommendations: Vec<Advice>,
    /// What findings can lead to.
    pub risks: Vec<Advice>,
    /// When to screen again, by band.
    pub next_screens: Vec<NextScreen>,
    /// Wording by language.
    pub texts: BTreeMap<Language, Texts>,
    /// What is summed: a lone rule, or a group of rules.
    pub(super) units: Vec<Unit>,
}

/// The band of the own total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Band {
    /// Few of the factors asked about.
    Low,
    /// Some of them.
    Moderate,
    /// Many of them.
    High,
}

/// The least total of the two upper bands; the lowest begins at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BandStarts {
    /// Least total that is moderate.
    pub moderate: i32,
    /// Least total that is high.
    pub high: i32,
}

/// Where a figure comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What kind of source it is.
    pub kind: SourceKind,
    /// The citation.
    pub cite: String,
    /// Its digital object identifier.
    pub doi: Option<String>,
}

/// What kind of source a figure has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Several studies pooled.
    MetaAnalysis,
    /// People followed over time.
    Cohort,
    /// An experiment.
    Trial,
    /// An overview.
    Review,
    /// An agreed definition.
    Consensus,
    /// The publication of a screening instrument.
    Instrument,
    /// A study of an instrument's accuracy.
    ValidationStudy,
    /// A textbook or a public advice page.
    ReferenceWork,
    /// The clinic's documented facts.
    Clinic,
    /// The authors' judgement.
    Judgement,
}

/// How sure a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Read in the named source.
    Confirmed,
    /// Well known, not read again.
    Recalled,
    /// Sources disagree.
    Disputed,
    /// No source: said openly.
    Judgement,
}

/// What one source contributes to one entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceUse {
    /// Id of the source.
    pub id: Id,
    /// The figure or statement taken from it.
    pub effect: String,
    /// How sure it is.
    pub confidence: Confidence,
}

/// How the rules of a group combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combination {
    /// The rules part the whole range of one item.
    Steps(Item),
    /// Only the highest counts.
    HighestOf,
    /// The sum counts up to this many points.
    Cap(i32),
}

/// A named group of rules.
#[derive(Clone, Debug)]
pub struct Group {
    /// Stable id.
    pub id: Id,
    /// How its rules combine.
    pub combination: Combination,
}

/// One scored rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Stable id, never used again for something else.
    pub id: Id,
    /// The group it belongs to.
    pub group: Option<Id>,
    /// The heading findings stand under.
    pub category: Id,
    /// Points when it applies; 0 for a step that only completes a partition.
    pub points: i32,
    /// When it applies.
    pub when: Condition,
    /// The condition as it is written in the table, for showing.
    pub stated: serde_json::Value,
    /// Why its points differ from the tier rule.
    pub note: Option<String>,
    /// Where it comes from.
    pub sources: Vec<SourceUse>,
}

/// An alarm: a condition that raises the care level.
#[derive(Clone, Debug)]
pub struct RedFlag {
    /// Stable id.
    pub id: Id,
    /// The care level it raises to.
    pub level: CareLevel,
    /// Whether it flags a submission.
    pub flags: bool,
    /// Whether it reads laboratory values.
    pub laboratory: bool,
    /// The items that its condition reads.
    pub items: ItemSet,
    /// When it fires.
    pub when: Condition,
    /// The condition as it is written in the table, for showing.
    pub stated: serde_json::Value,
    /// Where it comes from.
    pub sources: Vec<SourceUse>,
}

/// Advice or a risk, told when one of its findings applies or its condition holds.
#[derive(Clone, Debug)]
pub struct Advice {
    /// Stable id.
    pub id: Id,
    /// The rules that bring it up.
    pub findings: Vec<Id>,
    /// The condition that brings it up without a finding.
    pub when: Option<Criterion>,
    /// The kinds of reason to flag that bring it up: somebody flagged by what was measured alone needs advice too.
    pub flagged_by: Vec<FlagKind>,
    /// Where it comes from.
    pub sources: Vec<SourceUse>,
}

/// How long after a screen of this band the next is suggested.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextScreen {
    /// The greatest band still possible; `high` also for whoever is flagged.
    pub band: Band,
    /// Days from one screen to the next.
    pub days: u16,
    /// Where it comes from.
    pub sources: Vec<SourceUse>,
}

/// A lone rule or a group, as indices into the rules.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub combination: Option<Combination>,
    pub rules: Vec<usize>,
    /// The items that its rules read.
    pub items: ItemSet,
}

impl RuleTable {
    /// Parses and checks the files of a version that is to be released or used for new answers.
    ///
    /// # Errors
    /// Every fault of the files at once, each with its place.
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

    /// Parses the files of an earlier version. It passed the linter of its time; today's may ask for more, such as the
    /// texts of an item that did not exist then.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn read(files: &RuleFiles) -> Result<Self, Vec<LintFault>> {
        let mut faults = Vec::new();
        rule_source::read(files, &mut faults).filter(|_| faults.is_empty()).ok_or(faults)
    }

    /// The wording in a language.
    #[must_use]
    pub fn texts(&self, language: Language) -> Option<&Texts> {
        self.texts.get(&language)
    }

    /// Finds a rule.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| &*rule.id == id)
    }

    /// Finds a red flag.
    #[must_use]
    pub fn red_flag(&self, id: &str) -> Option<&RedFlag> {
        self.red_flags.iter().find(|flag| &*flag.id == id)
    }

    /// Finds an instrument.
    #[must_use]
    pub fn instrument(&self, id: &str) -> Option<&Instrument> {
        self.instruments.iter().find(|instrument| &*instrument.id == id)
    }

    /// Finds a pathway.
    #[must_use]
    pub fn pathway(&self, id: PathwayId) -> Option<&Pathway> {
        self.pathways.iter().find(|pathway| pathway.id == id)
    }

    /// When the next screen is suggested after one of this band.
    #[must_use]
    pub fn next_screen(&self, band: Band) -> Option<&NextScreen> {
        self.next_screens.iter().find(|next| next.band == band)
    }

    /// The greatest total that any answers reach.
    #[must_use]
    pub fn max_total(&self) -> i32 {
        self.units.iter().map(|unit| unit.max_points(&self.rules)).sum()
    }
}

impl Unit {
    /// The units of a table, in the order in which their first rule stands.
    pub(super) fn all(groups: &[Group], rules: &[Rule]) -> Vec<Self> {
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

    /// The most points that the unit can come to.
    fn max_points(&self, rules: &[Rule]) -> i32 {
        let points = self.rules.iter().map(|index| rules[*index].points);
        match self.combination {
            Some(Combination::Cap(cap)) => points.sum::<i32>().min(cap),
            None | Some(Combination::Steps(_) | Combination::HighestOf) => points.max().unwrap_or(0),
        }
    }
}

impl SourceKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::MetaAnalysis,
        Self::Cohort,
        Self::Trial,
        Self::Review,
        Self::Consensus,
        Self::Instrument,
        Self::ValidationStudy,
        Self::ReferenceWork,
        Self::Clinic,
        Self::Judgement,
    ];
}

impl Confidence {
    /// Every degree.
    pub const ALL: [Self; 4] = [Self::Confirmed, Self::Recalled, Self::Disputed, Self::Judgement];
}

impl BandStarts {
    /// The band of a total.
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
}

impl Band {
    /// Every band, low to high.
    pub const ALL: [Self; 3] = [Self::Low, Self::Moderate, Self::High];

    /// The band's name on the wire and its key in the texts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::High => "high",
        }
    }
}
