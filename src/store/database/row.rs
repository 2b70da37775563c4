//! Converts columns to domain values. A value that the service never writes is an inconsistency.

use jiff::Timestamp;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::domain::receipt_code::ReceiptCode;
use crate::domain::screening::answers::{Answers, RawAnswers};
use crate::domain::{fault::FaultCode, language::Language, screening::rule_table::Band, times::Times};
use crate::store::error::{Result, StoreError};

pub(in crate::store) fn at(timestamp: Timestamp) -> jiff_sqlx::Timestamp {
    jiff_sqlx::ToSqlx::to_sqlx(timestamp)
}

/// Converts a filter bound for the driver. PostgreSQL has no time before 4714 BC, and nothing was received before 1970.
pub(in crate::store) fn bound(timestamp: Timestamp) -> jiff_sqlx::Timestamp {
    at(timestamp.max(Timestamp::UNIX_EPOCH))
}

/// The earliest time of a search, 1800-01-01. The earliest accepted time of answers is 1900.
const EARLIEST: Timestamp = Timestamp::constant(-5_364_662_400, 0);

/// Adds the condition that a column is one of these ids, if there are any to compare with.
pub(in crate::store) fn push_any(
    query: &mut QueryBuilder<Postgres>,
    column: &str,
    ids: Option<impl Iterator<Item = Uuid>>,
) {
    if let Some(ids) = ids {
        query.push(" and ").push(column).push(" = any(").push_bind(ids.collect::<Vec<_>>()).push(")");
    }
}

/// Adds the condition that an expression is one of these times.
pub(in crate::store) fn push_times(query: &mut QueryBuilder<Postgres>, expression: &str, times: &Times) {
    query.push(" and (false");
    for (from, to) in times.spans() {
        query.push(" or (true");
        for (sign, time) in [(" >= ", from), (" < ", to)] {
            if let Some(time) = time {
                query.push(" and ").push(expression).push(sign).push_bind(at((*time).max(EARLIEST)));
            }
        }
        query.push(")");
    }
    query.push(")");
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
