//! Links between the pages of rule tables.

use crate::domain::language::Language;
use crate::http::pages::address::in_language;

pub(super) struct Link {
    pub address: String,
    pub text: String,
}

impl Link {
    /// The page of a version.
    pub(super) fn to_table(version: &str, language: Language, text: &str) -> Self {
        Self { address: in_language(&format!("/rules/{version}"), language), text: text.replace("{version}", version) }
    }

    /// The changes of a version since another one.
    pub(super) fn to_changes(version: &str, before: &str, language: Language, text: &str) -> Self {
        let address = in_language(&format!("/rules/{version}/changes?from={before}"), language);
        Self { address, text: text.replace("{version}", before) }
    }
}
