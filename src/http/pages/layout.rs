//! What every page has: title, files, and links to the page in the other languages.

use super::RULES;
use super::address::in_language;
use super::assets::{ICON, STYLESHEET};
use super::texts::{self, LayoutTexts};
use crate::domain::language::Language;
use crate::http::kernel::problem::Problem;

pub(super) struct Layout {
    /// The code of the page's language.
    pub language: &'static str,
    pub title: String,
    pub texts: &'static LayoutTexts,
    pub stylesheet: &'static str,
    pub icon: &'static str,
    /// The address of the page's module.
    pub module: Option<&'static str>,
    pub languages: Vec<LanguageLink>,
    pub home: String,
}

/// The page in a language.
pub(super) struct LanguageLink {
    pub code: &'static str,
    /// The language's own name.
    pub name: &'static str,
    pub address: String,
    pub is_current: bool,
}

impl Layout {
    /// `address` is the page's own, without a language.
    pub(super) fn new(
        language: Language,
        address: &str,
        title: String,
        module: Option<&'static str>,
    ) -> Result<Self, Problem> {
        let link = |other: Language| -> Result<LanguageLink, Problem> {
            let name = &texts::of(other)?.layout.name;
            Ok(LanguageLink {
                code: other.code(),
                name,
                address: in_language(address, other),
                is_current: other == language,
            })
        };
        Ok(Self {
            language: language.code(),
            title,
            texts: &texts::of(language)?.layout,
            stylesheet: &STYLESHEET.address,
            icon: &ICON.address,
            module,
            languages: Language::ALL.into_iter().map(link).collect::<Result<_, _>>()?,
            home: in_language(RULES, language),
        })
    }
}
