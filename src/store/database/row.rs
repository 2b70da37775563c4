//! Converts columns to domain values. A value that the service never writes is an inconsistency.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::fault::FaultCode;
use crate::domain::language::Language;
use crate::domain::screening::answers::{Answers, RawAnswers};
use crate::domain::screening::red_flag::CareLevel;
use crate::domain::screening::rule_table::Band;
use crate::store::error::StoreError;

/// Converts a timestamp for the driver.
pub(in crate::store) fn at(timestamp: Timestamp) -> jiff_sqlx::Timestamp {
    jiff_sqlx::ToSqlx::to_sqlx(timestamp)
}

/// Converts a filter bound for the driver. PostgreSQL has no time before 4714 BC, and nothing was received before 1970.
pub(in crate::store) fn bound(timestamp: Timestamp) -> jiff_sqlx::Timestamp {
    at(timestamp.max(Timestamp::UNIX_EPOCH))
}

/// The value of a column, or an inconsistency.
pub(in crate::store) fn known<T>(value: Option<T>, table: &'static str, what: &'static str) -> Result<T, StoreError> {
    value.ok_or(StoreError::Inconsistent { table, what })
}

pub(in crate::store) fn language(code: &str, table: &'static str) -> Result<Language, StoreError> {
    known(Language::from_tag(code), table, "language")
}

pub(in crate::store) fn band(name: &str) -> Result<Band, StoreError> {
    known(Band::parse(name), "submissions", "band")
}

pub(in crate::store) fn care_level(name: Option<&str>) -> Result<Option<CareLevel>, StoreError> {
    name.map(|name| known(CareLevel::parse(name), "submissions", "care_level")).transpose()
}

/// Parses stored answers. Answers that only later rules find implausible together are accepted.
pub(in crate::store) fn answers(stored: &Value) -> Result<Answers, StoreError> {
    answers_in(&stored.to_string())
}

/// Parses stored answers from JSON.
pub(in crate::store) fn answers_in(text: &str) -> Result<Answers, StoreError> {
    let broken = || StoreError::Inconsistent { table: "submissions", what: "answers" };
    let raw: RawAnswers<'_> = serde_json::from_str(text).map_err(|_| broken())?;
    let (answers, faults) = Answers::parse(&raw);
    let readable = faults.iter().all(|fault| fault.code == FaultCode::Implausible);
    readable.then_some(answers).ok_or_else(broken)
}

/// Parses the files of a stored rule table.
pub(in crate::store) fn files(stored: Value) -> Result<BTreeMap<String, String>, StoreError> {
    serde_json::from_value(stored).map_err(|_| StoreError::Inconsistent { table: "rule_tables", what: "files" })
}
