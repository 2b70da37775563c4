//! The description of a data file: which columns hold the design and the outcomes, and how answers are read.
//!
//! It is a TOML text beside the file. Columns that are named like items hold answers and need no entry.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::outcome::{Comparison, CutOff, Measurement, Outcome, OutcomeRule, UnknownParts};
use crate::screening::questionnaire::{Item, Kind};
use crate::screening::rule_lint::LintFault;

/// The largest number of outcomes of one description; a person's outcomes are bits of a number.
pub const MOST_OUTCOMES: usize = 32;

#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The name of the data in reports.
    pub name: String,
    /// The origin and the licence of the data.
    pub source: Option<String>,
    /// The columns of the survey's design. A stratum requires a unit.
    pub weight: Option<String>,
    pub stratum: Option<String>,
    pub unit: Option<String>,
    /// The column of the parts of the data that predict each other, such as survey cycles.
    pub fold: Option<String>,
    /// Columns that are not read.
    pub ignored: Vec<String>,
    /// Whether an answer that is out of range or implausible counts as unanswered. Otherwise it is a fault.
    pub unusable_is_unanswered: bool,
    /// Answers that also count as another item or option.
    pub copies: Vec<Copied>,
    /// Items that are compared with the outcomes by themselves, and whether a low value is worse.
    pub predictors: Vec<(Item, bool)>,
    /// In the order of their ids.
    pub outcomes: Vec<Outcome>,
}

/// An answer that also counts as the answer to an item of another rule table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// The answer to an item is also that of another, unless the other has an answer.
    Item { from: Item, to: Item },
    /// An option of a set includes another option of the same set. Both are bits.
    Option { item: Item, from: u32, to: u32 },
}

/// The description as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceDescription {
    name: String,
    source: Option<String>,
    #[serde(default = "adult")]
    age_from: i32,
    weight: Option<String>,
    stratum: Option<String>,
    unit: Option<String>,
    fold: Option<String>,
    #[serde(default)]
    ignored: Vec<String>,
    #[serde(default)]
    unusable_answers: Unusable,
    /// The later item or option, and the one that it is taken from.
    #[serde(default)]
    also: BTreeMap<String, String>,
    #[serde(default)]
    predictors: BTreeMap<String, Worse>,
    outcomes: BTreeMap<String, SourceOutcome>,
}

#[derive(Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Unusable {
    #[default]
    Fault,
    Unanswered,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Worse {
    LowerIsWorse,
    HigherIsWorse,
}

/// An outcome as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceOutcome {
    name: String,
    age_from: Option<i32>,
    column: Option<String>,
    #[serde(default)]
    mean_of: Vec<String>,
    per_height_squared: Option<String>,
    less_than: Option<CutOff>,
    at_most: Option<CutOff>,
    at_least: Option<CutOff>,
    #[serde(default)]
    all_of: Vec<String>,
    #[serde(default)]
    any_of: Vec<String>,
    #[serde(default)]
    unknown_parts: UnknownParts,
}

const fn adult() -> i32 {
    18
}

