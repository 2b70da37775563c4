//! CSV as RFC 4180 has it, in which no cell is a formula.
//!
//! A spreadsheet runs a cell that begins like a formula, wherever its text came from. So a text that begins like one gets
//! an apostrophe before it, and so does a text that begins with an apostrophe: whoever takes one leading apostrophe away
//! has the text that was stored. Control characters become U+FFFD, since some readers take them for line or cell ends.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

/// Makes the records of a CSV file.
pub struct CsvWriter {
    writer: csv::Writer<Vec<u8>>,
    cell: String,
}

/// A record that a CSV file can hold.
pub trait CsvRecord {
    /// The names of the columns, in order.
    const COLUMNS: &'static [&'static str];

    /// Writes one cell for each column, in order.
    ///
    /// # Errors
    /// When a cell cannot be written, which does not happen in memory.
    fn write(&self, csv: &mut CsvWriter) -> Result<(), csv::Error>;
}

impl CsvWriter {
    /// A writer into memory.
    #[must_use]
    pub fn new() -> Self {
        let writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        Self { writer, cell: String::new() }
    }

    /// Writes the names of the columns.
    ///
    /// # Errors
    /// None in memory.
    pub fn header<R: CsvRecord>(&mut self) -> Result<(), csv::Error> {
        self.writer.write_record(R::COLUMNS)
    }

    /// Writes a record.
    ///
    /// # Errors
    /// None in memory.
    pub fn record<R: CsvRecord>(&mut self, record: &R) -> Result<(), csv::Error> {
        record.write(self)?;
        self.writer.write_record(None::<&[u8]>)
    }

    /// Writes a cell that is our own: a number, a time, an id, a name of the contract. Nothing is an empty cell.
    ///
    /// # Errors
    /// None in memory.
    pub fn own(&mut self, value: Option<impl Display>) -> Result<(), csv::Error> {
        self.cell.clear();
        if let Some(value) = value {
            // Writing into a text does not fail.
            let _ = write!(self.cell, "{value}");
        }
        self.writer.write_field(&self.cell)
    }

    /// Writes a cell of text that somebody sent.
    ///
    /// # Errors
    /// None in memory.
    pub fn text(&mut self, text: Option<&str>) -> Result<(), csv::Error> {
        self.writer.write_field(&*inert(text.unwrap_or_default()))
    }

    /// Writes names in one cell, a space between them.
    ///
    /// # Errors
    /// None in memory.
    pub fn names(&mut self, names: &[String]) -> Result<(), csv::Error> {
        self.writer.write_field(&*inert(&names.join(" ")))
    }

    /// What was written.
    ///
    /// # Errors
    /// None in memory.
    pub fn finish(self) -> Result<Vec<u8>, csv::Error> {
        self.writer.into_inner().map_err(|error| error.into_error().into())
    }
}

impl Default for CsvWriter {
    fn default() -> Self {
        Self::new()
    }
}

/// A text that no spreadsheet takes for a formula.
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

/// What begins a formula, in its ordinary, small and full-width forms.
fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫' | '−')
}

/// What a reader may pass over before it looks for a formula: white space, and what takes no room.
fn blank(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}');
    c.is_whitespace() || c.is_control() || invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_begins_like_a_formula_gets_an_apostrophe() {
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
    fn other_text_stays_as_it_is_and_what_changed_can_be_undone() {
        for text in ["", "MRN-1", "a=b", "1-2", "O'Neill", "  x", "Ünï çödé", "a,b", "say \"x\"", "…"] {
            assert_eq!(inert(text), text);
        }
        for text in ["=1", "'=1", "''", " +x", "-"] {
            assert_eq!(inert(text).strip_prefix('\''), Some(text));
        }
        assert_eq!(inert("a\u{7}b\u{85}"), "a\u{fffd}b\u{fffd}");
    }
}
