//! The guard against requests that other sites send in the name of a person who is signed in.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderValue, ORIGIN};
use actix_web::{FromRequest, HttpRequest, web};

use crate::http::kernel::address::base;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::state::State;

/// A request that a page of this service sent. Every handler that changes something takes it; a request of another site is 403.
pub(in crate::http::pages) struct OwnOrigin;

impl FromRequest for OwnOrigin {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let refused = || Problem::new(ProblemType::OriginNotAllowed, "only pages of this service may send this");
        ready(is_own(request).then_some(Self).ok_or_else(refused))
    }
}

/// Whether another site leads a browser here, as the browser states. Older browsers state nothing.
pub(super) fn is_of_other_site(request: &HttpRequest) -> bool {
    let mut sites = request.headers().get_all("sec-fetch-site").map(HeaderValue::as_bytes);
    sites.any(|site| site != b"same-origin" && site != b"none")
}

/// Browsers state how the sender relates to the service in `Sec-Fetch-Site`. Older ones state the sender's origin only.
fn is_own(request: &HttpRequest) -> bool {
    let is_all = |name: &str, value: &str| {
        let mut given = request.headers().get_all(name).map(HeaderValue::as_bytes).peekable();
        given.peek().is_some() && given.all(|one| one == value.as_bytes())
    };
    if request.headers().contains_key("sec-fetch-site") {
        return is_all("sec-fetch-site", "same-origin");
    }
    let Some(state) = request.app_data::<web::Data<State>>() else { return false };
    is_all(ORIGIN.as_str(), &base(request, &state.settings))
}
