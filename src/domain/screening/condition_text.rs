//! Conditions in words, in each language. The words derive from the condition that is evaluated, with the labels of the rule table,
//! so they cannot differ from it.

use std::sync::Arc;

use super::condition::{Check, Condition, End, Quantity};
use super::instrument::{Component, Instrument, Method};
use super::pathway::CaseFinding;
use super::questionnaire::{Group, Kind};
use super::rule_table::RuleTable;
use super::texts::{ItemTexts, Texts};
use crate::fixed::Threshold;
use crate::language::Language;

/// A rule table's conditions in a language.
#[derive(Clone, Copy)]
pub struct ConditionTexts<'a> {
    table: &'a RuleTable,
    texts: &'a Texts,
    words: &'static Words,
}

/// The words between the labels and values.
struct Words {
    yes: &'static str,
    no: &'static str,
    /// Between conditions of which all must hold.
    and: &'static str,
    /// Between conditions of which one is enough.
    or: &'static str,
    /// Between options.
    or_option: &'static str,
    /// Between the ends of a range that lacks one of them.
    and_end: &'static str,
    quotes: [&'static str; 2],
    decimal_point: &'static str,
    at_least: &'static str,
    more_than: &'static str,
    at_most: &'static str,
    less_than: &'static str,
    /// Before the first and the last value of a range that contains both.
    range: [&'static str; 2],
    points: &'static str,
    /// In the order of the options of the item sex.
    sexes: [&'static str; 2],
    /// Around an age.
    from_age: [&'static str; 2],
    unable: &'static str,
    positive: &'static str,
    /// Name and unit of each quantity of [`Quantity::DERIVED`].
    derived: [(&'static str, &'static str); Quantity::DERIVED.len()],
}

const ENGLISH: Words = Words {
    yes: "yes",
    no: "no",
    and: "; and ",
    or: "; or ",
    or_option: " or ",
    and_end: " and ",
    quotes: ["“", "”"],
    decimal_point: ".",
    at_least: "at least ",
    more_than: "more than ",
    at_most: "at most ",
    less_than: "less than ",
    range: ["", " to "],
    points: "points",
    sexes: ["women", "men"],
    from_age: ["from ", " years of age "],
    unable: ", or unable to do the test",
    positive: "positive",
    derived: [
        ("Body mass index", "kg/m²"),
        ("Weight lost in 6 months, as a share of the weight before", "%"),
        ("Weight lost in 12 months, as a share of the weight before", "%"),
        ("Creatine kinase", "× the upper limit"),
        ("Myoglobin", "× the upper limit"),
    ],
};

const SPANISH: Words = Words {
    yes: "sí",
    no: "no",
    and: "; y además ",
    or: "; o bien ",
    or_option: " o ",
    and_end: " y ",
    quotes: ["«", "»"],
    decimal_point: ",",
    at_least: "al menos ",
    more_than: "más de ",
    at_most: "como máximo ",
    less_than: "menos de ",
    range: ["de ", " a "],
    points: "puntos",
    sexes: ["mujeres", "hombres"],
    from_age: ["desde los ", " años "],
    unable: ", o no se pudo hacer la prueba",
    positive: "positivo",
    derived: [
        ("Índice de masa corporal", "kg/m²"),
        ("Peso perdido en 6 meses, como parte del peso anterior", "%"),
        ("Peso perdido en 12 meses, como parte del peso anterior", "%"),
        ("Creatina quinasa", "× el límite superior"),
        ("Mioglobina", "× el límite superior"),
    ],
};

impl RuleTable {
    /// The conditions of the table in words; `None` if it has no texts in the language.
    pub fn condition_texts(&self, language: Language) -> Option<ConditionTexts<'_>> {
        let words = match language {
            Language::En => &ENGLISH,
            Language::Es => &SPANISH,
        };
        Some(ConditionTexts { table: self, texts: self.texts(language)?, words })
    }
}

impl<'a> ConditionTexts<'a> {
    pub fn condition(self, condition: &Condition) -> String {
        match condition {
            Condition::AnyOf(parts) => self.joined(parts, self.words.or),
            Condition::AllOf(parts) => self.joined(parts, self.words.and),
            Condition::OrUnable { test, .. } => self.condition(test) + self.words.unable,
            Condition::TotalAtLeast { components, points } => {
                let value = format!("{}{points} {}", self.words.at_least, self.words.points);
                labelled(self.name_of(components), &value)
            }
            Condition::Test { .. } | Condition::BySex(_) | Condition::ByAge(_) => {
                // The rows and the two sexes of a condition test the same quantity.
                let quantity = condition.tests().first().map(|test| test.0);
                quantity.map(|quantity| labelled(self.label(quantity), &self.value(condition))).unwrap_or_default()
            }
        }
    }

    pub fn case_finding(self, way: &CaseFinding) -> String {
        match way {
            CaseFinding::Instrument(place) => labelled(self.name(&self.table.instruments[*place]), self.words.positive),
            CaseFinding::When(criterion) => self.condition(&criterion.when),
        }
    }

    fn joined(self, parts: &[Condition], between: &str) -> String {
        let part = |part: &Condition| {
            let text = self.condition(part);
            if is_compound(part) { format!("({text})") } else { text }
        };
        parts.iter().map(part).collect::<Vec<_>>().join(between)
    }

    /// What a condition requires of its quantity.
    fn value(self, condition: &Condition) -> String {
        let Words { sexes, from_age: [from, years], .. } = self.words;
        match condition {
            Condition::Test { quantity, check } => self.check(*quantity, check),
            Condition::BySex(parts) => {
                let of_sex = |(part, sex): (&Condition, &&str)| format!("{} ({sex})", self.value(part));
                parts.iter().zip(sexes).map(of_sex).collect::<Vec<_>>().join(", ")
            }
            Condition::ByAge(rows) => {
                let row = |(age, part): &(i32, Condition)| format!("{from}{age}{years}{}", self.value(part));
                rows.iter().map(row).collect::<Vec<_>>().join("; ")
            }
            other => self.condition(other),
        }
    }

    fn check(self, quantity: Quantity, check: &Check) -> String {
        let words = self.words;
        match check {
            Check::Between { low: Some(low), high: Some(high) } if low == high => self.number(quantity, low.threshold),
            Check::Between { low: Some(low), high: Some(high) } if low.inclusive && high.inclusive => {
                let ([from, to], first) = (words.range, self.decimal(low.threshold));
                format!("{from}{first}{to}{}", self.number(quantity, high.threshold))
            }
            Check::Between { low, high } => {
                let end = |end: &End, inclusive: &str, exclusive: &str| {
                    let word = if end.inclusive { inclusive } else { exclusive };
                    format!("{word}{}", self.number(quantity, end.threshold))
                };
                let low = low.iter().map(|low| end(low, words.at_least, words.more_than));
                let high = high.iter().map(|high| end(high, words.at_most, words.less_than));
                low.chain(high).collect::<Vec<_>>().join(words.and_end)
            }
            Check::OneOf(mask) | Check::Includes(mask) => self.options(quantity, *mask),
        }
    }

    /// The options of these bits; yes or no for a flag.
    fn options(self, quantity: Quantity, mask: u32) -> String {
        let Quantity::Item(item) = quantity else { return String::new() };
        let (spec, answers) = (item.spec(), [self.words.no, self.words.yes]);
        let all: &[&'static str] = if spec.kind == Kind::Flag { &answers } else { spec.kind.options() };
        let chosen = (0..).zip(all).filter(|(bit, _)| mask & (1 << bit) != 0).map(|(_, option)| *option);
        let [open, close] = self.words.quotes;
        let label = |option: &'static str| {
            if spec.kind == Kind::Flag {
                return option.to_owned();
            }
            let short = self.texts.short_options.get(spec.id).and_then(|options| options.get(option));
            let label = short.or_else(|| self.texts.options.get(spec.id)?.get(option));
            format!("{open}{}{close}", label.map_or(option, String::as_str))
        };
        chosen.map(label).collect::<Vec<_>>().join(self.words.or_option)
    }

    fn number(self, quantity: Quantity, threshold: Threshold) -> String {
        let (number, unit) = (self.decimal(threshold), self.unit(quantity));
        if unit.is_empty() { number } else { format!("{number} {unit}") }
    }

    fn decimal(self, threshold: Threshold) -> String {
        let (whole, rest) = (threshold.thousandths / 1000, threshold.thousandths % 1000);
        if rest == 0 {
            return whole.to_string();
        }
        format!("{whole}{}{rest:03}", self.words.decimal_point).trim_end_matches('0').to_owned()
    }

    fn label(self, quantity: Quantity) -> &'a str {
        let Quantity::Item(item) = quantity else { return self.derived(quantity).0 };
        self.texts.items.get(item.id()).map_or(item.id(), ItemTexts::short)
    }

    /// The unit of a measured value. A count needs none: its label says what is counted.
    fn unit(self, quantity: Quantity) -> &'a str {
        let Quantity::Item(item) = quantity else { return self.derived(quantity).1 };
        let spec = item.spec();
        match spec.kind {
            Kind::Number { scale, unit, .. } if scale > 1 || spec.group == Group::Laboratory => {
                self.texts.units.get(unit).map_or(unit, String::as_str)
            }
            _ => "",
        }
    }

    /// The name and the unit of a derived quantity.
    fn derived(self, quantity: Quantity) -> (&'static str, &'static str) {
        let mut named = Quantity::DERIVED.into_iter().zip(self.words.derived);
        named.find(|(one, _)| *one == quantity).map(|(_, names)| names).unwrap_or_default()
    }

    fn name(self, instrument: &'a Instrument) -> &'a str {
        self.texts.instruments.get(&*instrument.id).map_or(&*instrument.id, |texts| &*texts.name)
    }

    /// The name of the instrument with these components.
    fn name_of(self, components: &Arc<[Component]>) -> &'a str {
        let is_it = |instrument: &&Instrument| {
            matches!(&instrument.method, Method::Sum { components: own, .. } if Arc::ptr_eq(own, components))
        };
        self.table.instruments.iter().find(is_it).map(|instrument| self.name(instrument)).unwrap_or_default()
    }
}

/// Whether the text of a condition needs brackets inside another one.
fn is_compound(condition: &Condition) -> bool {
    match condition {
        Condition::AnyOf(parts) | Condition::AllOf(parts) => parts.len() > 1,
        Condition::ByAge(rows) => rows.len() > 1,
        Condition::OrUnable { test, .. } => is_compound(test),
        Condition::Test { .. } | Condition::BySex(_) | Condition::TotalAtLeast { .. } => false,
    }
}

/// A value with its label. A label that is a question is followed by its answer.
fn labelled(label: &str, value: &str) -> String {
    if label.ends_with('?') { format!("{label} {value}") } else { format!("{label}: {value}") }
}
