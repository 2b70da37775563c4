//! Published screening instruments: items, points, cut-off, and an outcome that stays undetermined while open items can
//! change it.
//!
//! Points and cut-offs are data of the rule table, each with its source. An instrument is a sum of points (SARC-F and its
//! variants, MSRA, SPPB), a weighted sum of measurements (Ishii), or one answer (finger ring).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::answers::Answers;
use super::condition::{Condition, Quantity, Truth, View, total};
use super::open_questions::item_set::ItemSet;
use super::open_questions::linear::{Bounds, Linear};
use super::pathway::Criterion;
use super::questionnaire::{Audiences, Item};
use super::rule_table::{Id, SourceUse, StatedReason};
use crate::names::names;

names! {
    pub enum Outcome {
        /// Every completion of the open items is positive.
        Positive = "positive",
        /// No completion is positive. It does not mean that the person is healthy.
        Negative = "negative",
        /// It depends on unanswered items.
        Undetermined = "undetermined",
        /// Outside the instrument's age range. The totals are still shown.
        NotApplicable = "not_applicable",
    }

    /// Which side of the cut-off is positive.
    pub enum PositiveWhen {
        /// A total at or above the cut-off.
        AtLeast = "at_least",
        /// A total at or below the cut-off.
        AtMost = "at_most",
        /// Certain answers are positive; there is no total.
        Category = "category",
    }
}

#[derive(Clone, Debug)]
pub struct Instrument {
    /// Stable id, such as `sarc_f`.
    pub id: Id,
    /// The youngest age it was published for, years.
    pub age_from: i32,
    /// Whether a positive outcome flags a submission.
    pub flags: bool,
    /// How soon staff should act on a positive outcome; `None` in tables that do not state it.
    pub reason: Option<StatedReason>,
    /// How answers become an outcome.
    pub method: Method,
    pub accuracy: Vec<Accuracy>,
    pub licence: String,
    /// Where its sources disagree, and how that is handled.
    pub note: Option<String>,
    pub sources: Vec<SourceUse>,
}

/// How an instrument turns answers into an outcome.
#[derive(Clone, Debug)]
pub enum Method {
    /// Points are added and compared with a cut-off.
    Sum {
        /// Whether low totals are positive: at most the cut-off instead of at least.
        lower_is_worse: bool,
        /// The cut-off, points.
        cut_off: i32,
        components: Arc<[Component]>,
    },
    /// A weighted sum of measurements for each sex, in the order of the options of [`Item::Sex`].
    Linear(Box<[Linear; 2]>),
    /// One answer decides.
    Category { item: Item, positive: Criterion },
}

/// One part of a sum. A value without a step counts 0 points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    pub quantity: Quantity,
    /// Points by value.
    pub steps: Vec<(Condition, i32)>,
    /// The items that the steps read.
    pub items: ItemSet,
    /// The steps as written in the table, for display.
    pub stated: serde_json::Value,
}

/// One row of published accuracy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    /// The share of affected people with a positive result.
    pub sensitivity: Option<Share>,
    /// The share of unaffected people with a negative result.
    pub specificity: Option<Share>,
    /// The population studied.
    pub setting: String,
    /// The definition it was compared with.
    pub reference: String,
    /// Id of the source.
    pub source: String,
    /// What is uncertain about the row.
    pub note: Option<String>,
}

/// A percentage, with its 95 % interval if one was published.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Per cent.
    pub percent: f64,
    /// Lower end of the interval, per cent.
    pub low: Option<f64>,
    /// Upper end of the interval, per cent.
    pub high: Option<f64>,
}

/// The result of an instrument for some answers. Totals are in the instrument's units, see [`Instrument::scale`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentResult {
    pub instrument: Id,
    pub outcome: Outcome,
    /// The total; `None` while items are open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<i32>,
    /// The lowest total that completions reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<i32>,
    /// The highest total that completions reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<i32>,
}

/// The arithmetic result of an instrument, regardless of age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Bounds of the total over every completion; `None` for an instrument that one answer decides.
    pub bounds: Option<Bounds>,
    pub open: bool,
    /// Positive, negative or undetermined.
    pub outcome: Outcome,
}

impl Instrument {
    /// Evaluates the instrument. An unanswered item can have any value, whichever audiences were asked.
    #[must_use]
    pub fn read(&self, answers: &Answers) -> Reading {
        let view = View { answers, audiences: Audiences::ALL };
        match &self.method {
            Method::Sum { components, .. } => {
                let bounds = total(components, answers);
                Reading { bounds: Some(bounds), open: bounds.lower < bounds.upper, outcome: self.outcome(bounds) }
            }
            Method::Linear(by_sex) => read_linear(by_sex, answers),
            Method::Category { positive, .. } => {
                let truth = positive.when.evaluate(view).decided();
                let outcome = truth.map_or(Outcome::Undetermined, |holds| Outcome::of(holds, !holds));
                Reading { bounds: None, open: truth.is_none(), outcome }
            }
        }
    }

