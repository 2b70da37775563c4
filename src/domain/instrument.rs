//! Published screening instruments: items, points, cut-off, and an outcome that admits what it cannot know.

use serde::{Deserialize, Serialize};

use super::condition::{Check, Known, Quantity, View};
use super::questionnaire::Item;
use super::rule_table::{Id, SourceUse};

/// What an instrument says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every completion of the open items is positive.
    Positive,
    /// No completion is positive. Not a diagnosis of health.
    Negative,
    /// It depends on what was not answered.
    Undetermined,
    /// Outside the instrument's age range; its values are shown all the same.
    NotApplicable,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Positive, Self::Negative, Self::Undetermined, Self::NotApplicable];

    /// The outcome's name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Negative => "negative",
            Self::Undetermined => "undetermined",
            Self::NotApplicable => "not_applicable",
        }
    }
}

/// Which side of the cut-off is positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositiveWhen {
    /// A total at or above the cut-off.
    AtLeast,
    /// A total at or below the cut-off.
    AtMost,
}

impl PositiveWhen {
    /// Both sides.
    pub const ALL: [Self; 2] = [Self::AtLeast, Self::AtMost];
}

/// An instrument of the rule table.
#[derive(Clone, Debug)]
pub struct Instrument {
    /// Stable id, such as `sarc_f`.
    pub id: Id,
    /// Youngest age it was published for, years.
    pub age_from: i32,
    /// Whether a positive outcome flags a submission.
    pub flags: bool,
    /// Which side of the cut-off is positive.
    pub positive_when: PositiveWhen,
    /// The cut-off, points.
    pub cut_off: i32,
    /// What adds up to its total.
    pub components: Vec<Component>,
    /// How its published accuracy reads.
    pub accuracy: Vec<Accuracy>,
    /// Under what terms it may be used.
    pub licence: String,
    /// Where it comes from.
    pub sources: Vec<SourceUse>,
}

/// One item of an instrument; a value that no step names is worth 0.
#[derive(Clone, Debug)]
pub struct Component {
    /// The item.
    pub item: Item,
    /// Points by value.
    pub steps: Vec<(Check, i32)>,
    /// The steps as they are written in the table, for showing.
    pub stated: serde_json::Value,
}

/// One row of published accuracy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    /// Share of those affected that it finds.
    pub sensitivity: Option<Share>,
    /// Share of those not affected that it passes.
    pub specificity: Option<Share>,
    /// Who was studied.
    pub setting: String,
    /// The definition it was compared with.
    pub reference: String,
    /// Id of the source.
    pub source: String,
}

/// A percentage with its 95 % interval where one was published.
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

/// What an instrument makes of some answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentResult {
    /// Which instrument.
    pub instrument: Id,
    /// What it says.
    pub outcome: Outcome,
    /// Its total, once every item is answered.
    pub total: Option<i32>,
    /// The least total that completions reach.
    pub lower: i32,
    /// The greatest total that completions reach.
    pub upper: i32,
}

impl Instrument {
    /// Applies the instrument. An open or unasked item may still be worth anything its steps allow.
    #[must_use]
    pub fn apply(&self, view: View<'_>) -> InstrumentResult {
        let (mut lower, mut upper, mut complete) = (0, 0, true);
        for component in &self.components {
            if let Known::Value(value) = view.known(Quantity::Item(component.item)) {
                let points = component.steps.iter().find(|(check, _)| check.holds(value)).map_or(0, |step| step.1);
                (lower, upper) = (lower + points, upper + points);
            } else {
                complete = false;
                lower += component.steps.iter().map(|step| step.1).min().unwrap_or(0).min(0);
                upper += component.steps.iter().map(|step| step.1).max().unwrap_or(0).max(0);
            }
        }
        InstrumentResult {
            instrument: self.id.clone(),
            outcome: self.outcome(view.answers.get(Item::Age), lower, upper),
            total: complete.then_some(lower),
            lower,
            upper,
        }
    }

    /// Without an age nothing is settled: somebody too young for the instrument is outside it.
    const fn outcome(&self, age: Option<i32>, lower: i32, upper: i32) -> Outcome {
        let Some(age) = age else { return Outcome::Undetermined };
        if age < self.age_from {
            return Outcome::NotApplicable;
        }
        let (positive, negative) = match self.positive_when {
            PositiveWhen::AtLeast => (lower >= self.cut_off, upper < self.cut_off),
            PositiveWhen::AtMost => (upper <= self.cut_off, lower > self.cut_off),
        };
        match (positive, negative) {
            (true, _) => Outcome::Positive,
            (_, true) => Outcome::Negative,
            (false, false) => Outcome::Undetermined,
        }
    }
}
