//! Outcomes: a measured value against a cut-off, or a combination of such outcomes.

use serde::Deserialize;

/// An outcome of a data file. A person has it, does not have it, or was not measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub id: String,
    /// The name in reports.
    pub name: String,
    /// Younger people are left out, years.
    pub age_from: i32,
    pub rule: OutcomeRule,
}

#[derive(Clone, Debug, PartialEq)]
pub enum OutcomeRule {
    Measured(Measurement),
    /// Every outcome of the first list, and at least one of the second unless it is empty; by id.
    Combined {
        all_of: Vec<String>,
        any_of: Vec<String>,
        unknown_parts: UnknownParts,
    },
}

/// What a part that is unknown for a person means for the combined outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownParts {
    /// The outcome is unknown if the part could change it.
    #[default]
    Open,
    /// The other parts of its list decide. Without any, the outcome is unknown.
    LeftOut,
}

/// The mean of some columns, compared with a cut-off.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    pub columns: Vec<String>,
    /// The column of the height in cm, if the value is divided by the height in metres, squared.
    pub height: Option<String>,
    pub comparison: Comparison,
    pub cut_off: CutOff,
}

/// The side of the cut-off on which a person has the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    LessThan,
    AtMost,
    AtLeast,
}

/// One cut-off, or one for each sex.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(untagged, deny_unknown_fields, expecting = "a cut-off must be a number, or { female = number, male = number }")]
pub enum CutOff {
    All(f64),
    BySex { female: f64, male: f64 },
}

impl Measurement {
    /// Whether a value meets the cut-off; `None` if the cut-off differs by sex and the sex is unknown.
    pub fn is_met(&self, value: f64, sex: Option<i32>) -> Option<bool> {
        let limit = match (self.cut_off, sex) {
            (CutOff::All(limit), _) => limit,
            (CutOff::BySex { female, .. }, Some(0)) => female,
            (CutOff::BySex { male, .. }, Some(_)) => male,
            (CutOff::BySex { .. }, None) => return None,
        };
        Some(match self.comparison {
            Comparison::LessThan => value < limit,
            Comparison::AtMost => value <= limit,
            Comparison::AtLeast => value >= limit,
        })
    }

    pub const fn differs_by_sex(&self) -> bool {
        matches!(self.cut_off, CutOff::BySex { .. })
    }
}

/// Whether all of these hold; `None` if an unknown one decides.
pub(super) fn all(parts: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut whole = Some(true);
    for part in parts {
        match part {
            Some(false) => return Some(false),
            None => whole = None,
            Some(true) => {}
        }
    }
    whole
}

/// Whether any of these holds; `None` if an unknown one decides.
pub(super) fn any(parts: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    all(parts.into_iter().map(|part| part.map(|holds| !holds))).map(|none| !none)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_off_by_sex_needs_the_sex() {
        let grip = Measurement {
            columns: vec!["grip_kg".to_owned()],
            height: None,
            comparison: Comparison::LessThan,
            cut_off: CutOff::BySex { female: 16.0, male: 27.0 },
        };
        assert_eq!([Some(0), Some(1), None].map(|sex| grip.is_met(16.0, sex)), [Some(false), Some(true), None]);
        let all = Measurement { cut_off: CutOff::All(16.0), comparison: Comparison::AtMost, ..grip };
        assert_eq!(all.is_met(16.0, None), Some(true));
    }

    #[test]
    fn an_unknown_part_decides_unless_the_others_do() {
        assert_eq!(all([Some(true), None]), None);
        assert_eq!(all([Some(false), None]), Some(false));
        assert_eq!(all([]), Some(true));
        assert_eq!(any([Some(true), None]), Some(true));
        assert_eq!(any([Some(false), None]), None);
        assert_eq!(any([Some(false)]), Some(false));
    }
}
