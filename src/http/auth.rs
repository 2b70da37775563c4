//! Who calls: the role is the parameter's type.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, ORIGIN};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};

use super::middleware::request_id;
use super::problem::{Problem, ProblemType};
use super::rate::Counted;
use super::{State, address};
use crate::app::limits::Exceeded;
use crate::app::sign_in::{Attempt, SignedIn, sign_in};
use crate::app::{AppError, failed_sign_ins};
use crate::domain::actor::{Actor, Role};
use crate::domain::stored::Clinic;

/// When a caller may ask again whose answers are not read.
const UNREAD: Duration = Duration::from_secs(1);

macro_rules! caller {
    ($(#[$doc:meta])* $name:ident, $role:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(SignedIn);

        impl $name {
            /// Who acts.
            #[must_use]
            pub fn actor(&self) -> Actor {
                self.0.actor(request_id())
            }

            /// The clinic acted for.
            #[must_use]
            #[allow(dead_code, reason = "not every role's operations show the clinic")]
            pub fn clinic(&self) -> &Clinic {
                self.0.clinic()
            }
        }

        impl FromRequest for $name {
            type Error = Problem;
            type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let request = request.clone();
                Box::pin(async move { at_least(&request, $role).await.map(Self) })
            }
        }
    };
}

caller!(
    /// Anybody with a working key.
    Browser,
    Role::Browser
);
caller!(
    /// An intake system, or anybody who may do more.
    Intake,
    Role::Intake
);
caller!(
    /// A member of staff, or an admin.
    Staff,
    Role::Staff
);
caller!(
    /// Who manages the clinic's credentials and settings.
    Admin,
    Role::Admin
);

pub(super) async fn at_least(request: &HttpRequest, least: Role) -> Result<SignedIn, Problem> {
    let state = request.app_data::<web::Data<State>>();
    let state = state.ok_or_else(|| AppError::Internal("the application's state is missing".into()))?;
    let Some(bearer) = bearer(request) else {
        failed_sign_ins::record(&state.app, None);
        return Err(AppError::NotSignedIn(None).into());
    };
    let address = address::of(request, &state.settings.trusted_proxies);
    let signed_in = sign_in(&state.app, Attempt { bearer, address, request_id: request_id() }).await?;
    let actor = signed_in.actor(request_id());
    // Whoever is refused from here on is known by name.
    request.extensions_mut().insert(actor.clone());
    let origin = request.headers().get(ORIGIN).and_then(|origin| origin.to_str().ok());
    if !signed_in.may_come_from(origin) {
        let detail = "this key is bound to web sites, and the Origin of this request is none of them";
        return Err(Problem::new(ProblemType::OriginNotAllowed, detail));
    }
    count(request, state, &actor)?;
    if actor.role < least {
        let detail = format!("the key has the role {}, this needs {}", actor.role.as_str(), least.as_str());
        return Err(Problem::new(ProblemType::Forbidden, detail));
    }
    Ok(signed_in)
}

/// Counts a request against the limits; the answer will say where the caller stands.
pub(super) fn count(request: &HttpRequest, state: &State, actor: &Actor) -> Result<(), AppError> {
    let counted = state.app.count(actor);
    let standing = counted.unwrap_or_else(|exceeded| exceeded.standing);
    request.extensions_mut().insert(Counted(state.app.rates(), standing));
    // Answers that are not read are held. Whoever has too many of them reads first.
    if !state.waiting.share(actor.credential_id).has_room() {
        return Err(AppError::Limited { retry_after: UNREAD });
    }
    counted.map(drop).map_err(|Exceeded { wait, .. }| AppError::Limited { retry_after: wait })
}

pub(super) fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut values = request.headers().get_all(AUTHORIZATION);
    let value = values.next()?.to_str().ok()?;
    // Two credentials on one request: nobody can say which is meant.
    if values.next().is_some() {
        return None;
    }
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
