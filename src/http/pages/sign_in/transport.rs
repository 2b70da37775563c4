//! How a browser reaches the service. Keys and cookies are accepted over TLS, and without it on this machine only.

use actix_web::HttpRequest;

use crate::http::kernel::address::base;
use crate::http::kernel::cors::is_local;
use crate::http::kernel::state::Settings;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Tls,
    /// Plain HTTP to a browser on this machine.
    Local,
    /// Plain HTTP over a network.
    Open,
}

impl Transport {
    pub(super) fn new(request: &HttpRequest, settings: &Settings) -> Self {
        let base = base(request, settings);
        if base.starts_with("https://") {
            Self::Tls
        } else if is_local(&base) {
            Self::Local
        } else {
            Self::Open
        }
    }
}