impl Description {
    /// Reads a description.
    ///
    /// # Errors
    /// Returns every fault with its place. A text that is not TOML of this form has one.
    pub fn parse(text: &str) -> Result<Self, Vec<LintFault>> {
        let source: SourceDescription =
            toml::from_str(text).map_err(|error| vec![LintFault::new("description", error.to_string().trim())])?;
        let mut faults = Vec::new();
        if source.stratum.is_some() && source.unit.is_none() {
            faults.push(LintFault::new("stratum", "needs the column of the sampling unit, as `unit`"));
        }
        if source.outcomes.is_empty() || source.outcomes.len() > MOST_OUTCOMES {
            faults.push(LintFault::new("outcomes", format!("must be 1 to {MOST_OUTCOMES}")));
        }
        let copies = source.also.iter().filter_map(|(to, from)| copied(from, to, &mut faults)).collect();
        let predictors = source.predictors.iter().filter_map(|(id, worse)| predictor(id, worse, &mut faults)).collect();
        let combined: Vec<&String> = source.outcomes.iter().filter(|one| one.1.combines()).map(|one| one.0).collect();
        let mut outcomes = Vec::new();
        for (id, outcome) in &source.outcomes {
            let place = format!("outcomes.{id}");
            for part in outcome.all_of.iter().chain(&outcome.any_of) {
                if !source.outcomes.contains_key(part) || combined.contains(&part) {
                    faults.push(LintFault::new(&place, format!("must combine measured outcomes; {part} is not one")));
                }
            }
            let age_from = outcome.age_from.unwrap_or(source.age_from);
            match outcome.rule() {
                Ok(rule) => outcomes.push(Outcome { id: id.clone(), name: outcome.name.clone(), age_from, rule }),
                Err(message) => faults.push(LintFault::new(&place, message)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            name: source.name,
            source: source.source,
            weight: source.weight,
            stratum: source.stratum,
            unit: source.unit,
            fold: source.fold,
            ignored: source.ignored,
            unusable_is_unanswered: source.unusable_answers == Unusable::Unanswered,
            copies,
            predictors,
            outcomes,
        })
    }

    /// The outcomes with these ids, in the order of the ids.
    ///
    /// # Errors
    /// Returns the first id that the description does not have.
    pub fn chosen<'a>(&self, ids: &'a [String]) -> Result<Vec<&Outcome>, &'a str> {
        ids.iter().map(|id| self.outcome(id).ok_or(id.as_str())).collect()
    }

    pub(super) fn outcome(&self, id: &str) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.id == id)
    }

    /// Whether the description says what a column is.
    pub(super) fn names(&self, column: &str) -> bool {
        let design = [&self.weight, &self.stratum, &self.unit, &self.fold];
        let measured = self.outcomes.iter().filter_map(|outcome| match &outcome.rule {
            OutcomeRule::Measured(measured) => Some(measured.columns.iter().chain(&measured.height)),
            OutcomeRule::Combined { .. } => None,
        });
        let mut named = design.into_iter().flatten().chain(&self.ignored).chain(measured.flatten());
        named.any(|name| name == column)
    }
}

impl SourceOutcome {
    fn combines(&self) -> bool {
        !self.all_of.is_empty() || !self.any_of.is_empty()
    }

    /// The rule, or what is wrong with it.
    fn rule(&self) -> Result<OutcomeRule, &'static str> {
        let cut_offs = [
            (Comparison::LessThan, self.less_than),
            (Comparison::AtMost, self.at_most),
            (Comparison::AtLeast, self.at_least),
        ];
        let mut cut_offs = cut_offs.into_iter().filter_map(|(comparison, cut_off)| Some((comparison, cut_off?)));
        let first = cut_offs.next();
        let columns = match (&self.column, &self.mean_of) {
            (Some(column), mean_of) if mean_of.is_empty() => vec![column.clone()],
            (None, mean_of) => mean_of.clone(),
            (Some(_), _) => return Err("must have column or mean_of, not both"),
        };
        match (first, columns.is_empty(), self.combines()) {
            (Some((comparison, cut_off)), false, false) if cut_offs.next().is_none() => {
                Ok(OutcomeRule::Measured(Measurement {
                    columns,
                    height: self.per_height_squared.clone(),
                    comparison,
                    cut_off,
                }))
            }
            (None, true, true) if self.per_height_squared.is_none() => Ok(OutcomeRule::Combined {
                all_of: self.all_of.clone(),
                any_of: self.any_of.clone(),
                unknown_parts: self.unknown_parts,
            }),
            _ => Err("must have column or mean_of with one of less_than, at_most, at_least; or only all_of, any_of"),
        }
    }
}

