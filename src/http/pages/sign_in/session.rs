//! The person who is signed in.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::error::InternalError;
use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use actix_web::{Error, FromRequest, HttpRequest, web};

use super::cookies::SESSION;
use super::destination::{see_other, to_sign_in};
use super::transport::Transport;
use super::visitor;
use crate::app::access::sign_in::sessions;
use crate::app::error::AppError;
use crate::domain::access::actor::Actor;
use crate::domain::clinics::Clinic;
use crate::http::kernel::auth::accepted;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::request_id::request_id;
use crate::http::kernel::state::State;
use crate::http::pages::NEWS;

/// A person of staff, or an admin, with a session. A request without one is sent to the sign-in page; that of a script is 401,
/// because a script cannot show the page.
pub(in crate::http::pages) struct SignedIn {
    /// The caller for use cases.
    pub actor: Actor,
    /// The person's name.
    pub name: String,
    pub clinic: Clinic,
}

impl FromRequest for SignedIn {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(extract(request.clone()))
    }
}

async fn extract(request: HttpRequest) -> Result<SignedIn, Error> {
    match resume(&request).await? {
        Some(person) => Ok(person),
        None if is_of_script(&request) => Err(Problem::from(AppError::NotSignedIn(None)).into()),
        None => {
            let response = see_other(&to_sign_in(&request, &state(&request)?.settings)).finish();
            Err(InternalError::from_response("not signed in", response).into())
        }
    }
}

/// The person of the session that the request's cookie names; `None` without a session.
pub(super) async fn resume(request: &HttpRequest) -> Result<Option<SignedIn>, Problem> {
    let state = state(request)?;
    let Some(text) = SESSION.read(request, Transport::new(request, &state.settings)) else { return Ok(None) };
    // A page that looks for news is not used by a person for that.
    let is_use = request.method() != Method::GET || !is_of_script(request);
    let admission = sessions::resume(&state.app, text, visitor(request, state), is_use).await;
    match accepted(request, state, admission).await {
        Ok(person) => Ok(Some(SignedIn {
            actor: person.actor(request_id()),
            name: person.credential().display_name.clone(),
            clinic: person.clinic().clone(),
        })),
        Err(problem) if problem.kind() == ProblemType::Unauthenticated => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// Whether the script of a page sent the request, as its browser states. Older browsers do not state it, so the news count always.
fn is_of_script(request: &HttpRequest) -> bool {
    let is_empty = |destination: &HeaderValue| destination.as_bytes() == b"empty";
    request.path() == NEWS || request.headers().get("sec-fetch-dest").is_some_and(is_empty)
}

fn state(request: &HttpRequest) -> Result<&web::Data<State>, Problem> {
    let state = request.app_data::<web::Data<State>>();
    Ok(state.ok_or_else(|| AppError::Internal("the application's state is missing".into()))?)
}
