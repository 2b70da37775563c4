//! CSV as in RFC 4180, with formula injection prevented.
//!
//! A spreadsheet evaluates a cell that begins like a formula. A text that begins like one is therefore prefixed with an
//! apostrophe, and so is a text that begins with an apostrophe: removing one leading apostrophe restores the stored text.
//! Control characters become U+FFFD, because some readers treat them as ends of lines or cells.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::PartialSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::app::error::AppError;

/// The header line of a file of these rows: the names of their properties, in order.
pub fn header<R: PartialSchema>() -> Result<Vec<u8>, AppError> {
    let RefOr::T(Schema::Object(object)) = R::schema() else {
        return Err(AppError::Internal("the rows of an export are not objects".into()));
    };
    write([object.properties.into_keys().collect()])
}

/// The lines of rows: the cells are the values of the serialized row, in order.
pub fn lines<R: Serialize>(rows: &[R]) -> Result<Vec<u8>, AppError> {
    let rows = rows.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
    let rows = rows.map_err(|error| AppError::Internal(error.into()))?;
    write(rows.iter().map(|row| row.as_object().into_iter().flat_map(Map::values).map(cell).collect()))
}

fn write(records: impl IntoIterator<Item = Vec<String>>) -> Result<Vec<u8>, AppError> {
    let broken = |error: csv::Error| AppError::Internal(error.into());
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for record in records {
        writer.write_record(record).map_err(broken)?;
    }
    writer.into_inner().map_err(|error| broken(error.into_error().into()))
}

/// The text of a cell. Null is empty; the texts of a list are separated by spaces.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => inert(text).into(),
        Value::Array(texts) => inert(&texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")).into(),
        // A whole number of a decimal column has no fraction here, unlike in JSON.
        Value::Number(number) if number.is_f64() => number.as_f64().unwrap_or_default().to_string(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// Escapes a text so that no spreadsheet evaluates it as a formula.
fn inert(text: &str) -> Cow<'_, str> {
    let prefix =
        text.starts_with(['\'', '\t', '\r', '\n']) || text.chars().find(|c| !blank(*c)).is_some_and(begins_formula);
    if !prefix && !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
    Cow::Owned(prefix.then_some('\'').into_iter().chain(shown).collect())
}

/// Characters that begin a formula, in their ordinary, small and full-width forms.
fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫' | '−')
}

/// Characters that a reader may skip before a formula: white space and invisible characters.
fn blank(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}');
    c.is_whitespace() || c.is_control() || invisible
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_that_begins_like_a_formula_is_prefixed_with_an_apostrophe() {
        for start in ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫", "−", "\t", "\r", "\n", "'"]
        {
            assert!(inert(start).starts_with('\''), "{start:?}");
            assert!(inert(&format!("{start}1+1")).starts_with('\''), "{start:?}");
        }
        for before in [" ", "  ", "\u{a0}", "\u{3000}", "\u{feff}", "\u{200b}\u{202e}", "\0", "\u{1f}", " \t\r\n"] {
            for start in ["=", "+", "-", "@", "＝", "＋", "－", "＠"] {
                assert!(inert(&format!("{before}{start}1")).starts_with('\''), "{before:?}{start:?}");
            }
        }
    }

    #[test]
    fn other_text_is_unchanged_and_escaping_is_reversible() {
        for text in ["", "MRN-1", "a=b", "1-2", "O'Neill", "  x", "Ünï çödé", "a,b", "say \"x\"", "…"] {
            assert_eq!(inert(text), text);
        }
        for text in ["=1", "'=1", "''", " +x", "-"] {
            assert_eq!(inert(text).strip_prefix('\''), Some(text));
        }
        assert_eq!(inert("a\u{7}b\u{85}"), "a\u{fffd}b\u{fffd}");
    }
    #[test]
    fn a_cell_is_the_value_without_the_quotes_and_brackets_of_json() {
        let values = json!([null, true, -3, 18.0, 18.5, "=1", ["a", "b"], []]);
        let cells: Vec<_> = values.as_array().unwrap().iter().map(cell).collect();
        assert_eq!(cells, ["", "true", "-3", "18", "18.5", "'=1", "a b", ""]);
    }
}
