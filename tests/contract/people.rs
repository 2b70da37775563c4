//! Generated answers for tests: seeded, plausible, and often at a cut-off of the rule table.

use std::collections::BTreeMap;

use sarcoscreen_domain::screening::answers::Answers;
use sarcoscreen_domain::screening::asked::Asked;
use sarcoscreen_domain::screening::condition::{Check, Condition, Quantity};
use sarcoscreen_domain::screening::instrument::Method;
use sarcoscreen_domain::screening::pathway::CaseFinding;
use sarcoscreen_domain::screening::questionnaire::{Item, Kind};
use sarcoscreen_domain::screening::rule_table::RuleTable;

/// A seeded source of people.
pub(crate) struct People {
    state: u64,
    asked: Asked,
    cut_offs: BTreeMap<Item, Vec<i32>>,
}

impl People {
    pub(crate) fn seeded(table: &RuleTable, seed: u64) -> Self {
        Self { state: seed, asked: table.asked.clone(), cut_offs: cut_offs(table) }
    }

    /// A number below a limit (`SplitMix64`).
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// Plausible answers, each item answered with this chance in percent, such that a plausible completion exists.
    pub(crate) fn person(&mut self, answered: u64) -> Answers {
        let mut answers = Answers::default();
        let items = self.asked.items;
        for item in items.iter() {
            answers.set(item, Some(self.value(item)));
        }
        self.slim(&mut answers);
        while let Some(item) = implausible(&answers) {
            for item in involved(item) {
                answers.set(item, Some(self.value(item)));
            }
        }
        for item in items.iter() {
            if self.below(100) >= answered {
                answers.set(item, None);
            }
        }
        // If a value was left out, its reference limit is left out as well.
        plausible(answers)
    }

    /// A value for an item; numbers are at or next to a cut-off half of the time.
    pub(crate) fn value(&mut self, item: Item) -> i32 {
        let pick = |limit: usize, people: &mut Self| usize::try_from(people.below(limit as u64)).unwrap();
        match item.spec().kind {
            // Half of the people have no alarm sign; otherwise every outcome would be an emergency.
            _ if self.asked.alarms.contains(&item) && self.below(25) != 0 => 0,
            Kind::Flag if self.asked.alarms.contains(&item) => 1,
            Kind::Flag => i32::from(self.below(2) == 0),
            Kind::Choice(options) => i32::try_from(pick(options.len(), self)).unwrap(),
            Kind::Set { options, exclusive } => {
                let place = |option: &str| options.iter().position(|known| *known == option).unwrap();
                let alone = exclusive.map_or(0, |alone| 1 << place(alone));
                let asked = self.asked.options(item).fold(0, |mask, option| mask | 1 << place(option));
                let chosen = self.below(1 << options.len()) & self.below(1 << options.len());
                let mask = i32::try_from(chosen).unwrap() & asked;
                if mask & alone == 0 { mask } else { alone & asked }
            }
            Kind::Number { minimum, maximum, step, .. } => {
                let known = self.cut_offs.get(&item).filter(|known| !known.is_empty()).cloned();
                let anywhere = |people: &mut Self, maximum: i32| {
                    minimum
                        + i32::try_from(people.below(u64::from(((maximum - minimum) / step + 1).unsigned_abs())))
                            .unwrap()
                            * step
                };
                match (self.below(4), known) {
                    (0 | 1, Some(known)) => {
                        let beside = i32::try_from(self.below(3)).unwrap() - 1;
                        (known[pick(known.len(), self)] + beside * step).clamp(minimum, maximum)
                    }
                    (2, _) => anywhere(self, minimum.saturating_add(100 * step).min(maximum)),
                    _ => anywhere(self, maximum),
                }
            }
        }
    }

    /// Often sets the weight so that the body mass index is 18.5 or 21.
    fn slim(&mut self, answers: &mut Answers) {
        let Some(height) = answers.get(Item::HeightCm).map(i64::from) else { return };
        if self.below(2) == 0 {
            let index = if self.below(2) == 0 { 185 } else { 210 };
            let weight = index * height * height / 1_000_000 + i64::try_from(self.below(3)).unwrap() - 1;
            answers.set(Item::WeightKg, Some(i32::try_from(weight).unwrap().clamp(250, 3000)));
        }
    }
}

/// Removes items until the service accepts the answers.
fn plausible(mut answers: Answers) -> Answers {
    while let Some(item) = implausible(&answers) {
        answers.set(item, None);
    }
    answers
}

/// The first item that the service refuses in combination with the others, of answers in their ranges.
fn implausible(answers: &Answers) -> Option<Item> {
    answers.implausible().first().and_then(|fault| Item::from_id(fault.pointer.trim_start_matches('/')))
}

/// The items whose values may have to change when this one is implausible.
pub(crate) fn involved(item: Item) -> Vec<Item> {
    match item {
        Item::TestsUnable | Item::GripStrengthKg | Item::FiveChairStandsS => vec![item],
        Item::CreatineKinaseUpperLimitUL => vec![Item::CreatineKinaseUL],
        Item::MyoglobinUpperLimitUgL => vec![Item::MyoglobinUgL],
        _ => vec![Item::WeightKg, Item::HeightCm, Item::WeightLoss6MonthsKg, Item::WeightLossPastYearKg],
    }
}

/// For each number, the values with which conditions compare it, in its units.
fn cut_offs(table: &RuleTable) -> BTreeMap<Item, Vec<i32>> {
    let mut conditions: Vec<&Condition> = table.rules.iter().map(|rule| &rule.when).collect();
    conditions.extend(table.red_flags.iter().map(|flag| &flag.when));
    let mut known: BTreeMap<Item, Vec<i32>> = BTreeMap::new();
    for instrument in &table.instruments {
        known.entry(Item::Age).or_default().push(instrument.age_from);
        if let Method::Sum { components, .. } = &instrument.method {
            conditions.extend(components.iter().flat_map(|component| component.steps.iter().map(|step| &step.0)));
        }
    }
    for pathway in &table.pathways {
        known.entry(Item::Age).or_default().push(pathway.age_from);
        for criterion in pathway.strength_low.iter().chain(&pathway.performance_low) {
            conditions.push(&criterion.when);
            if let Condition::OrUnable { test, .. } = &criterion.when
                && let Condition::ByAge(rows) = &**test
            {
                known.entry(Item::Age).or_default().extend(rows.iter().map(|row| row.0));
            }
        }
        conditions.extend(pathway.case_finding.iter().filter_map(|way| match way {
            CaseFinding::When(criterion) => Some(&criterion.when),
            CaseFinding::Instrument(_) => None,
        }));
    }
    for (quantity, check) in conditions.iter().flat_map(|condition| condition.tests()) {
        if let (Quantity::Item(item), Check::Between { low, high }) = (quantity, check)
            && let Kind::Number { scale, .. } = item.spec().kind
        {
            let ends = [low, high].into_iter().flatten();
            let units = ends.map(|end| i32::try_from(end.threshold.thousandths * i64::from(scale) / 1000).unwrap());
            known.entry(item).or_default().extend(units);
        }
    }
    known
}
