//! Extractors of the caller; their type sets the required role.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, ORIGIN};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};

use super::address;
use super::cors;
use super::problem::Problem;
use super::rate::Counted;
use super::request_id::request_id;
use super::state::State;
use crate::app::access::limits::Budget;
use crate::app::access::sign_in::{Admission, Attempt, SignedIn, admit};
use crate::app::error::AppError;
use crate::domain::access::actor::{Actor, Role};
use crate::domain::access::credential::Credential;
use crate::domain::access::scope::Need;
use crate::domain::clinics::Clinic;

/// Retry delay of a caller with too many unread responses.
const UNREAD: Duration = Duration::from_secs(1);

/// Request extension: the scope that an access token must have. Without it, access tokens are refused.
#[derive(Clone, Debug)]
pub(in crate::http) struct ScopeNeed(pub(in crate::http) Need);

macro_rules! callers {
    ($($(#[$doc:meta])* $name:ident: $role:expr, $budget:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(SignedIn);

        impl $name {
            #[allow(dead_code, reason = "scoring needs no actor")]
            pub fn actor(&self) -> Actor {
                self.0.actor(request_id())
            }

            #[allow(dead_code, reason = "one handler shows the credential")]
            pub fn credential(&self) -> &Credential {
                self.0.credential()
            }

            #[allow(dead_code, reason = "not every role's handlers use the clinic")]
            pub fn clinic(&self) -> &Clinic {
                self.0.clinic()
            }
        }

        impl FromRequest for $name {
            type Error = Problem;
            type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let request = request.clone();
                Box::pin(async move { admitted(&request, $role, $budget, None).await.map(Self) })
            }
        }
    )*};
}

callers! {
    /// A caller with any valid credential.
    Browser: Role::Browser, Budget::Scores;
    /// A caller with any valid credential that submits; uses the budget for submissions.
    Submitter: Role::Browser, Budget::Submissions;
    /// An intake system, or a caller with a higher role.
    Intake: Role::Intake, Budget::Scores;
    /// A member of staff, or an admin.
    Staff: Role::Staff, Budget::Scores;
    /// An admin, who manages the clinic's credentials and settings.
    Admin: Role::Admin, Budget::Scores;
}

/// Authenticates and authorizes a request. For endpoints that accept tokens of record systems, `endpoint` is the path.
pub(in crate::http) async fn admitted(
    request: &HttpRequest,
    least: Role,
    budget: Budget,
    endpoint: Option<&str>,
) -> Result<SignedIn, Problem> {
    let state = request.app_data::<web::Data<State>>();
    let state = state.ok_or_else(|| AppError::Internal("the application's state is missing".into()))?;
    let need = request.extensions().get::<ScopeNeed>().cloned();
    let attempt = Attempt {
        bearer: bearer(request),
        address: address::client(request, &state.settings.trusted_proxies),
        origin: request.headers().get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default()),
        origin_is_known: request.headers().get(ORIGIN).is_some_and(|origin| cors::is_known(state, origin)),
        endpoint,
        need: need.as_ref().map(|need| &need.0),
        least,
        budget,
        request_id: request_id(),
    };
    let admission = admit(&state.app, attempt).await;
    accepted(request, state, admission).await
}

/// Applies an admission to its request, and returns the caller.
pub(in crate::http) async fn accepted(
    request: &HttpRequest,
    state: &State,
    admission: Admission,
) -> Result<SignedIn, Problem> {
    let Admission { actor, rate_status, outcome } = admission;
    // Unread responses are held in memory. A caller with too many of them must read first.
    let unread = actor.as_ref().is_some_and(|actor| !state.waiting.share(actor.credential_id).has_room());
    // A refusal of an authenticated caller is audited.
    if let Some(actor) = actor {
        request.extensions_mut().insert(actor);
    }
    // The response reports the remaining limits.
    if let Some(rate_status) = rate_status {
        request.extensions_mut().insert(Counted(rate_status));
    }
    if unread {
        return Err(AppError::Limited { retry_after: UNREAD }.into());
    }
    let signed_in = outcome?;
    if request.method() == Method::GET {
        let place = state.app.under_way.read_place(signed_in.clinic().clinic_id).await?;
        request.extensions_mut().insert(place);
    }
    Ok(signed_in)
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut values = request.headers().get_all(AUTHORIZATION);
    let value = values.next()?.to_str().ok()?;
    // With two credentials on one request, it is unclear which one applies.
    if values.next().is_some() {
        return None;
    }
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