/// An entry of `also`: two items of one kind, or two options of one set, written as `item.option`.
fn copied(from: &str, to: &str, faults: &mut Vec<LintFault>) -> Option<Copied> {
    let of_option = |text: &str| {
        let (item, option) = text.split_once('.')?;
        let item = Item::from_id(item)?;
        let Kind::Set { options, .. } = item.spec().kind else { return None };
        Some((item, (0..).zip(options).find(|(_, name)| **name == option)?.0))
    };
    let items = Item::from_id(from).zip(Item::from_id(to));
    let copied = match (items, of_option(from).zip(of_option(to))) {
        (Some((from, to)), _) if from.spec().kind == to.spec().kind => Some(Copied::Item { from, to }),
        (_, Some(((item, from), (other, to)))) if item == other => Some(Copied::Option { item, from, to }),
        _ => None,
    };
    if copied.is_none() {
        let message = format!("must name two items of one kind, or two options of one set as item.option, not {from}");
        faults.push(LintFault::new(&format!("also.{to}"), message));
    }
    copied
}

/// An entry of `predictors`: an item with a number whose values are small.
fn predictor(id: &str, worse: &Worse, faults: &mut Vec<LintFault>) -> Option<(Item, bool)> {
    let small = |item: &Item| matches!(item.spec().kind, Kind::Number { maximum: ..=32_000, .. });
    let item = Item::from_id(id).filter(small);
    if item.is_none() {
        faults.push(LintFault::new("predictors", format!("{id} is not an item with a number of at most 32000 units")));
    }
    item.map(|item| (item, *worse == Worse::LowerIsWorse))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        name = "made up"
        age_from = 60
        weight = "w"
        stratum = "s"
        unit = "u"
        ignored = ["note"]
        [also]
        regular_medication_count = "medication_count"
        "medications.chemotherapy_past_year" = "medications.chemotherapy"
        [predictors]
        calf_circumference_cm = "lower_is_worse"
        [outcomes.weak]
        name = "low grip"
        column = "grip"
        less_than = { female = 16, male = 27 }
        [outcomes.thin]
        name = "low mass"
        mean_of = ["a", "b"]
        per_height_squared = "height_cm"
        less_than = 7.0
        age_from = 65
        [outcomes.both]
        name = "both"
        all_of = ["weak", "thin"]
    "#;

    #[test]
    fn a_description_states_columns_outcomes_and_copies() {
        let read = Description::parse(GOOD).unwrap();
        assert_eq!(
            read.outcomes.iter().map(|one| (&*one.id, one.age_from)).collect::<Vec<_>>(),
            [("both", 60), ("thin", 65), ("weak", 60)]
        );
        let item = Copied::Item { from: Item::MedicationCount, to: Item::RegularMedicationCount };
        assert!(
            matches!(read.copies[..], [Copied::Option { item: Item::Medications, from: 1, to: 9 }, one] if one == item)
        );
        assert_eq!(read.predictors, [(Item::CalfCircumferenceCm, true)]);
        for column in ["w", "s", "u", "note", "grip", "a", "b", "height_cm"] {
            assert!(read.names(column), "{column}");
        }
        assert!(!read.names("other"));
        assert_eq!(read.chosen(&["weak".to_owned(), "strong".to_owned()]).unwrap_err(), "strong");
    }

    #[test]
    fn each_fault_of_a_description_is_named_with_its_place() {
        for (from, to, place) in [
            ("unit = \"u\"", "", "stratum"),
            ("weight = \"w\"", "wieght = \"w\"", "description"),
            ("= \"medication_count\"", "= \"smoker\"", "also.regular_medication_count"),
            ("= \"medications.chemotherapy\"", "= \"conditions.cancer\"", "also.medications.chemotherapy_past_year"),
            ("calf_circumference_cm =", "smoker =", "predictors"),
            ("column = \"grip\"", "", "outcomes.weak"),
            ("less_than = 7.0", "less_than = 7.0\nat_most = 8.0", "outcomes.thin"),
            ("mean_of =", "column = \"c\"\nmean_of =", "outcomes.thin"),
            ("all_of = [\"weak\", \"thin\"]", "all_of = [\"weak\", \"both\"]", "outcomes.both"),
            ("all_of = [\"weak\", \"thin\"]", "any_of = [\"strong\"]", "outcomes.both"),
            ("{ female = 16, male = 27 }", "{ female = 16 }", "description"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let faults = Description::parse(&GOOD.replacen(from, to, 1)).unwrap_err();
            assert!(faults.iter().any(|fault| fault.place == place), "{to}: {faults:?}");
        }
    }
}
