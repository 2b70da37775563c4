//! Validation of text.

use validator::ValidationError;

/// Accepts text that is not blank and has no control characters.
pub(in crate::http) fn plain(text: &str) -> Result<(), ValidationError> {
    let clean = !text.trim().is_empty() && !text.chars().any(char::is_control);
    let message = "must not be blank or hold control characters";
    clean.then_some(()).ok_or_else(|| ValidationError::new("form").with_message(message.into()))
}
