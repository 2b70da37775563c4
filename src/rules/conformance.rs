//! The conformance cases of the current rule table: answers with what must come out, each with its source.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The rule table that the cases are about.
pub const VERSION: &str = "2026.2";

/// One case. What `expect` does not name is not compared; `tests/contract/cases/README.md` describes each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConformanceCase {
    /// Its name, unique.
    pub name: String,
    /// The rules, red flags, bands, instruments and pathways that it is about.
    pub covers: Vec<String>,
    /// Where the expectation comes from.
    pub source: String,
    /// The answers.
    pub answers: Map<String, Value>,
    /// Who is asked beside the person.
    #[serde(default)]
    pub audience: Vec<String>,
    /// The pathways to follow.
    #[serde(default)]
    pub pathways: Vec<String>,
    /// What must come out.
    pub expect: Map<String, Value>,
}

/// Reads every case, in the order of their files.
///
/// # Errors
/// When a file cannot be read; a test proves that none is so.
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

/// The names of the files.
pub fn files() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

macro_rules! files {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../tests/contract/cases/2026.2/", $name, ".toml")))),*]
    };
}

const FILES: &[(&str, &str)] = files![
    "own_score" "red_flags" "sarc_f" "sarc_calf" "sarc_f_ebm" "msra" "ishii" "finger_ring" "sppb"
    "ewgsop2" "awgs_2019" "awgs_2025" "sdoc" "disagreement" "scoring_bugs" "settling" "open_questions"
    "flags_and_urgency" "advice" "persons"
];
