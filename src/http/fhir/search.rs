//! Search parameters: each is taken out once, and any that remain are faults, because an ignored filter would return more than
//! was asked for.

use crate::domain::fault::{Fault, FaultCode, MOST_FAULTS, pointer_token};
use crate::http::kernel::problem::Problem;

/// The parameters of a search.
pub(super) struct Parameters {
    pairs: Vec<(String, String)>,
    faults: Vec<Fault>,
}

impl Parameters {
    /// Reads the parameters from a query and, if there is one, a form.
    pub(super) fn parse(query: &str, form: &[u8]) -> Self {
        let pairs = [query.as_bytes(), form].into_iter().flat_map(form_urlencoded::parse);
        let mut read = Self { pairs: Vec::new(), faults: Vec::new() };
        // `_format` is handled before.
        for (name, value) in pairs.filter(|(name, _)| name != "_format") {
            if name.contains('\0') || value.contains('\0') {
                read.refuse(&name, FaultCode::Text, "must not hold the character U+0000");
            } else {
                read.pairs.push((name.into_owned(), value.into_owned()));
            }
        }
        read
    }

    /// All values of a parameter.
    pub(super) fn all(&mut self, name: &str) -> Vec<String> {
        let (taken, left) = std::mem::take(&mut self.pairs).into_iter().partition(|(one, _)| one == name);
        self.pairs = left;
        let taken: Vec<(String, String)> = taken;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// The value of a parameter that may be given only once.
    pub(super) fn one(&mut self, name: &str) -> Option<String> {
        let mut values = self.all(name);
        if values.len() > 1 {
            self.refuse(name, FaultCode::Duplicate, "can be given once");
        }
        values.pop()
    }

    /// Records a fault of a parameter.
    pub(super) fn refuse(&mut self, name: &str, code: FaultCode, detail: &str) {
        if self.faults.len() <= MOST_FAULTS {
            self.faults.push(Fault::new(format!("/{}", pointer_token(name)), code, detail));
        }
    }

    /// Ends parsing.
    ///
    /// # Errors
    /// Fails with all faults, including those of unsupported parameters.
    pub(super) fn end(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            self.refuse(&name, FaultCode::UnknownField, "unsupported search parameter");
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::parameters(self.faults)) }
    }
}

/// System and value of a token; `None` unless it has both.
pub(super) fn token(text: &str) -> Option<(&str, &str)> {
    text.split_once('|').filter(|(system, value)| !system.is_empty() && !value.is_empty())
}

/// Whether a value is in every value list of a token parameter: a comma means or, a repeated parameter means and.
pub(super) fn any(asked: &[String], value: &str) -> bool {
    asked.iter().all(|list| list.split(',').any(|one| one == value))
}
