//! The languages of texts.

use super::names::names;

names! {
    /// A language of the questionnaire and of outcomes, as its ISO 639-1 code.
    #[derive(Default, PartialOrd, Ord)]
    pub enum Language {
        /// English, the default.
        #[default]
        En = "en",
        Es = "es",
    }
}

impl Language {
    /// The ISO 639-1 code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.as_str()
    }

    /// Parses a language tag such as `es` or `es-MX`; `None` for a language without texts.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag);
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.as_str()))
    }
}
