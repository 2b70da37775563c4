//! Conformance cases on the wire.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Answers with what must come out, for somebody who tests another implementation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Conformance)]
pub struct ConformanceBody {
    /// The rule table that the cases are about.
    #[schema(example = "2026.2")]
    pub rule_table: &'static str,
    /// How many cases there are.
    #[schema(minimum = 0)]
    pub count: usize,
    /// The cases.
    pub cases: Vec<ConformanceCaseBody>,
}

/// One case.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ConformanceCase)]
pub struct ConformanceCaseBody {
    /// Its name, unique.
    pub name: String,
    /// The rules, red flags, bands, instruments and pathways that it is about.
    pub covers: Vec<String>,
    /// Where the expectation comes from.
    pub source: String,
    /// The answers; in a case about faults they are not ones that the service accepts.
    #[schema(value_type = Object)]
    pub answers: Map<String, Value>,
    /// Who is asked beside the person.
    pub audience: Vec<String>,
    /// The pathways to follow.
    pub pathways: Vec<String>,
    /// What must come out. What is not named is not compared; keys ending in `_include` and `_exclude` name parts of a
    /// list, and `none` stands for null.
    #[schema(value_type = Object)]
    pub expect: Map<String, Value>,
}
