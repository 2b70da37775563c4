//! Instruments and pathways: reachable cut-offs, steps that do not overlap, criteria that exist.

use std::collections::BTreeSet;

use super::{GREATEST_SUM, Lint};
use crate::screening::answers::Answers;
use crate::screening::condition::{Condition, Quantity, Truth, View};
use crate::screening::instrument::{Component, Instrument, Method};
use crate::screening::open_questions::linear::Linear;
use crate::screening::pathway::{CaseFinding, Stage};
use crate::screening::questionnaire::{Audiences, Item, Kind};
use crate::screening::rule_table::RuleTable;

/// The maximum number of items of an instrument, because the search for what settles it covers every subset.
const MOST_ITEMS: u32 = 10;

/// Every condition of the instruments and pathways, with its place.
pub(super) fn conditions(table: &RuleTable) -> Vec<(String, &Condition)> {
    let mut found = Vec::new();
    for instrument in &table.instruments {
        let place = format!("instruments.{}", instrument.id);
        match &instrument.method {
            Method::Sum { components, .. } => {
                let steps = components.iter().flat_map(|component| &component.steps);
                found.extend(steps.map(|(when, _)| (place.clone(), when)));
            }
            Method::Category { positive, .. } => found.push((place, &positive.when)),
            Method::Linear(_) => {}
        }
    }
    for pathway in &table.pathways {
        let place = format!("pathways.{}", pathway.id.as_str());
        let case_finding = pathway.case_finding.iter().filter_map(|way| match way {
            CaseFinding::When(criterion) => Some(criterion),
            CaseFinding::Instrument(_) => None,
        });
        let criteria = case_finding.chain(&pathway.strength_low).chain(&pathway.performance_low);
        found.extend(criteria.map(|criterion| (place.clone(), &criterion.when)));
    }
    found
}

impl Lint<'_> {
    pub(super) fn instruments(&mut self) {
        for instrument in &self.table.instruments {
            let place = format!("instruments.{}", instrument.id);
            match &instrument.method {
                Method::Sum { components, cut_off, .. } => self.sum(&place, *cut_off, components),
                Method::Linear(by_sex) => self.linear(&place, &by_sex[..]),
                Method::Category { positive, .. } => {
                    if matches!(positive.when, Condition::AnyOf(_) | Condition::AllOf(_)) {
                        self.fault(&place, "a category is decided by one answer");
                    }
                }
            }
            self.accuracy(&place, instrument);
            let items = instrument.waits_for(&Answers::default()).len();
            if items > MOST_ITEMS {
                self.fault(&place, format!("depends on {items} items; the maximum is {MOST_ITEMS}"));
            }
        }
    }

    /// Checks that a row of accuracy has at least one percentage, each from 0 to 100.
    fn accuracy(&mut self, place: &str, instrument: &Instrument) {
        for row in &instrument.accuracy {
            let shares: Vec<_> = [row.sensitivity, row.specificity].into_iter().flatten().collect();
            let known = |percent: f64| (0.0..=100.0).contains(&percent);
            let ends = shares.iter().flat_map(|share| [Some(share.percent), share.low, share.high]);
            if shares.is_empty() || !ends.flatten().all(known) {
                self.fault(
                    place,
                    format!("an accuracy row of {} has no percentage, or one outside 0 to 100", row.source),
                );
            }
        }
    }

    /// Checks that the cut-off can be reached, and that no value or item counts twice.
    fn sum(&mut self, place: &str, cut_off: i32, components: &[Component]) {
        let most = |component: &Component| component.steps.iter().map(|step| step.1).max().unwrap_or(0);
        let greatest = components.iter().map(most).fold(0, i32::saturating_add);
        if cut_off < 0 || cut_off > greatest {
            self.fault(place, format!("the cut-off is outside the reachable range 0 to {greatest}"));
        }
        if greatest > GREATEST_SUM {
            self.fault(place, format!("its greatest total {greatest} is above {GREATEST_SUM}"));
        }
        let mut read = BTreeSet::new();
        for component in components {
            if component.steps.iter().any(|step| step.1 < 0) {
                self.fault(place, "points must not be negative");
            }
            for item in component.quantity.inputs() {
                if !read.insert(item.id()) {
                    self.fault(place, format!("{} is in two components", item.id()));
                }
            }
            if let Some(shown) = overlap(component) {
                self.fault(place, format!("the steps overlap at {} = {shown}", component.quantity.id()));
            }
        }
    }

    /// Checks that the cut-off is within the scores that answers reach.
    fn linear(&mut self, place: &str, by_sex: &[Linear]) {
        for linear in by_sex {
            let range = linear.bounds(&Answers::default(), 0);
            if linear.cut_off <= range.lower || linear.cut_off > range.upper {
                self.fault(place, "a cut-off is outside the reachable range");
            }
            let items: BTreeSet<_> = linear.terms.iter().map(|term| term.item.id()).collect();
            if items.len() != linear.terms.len() {
                self.fault(place, "an item is in two terms");
            }
        }
    }

    /// Checks that a pathway leads to a flagging stage and defines low strength.
    pub(super) fn pathways(&mut self) {
        for pathway in &self.table.pathways {
            let place = format!("pathways.{}", pathway.id.as_str());
            if !matches!(pathway.stage, Stage::Possible | Stage::Probable | Stage::CriteriaMet) {
                self.fault(&place, "must lead to possible, probable or criteria_met");
            }
            if pathway.strength_low.is_empty() {
                self.fault(&place, "does not define low strength");
            }
            if pathway.needs_performance && pathway.performance_low.is_empty() {
                self.fault(&place, "requires low performance and does not define it");
            }
        }
    }
}

/// A value at which two steps of a component are true at once, for a person of one sex.
fn overlap(component: &Component) -> Option<String> {
    let Quantity::Item(item) = component.quantity else { return None };
    let (least, greatest) = match item.spec().kind {
        Kind::Number { minimum, maximum, .. } => (minimum, maximum),
        Kind::Flag => (0, 1),
        Kind::Choice(options) => (0, i32::try_from(options.len()).unwrap_or(i32::MAX) - 1),
        Kind::Set { .. } => return None,
    };
    for sex in [0, 1] {
        let mut answers = Answers::default();
        answers.set(Item::Sex, Some(sex));
        for value in least..=greatest {
            answers.set(item, Some(value));
            let view = View { answers: &answers, audiences: Audiences::ALL };
            let holding = component.steps.iter().filter(|(when, _)| when.evaluate(view) == Truth::True).count();
            if holding > 1 {
                return Some(value.to_string());
            }
        }
    }
    None
}
