//! Conformance cases in the API.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Answers with expected results, for testing another implementation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Conformance)]
pub struct ConformanceBody {
    /// Version of the rule table that the cases test.
    #[schema(example = "2026.2")]
    pub rule_table: &'static str,
    /// Number of cases.
    #[schema(minimum = 0)]
    pub count: usize,
    /// The cases.
    pub cases: Vec<ConformanceCaseBody>,
}

/// One conformance case.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ConformanceCase)]
pub struct ConformanceCaseBody {
    /// Unique name of the case.
    pub name: String,
    /// The rules, red flags, bands, instruments and pathways that the case covers.
    pub covers: Vec<String>,
    /// Source of the expected result.
    pub source: String,
    /// The answers. In a case about faults, the service rejects them.
    #[schema(value_type = Object)]
    pub answers: Map<String, Value>,
    /// Audiences that are asked in addition to the person.
    pub audience: Vec<String>,
    /// The pathways to evaluate.
    pub pathways: Vec<String>,
    /// The expected result. Parts that are not listed are not compared. Keys ending in `_include` and `_exclude` list entries
    /// that an array must and must not contain; `none` means null.
    #[schema(value_type = Object)]
    pub expect: Map<String, Value>,
}
