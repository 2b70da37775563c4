//! The conformance cases of the current rule table: answers with the expected results, each with its source.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The rule table that the cases apply to.
pub const VERSION: &str = "2026.3";

/// One case. Keys that `expect` does not contain are not compared; `tests/contract/cases/README.md` describes each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConformanceCase {
    /// Unique name.
    pub name: String,
    /// The rules, red flags, bands, instruments and pathways that it covers.
    pub covers: Vec<String>,
    /// The source of the expectation.
    pub source: String,
    pub answers: Map<String, Value>,
    /// The audiences asked in addition to the person.
    #[serde(default)]
    pub audience: Vec<String>,
    #[serde(default)]
    pub pathways: Vec<String>,
    pub expect: Map<String, Value>,
}

/// Returns every case, in the order of the files.
///
/// # Errors
/// Fails if a file cannot be parsed; a test checks that every file can.
pub fn cases() -> Result<Vec<ConformanceCase>, toml::de::Error> {
    #[derive(Deserialize)]
    struct File {
        case: Vec<ConformanceCase>,
    }
    let mut cases = Vec::new();
    for (_, text) in FILES {
        cases.extend(toml::from_str::<File>(text)?.case);
    }
    Ok(cases)
}

pub fn files() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

macro_rules! files {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../tests/contract/cases/2026.3/", $name, ".toml")))),*]
    };
}

const FILES: &[(&str, &str)] = files![
    "advice" "awgs_2019" "awgs_2025" "disagreement" "ewgsop2" "finger_ring" "flags_and_urgency" "half_met" "ishii"
    "msra" "new_points" "not_asked" "open_questions" "own_score" "persons" "red_flag_cut_offs" "red_flag_triples"
    "red_flags" "sarc_calf" "sarc_f" "sarc_f_ebm" "scoring_bugs" "sdoc" "settling" "sppb" "urgency" "value_missing"
];
