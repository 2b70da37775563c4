//! What a page reads from its address, and the addresses of links.

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderValue};

use crate::domain::language::Language;
use crate::http::kernel::bounds::LIST_LIMIT;
use crate::http::kernel::extract::AcceptedLanguages;

/// The parameter that selects the language of a page.
pub(super) const LANGUAGE: &str = "lang";

/// The language that the address selects, or the best that the client accepts.
pub(super) fn language(request: &HttpRequest) -> Language {
    selected(request).unwrap_or_else(|| accepted(request))
}

/// The language that the address selects.
pub(super) fn selected(request: &HttpRequest) -> Option<Language> {
    parameter(request, LANGUAGE).and_then(|tag| Language::from_tag(&tag))
}

fn accepted(request: &HttpRequest) -> Language {
    // Also called for a head that was refused as too large.
    let header = request.headers().get_all(ACCEPT_LANGUAGE).map(HeaderValue::len).sum::<usize>();
    if header > LIST_LIMIT {
        return Language::default();
    }
    AcceptedLanguages::of(request).or(Language::default())
}

/// The first value of a parameter. Unknown parameters are ignored, because other sites add their own to links.
pub(super) fn parameter(request: &HttpRequest, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(request.query_string().as_bytes());
    pairs.find(|(key, _)| *key == *name).map(|(_, value)| value.into_owned())
}

/// An address on this service in a language.
pub(super) fn in_language(address: &str, language: Language) -> String {
    let separator = if address.contains('?') { '&' } else { '?' };
    format!("{address}{separator}{LANGUAGE}={}", language.code())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn found(address: &str, accepted: &str) -> Language {
        language(&TestRequest::with_uri(address).insert_header((ACCEPT_LANGUAGE, accepted)).to_http_request())
    }

    #[test]
    fn the_address_comes_before_the_header_and_an_unknown_language_is_ignored() {
        assert_eq!(found("/rules", "es-MX, en"), Language::Es);
        assert_eq!(found("/rules?lang=en", "es"), Language::En);
        assert_eq!(found("/rules?q=a&lang=es", "en"), Language::Es);
        assert_eq!(found("/rules?lang=fr", "es"), Language::Es);
        assert_eq!(found("/rules", &"es,".repeat(LIST_LIMIT)), Language::En);
    }

    #[test]
    fn a_language_is_added_to_other_parameters() {
        assert_eq!(in_language("/rules", Language::Es), "/rules?lang=es");
        let changes = in_language("/rules/2026.3/changes?from=2026.1", Language::En);
        assert_eq!(changes, "/rules/2026.3/changes?from=2026.1&lang=en");
    }
}
