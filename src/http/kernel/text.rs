//! Validation of text.

use validator::ValidationError;

/// Code of the error of [`plain`].
pub(in crate::http) const BLANK: &str = "blank";
/// Code of the error of an e-mail address.
pub(in crate::http) const EMAIL: &str = "email";
/// Code of the error of a telephone number.
pub(in crate::http) const TELEPHONE: &str = "telephone";

/// Accepts text that is not blank and has no control characters.
pub(in crate::http) fn plain(text: &str) -> Result<(), ValidationError> {
    let clean = !text.trim().is_empty() && !text.chars().any(char::is_control);
    clean.then_some(()).ok_or_else(|| ValidationError::new(BLANK))
}
