//! Signing in to the pages of staff, with a key or at the token issuer, and signing out. [`SignedIn`] is the caller of a page of
//! staff, [`OwnOrigin`] the guard of each request that changes something.

mod at_issuer;
mod cookies;
mod destination;
mod form;
mod origin;
mod page;
mod session;
mod transport;

use std::future::ready;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, Resource, web};

use super::{address, below_staff};
use crate::app::access::sign_in::sessions::{self, Visitor};
use crate::http::kernel::address::client;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::request_id::request_id;
use crate::http::kernel::state::State;
use cookies::SESSION;
use destination::{in_chosen_language, see_other};
use form::SignInForm;
use page::SignIn;
use transport::Transport;

pub(in crate::http::pages) use origin::OwnOrigin;
pub(in crate::http::pages) use session::SignedIn;

const SIGN_IN: &str = "/staff/sign-in";
const SIGN_OUT: &str = "/staff/sign-out";
const AT_ISSUER: &str = "/staff/sign-in/oidc";
/// The path that the issuer sends a browser back to; it is registered there.
const CALLBACK: &str = "/staff/sign-in/oidc/callback";
/// The parameter of the page after signing out.
const SIGNED_OUT: &str = "signed_out";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    let resource = |path: &'static str, methods: &'static str| -> Resource {
        let refused = move || ready(Err::<HttpResponse, _>(Problem::method_not_allowed(methods)));
        web::resource(below_staff(path)).default_service(web::to(refused))
    };
    let sign_in = resource(SIGN_IN, "GET, POST");
    config
        .service(sign_in.route(web::get().to(get_sign_in)).route(web::post().to(post_sign_in)))
        .service(resource(AT_ISSUER, "GET").route(web::get().to(at_issuer::get_begin)))
        .service(resource(CALLBACK, "GET").route(web::get().to(at_issuer::get_callback)))
        .service(resource(SIGN_OUT, "POST").route(web::post().to(post_sign_out)));
}

async fn get_sign_in(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let page = SignIn::new(&request, &state)?;
    if Transport::new(&request, &state.settings) == Transport::Open {
        return page.without_tls(StatusCode::OK);
    }
    // A person whose session cannot be used may sign in again.
    let person = session::resume(&request).await.ok().flatten();
    page.empty(person.as_ref(), address::parameter(&request, SIGNED_OUT).is_some())
}

async fn post_sign_in(
    _: OwnOrigin,
    request: HttpRequest,
    state: web::Data<State>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let page = SignIn::new(&request, &state)?;
    let transport = Transport::new(&request, &state.settings);
    if transport == Transport::Open {
        return page.without_tls(StatusCode::FORBIDDEN);
    }
    let form = SignInForm::read(&request, payload, state.settings.read_deadline).await?;
    let page = page.returning_to(form.to);
    if form.key.is_empty() {
        return page.without_key();
    }
    match sessions::begin(&state.app, &form.key, visitor(&request, &state)).await {
        Ok(text) => {
            // The cookie of the session before is overwritten.
            end(&request, &state).await?;
            let to = in_chosen_language(&request, page.destination());
            Ok(see_other(&to).append_header(SESSION.set(transport, &text)).finish())
        }
        Err(error) => page.refused(error),
    }
}

async fn post_sign_out(_: OwnOrigin, request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let transport = Transport::new(&request, &state.settings);
    end(&request, &state).await?;
    let address = destination::in_selected_language(&request, &format!("{SIGN_IN}?{SIGNED_OUT}=1"));
    Ok(see_other(&address).append_header(SESSION.remove(transport)).finish())
}

/// Ends the session of the request's cookie.
async fn end(request: &HttpRequest, state: &State) -> Result<(), Problem> {
    match SESSION.read(request, Transport::new(request, &state.settings)) {
        Some(text) => Ok(sessions::end(&state.app, text, request_id()).await?),
        None => Ok(()),
    }
}

fn visitor(request: &HttpRequest, state: &State) -> Visitor {
    Visitor { address: client(request, &state.settings.trusted_proxies), request_id: request_id() }
}
