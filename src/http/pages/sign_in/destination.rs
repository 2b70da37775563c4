//! Where a person goes after signing in or out. Only pages of staff are destinations, so that no link of another site can use the
//! sign-in to send a person elsewhere.

use actix_web::http::Method;
use actix_web::http::header::{LOCATION, REFERER};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use super::SIGN_IN;
use crate::http::kernel::address::base;
use crate::http::kernel::state::Settings;
use crate::http::pages::DONE;
use crate::http::pages::address::{LANGUAGE, in_language, selected};

/// The first page of staff.
const FIRST: &str = "/staff";
const LONGEST: usize = 500;

/// The address if it is a page of staff, otherwise the first page.
pub(super) fn checked(address: String) -> String {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let is_below = path.strip_prefix(FIRST).is_some_and(|rest| rest.starts_with('/'));
    // A browser resolves dots, also encoded ones, so that such a path may lead elsewhere.
    let is_page = path == FIRST || is_below && !path.contains(['.', '%']) && !path.contains("//");
    let is_sign_in = path.starts_with("/staff/sign-");
    let plain = address.len() <= LONGEST && address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_page && !is_sign_in && plain { address } else { FIRST.to_owned() }
}

/// The address of the sign-in page that leads back to the page of a request. A form leads back to the page that sent it.
pub(super) fn to_sign_in(request: &HttpRequest, settings: &Settings) -> String {
    let page = if request.method() == Method::GET {
        request.uri().path_and_query().map(|address| address.as_str().to_owned())
    } else {
        let sender = request.headers().get(REFERER).and_then(|sender| sender.to_str().ok());
        sender.and_then(|sender| sender.strip_prefix(&base(request, settings))).map(str::to_owned)
    };
    // After a sign-in no command was executed, and the module of the page would end the draft of a note.
    let page = page.unwrap_or_default();
    in_selected_language(request, &with_destination(SIGN_IN, &checked(without(DONE, &page))))
}

/// The destination in the language that the sign-in page was switched to, if its address selects one.
pub(super) fn in_chosen_language(request: &HttpRequest, to: &str) -> String {
    match selected(request) {
        Some(language) if !to.contains('#') => in_language(&without(LANGUAGE, to), language),
        _ => to.to_owned(),
    }
}

/// The address without a parameter.
fn without(name: &str, address: &str) -> String {
    let Some((path, query)) = address.split_once('?') else { return address.to_owned() };
    let others: Vec<&str> = query.split('&').filter(|pair| pair.split('=').next() != Some(name)).collect();
    if others.is_empty() { path.to_owned() } else { format!("{path}?{}", others.join("&")) }
}

/// An address of the sign-in with the page to return to.
pub(super) fn with_destination(address: &str, to: &str) -> String {
    let to: String = form_urlencoded::byte_serialize(to.as_bytes()).collect();
    format!("{address}?to={to}")
}

/// The address in the language that the request's address selects, if it selects one.
pub(super) fn in_selected_language(request: &HttpRequest, address: &str) -> String {
    selected(request).map_or_else(|| address.to_owned(), |language| in_language(address, language))
}

/// Sends a browser to another address, with GET.
pub(super) fn see_other(address: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, address));
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::test::TestRequest;

    use super::*;

    fn settings() -> Settings {
        Settings {
            cors_origins: Vec::new(),
            cors_local: false,
            trusted_proxies: Vec::new(),
            body_room: 0,
            public_url: Some("https://screening.example".to_owned()),
            connections: 1,
            read_deadline: Duration::ZERO,
            answer_deadline: Duration::ZERO,
            workers: 1,
            shutdown: Duration::ZERO,
        }
    }

    #[test]
    fn the_sign_in_leads_back_to_the_page_of_a_request() {
        let get = |address: &str| to_sign_in(&TestRequest::with_uri(address).to_http_request(), &settings());
        assert_eq!(get("/staff"), "/staff/sign-in?to=%2Fstaff");
        assert_eq!(get("/staff/cases/1?lang=es"), "/staff/sign-in?to=%2Fstaff%2Fcases%2F1%3Flang%3Des&lang=es");
        let after_command = get("/staff/cases/1?done=note&lang=es");
        assert_eq!(after_command, "/staff/sign-in?to=%2Fstaff%2Fcases%2F1%3Flang%3Des&lang=es");
        assert_eq!(get("/staff/cases/1?done=note"), "/staff/sign-in?to=%2Fstaff%2Fcases%2F1");
        let post = |sender: &str| {
            let request = TestRequest::post().uri("/staff/cases/1/claim").insert_header((REFERER, sender));
            to_sign_in(&request.to_http_request(), &settings())
        };
        assert_eq!(post("https://screening.example/staff/cases/1"), "/staff/sign-in?to=%2Fstaff%2Fcases%2F1");
        for other in ["https://evil.example/staff/cases/1", "https://screening.example.evil.example/staff/cases/1", ""]
        {
            assert_eq!(post(other), "/staff/sign-in?to=%2Fstaff", "{other}");
        }
    }

    #[test]
    fn only_pages_of_staff_are_destinations() {
        for fit in ["/staff", "/staff?page=2", "/staff/cases/1?lang=es#notes"] {
            assert_eq!(checked(fit.to_owned()), fit);
        }
        for unfit in [
            "",
            "/",
            "/rules",
            "/staffing",
            "//evil.example/staff",
            "https://evil.example/staff",
            "/staff/sign-in?to=%2Fstaff",
            "/staff/sign-out",
            "/staff\\evil",
            "/staff/../rules",
            "/staff/..//evil.example",
            "/staff/%2e%2E/rules",
            "/staff/./sign-out",
            "/staff//sign-out",
            "/staff/sign%2dout",
            "/staff/a\r\nset-cookie: a=b",
            &*format!("/staff/{}", "a".repeat(LONGEST)),
        ] {
            assert_eq!(checked(unfit.to_owned()), FIRST, "{unfit}");
        }
    }
}
