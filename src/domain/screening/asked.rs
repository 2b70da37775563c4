//! What a rule table asks: its items, their options, the alarm items in the order of the form, and when an item is asked.
//!
//! A table asks the items and options that its texts name. Earlier tables keep items that later tables replaced, and do
//! not have items that later tables added.

use std::collections::BTreeMap;

use super::answers::Answers;
use super::open_questions::item_set::ItemSet;
use super::questionnaire::{CATALOGUE, Group, Item, Kind, Spec};
use super::rule_lint::LintFault;
use super::rule_source::SourceForm;
use super::rule_table::Band;
use super::texts::Texts;
use crate::fault::{Fault, FaultCode, Params, Sentence};
use crate::language::Language;
use crate::names::names;

const ITEM: Sentence = Sentence::new(
    "rule table {name} does not ask the item; its questionnaire lists those that it asks",
    "la tabla de reglas {name} no hace esta pregunta; su cuestionario enumera las que hace",
);
const OPTION: Sentence = Sentence::new(
    "rule table {name} does not have this option; it must be one of {allowed}",
    "la tabla de reglas {name} no tiene esta opción; debe ser una de estas: {allowed}",
);

names! {
    /// Items that the form treats alike.
    pub enum FormList {
        /// The alarm items, in the order of the form.
        Alarms = "alarms",
        /// Items whose absence alone leaves a rule open although its other parts were reported.
        Figures = "figures",
        /// The items that come first among the open questions.
        FirstOpen = "first_open",
    }
}

#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub items: ItemSet,
    /// The options, by item; each option is a bit in the order of the catalogue.
    options: BTreeMap<Item, u32>,
    /// The alarm items, in the order of the form.
    pub alarms: Vec<Item>,
    /// Items that are asked only when one of these items is above 0.
    when_above_0: BTreeMap<Item, Vec<Item>>,
    /// Items whose absence alone leaves a rule open although its other parts were reported, such as a laboratory's limit.
    pub figures: ItemSet,
    /// The items that come first among the open questions of a person with a moderate total, and the age from which.
    first_open: Option<(ItemSet, i32)>,
}

impl Asked {
    pub(super) fn new(texts: &BTreeMap<Language, Texts>, form: &SourceForm, faults: &mut Vec<LintFault>) -> Self {
        let mut asked = Self::default();
        for spec in &CATALOGUE {
            if texts.values().any(|texts| texts.items.contains_key(spec.id)) {
                asked.items = asked.items.with(ItemSet::of(spec.item));
            }
            let named = |option: &str| {
                texts
                    .values()
                    .any(|texts| texts.options.get(spec.id).is_some_and(|of_item| of_item.contains_key(option)))
            };
            let bits = (0_u32..).zip(spec.kind.options()).filter(|(_, option)| named(option)).map(|(bit, _)| 1 << bit);
            asked.options.insert(spec.item, bits.fold(0, |mask: u32, bit: u32| mask | bit));
        }
        let mut known = |id: &String| {
            let item = Item::from_id(id);
            if item.is_none() {
                faults.push(LintFault::new("form", format!("names an unknown item: {id}")));
            }
            item
        };
        asked.alarms = form.alarms.iter().filter_map(&mut known).collect();
        asked.figures = form.figures.iter().filter_map(&mut known).collect();
        asked.first_open =
            form.first_open.as_ref().map(|first| (first.items.iter().filter_map(&mut known).collect(), first.age_from));
        for (id, above_0) in &form.asked_when_above_0 {
            let above_0 = above_0.iter().filter_map(&mut known).collect();
            asked.when_above_0.extend(known(id).map(|item| (item, above_0)));
        }
        if asked.alarms.is_empty() {
            asked.alarms = asked.items.iter().filter(|item| item.spec().group == Group::Alarm).collect();
            let losses = vec![Item::WeightLossPastYearKg, Item::WeightLoss6MonthsKg];
            asked.when_above_0.insert(Item::WeightLossUnintended, losses);
        }
        asked
    }

