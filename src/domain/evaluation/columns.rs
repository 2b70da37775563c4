//! The columns of a data file, and the reading of its rows.
//!
//! A cell is empty for an unanswered item. A set separates its options by `|`. A flag is true, false, 1 or 0. A column that an
//! evaluated outcome measures holds no answer, so that an outcome cannot find itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::description::{Copied, Description};
use super::fault::FileFault;
use super::outcome::{Measurement, Outcome, OutcomeRule, UnknownParts, all, any};
use super::sample::{Member, Place};
use crate::fault::FaultCode;
use crate::language::Language;
use crate::screening::answers::{Answers, RawAnswer, parse_answer};
use crate::screening::questionnaire::{Item, Kind};

/// Where each thing is in a row.
#[derive(Debug)]
pub struct Columns {
    names: Vec<String>,
    items: Vec<(usize, Item)>,
    weight: Option<usize>,
    /// The stratum, if there are strata, and the unit.
    place: Option<(Option<usize>, usize)>,
    fold: Option<usize>,
    measured: Vec<Measured>,
    outcomes: Vec<Wanted>,
    copies: Vec<Copied>,
    unusable_is_unanswered: bool,
}

/// A measured outcome with its columns.
#[derive(Debug)]
struct Measured {
    /// The id of the outcome.
    id: String,
    columns: Vec<usize>,
    height: Option<usize>,
    measurement: Measurement,
}

/// An outcome that is evaluated: measured outcomes by index, and the youngest age.
#[derive(Debug)]
struct Wanted {
    age_from: i32,
    all_of: Vec<usize>,
    any_of: Vec<usize>,
    unknown_parts: UnknownParts,
}

impl Wanted {
    /// The outcome of a person with these measured outcomes.
    fn value(&self, measured: &[Option<bool>]) -> Option<bool> {
        let of = |indices: &[usize]| {
            let parts: Vec<Option<bool>> = indices.iter().map(|index| measured[*index]).collect();
            let is_left_out = |part: &Option<bool>| part.is_none() && self.unknown_parts == UnknownParts::LeftOut;
            let kept: Vec<_> = parts.iter().filter(|part| !is_left_out(part)).copied().collect();
            // A list without a known part stays unknown.
            if kept.is_empty() { parts } else { kept }
        };
        let (every, some) = (all(of(&self.all_of)), of(&self.any_of));
        let some = if some.is_empty() { Some(true) } else { any(some) };
        match self.unknown_parts {
            UnknownParts::Open => all([every, some]),
            UnknownParts::LeftOut => every.zip(some).map(|(every, some)| every && some),
        }
    }
}

/// What rows say besides their values.
#[derive(Debug, Default)]
pub struct Remarks {
    pub faults: Vec<FileFault>,
    /// Answers that were out of range or implausible and count as unanswered, by item.
    pub left_out: BTreeMap<&'static str, u64>,
}

/// The columns of a header, while it is checked.
struct Header<'a> {
    names: &'a [&'a str],
    faults: Vec<FileFault>,
    measured: Vec<Measured>,
}

impl Columns {
    /// Finds the columns in the header.
    ///
    /// # Errors
    /// Returns every fault of the header.
    pub fn new(description: &Description, wanted: &[&Outcome], names: &[&str]) -> Result<Self, Vec<FileFault>> {
        let mut header = Header { names, faults: Vec::new(), measured: Vec::new() };
        header.check(description);
        header.needs(Item::Age.id());
        let mut outcomes = Vec::new();
        for outcome in wanted {
            let mut parts = |ids: &[String]| -> Vec<usize> {
                ids.iter().filter_map(|id| header.measured(description.outcome(id)?)).collect()
            };
            let (all_of, any_of, unknown_parts) = match &outcome.rule {
                OutcomeRule::Combined { all_of, any_of, unknown_parts } => {
                    (parts(all_of), parts(any_of), *unknown_parts)
                }
                OutcomeRule::Measured(_) => {
                    (parts(std::slice::from_ref(&outcome.id)), Vec::new(), UnknownParts::default())
                }
            };
            outcomes.push(Wanted { age_from: outcome.age_from, all_of, any_of, unknown_parts });
        }
        let mut column = |name: Option<&String>| name.and_then(|name| header.needs(name));
        let weight = column(description.weight.as_ref());
        let (stratum, unit) = (column(description.stratum.as_ref()), column(description.unit.as_ref()));
        let fold = column(description.fold.as_ref());
        if !header.faults.is_empty() {
            return Err(header.faults);
        }
        let is_answer = |index: usize, name: &str| {
            let ignored = description.ignored.iter().any(|one| one == name);
            !ignored && header.measured.iter().all(|measured| !measured.columns.contains(&index))
        };
        let named = names.iter().enumerate().filter(|(index, name)| is_answer(*index, name));
        Ok(Self {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            items: named.filter_map(|(index, name)| Some((index, Item::from_id(name)?))).collect(),
            weight,
            place: unit.map(|unit| (stratum, unit)),
            fold,
            measured: header.measured,
            outcomes,
            copies: description.copies.clone(),
            unusable_is_unanswered: description.unusable_is_unanswered,
        })
    }

