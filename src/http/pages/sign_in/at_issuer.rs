//! Signing in at the token issuer: a link leads to the issuer, which sends the browser back with a code.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use data_encoding::BASE64URL_NOPAD;

use super::cookies::{AT_ISSUER, SESSION};
use super::destination::{checked, in_selected_language, see_other, with_destination};
use super::origin::is_of_other_site;
use super::page::SignIn;
use super::transport::Transport;
use super::{CALLBACK, SIGN_IN, visitor};
use crate::app::access::sign_in::at_issuer::{Returned, begin, finish};
use crate::domain::language::Language;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::pages::address::{language, parameter};

pub(super) async fn get_begin(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let transport = Transport::new(&request, &state.settings);
    if transport == Transport::Open {
        return SignIn::new(&request, &state)?.without_tls(StatusCode::FORBIDDEN);
    }
    let to = checked(parameter(&request, "to").unwrap_or_default());
    // The issuer may know the person already and ask nothing. Another site must not sign in whom it likes, so the person decides.
    if is_of_other_site(&request) {
        return Ok(see_other(&in_selected_language(&request, &with_destination(SIGN_IN, &to))).finish());
    }
    let begun = begin(&state.app, CALLBACK).await?;
    let to = BASE64URL_NOPAD.encode(to.as_bytes());
    let kept = format!("{}.{}.{to}", *begun.kept, language(&request).code());
    Ok(see_other(&begun.address).append_header(AT_ISSUER.set(transport, &kept)).finish())
}

pub(super) async fn get_callback(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let transport = Transport::new(&request, &state.settings);
    let page = SignIn::new(&request, &state)?;
    if transport == Transport::Open {
        return page.without_tls(StatusCode::FORBIDDEN);
    }
    let kept = AT_ISSUER.read(&request, transport).and_then(Kept::parse);
    let (begun, page) = match &kept {
        Some(kept) => (kept.begun, page.returning_to(kept.to.clone()).in_language(kept.language)?),
        None => ("", page),
    };
    let given = |name| parameter(&request, name).unwrap_or_default();
    let (code, returned_state) = (given("code"), given("state"));
    let returned = Returned { code: &code, state: &returned_state, kept: begun, callback: CALLBACK };
    match finish(&state.app, returned, visitor(&request, &state)).await {
        Ok(text) => page.signed_in([SESSION.set(transport, &text), AT_ISSUER.remove(transport)]),
        Err(error) => page.refused_at_issuer(error),
    }
}

/// What the cookie keeps while a person is at the issuer.
struct Kept<'a> {
    /// The proof of the service that it began this sign-in.
    begun: &'a str,
    language: Language,
    to: String,
}

impl<'a> Kept<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (begun, rest) = text.split_once('.')?;
        let (language, to) = rest.split_once('.')?;
        let to = String::from_utf8(BASE64URL_NOPAD.decode(to.as_bytes()).ok()?).ok()?;
        Some(Self { begun, language: Language::from_tag(language)?, to })
    }
}
