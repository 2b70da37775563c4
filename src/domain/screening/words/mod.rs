//! A rule table in words, in each language. The words of a condition are derived from the condition itself, so that
//! they cannot differ from what is evaluated.

mod entries;
mod instruments;
mod lines;
mod names;
mod numbers;
mod phrases;

pub use entries::first_sentence;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::condition::{Check, Condition, Quantity};
use super::instrument::{Component, Method};
use super::questionnaire::{Item, Kind};
use super::rule_table::{Id, RuleTable};
use super::texts::{ItemTexts, Texts};
use crate::language::Language;
use phrases::{
    AGAINST_LIMIT, AGE_FROM, AGE_FROM_TO, BMI, BY_SEX, INCLUDES, LOSS_6_MONTHS, LOSS_12_MONTHS, NO, OR, QUOTED, UNABLE,
    YES, YES_OR_NO,
};

/// A rule table with the language of its words.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    pub table: &'a RuleTable,
    pub language: Language,
}

/// A value of a rule table in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phrase {
    /// A text, such as the test "Your age: 60 to 69 years".
    Text(String),
    /// At least one of the parts holds.
    Any(Vec<Phrase>),
    /// Each of the parts holds.
    All(Vec<Phrase>),
    /// An enumeration without logic, such as the sources of a rule.
    List(Vec<Phrase>),
}

impl Phrase {
    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Any(parts) | Self::All(parts) | Self::List(parts) => parts.is_empty(),
        }
    }
}

impl<'a> Words<'a> {
    pub(super) fn texts(self) -> Option<&'a Texts> {
        self.table.texts(self.language)
    }

    /// The item in a few words; its id if the table has no text for it.
    pub fn item(self, item: Item) -> &'a str {
        let texts = self.texts().and_then(|texts| texts.items.get(item.id()));
        texts.map_or_else(|| item.id(), ItemTexts::short)
    }

    /// The option of an item in a few words; its id if the table has no text for it.
    pub fn option(self, item: Item, option: &'static str) -> &'a str {
        let Some(texts) = self.texts() else { return option };
        let of = |labels: &'a BTreeMap<String, BTreeMap<String, String>>| labels.get(item.id())?.get(option);
        of(&texts.short_options).or_else(|| of(&texts.options)).map_or(option, String::as_str)
    }

    /// The published name of an instrument.
    pub fn instrument(self, id: &'a Id) -> &'a str {
        let texts = self.texts().and_then(|texts| texts.instruments.get(&**id));
        texts.map_or(&**id, |texts| &*texts.name)
    }

    pub fn quantity(self, quantity: Quantity) -> String {
        match quantity {
            Quantity::Item(item) => self.item(item).to_owned(),
            Quantity::Bmi => self.say(BMI).to_owned(),
            Quantity::WeightLoss6MonthsPercent => self.say(LOSS_6_MONTHS).to_owned(),
            Quantity::WeightLoss12MonthsPercent => self.say(LOSS_12_MONTHS).to_owned(),
            Quantity::CreatineKinaseRatio | Quantity::MyoglobinRatio => {
                self.say(AGAINST_LIMIT).replace("{item}", self.item(quantity.measured()))
            }
        }
    }

    pub fn condition(self, condition: &Condition) -> Phrase {
        let parts = |parts: &[Condition]| parts.iter().map(|part| self.condition(part)).collect();
        match condition {
            Condition::AnyOf(all) => Phrase::Any(parts(all)),
            Condition::AllOf(all) => Phrase::All(parts(all)),
            Condition::TotalAtLeast { components, .. } => labelled(&self.sum_of(components), &self.value(condition)),
            _ => {
                let quantity = condition.tests().first().map(|(quantity, _)| self.quantity(*quantity));
                labelled(&quantity.unwrap_or_default(), &self.value(condition))
            }
        }
    }

    /// The value that a test requires, without the name of its quantity.
    fn value(self, condition: &Condition) -> String {
        match condition {
            Condition::Test { quantity, check } => self.check(*quantity, check),
            Condition::BySex(parts) => {
                let words = self.say(BY_SEX).replace("{female}", &self.value(&parts[0]));
                words.replace("{male}", &self.value(&parts[1]))
            }
            Condition::ByAge(rows) => self.by_age(rows),
            Condition::OrUnable { test, .. } => self.say(UNABLE).replace("{value}", &self.value(test)),
            Condition::TotalAtLeast { points, .. } => self.at_least(&self.points(*points)),
            // The grammar has no combination inside a test.
            Condition::AnyOf(_) | Condition::AllOf(_) => String::new(),
        }
    }

    fn by_age(self, rows: &[(i32, Condition)]) -> String {
        let ends = rows.iter().skip(1).map(|row| Some(row.0 - 1)).chain([None]);
        let row = |((from, part), to): (&(i32, Condition), Option<i32>)| {
            let words = match to {
                Some(to) => self.say(AGE_FROM_TO).replace("{to}", &to.to_string()),
                None => self.say(AGE_FROM).to_owned(),
            };
            words.replace("{from}", &from.to_string()).replace("{value}", &self.value(part))
        };
        rows.iter().zip(ends).map(row).collect::<Vec<_>>().join("; ")
    }

    fn check(self, quantity: Quantity, check: &Check) -> String {
        match (check, quantity) {
            (Check::Between { low, high }, _) => self.range(quantity, *low, *high),
            (Check::OneOf(mask), Quantity::Item(item)) if item.spec().kind != Kind::Flag => self.chosen(item, *mask),
            (Check::OneOf(1), _) => self.say(NO).to_owned(),
            (Check::OneOf(2), _) => self.say(YES).to_owned(),
            (Check::OneOf(_), _) => self.say(YES_OR_NO).to_owned(),
            (Check::Includes(mask), Quantity::Item(item)) => {
                self.say(INCLUDES).replace("{options}", &self.chosen(item, *mask))
            }
            // A derived quantity is a number.
            (Check::Includes(_), _) => String::new(),
        }
    }

    fn chosen(self, item: Item, mask: u32) -> String {
        let options = (0_u32..).zip(item.spec().kind.options()).filter(|(bit, _)| mask & (1 << bit) != 0);
        let labels = options.map(|(_, option)| self.say(QUOTED).replace("{text}", self.option(item, option)));
        labels.collect::<Vec<_>>().join(self.say(OR))
    }

    /// The name of the instrument that is the sum of these components.
    fn sum_of(self, components: &Arc<[Component]>) -> String {
        let sum = self.table.instruments.iter().find(|instrument| {
            matches!(&instrument.method, Method::Sum { components: own, .. } if Arc::ptr_eq(own, components))
        });
        sum.map(|instrument| self.instrument(&instrument.id).to_owned()).unwrap_or_default()
    }
}

/// A name with its value. A question needs no colon.
fn labelled(label: &str, value: &str) -> Phrase {
    let separator = if label.ends_with('?') { " " } else { ": " };
    Phrase::Text(format!("{label}{separator}{value}"))
}

#[cfg(test)]
mod tests;