    /// The result of a reading at this age. Without an age the outcome is undetermined, because the person may be below
    /// the instrument's age range.
    #[must_use]
    pub fn result(&self, reading: Reading, age: Option<i32>) -> InstrumentResult {
        let outcome = match age {
            None => Outcome::Undetermined,
            Some(age) if age < self.age_from => Outcome::NotApplicable,
            Some(_) => reading.outcome,
        };
        InstrumentResult {
            instrument: self.id.clone(),
            outcome,
            total: reading.bounds.filter(|_| !reading.open).map(|bounds| bounds.lower),
            lower: reading.bounds.map(|bounds| bounds.lower),
            upper: reading.bounds.map(|bounds| bounds.upper),
        }
    }

    /// The outcome for the bounds of a sum.
    #[must_use]
    pub const fn outcome(&self, bounds: Bounds) -> Outcome {
        match self.method {
            Method::Sum { lower_is_worse: true, cut_off, .. } => {
                Outcome::of(bounds.upper <= cut_off, bounds.lower > cut_off)
            }
            Method::Sum { lower_is_worse: false, cut_off, .. } => {
                Outcome::of(bounds.lower >= cut_off, bounds.upper < cut_off)
            }
            Method::Linear(_) | Method::Category { .. } => Outcome::Undetermined,
        }
    }

    /// The cut-off in the instrument's units. If it differs by sex, `None` until the sex is known.
    #[must_use]
    pub fn cut_off(&self, answers: &Answers) -> Option<i32> {
        match &self.method {
            Method::Sum { cut_off, .. } => Some(*cut_off),
            Method::Linear(by_sex) => answers.get(Item::Sex).map(|sex| by_sex[usize::from(sex != 0)].cut_off),
            Method::Category { .. } => None,
        }
    }

    #[must_use]
    pub const fn positive_when(&self) -> PositiveWhen {
        match self.method {
            Method::Sum { lower_is_worse: true, .. } => PositiveWhen::AtMost,
            Method::Sum { lower_is_worse: false, .. } | Method::Linear(_) => PositiveWhen::AtLeast,
            Method::Category { .. } => PositiveWhen::Category,
        }
    }

    /// The number of units of a total in one point.
    #[must_use]
    pub const fn scale(&self) -> i32 {
        match self.method {
            Method::Linear(_) => Linear::SCALE,
            Method::Sum { .. } | Method::Category { .. } => 1,
        }
    }

    /// A total in points, for display.
    #[must_use]
    pub fn shown(&self, total: i32) -> f64 {
        f64::from(total) / f64::from(self.scale())
    }

    /// The probability for a total, if the instrument defines one.
    #[must_use]
    pub fn probability(&self, answers: &Answers, total: Option<i32>) -> Option<f64> {
        let Method::Linear(by_sex) = &self.method else { return None };
        by_sex[usize::from(answers.get(Item::Sex)? != 0)].probability(total?)
    }
}

/// Evaluates a weighted sum. While the sex is unknown, the bounds cover both sexes, and an outcome is settled only if both
/// agree.
fn read_linear(by_sex: &[Linear; 2], answers: &Answers) -> Reading {
    let sex = answers.get(Item::Sex).map(|sex| usize::from(sex != 0));
    let possible = by_sex.iter().enumerate().filter(|(place, _)| sex.is_none_or(|sex| sex == *place));
    let mut reading = Reading { bounds: None, open: sex.is_none(), outcome: Outcome::Undetermined };
    for (_, linear) in possible {
        let bounds = linear.bounds(answers, 0);
        let outcome = Outcome::of(bounds.lower >= linear.cut_off, bounds.upper < linear.cut_off);
        reading.open |= bounds.lower < bounds.upper;
        reading.outcome = match reading.bounds {
            Some(_) if reading.outcome != outcome => Outcome::Undetermined,
            _ => outcome,
        };
        reading.bounds = Some(reading.bounds.map_or(bounds, |others| others.or(bounds)));
    }
    reading
}

impl Component {
    /// The bounds of the points under these answers.
    #[must_use]
    pub fn bounds(&self, view: View<'_>) -> Bounds {
        let mut open = Bounds::ZERO;
        for (when, points) in &self.steps {
            match when.evaluate(view) {
                Truth::True => return Bounds::exactly(*points),
                Truth::Unknown => open = open.or(Bounds::exactly(*points)),
                Truth::False => {}
            }
        }
        open
    }
}

impl Outcome {
    /// `all`: every completion is positive; `none`: no completion is.
    const fn of(all: bool, none: bool) -> Self {
        match (all, none) {
            (true, _) => Self::Positive,
            (_, true) => Self::Negative,
            (false, false) => Self::Undetermined,
        }
    }

    /// Whether it is positive; `None` unless settled.
    #[must_use]
    pub const fn settled(self) -> Option<bool> {
        match self {
            Self::Positive => Some(true),
            Self::Negative => Some(false),
            Self::Undetermined | Self::NotApplicable => None,
        }
    }
}
