//! Which record system calls: with a key of the role intake, or with a token that it signed for this one call.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};

use crate::app::AppError;
use crate::app::tokens::clients;
use crate::domain::actor::Role;
use crate::domain::stored::Clinic;
use crate::http::State;
use crate::http::auth::{at_least, bearer, count};
use crate::http::problem::Problem;

/// A record system that may call.
pub(super) struct RecordSystem {
    /// The clinic it asks for.
    pub(super) clinic: Clinic,
}

impl FromRequest for RecordSystem {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { signed_in(&request).await })
    }
}

async fn signed_in(request: &HttpRequest) -> Result<RecordSystem, Problem> {
    let state = request.app_data::<web::Data<State>>();
    let state = state.ok_or_else(|| AppError::Internal("the application's state is missing".into()))?;
    match bearer(request).filter(|bearer| clients::is_of_a_client(&state.app, bearer)) {
        Some(token) => {
            let (actor, clinic) = clients::sign_in(&state.app, token, request.path()).await?;
            request.extensions_mut().insert(actor.clone());
            count(request, state, &actor)?;
            Ok(RecordSystem { clinic })
        }
        None => Ok(RecordSystem { clinic: at_least(request, Role::Intake).await?.clinic().clone() }),
    }
}
