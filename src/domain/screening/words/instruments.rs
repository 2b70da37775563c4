//! Instruments and pathways in words.

use std::fmt::Write as _;

use super::phrases::{
    ACCURACY, LINEAR, LOGISTIC, POSITIVE, POSITIVE_FROM, POSITIVE_UP_TO, SENSITIVITY, SHARE, SHARE_WITH_INTERVAL,
    SPECIFICITY,
};
use super::{Phrase, Words, labelled};
use crate::fixed::to_units;
use crate::screening::condition::Condition;
use crate::screening::instrument::{Accuracy, Component, Instrument, Method, Share};
use crate::screening::open_questions::linear::{Linear, Logistic};
use crate::screening::pathway::{CaseFinding, Criterion};
use crate::screening::questionnaire::{Item, Kind};

impl Words<'_> {
    /// How the answers become an outcome: the components of a sum, the formula for each sex, or the positive answer.
    pub fn method(self, instrument: &Instrument) -> Phrase {
        match &instrument.method {
            Method::Sum { components, .. } => self.components(components),
            Method::Linear(by_sex) => {
                let sexes = Item::Sex.spec().kind.options().iter().zip(&by_sex[..]);
                Phrase::List(sexes.map(|(sex, linear)| self.linear(sex, linear)).collect())
            }
            Method::Category { positive, .. } => self.condition(&positive.when),
        }
    }

    /// The cut-off of a sum, with the side that is positive. The other methods state theirs in [`Words::method`].
    pub fn cut_off(self, instrument: &Instrument) -> Option<String> {
        let Method::Sum { lower_is_worse, cut_off, .. } = &instrument.method else { return None };
        let words = self.say(if *lower_is_worse { POSITIVE_UP_TO } else { POSITIVE_FROM });
        Some(words.replace("{points}", &self.points(*cut_off)))
    }

    /// The points by value, one text for each component.
    fn components(self, components: &[Component]) -> Phrase {
        let component = |component: &Component| {
            let step = |(when, points): &(Condition, i32)| format!("{} = {}", self.value(when), self.points(*points));
            let steps = component.steps.iter().map(step).collect::<Vec<_>>().join("; ");
            labelled(&self.quantity(component.quantity), &steps)
        };
        Phrase::List(components.iter().map(component).collect())
    }

    /// The formula for one sex, with its cut-off.
    fn linear(self, sex: &'static str, linear: &Linear) -> Phrase {
        let mut formula = String::new();
        for term in &linear.terms {
            let scale = if let Kind::Number { scale, .. } = term.item.spec().kind { i64::from(scale) } else { 1 };
            // `times` is in thousandths of a point for a unit of 1 / scale, `minus` in these units.
            let (times, minus) = (i64::from(term.times) * scale, i64::from(term.minus) * 1000 / scale);
            let sign = match (formula.is_empty(), times < 0) {
                (true, false) => "",
                (true, true) => "−",
                (false, false) => " + ",
                (false, true) => " − ",
            };
            let (times, minus, item) = (self.decimal(times.abs()), self.decimal(minus), self.item(term.item));
            // Writing to a text does not fail.
            let _ = write!(formula, "{sign}{times} × ({item} − {minus})");
        }
        let words = self.say(LINEAR).replace("{formula}", &formula);
        let mut words = words.replace("{cut_off}", &self.decimal(i64::from(linear.cut_off)));
        if let Some(Logistic { divide_by, minus }) = linear.logistic {
            let with = self.say(LOGISTIC).replace("{divide_by}", &self.figure(divide_by));
            words = with.replace("{minus}", &self.figure(minus)).replace("{words}", &words);
        }
        labelled(self.option(Item::Sex, sex), &words)
    }

    /// A figure as it is written in the table.
    fn figure(self, value: f64) -> String {
        let thousandths = to_units(value, 1000).map(|thousandths| self.decimal(i64::from(thousandths)));
        thousandths.unwrap_or_else(|| value.to_string())
    }

    /// A percentage, with its interval if one was published.
    pub fn share(self, share: &Share) -> String {
        let percent = self.figure(share.percent);
        match (share.low, share.high) {
            (Some(low), Some(high)) => {
                let words = self.say(SHARE_WITH_INTERVAL).replace("{low}", &self.figure(low));
                words.replace("{high}", &self.figure(high)).replace("{percent}", &percent)
            }
            _ => self.say(SHARE).replace("{percent}", &percent),
        }
    }

    /// The figures of a row: sensitivity and specificity, as far as they were published.
    pub fn figures(self, row: &Accuracy) -> String {
        let figure = |(name, share): (_, Option<Share>)| Some(format!("{} {}", self.say(name), self.share(&share?)));
        let figures = [(SENSITIVITY, row.sensitivity), (SPECIFICITY, row.specificity)];
        figures.into_iter().filter_map(figure).collect::<Vec<_>>().join(", ")
    }

    /// The published accuracy, one text for each row. Setting, reference and note are in English.
    pub fn accuracy(self, rows: &[Accuracy]) -> Phrase {
        let row = |row: &Accuracy| {
            let cite = self.table.sources.get(&*row.source).map_or(&*row.source, |source| &*source.cite);
            let words = self.say(ACCURACY).replace("{figures}", &self.figures(row)).replace("{setting}", &row.setting);
            let words = words.replace("{reference}", &row.reference).replace("{source}", cite);
            Phrase::Text(row.note.iter().fold(words, |words, note| format!("{words}. {note}")))
        };
        Phrase::List(rows.iter().map(row).collect())
    }

    /// Criteria of which one is enough.
    pub fn criteria(self, criteria: &[Criterion]) -> Phrase {
        Phrase::Any(criteria.iter().map(|criterion| self.condition(&criterion.when)).collect())
    }

    /// The ways of case finding, of which one is enough.
    pub fn case_finding(self, ways: &[CaseFinding]) -> Phrase {
        let way = |way: &CaseFinding| match way {
            CaseFinding::Instrument(place) => {
                let instrument = &self.table.instruments[*place];
                labelled(self.instrument(&instrument.id), self.say(POSITIVE))
            }
            CaseFinding::When(criterion) => self.condition(&criterion.when),
        };
        Phrase::Any(ways.iter().map(way).collect())
    }
}
