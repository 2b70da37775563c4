//! The languages of texts.

use super::names::names;

names! {
    /// A language of the questionnaire and of outcomes, as its ISO 639-1 code.
    #[derive(Default, PartialOrd, Ord)]
    pub enum Language {
        #[default]
        En = "en",
        Es = "es",
    }
}

impl Language {
    pub const fn code(self) -> &'static str {
        self.as_str()
    }

    /// The code of three letters (ISO 639-2).
    pub const fn long_code(self) -> &'static str {
        match self {
            Self::En => "eng",
            Self::Es => "spa",
        }
    }

    /// Parses a language tag such as `es` or `es-MX`; `None` for a language without texts.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag);
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.as_str()))
    }
}