    /// Reads a row. `None` if it has faults, which are added to the remarks.
    pub fn read<'a>(&self, row: u64, cells: &[&'a str], remarks: &mut Remarks) -> Option<(Member<'a>, Answers)> {
        let before = remarks.faults.len();
        if cells.len() != self.names.len() {
            let counted = format!("the row has {} cells, the header has {} columns", cells.len(), self.names.len());
            remarks.faults.push(match self.names.get(cells.len()) {
                Some(first_missing) => FileFault::at(row, first_missing, format!("is missing: {counted}")),
                None => FileFault::in_row(row, counted),
            });
            return None;
        }
        let answers = self.answers(row, cells, remarks);
        let faults = &mut remarks.faults;
        let age = answers.get(Item::Age);
        if age.is_none() && faults.len() == before {
            faults.push(FileFault::at(row, Item::Age.id(), "must be answered"));
        }
        let sex = answers.get(Item::Sex);
        let weight = match self.weight {
            Some(column) => self.positive(row, column, cells, faults),
            None => Some(1.0),
        };
        let mut text = |column: usize| {
            let text = cells[column].trim();
            if text.is_empty() {
                faults.push(FileFault::at(row, &self.names[column], "must not be empty"));
            }
            text
        };
        let place =
            self.place.map(|(stratum, unit)| Place { stratum: stratum.map_or("", &mut text), unit: text(unit) });
        let fold = self.fold.map(text);
        let (known, met) = self.outcomes(row, cells, (age.unwrap_or_default(), sex), &mut remarks.faults);
        if remarks.faults.len() > before {
            return None;
        }
        let member = Member { age: age?, sex, weight: weight?, place, fold, known, met };
        Some((member, answers))
    }

    /// The answers of a row. An answer with a fault is unanswered.
    fn answers(&self, row: u64, cells: &[&str], remarks: &mut Remarks) -> Answers {
        let mut answers = Answers::default();
        for (column, item) in &self.items {
            let raw = match raw(*item, cells[*column].trim()) {
                Ok(raw) => raw,
                Err(detail) => {
                    remarks.faults.push(FileFault::at(row, item.id(), detail));
                    continue;
                }
            };
            match parse_answer(*item, &raw) {
                Ok(value) => answers.set(*item, value),
                Err(found)
                    if self.unusable_is_unanswered && found.iter().all(|one| one.code == FaultCode::OutOfRange) =>
                {
                    *remarks.left_out.entry(item.id()).or_default() += 1;
                }
                Err(found) => {
                    let details = found.iter().map(|fault| fault.detail(Language::En));
                    remarks.faults.extend(details.map(|detail| FileFault::at(row, item.id(), detail)));
                }
            }
        }
        for fault in answers.implausible() {
            let id = fault.pointer.trim_start_matches('/');
            let Some(item) = Item::from_id(id) else { continue };
            if self.unusable_is_unanswered {
                answers.set(item, None);
                *remarks.left_out.entry(item.id()).or_default() += 1;
            } else {
                remarks.faults.push(FileFault::at(row, id, fault.detail(Language::En)));
            }
        }
        for copy in &self.copies {
            copy.apply(&mut answers);
        }
        answers
    }

    /// The outcomes of a row as bits: which are known, and which of them the person has.
    fn outcomes(
        &self,
        row: u64,
        cells: &[&str],
        (age, sex): (i32, Option<i32>),
        faults: &mut Vec<FileFault>,
    ) -> (u32, u32) {
        let measured: Vec<Option<bool>> =
            self.measured.iter().map(|one| one.value(self, row, cells, faults, sex)).collect();
        let (mut known, mut met) = (0, 0);
        for (bit, wanted) in self.outcomes.iter().enumerate() {
            let outcome = wanted.value(&measured).filter(|_| age >= wanted.age_from);
            known |= u32::from(outcome.is_some()) << bit;
            met |= u32::from(outcome == Some(true)) << bit;
        }
        (known, met)
    }

    /// The number of a cell that must have one above 0.
    fn positive(&self, row: u64, column: usize, cells: &[&str], faults: &mut Vec<FileFault>) -> Option<f64> {
        let positive = number(cells[column].trim()).filter(|number| *number > 0.0);
        if positive.is_none() {
            faults.push(FileFault::at(row, &self.names[column], "must be a number above 0"));
        }
        positive
    }

    /// The number of a cell; `None` if it is empty or not a number, which is a fault.
    fn number(&self, row: u64, column: usize, cells: &[&str], faults: &mut Vec<FileFault>) -> Option<f64> {
        let text = cells[column].trim();
        if text.is_empty() {
            return None;
        }
        let number = number(text);
        // A cell may be an answer too, and its fault is then named already.
        let name = Some(self.names[column].as_str());
        let mut of_row = faults.iter().rev().take_while(|fault| fault.row == row);
        if number.is_none() && of_row.all(|fault| fault.column.as_deref() != name) {
            faults.push(FileFault::at(row, &self.names[column], NOT_A_NUMBER));
        }
        number
    }
}

