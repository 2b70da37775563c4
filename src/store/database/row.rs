//! Converts columns to domain values. A value that the service never writes is an inconsistency.

use jiff::Timestamp;

use crate::domain::receipt_code::ReceiptCode;
use crate::domain::screening::answers::{Answers, RawAnswers};
use crate::domain::{fault::FaultCode, language::Language, screening::rule_table::Band};
use crate::store::error::{Result, StoreError};

pub(in crate::store) fn at(timestamp: Timestamp) -> jiff_sqlx::Timestamp {
    jiff_sqlx::ToSqlx::to_sqlx(timestamp)
}

/// Converts a filter bound for the driver. PostgreSQL has no time before 4714 BC, and nothing was received before 1970.
pub(in crate::store) fn bound(timestamp: Timestamp) -> jiff_sqlx::Timestamp {
    at(timestamp.max(Timestamp::UNIX_EPOCH))
}

/// The value of a column, or an inconsistency.
pub(in crate::store) fn known<T>(value: Option<T>, table: &'static str, what: &'static str) -> Result<T> {
    value.ok_or(StoreError::Inconsistent { table, what })
}

/// Formats ids as the text of a PostgreSQL array: `unnest` flattens an array of arrays, so one array per row is passed as
/// text.
pub(in crate::store) fn array_text(ids: &[impl ToString]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    format!("{{{}}}", ids.join(","))
}

pub(in crate::store) fn language(code: &str, table: &'static str) -> Result<Language> {
    known(Language::from_tag(code), table, "language")
}

pub(in crate::store) fn band(name: &str) -> Result<Band> {
    known(Band::parse(name), "submissions", "band")
}

pub(in crate::store) fn receipt_code(number: i64) -> Result<ReceiptCode> {
    known(ReceiptCode::from_number(number), "submissions", "receipt_number")
}

/// Parses stored answers. Combinations of answers that only later rules find implausible are accepted.
pub(in crate::store) fn answers(text: &str) -> Result<Answers> {
    let broken = || StoreError::Inconsistent { table: "submissions", what: "answers" };
    let raw: RawAnswers<'_> = serde_json::from_str(text).map_err(|_| broken())?;
    let (answers, faults) = Answers::parse(&raw);
    if faults.iter().all(|fault| fault.code == FaultCode::Implausible) { Ok(answers) } else { Err(broken()) }
}