    /// The items of a group, in the order of the form.
    #[must_use]
    pub fn of_group(&self, group: Group) -> Vec<&'static Spec> {
        if group == Group::Alarm {
            return self.alarms.iter().map(|item| item.spec()).collect();
        }
        self.items.iter().map(Item::spec).filter(|spec| spec.group == group).collect()
    }

    /// The items of a list of the form, in its order.
    #[must_use]
    pub fn list(&self, list: FormList) -> Vec<Item> {
        match list {
            FormList::Alarms => self.alarms.clone(),
            FormList::Figures => self.figures.iter().collect(),
            FormList::FirstOpen => self.first_open.iter().flat_map(|(items, _)| items.iter()).collect(),
        }
    }

    /// The age from which the items of [`FormList::FirstOpen`] come first.
    #[must_use]
    pub fn first_open_from(&self) -> Option<i32> {
        self.first_open.map(|(_, age_from)| age_from)
    }

    /// The options of a choice or a set that this table asks, in the order of a form: `other` and the option that excludes
    /// all others are last.
    pub fn options(&self, item: Item) -> impl Iterator<Item = &'static str> {
        let asked = self.options.get(&item).copied().unwrap_or_default();
        let kind = item.spec().kind;
        let exclusive = if let Kind::Set { exclusive, .. } = kind { exclusive } else { None };
        let options = (0..).zip(kind.options()).filter(|(bit, _)| asked & (1 << bit) != 0).map(|(_, option)| *option);
        let mut options: Vec<_> = options.collect();
        options.sort_by_key(|option| (exclusive == Some(*option), *option == "other"));
        options.into_iter()
    }

    /// The items of which one must be above 0 for this item to be asked; empty for an item that is always asked.
    #[must_use]
    pub fn when_above_0(&self, item: Item) -> &[Item] {
        self.when_above_0.get(&item).map(Vec::as_slice).unwrap_or_default()
    }

    /// The items that do not apply to these answers: every item on which they depend is 0.
    #[must_use]
    pub fn not_applicable(&self, answers: &Answers) -> ItemSet {
        let zero = |items: &Vec<Item>| items.iter().all(|item| answers.get(*item) == Some(0));
        self.when_above_0.iter().filter(|(_, items)| zero(items)).map(|(item, _)| *item).collect()
    }

    /// The alarm items that these answers cannot have, because they are answers to an earlier form. Empty if they report
    /// an alarm item that this table does not have: the later alarm items then stay open.
    #[must_use]
    pub fn not_in_their_form(&self, answers: &Answers) -> ItemSet {
        let earlier = || Item::EARLIER.into_iter().filter(|item| !self.items.has(*item));
        let answered = earlier().any(|item| answers.get(item).is_some());
        let reported = earlier().any(|item| item.spec().group == Group::Alarm && answers.get(item) > Some(0));
        if answered && !reported { Item::LATER_ALARMS.into_iter().collect() } else { ItemSet::EMPTY }
    }

    /// The unanswered alarm items that apply, in the order of the form.
    pub fn alarms_unanswered<'a>(&'a self, answers: &'a Answers) -> impl Iterator<Item = Item> + 'a {
        let other = self.not_applicable(answers).with(self.not_in_their_form(answers));
        self.alarms.iter().copied().filter(move |item| answers.get(*item).is_none() && !other.has(*item))
    }

    /// The items that come first among the open questions.
    #[must_use]
    pub fn first_open(&self, answers: &Answers, band_at_least: Band) -> ItemSet {
        let first = self.first_open.filter(|(_, age_from)| answers.get(Item::Age) >= Some(*age_from));
        first.filter(|_| band_at_least == Band::Moderate).map_or(ItemSet::EMPTY, |(items, _)| items)
    }

    /// The answers with an empty set in place of "none of these", where this table does not have that option.
    #[must_use]
    pub fn without_none(&self, answers: &Answers) -> Answers {
        let mut read = answers.clone();
        for spec in &CATALOGUE {
            let Kind::Set { options, exclusive: Some(none) } = spec.kind else { continue };
            let bit = (0..).zip(options).find(|(_, option)| **option == none).map(|(bit, _)| 1 << bit);
            if bit.is_some() && answers.get(spec.item) == bit && self.options(spec.item).all(|option| option != none) {
                read.set(spec.item, Some(0));
            }
        }
        read
    }

    /// The answers without those to items and options that this table does not ask. A set without remaining options
    /// becomes unanswered, because an empty set would mean that none of its options applies.
    #[must_use]
    pub fn only_asked(&self, answers: &Answers) -> Answers {
        let mut read = self.without_none(answers);
        for item in self.not_asked(&read).iter() {
            let asked = self.options.get(&item).copied().unwrap_or_default();
            let left = read.get(item).map(|value| value.unsigned_abs() & asked).filter(|left| *left != 0);
            let left = left.filter(|_| self.items.has(item) && matches!(item.spec().kind, Kind::Set { .. }));
            read.set(item, left.and_then(|left| i32::try_from(left).ok()));
        }
        read
    }

    /// The items with an answer that this table does not ask, or with an option that it does not have.
    #[must_use]
    pub fn not_asked(&self, answers: &Answers) -> ItemSet {
        let items = CATALOGUE.iter().map(|spec| spec.item);
        items.filter(|item| !self.faults("", &Answers::of(*item, answers.get(*item))).is_empty()).collect()
    }

    /// A fault for each answer to an item or an option that the table of this version does not ask.
    #[must_use]
    pub fn faults(&self, version: &str, answers: &Answers) -> Vec<Fault> {
        let mut faults = Vec::new();
        for spec in &CATALOGUE {
            let Some(value) = answers.get(spec.item) else { continue };
            let pointer = format!("/{}", spec.id);
            if !self.items.has(spec.item) {
                faults.push(Fault::new(pointer, FaultCode::NotAsked, ITEM).with(Params::name(version)));
                continue;
            }
            let mask = match spec.kind {
                Kind::Choice(_) => u32::try_from(value).map_or(0, |index| 1 << index),
                Kind::Set { .. } => value.unsigned_abs(),
                Kind::Number { .. } | Kind::Flag => continue,
            };
            let other = mask & !self.options.get(&spec.item).copied().unwrap_or_default();
            if other != 0 {
                let params = Params { name: version.to_owned(), ..Params::allowed(self.options(spec.item)) };
                faults.push(Fault::new(pointer, FaultCode::NotAsked, OPTION).with(params));
            }
        }
        faults
    }
}
