//! The cookies of the pages of staff. Only these pages read cookies; the APIs do not.
//!
//! Over TLS the names begin with `__Host-`: a browser then accepts them only from this host, over TLS and without a domain. On this
//! machine without TLS a browser would not accept such a name, so it is without the prefix. Over an open network no cookie is
//! read or set.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{COOKIE, HeaderName, SET_COOKIE};

use super::transport::Transport;
use crate::app::access::sign_in::at_issuer::LIFETIME;

/// A kind of cookie.
pub(super) struct Cookie {
    name: &'static str,
    same_site: &'static str,
    /// How long a browser keeps it; `None` until the browser is closed.
    kept_for: Option<Duration>,
}

/// The session of a person.
pub(super) const SESSION: Cookie = Cookie { name: "sarcoscreen-session", same_site: "Strict", kept_for: None };

/// A sign-in at the issuer that has begun. `Lax`, because the issuer's site sends the browser back.
pub(super) const AT_ISSUER: Cookie = Cookie { name: "sarcoscreen-sign-in", same_site: "Lax", kept_for: Some(LIFETIME) };

impl Cookie {
    pub(super) fn read<'a>(&self, request: &'a HttpRequest, transport: Transport) -> Option<&'a str> {
        let name = self.full_name(transport)?;
        let values = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(';')).find_map(|pair| {
            let (given, value) = pair.trim().split_once('=')?;
            (given == name).then_some(value)
        })
    }

    pub(super) fn set(&self, transport: Transport, value: &str) -> (HeaderName, String) {
        self.header(transport, value, self.kept_for)
    }

    pub(super) fn remove(&self, transport: Transport) -> (HeaderName, String) {
        self.header(transport, "", Some(Duration::ZERO))
    }

    fn header(&self, transport: Transport, value: &str, kept_for: Option<Duration>) -> (HeaderName, String) {
        let name = self.full_name(transport).unwrap_or_default();
        let secure = if transport == Transport::Tls { "; Secure" } else { "" };
        let age = kept_for.map_or_else(String::new, |time| format!("; Max-Age={}", time.as_secs()));
        (SET_COOKIE, format!("{name}={value}; Path=/; HttpOnly; SameSite={}{secure}{age}", self.same_site))
    }

    fn full_name(&self, transport: Transport) -> Option<String> {
        match transport {
            Transport::Tls => Some(format!("__Host-{}", self.name)),
            Transport::Local => Some(self.name.to_owned()),
            Transport::Open => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_cookie_has_the_prefix_and_is_secure_over_tls() {
        let (_, text) = SESSION.set(Transport::Tls, "v");
        assert_eq!(text, "__Host-sarcoscreen-session=v; Path=/; HttpOnly; SameSite=Strict; Secure");
        let (_, text) = SESSION.set(Transport::Local, "v");
        assert_eq!(text, "sarcoscreen-session=v; Path=/; HttpOnly; SameSite=Strict");
        let (_, text) = AT_ISSUER.set(Transport::Tls, "v");
        assert_eq!(text, "__Host-sarcoscreen-sign-in=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600");
        let (_, text) = SESSION.remove(Transport::Tls);
        assert_eq!(text, "__Host-sarcoscreen-session=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0");
    }

    #[test]
    fn a_cookie_is_read_by_its_whole_name() {
        let cookies = "a=1; sarcoscreen-session=local;__Host-sarcoscreen-session=host; x-sarcoscreen-session=2";
        let request = TestRequest::default().insert_header((COOKIE, cookies)).to_http_request();
        assert_eq!(SESSION.read(&request, Transport::Tls), Some("host"));
        assert_eq!(SESSION.read(&request, Transport::Local), Some("local"));
        assert_eq!(SESSION.read(&request, Transport::Open), None);
        assert_eq!(AT_ISSUER.read(&request, Transport::Tls), None);
    }
}