impl Header<'_> {
    fn check(&mut self, description: &Description) {
        for (index, name) in self.names.iter().enumerate() {
            let detail = if name.trim().is_empty() {
                self.faults.push(FileFault::in_row(1, format!("column {} has no name", index + 1)));
                continue;
            } else if self.names[..index].contains(name) {
                "is named twice"
            } else if Item::from_id(name).is_none() && !description.names(name) {
                "is not an item, and the description does not say what it is"
            } else {
                continue;
            };
            self.faults.push(FileFault::at(1, name, detail));
        }
    }

    /// The index of a column that the file must have.
    fn needs(&mut self, name: &str) -> Option<usize> {
        let index = self.names.iter().position(|one| *one == name);
        let missing = FileFault::at(1, name, "is missing");
        if index.is_none() && !self.faults.contains(&missing) {
            self.faults.push(missing);
        }
        index
    }

    /// The index of a measured outcome, whose columns are found when it is first named. `None` for a combination.
    fn measured(&mut self, outcome: &Outcome) -> Option<usize> {
        let OutcomeRule::Measured(measurement) = &outcome.rule else { return None };
        if let Some(known) = self.measured.iter().position(|one| one.id == outcome.id) {
            return Some(known);
        }
        if measurement.differs_by_sex() {
            self.needs(Item::Sex.id());
        }
        let measured = Measured {
            id: outcome.id.clone(),
            columns: measurement.columns.iter().filter_map(|name| self.needs(name)).collect(),
            height: measurement.height.as_ref().and_then(|name| self.needs(name)),
            measurement: measurement.clone(),
        };
        self.measured.push(measured);
        Some(self.measured.len() - 1)
    }
}

impl Measured {
    /// Whether a person has the outcome; `None` if a value is missing.
    fn value(
        &self,
        columns: &Columns,
        row: u64,
        cells: &[&str],
        faults: &mut Vec<FileFault>,
        sex: Option<i32>,
    ) -> Option<bool> {
        // Every cell is read, so that each fault is found, also beside an empty cell.
        let mut sum = Some(0.0);
        for column in &self.columns {
            let value = columns.number(row, *column, cells, faults);
            sum = sum.zip(value).map(|(sum, value)| sum + value);
        }
        let mut divisor = super::real(self.columns.len());
        if let Some(column) = self.height {
            let height = columns.number(row, column, cells, faults);
            if height.is_some_and(|height| height <= 0.0) {
                faults.push(FileFault::at(row, &columns.names[column], "must be above 0"));
            }
            let metres = height? / 100.0;
            divisor *= metres * metres;
        }
        self.measurement.is_met(sum? / divisor, sex)
    }
}

impl Copied {
    fn apply(self, answers: &mut Answers) {
        match self {
            Self::Item { from, to } if answers.get(to).is_none() => answers.set(to, answers.get(from)),
            Self::Item { .. } => {}
            Self::Option { item, from, to } => {
                let chosen = answers.get(item).filter(|chosen| chosen & (1 << from) != 0);
                if let Some(chosen) = chosen {
                    answers.set(item, Some(chosen | (1 << to)));
                }
            }
        }
    }
}

const NOT_A_NUMBER: &str = "must be a number, with a point before decimals";

/// A cell as the JSON value of the item.
fn raw(item: Item, text: &str) -> Result<RawAnswer<'_>, &'static str> {
    if text.is_empty() {
        return Ok(RawAnswer::Null);
    }
    match item.spec().kind {
        Kind::Flag => match text {
            "true" | "1" | "1.0" => Ok(RawAnswer::Flag(true)),
            "false" | "0" | "0.0" => Ok(RawAnswer::Flag(false)),
            _ => Err("must be true, false, 1 or 0"),
        },
        Kind::Number { .. } => number(text).map(RawAnswer::Number).ok_or(NOT_A_NUMBER),
        Kind::Choice(_) => Ok(RawAnswer::Text(Cow::Borrowed(text))),
        Kind::Set { .. } => {
            let options = text.split('|').map(|option| RawAnswer::Text(Cow::Borrowed(option.trim())));
            Ok(RawAnswer::List(options.collect()))
        }
    }
}

/// A finite decimal number.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests;
