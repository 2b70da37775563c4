//! CSV as in RFC 4180, with formula injection prevented.
//!
//! A spreadsheet evaluates a cell that begins like a formula. A text that begins like one is therefore prefixed with an
//! apostrophe, and so is a text that begins with an apostrophe: removing one leading apostrophe restores the stored text.
//! Control characters become U+FFFD, because some readers treat them as ends of lines or cells.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

/// Writes the records of a CSV file.
pub struct CsvWriter {
    writer: csv::Writer<Vec<u8>>,
    cell: String,
}

/// A record of a CSV file.
pub trait CsvRecord {
    /// Column names, in order.
    const COLUMNS: &'static [&'static str];

    /// Writes one cell for each column, in order.
    ///
    /// # Errors
    /// Fails when a cell cannot be written, which does not happen in memory.
    fn write(&self, csv: &mut CsvWriter) -> Result<(), csv::Error>;
}

impl CsvWriter {
    /// Creates a writer into memory.
    #[must_use]
    pub fn new() -> Self {
        let writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        Self { writer, cell: String::new() }
    }

    /// Writes the column names.
    ///
    /// # Errors
    /// Does not fail in memory.
    pub fn header<R: CsvRecord>(&mut self) -> Result<(), csv::Error> {
        self.writer.write_record(R::COLUMNS)
    }

    /// Writes a record.
    ///
    /// # Errors
    /// Does not fail in memory.
    pub fn record<R: CsvRecord>(&mut self, record: &R) -> Result<(), csv::Error> {
        record.write(self)?;
        self.writer.write_record(None::<&[u8]>)
    }

    /// Writes a cell that needs no escaping: a number, a time, an id or a name from the API. `None` is an empty cell.
    ///
    /// # Errors
    /// Does not fail in memory.
    pub fn own(&mut self, value: Option<impl Display>) -> Result<(), csv::Error> {
        self.cell.clear();
        if let Some(value) = value {
            // Writing into a `String` does not fail.
            let _ = write!(self.cell, "{value}");
        }
        self.writer.write_field(&self.cell)
    }

    /// Writes a cell of client-supplied text.
    ///
    /// # Errors
    /// Does not fail in memory.
    pub fn text(&mut self, text: Option<&str>) -> Result<(), csv::Error> {
        self.writer.write_field(&*inert(text.unwrap_or_default()))
    }

    /// Writes names into one cell, separated by spaces.
    ///
    /// # Errors
    /// Does not fail in memory.
    pub fn names(&mut self, names: &[String]) -> Result<(), csv::Error> {
        self.writer.write_field(&*inert(&names.join(" ")))
    }

    /// Returns the written bytes.
    ///
    /// # Errors
    /// Does not fail in memory.
    pub fn finish(self) -> Result<Vec<u8>, csv::Error> {
        self.writer.into_inner().map_err(|error| error.into_error().into())
    }
}

impl Default for CsvWriter {
    fn default() -> Self {
        Self::new()
    }
}

/// Escapes a text so that no spreadsheet evaluates it as a formula.
#[must_use]
pub fn inert(text: &str) -> Cow<'_, str> {
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
}
