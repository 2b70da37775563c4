//! Consensus pathways: from case finding and measured strength to a stage. A stage is never a diagnosis, because muscle
//! mass is not measured.
//!
//! Cut-offs by sex and age, with the comparators of each definition, are data of the rule table: EWGSOP2 (Cruz-Jentoft
//! 2019), AWGS 2019 (Chen 2020), AWGS 2025 (Chen 2025) and SDOC (Bhasin 2020). A test that the person was unable to do
//! counts as failed.

use serde::{Deserialize, Serialize};

use super::condition::{Condition, Truth, View};
use super::instrument::Reading;
use super::open_questions::item_set::ItemSet;
use super::questionnaire::{Audiences, Item};
use super::rule_table::{Id, RuleTable, SourceUse, StatedReason};
use crate::names::names;

names! {
    pub enum PathwayId {
        /// European consensus of 2019.
        Ewgsop2 = "ewgsop2",
        /// Asian consensus of 2019.
        Awgs2019 = "awgs_2019",
        /// Asian consensus of 2025.
        Awgs2025 = "awgs_2025",
        /// Sarcopenia Definitions and Outcomes Consortium, 2020.
        Sdoc = "sdoc",
    }

    /// The stage reached in a pathway.
    pub enum Stage {
        /// Nothing was found yet. It does not rule out sarcopenia.
        NoneFoundYet = "none_found_yet",
        /// Case finding is positive.
        AtRisk = "at_risk",
        /// Low muscle strength, in the terms of the Asian consensus.
        Possible = "possible",
        /// Low muscle strength, in the terms of the European consensus.
        Probable = "probable",
        /// Every criterion is met. A diagnosis is for a clinician to make.
        CriteriaMet = "criteria_met",
        /// Outside the pathway's age range.
        NotApplicable = "not_applicable",
    }
}

#[derive(Clone, Debug)]
pub struct Pathway {
    pub id: PathwayId,
    /// The youngest age it applies to, years.
    pub age_from: i32,
    /// The stage reached when its criteria are met.
    pub stage: Stage,
    /// How soon staff should act on its stage; `None` in tables that do not state it.
    pub reason: Option<StatedReason>,
    /// Whether the stage requires low performance in addition to low strength.
    pub needs_performance: bool,
    /// The ways of case finding; one is enough. Empty if the pathway has none.
    pub case_finding: Vec<CaseFinding>,
    /// The criteria of low strength; one is enough.
    pub strength_low: Vec<Criterion>,
    /// The criteria of low performance; one is enough. Empty if the pathway has no cut-off.
    pub performance_low: Vec<Criterion>,
    /// Which criteria cannot be asked here, and how the wording of the consensus is interpreted.
    pub note: Option<String>,
    pub sources: Vec<SourceUse>,
}

/// One way of case finding.
#[derive(Clone, Debug)]
pub enum CaseFinding {
    /// An instrument at its own cut-off, regardless of age, as its index in the table.
    Instrument(usize),
    When(Criterion),
}

/// A condition with its text as written in the table.
#[derive(Clone, Debug)]
pub struct Criterion {
    pub when: Condition,
    /// The condition as written, for display.
    pub stated: serde_json::Value,
}

/// The result of a pathway for some answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathwayResult {
    pub pathway: PathwayId,
    /// Whether case finding is positive; `None` while open items decide, or without case finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_found: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength_low: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub performance_low: Option<bool>,
    pub stage: Stage,
}

impl Stage {
    /// Whether it flags a submission.
    #[must_use]
    pub const fn flags(self) -> bool {
        matches!(self, Self::Possible | Self::Probable | Self::CriteriaMet)
    }
}

