//! A visit of a clinic's form: its admission, its language, and how its responses begin.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, VARY};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder};

use crate::app::access::limits::Budget;
use crate::app::access::sign_in::{Admission, SignedIn, web_form};
use crate::app::error::AppError;
use crate::app::screening::rule_tables;
use crate::domain::access::actor::Actor;
use crate::domain::clinics::Clinic;
use crate::domain::language::Language;
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::words::Words;
use crate::http::kernel::extract::AcceptedLanguages;
use crate::http::kernel::fixed::small;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::rate::Counted;
use crate::http::kernel::request_id::request_id;
use crate::http::kernel::state::State;
use crate::http::pages::address::{self, parameter};
use crate::http::pages::texts::{self, ScreeningTexts};
use crate::http::pages::{HTML, POLICY};

/// The form that a page belongs to, as far as it is known without an admission.
pub(super) struct Place<'a> {
    pub slug: &'a str,
    pub language: Language,
    /// Whether the device is shared, so that the tab keeps no answers.
    pub is_kiosk: bool,
    /// The sites that may show the form in a frame.
    pub origins: Vec<String>,
}

impl Place<'_> {
    /// The address of the form, without a language.
    pub(super) fn address(&self) -> String {
        plain_address(self.slug, self.is_kiosk)
    }
}

pub(super) struct Visit<'a> {
    pub state: &'a State,
    pub slug: &'a str,
    pub language: Language,
    pub texts: &'static ScreeningTexts,
    signed_in: SignedIn,
    /// Whether the device is shared, so that the tab keeps no answers.
    is_kiosk: bool,
}

impl<'a> Visit<'a> {
    /// Admits a request to the open form of the clinic with this slug, within the limits of the form and of the visitor's address.
    pub(super) async fn admit(
        request: &HttpRequest,
        state: &'a State,
        slug: &'a str,
        budget: Budget,
    ) -> Result<Self, Problem> {
        let address = crate::http::kernel::address::client(request, &state.settings.trusted_proxies);
        let admission = web_form::admit(&state.app, slug, address, budget, request_id()).await;
        let Admission { actor, rate_status, outcome } = admission;
        // Unread responses are held in memory. All visitors of a form share its room for them.
        let unread = actor.as_ref().is_some_and(|actor| !state.waiting.share(actor.credential_id).has_room());
        if let Some(actor) = actor {
            request.extensions_mut().insert(actor);
        }
        if let Some(rate_status) = rate_status {
            request.extensions_mut().insert(Counted(rate_status));
        }
        if unread {
            return Err(AppError::Limited { retry_after: std::time::Duration::from_secs(1) }.into());
        }
        Self::new(request, state, slug, outcome?)
    }

    /// A visit that no limit counts, for a request that a limit has refused.
    pub(super) async fn uncounted(request: &HttpRequest, state: &'a State, slug: &'a str) -> Result<Self, Problem> {
        Self::new(request, state, slug, web_form::open(&state.app, slug).await?)
    }

    fn new(request: &HttpRequest, state: &'a State, slug: &'a str, signed_in: SignedIn) -> Result<Self, Problem> {
        let language = spoken(request, signed_in.clinic());
        let is_kiosk = is_kiosk(request);
        Ok(Self { state, slug, language, texts: &texts::of(language)?.screening, signed_in, is_kiosk })
    }

    /// The same visit in another language of the clinic.
    pub(super) fn in_language(self, language: Language) -> Result<Self, Problem> {
        Ok(Self { language, texts: &texts::of(language)?.screening, ..self })
    }

    pub(super) fn actor(&self) -> Actor {
        self.signed_in.actor(request_id())
    }

    pub(super) fn clinic(&self) -> &Clinic {
        self.signed_in.clinic()
    }

    /// The rule table that scores new answers.
    pub(super) fn table(&self) -> &'a RuleTable {
        rule_tables::current(&self.state.app)
    }

    pub(super) fn words(&self) -> Words<'a> {
        Words { table: self.table(), language: self.language }
    }

    /// The address of the form or of a path below it, in the language of the visit.
    pub(super) fn address(&self, below: &str) -> String {
        let address = address::in_language(&format!("/s/{}{below}", self.slug), self.language);
        if self.is_kiosk { format!("{address}&kiosk") } else { address }
    }

    /// The address of the form without a language, for the links to other languages.
    pub(super) fn plain_address(&self) -> String {
        plain_address(self.slug, self.is_kiosk)
    }

    pub(super) fn place(&self) -> Place<'a> {
        let Self { slug, language, is_kiosk, .. } = *self;
        Place { slug, language, is_kiosk, origins: self.signed_in.credential().origins.clone() }
    }

    /// A response with answers. Only the clinic's own sites may show it in a frame.
    pub(super) fn page(&self, status: StatusCode, page: Vec<u8>) -> HttpResponse {
        self.response(status, "no-store").body(page)
    }

    /// A response without answers. It has the retry key of one submission, so it has no tag and is made for each visit.
    pub(super) fn blank_page(&self, request: &HttpRequest, page: Vec<u8>) -> HttpResponse {
        small(request, self.response(StatusCode::OK, "no-cache"), page)
    }

    fn response(&self, status: StatusCode, cache: &'static str) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(status);
        response
            .insert_header((CACHE_CONTROL, cache))
            .insert_header((CONTENT_SECURITY_POLICY, policy(&self.signed_in.credential().origins)))
            .insert_header((CONTENT_LANGUAGE, self.language.as_str()))
            .insert_header((VARY, "Accept-Language, Accept-Encoding"))
            .content_type(HTML);
        response
    }
}

/// Whether the address says that the device is shared.
pub(super) fn is_kiosk(request: &HttpRequest) -> bool {
    parameter(request, "kiosk").is_some()
}

fn plain_address(slug: &str, is_kiosk: bool) -> String {
    format!("/s/{slug}{}", if is_kiosk { "?kiosk" } else { "" })
}

/// The policy of the pages, with the sites that may embed the form.
pub(super) fn policy(origins: &[String]) -> String {
    if origins.is_empty() {
        return POLICY.to_owned();
    }
    POLICY.replace("frame-ancestors 'none'", &format!("frame-ancestors {}", origins.join(" ")))
}

/// The language that the address selects, or the best that the client accepts, of those that the clinic offers.
fn spoken(request: &HttpRequest, clinic: &Clinic) -> Language {
    let selected = parameter(request, address::LANGUAGE).and_then(|tag| Language::from_tag(&tag));
    let selected = selected.filter(|language| clinic.languages.contains(language));
    selected.unwrap_or_else(|| AcceptedLanguages::of(request).for_clinic(clinic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_origins_of_the_form_may_show_it_in_a_frame() {
        assert_eq!(policy(&[]), POLICY);
        let origins = ["https://clinic.example", "http://localhost:5500"].map(str::to_owned);
        let policy = policy(&origins);
        assert!(policy.ends_with("frame-ancestors https://clinic.example http://localhost:5500"), "{policy}");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
    }
}
