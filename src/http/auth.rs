//! Who calls: the role is the parameter's type.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};

use super::State;
use super::middleware::request_id;
use super::problem::{Problem, ProblemType};
use crate::app::AppError;
use crate::app::sign_in::{SignedIn, sign_in};
use crate::domain::actor::{Actor, Role};
use crate::domain::stored::Clinic;

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

async fn at_least(request: &HttpRequest, least: Role) -> Result<SignedIn, Problem> {
    let state = request.app_data::<web::Data<State>>();
    let state = state.ok_or_else(|| AppError::Internal("the application's state is missing".into()))?;
    let key = bearer(request).ok_or(AppError::NotSignedIn)?;
    let signed_in = sign_in(&state.app, key).await?;
    let role = signed_in.actor(None).role;
    if role < least {
        let detail = format!("the key has the role {}, this needs {}", role.as_str(), least.as_str());
        return Err(Problem::new(ProblemType::Forbidden, detail));
    }
    Ok(signed_in)
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut values = request.headers().get_all(AUTHORIZATION);
    let value = values.next()?.to_str().ok()?;
    // Two credentials on one request: nobody can say which is meant.
    if values.next().is_some() {
        return None;
    }
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
