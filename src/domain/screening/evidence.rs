//! Evidence of a table's own total: how well it found people with an outcome, and in which data.
//!
//! It is measured after a table is released, so it is no part of the table and of its digest.

use jiff::civil::Date;
use serde::Deserialize;

use super::instrument::Share;
use super::rule_table::{Band, Id};

/// The figures of one table for one outcome. They are measured in other data than a study of the total would have.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalEvidence {
    /// The version of the rule table.
    pub rule_table: Id,
    /// The outcome, such as low grip strength by EWGSOP2.
    pub outcome: String,
    /// The data, with the people in it.
    pub data: String,
    /// The day on which the figures were measured.
    pub measured_on: Date,
    pub people: u32,
    /// People with the outcome.
    pub cases: u32,
    /// The area under the curve, per cent.
    pub area: Share,
    pub bands: Vec<BandEvidence>,
    /// What makes the figures uncertain.
    pub note: Option<String>,
}

/// The figures of everyone in a band or above it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BandEvidence {
    pub band: Band,
    pub flagged: Share,
    pub sensitivity: Share,
    pub specificity: Share,
}

/// Reads all evidence.
///
/// # Errors
/// Fails if the text is not of this form.
pub fn read(text: &str) -> Result<Vec<TotalEvidence>, toml::de::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(default)]
        evidence: Vec<TotalEvidence>,
    }
    Ok(toml::from_str::<File>(text)?.evidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = r#"
        [[evidence]]
        rule_table = "2099.1"
        outcome = "made up"
        data = "made up"
        measured_on = "2099-01-31"
        people = 100
        cases = 20
        area = { percent = 80.0, low = 75.0, high = 85.0 }
        [[evidence.bands]]
        band = "high"
        flagged = { percent = 20.0 }
        sensitivity = { percent = 60.0 }
        specificity = { percent = 90.0 }
    "#;

    #[test]
    fn an_entry_states_its_table_outcome_data_day_and_bands() {
        let found = read(ENTRY).unwrap();
        let [entry] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&*entry.rule_table, entry.measured_on), ("2099.1", jiff::civil::date(2099, 1, 31)));
        assert_eq!((entry.bands.len(), entry.bands[0].band), (1, Band::High));
        assert_eq!(read("# nothing measured").unwrap().len(), 0);
    }

    #[test]
    fn an_entry_with_an_unknown_or_a_missing_field_is_refused() {
        for (from, to) in [("cases = 20\n", ""), ("people =", "persons ="), ("\"high\"", "\"highest\""), ("-31", "-32")]
        {
            assert!(ENTRY.contains(from), "{from}");
            assert!(read(&ENTRY.replacen(from, to, 1)).is_err(), "{from}");
        }
    }
}
