//! Numbers in words: decimals, ranges with their units, points.

use super::Words;
use super::phrases::{
    AND, AT_LEAST, AT_MOST, DAYS, DECIMAL, FROM_TO, LESS_THAN, MORE_THAN, NO, ONE_POINT, POINTS, TIMES, YEARS, YES,
};
use crate::screening::condition::{End, Quantity};
use crate::screening::questionnaire::Kind;

/// Units of counts. The name of a count says what is counted, so its unit would repeat it.
const COUNTS: [&str; 6] = ["days", "days_a_week", "falls", "medicines", "points", "stays"];

impl<'a> Words<'a> {
    pub fn points(self, points: i32) -> String {
        let words = self.say(if points == 1 { ONE_POINT } else { POINTS });
        words.replace("{n}", &points.to_string())
    }

    pub fn years(self, years: i32) -> String {
        self.say(YEARS).replace("{n}", &years.to_string())
    }

    pub fn days(self, days: u16) -> String {
        self.say(DAYS).replace("{n}", &days.to_string())
    }

    pub const fn yes_or_no(self, yes: bool) -> &'static str {
        self.say(if yes { YES } else { NO })
    }

    pub(super) fn at_least(self, value: &str) -> String {
        self.say(AT_LEAST).replace("{n}", value)
    }

    /// A number of thousandths as a decimal without trailing zeros.
    pub fn decimal(self, thousandths: i64) -> String {
        let sign = if thousandths < 0 { "−" } else { "" };
        let (whole, rest) = (thousandths.abs() / 1000, thousandths.abs() % 1000);
        let fraction = format!("{rest:03}");
        let fraction = fraction.trim_end_matches('0');
        let separator = if fraction.is_empty() { "" } else { self.say(DECIMAL) };
        format!("{sign}{whole}{separator}{fraction}")
    }

    pub(super) fn range(self, quantity: Quantity, low: Option<End>, high: Option<End>) -> String {
        let number = |end: End| self.decimal(end.threshold.thousandths);
        let bound = |end: End, inclusive, exclusive| {
            self.say(if end.inclusive { inclusive } else { exclusive }).replace("{n}", &number(end))
        };
        let words = match (low, high) {
            (Some(low), Some(high)) if low == high => number(low),
            (Some(low), Some(high)) if low.inclusive && high.inclusive => {
                self.say(FROM_TO).replace("{low}", &number(low)).replace("{high}", &number(high))
            }
            _ => {
                let low = low.map(|end| bound(end, AT_LEAST, MORE_THAN));
                let high = high.map(|end| bound(end, AT_MOST, LESS_THAN));
                [low, high].into_iter().flatten().collect::<Vec<_>>().join(self.say(AND))
            }
        };
        match self.unit(quantity) {
            Some(unit) => format!("{words} {unit}"),
            None => words,
        }
    }

    fn unit(self, quantity: Quantity) -> Option<&'a str> {
        let item = match quantity {
            Quantity::Item(item) => item,
            Quantity::Bmi => return Some("kg/m²"),
            Quantity::WeightLoss6MonthsPercent | Quantity::WeightLoss12MonthsPercent => return Some("%"),
            Quantity::CreatineKinaseRatio | Quantity::MyoglobinRatio => return Some(self.say(TIMES)),
        };
        let Kind::Number { unit, .. } = item.spec().kind else { return None };
        let label = self.texts()?.units.get(unit)?;
        (!COUNTS.contains(&unit)).then_some(label.as_str())
    }
}