impl Pathway {
    /// Applies the pathway. `readings` are those of the table's instruments, in the table's order. Measured low strength
    /// decides regardless of case finding.
    #[must_use]
    pub fn apply(&self, view: View<'_>, readings: &[Reading]) -> PathwayResult {
        let view = View { audiences: Audiences::ALL, ..view };
        let found = self.case_finding.iter().map(|way| way.truth(view, readings));
        let case_found = any(found);
        let strength_low = any(self.strength_low.iter().map(|criterion| criterion.when.evaluate(view)));
        let performance_low = any(self.performance_low.iter().map(|criterion| criterion.when.evaluate(view)));
        let reached = strength_low == Some(true) && (!self.needs_performance || performance_low == Some(true));
        let stage = match view.answers.get(Item::Age) {
            Some(age) if age < self.age_from => Stage::NotApplicable,
            Some(_) if reached => self.stage,
            Some(_) if case_found == Some(true) => Stage::AtRisk,
            // Without an age the pathway may not apply.
            Some(_) | None => Stage::NoneFoundYet,
        };
        PathwayResult { pathway: self.id, case_found, strength_low, performance_low, stage }
    }

    /// The unanswered items that can still raise the stage.
    #[must_use]
    pub fn needs(&self, table: &RuleTable, view: View<'_>, result: PathwayResult) -> ItemSet {
        if result.stage == self.stage || result.stage == Stage::NotApplicable {
            return ItemSet::EMPTY;
        }
        let view = View { audiences: Audiences::ALL, ..view };
        let mut needed: ItemSet = [Item::Age].into_iter().filter(|age| view.answers.get(*age).is_none()).collect();
        let reached = [Some(result.strength_low), self.needs_performance.then_some(result.performance_low)];
        let reached: Vec<_> = reached.into_iter().flatten().collect();
        if reached.iter().all(|low| *low == Some(true)) {
            return needed;
        }
        if !reached.contains(&Some(false)) {
            let performance: &[Criterion] = if self.needs_performance { &self.performance_low } else { &[] };
            let criteria = [(result.strength_low, &self.strength_low[..]), (result.performance_low, performance)];
            for criterion in criteria.iter().filter(|(low, _)| low.is_none()).flat_map(|(_, criteria)| *criteria) {
                needed = needed.with(criterion.when.waits_for(view));
            }
        }
        if result.case_found.is_none() {
            for way in &self.case_finding {
                needed = needed.with(way.waits_for(table, view));
            }
        }
        needed
    }

    /// Ids of what made a criterion true: instruments, items and derived quantities.
    #[must_use]
    pub fn because(&self, table: &RuleTable, view: View<'_>) -> Vec<Id> {
        let view = View { audiences: Audiences::ALL, ..view };
        let mut ids: Vec<Id> = Vec::new();
        let mut add = |id: &str| {
            if !ids.iter().any(|known| &**known == id) {
                ids.push(Id::from(id));
            }
        };
        for way in &self.case_finding {
            match way {
                CaseFinding::Instrument(place) => {
                    let instrument = &table.instruments[*place];
                    if instrument.read(view.answers).outcome.settled() == Some(true) {
                        add(&instrument.id);
                    }
                }
                CaseFinding::When(criterion) => {
                    criterion.when.observed(view).iter().for_each(|quantity| add(quantity.id()));
                }
            }
        }
        for criterion in self.strength_low.iter().chain(&self.performance_low) {
            criterion.when.observed(view).iter().for_each(|quantity| add(quantity.id()));
        }
        ids
    }
}

impl CaseFinding {
    /// The truth value of case finding in this way.
    fn truth(&self, view: View<'_>, readings: &[Reading]) -> Truth {
        match self {
            Self::Instrument(place) => readings[*place].outcome.settled().map_or(Truth::Unknown, Truth::from),
            Self::When(criterion) => criterion.when.evaluate(view),
        }
    }

    /// The unanswered items that this way depends on.
    fn waits_for(&self, table: &RuleTable, view: View<'_>) -> ItemSet {
        match self {
            Self::Instrument(place) => table.instruments[*place].waits_for(view.answers),
            Self::When(criterion) => criterion.when.waits_for(view),
        }
    }
}

/// Whether any holds; `None` while that is open, or if there are none.
fn any(truths: impl Iterator<Item = Truth>) -> Option<bool> {
    truths.reduce(|one, other| Truth::any([one, other].into_iter())).and_then(Truth::decided)
}
