//! Authenticates the calling record system: by a key with the role intake, or by a token that it signed for this call.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::app::access::limits::Budget;
use crate::app::access::sign_in::SignedIn;
use crate::domain::access::actor::Role;
use crate::domain::clinics::Clinic;
use crate::http::kernel::auth::admitted;
use crate::http::kernel::problem::Problem;

/// An authorized record system.
pub(super) struct RecordSystem(SignedIn);

impl RecordSystem {
    pub(super) fn clinic(&self) -> &Clinic {
        self.0.clinic()
    }
}

impl FromRequest for RecordSystem {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { admitted(&request, Role::Intake, Budget::Scores, Some(request.path())).await.map(Self) })
    }
}
