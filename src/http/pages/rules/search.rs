//! The search in a rule table: an entry is found if it has all words, in any case and without accents. The module of the page
//! searches by the same rules.

use actix_web::HttpRequest;

use crate::domain::fault::{Fault, FaultCode, Params, Sentence};
use crate::http::kernel::problem::Problem;
use crate::http::pages::address::parameter;

/// Maximum characters of a search.
pub(super) const LONGEST: usize = 100;
const TOO_LONG: Sentence =
    Sentence::new("must have at most {maximum} characters", "debe tener {maximum} caracteres como máximo");

pub(super) struct Search {
    /// As typed.
    pub text: String,
    words: Vec<String>,
}

impl Search {
    /// The search in the parameter `q`; `None` if it has no words. Fails if it is too long.
    pub(super) fn of(request: &HttpRequest) -> Result<Option<Self>, Problem> {
        let text = parameter(request, "q").unwrap_or_default();
        if text.chars().count() > LONGEST {
            let fault = Fault::new("/q", FaultCode::Text, TOO_LONG).with(Params::at_most(LONGEST));
            return Err(Problem::parameters(vec![fault]));
        }
        Ok(Self::new(text))
    }

    fn new(text: String) -> Option<Self> {
        let words: Vec<_> = folded(&text).split_whitespace().map(str::to_owned).collect();
        (!words.is_empty()).then_some(Self { text, words })
    }

    pub(super) fn finds(&self, text: &str) -> bool {
        let text = folded(text);
        self.words.iter().all(|word| text.contains(word))
    }
}

/// The text in lower case and without the accents of the languages that have texts.
fn folded(text: &str) -> String {
    let plain = |letter| match letter {
        'á' => 'a',
        'é' => 'e',
        'í' => 'i',
        'ó' => 'o',
        'ú' | 'ü' => 'u',
        'ñ' => 'n',
        other => other,
    };
    text.chars().flat_map(char::to_lowercase).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_all_words_in_any_case_and_without_accents() {
        let finds = |search: &str, text| Search::new(search.to_owned()).is_none_or(|search| search.finds(text));
        for search in ["caidas", "CAÍDAS 12", "meses caída", " ", ""] {
            assert!(finds(search, "Caídas en los últimos 12 meses: de 1 a 3"), "{search}");
        }
        for search in ["caidas 13", "falls", "caídass"] {
            assert!(!finds(search, "Caídas en los últimos 12 meses: de 1 a 3"), "{search}");
        }
    }
}
