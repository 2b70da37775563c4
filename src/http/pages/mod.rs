//! Web pages, rendered from templates. Pages decide nothing: they call the use cases that the JSON API calls. Every action is
//! a link or a form that works without script; the module of a page only improves it.
//!
//! `templates/` has the layout, a template for each page and partials; `assets/` the stylesheet and the modules; `texts/` the
//! texts of the pages, one file for each language. No markup is in Rust code, and nothing is inline: the policy of the
//! pages allows neither.

mod address;
mod assets;
mod error_pages;
mod layout;
mod rules;
mod screening;
mod sign_in;
mod staff;
mod texts;

use std::future::ready;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, VARY};
use actix_web::{HttpResponse, HttpResponseBuilder, Route, web};
use askama::Template;

use crate::app::error::AppError;
use crate::domain::audit::AuditAction;
use crate::domain::language::Language;
use crate::http::kernel::problem::Problem;

pub(super) use error_pages::error_pages;
pub(super) use screening::ELEMENT;

const HTML: &str = "text/html; charset=utf-8";

/// The first page of the rule tables, and that of staff.
const RULES: &str = "/rules";
const STAFF: &str = "/staff";

/// The parameter that names the command whose effect a page of staff shows.
const DONE: &str = "done";

/// Where the worklist asks for news by itself.
const NEWS: &str = "/staff/changes";

/// Pages load their own files only, send forms only to this service, and are in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The pages. They are outside the OpenAPI document.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    let page = |path: &'static str, route: Route| {
        let refused = || ready(Err::<HttpResponse, _>(Problem::method_not_allowed("GET")));
        web::resource(path).route(route).default_service(web::to(refused))
    };
    config
        .service(page("/assets/{name}", web::get().to(assets::get_asset)))
        .service(page("/rules", web::get().to(rules::get_versions)))
        .service(page("/rules/{version}", web::get().to(rules::get_table)))
        .service(page("/rules/{version}/changes", web::get().to(rules::get_changes)))
        .configure(screening::routes)
        // A scope, so that a request for another path is not compared with each of them.
        .service(web::scope(STAFF).configure(sign_in::routes).configure(staff::routes));
}

/// The part of a path of staff below the scope.
fn below_staff(path: &str) -> &str {
    path.strip_prefix(STAFF).unwrap_or(path)
}

/// Audited actions of the pages by method and path, for the entries of refusals.
pub(super) fn actions() -> impl Iterator<Item = (String, AuditAction)> {
    staff::actions()
}

/// The first page of the group that a path belongs to; `None` for paths whose errors are not shown as pages.
fn first_page(path: &str) -> Option<&'static str> {
    let is_below = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if path == "/" {
        return Some(RULES);
    }
    let groups = [("/rules", RULES), ("/s", RULES), ("/staff", STAFF)];
    groups.into_iter().find(|(root, _)| is_below(root)).map(|(_, first)| first)
}

/// Starts the response of a page without data of persons. A client checks each time that its copy is current, so that a page
/// never names the files of another version of the service.
fn public_page(language: Language) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((CONTENT_LANGUAGE, language.as_str()))
        .insert_header((VARY, "Accept-Language, Accept-Encoding"));
    response
}

fn rendered(page: &impl Template) -> Result<Vec<u8>, Problem> {
    let text = page.render().map_err(|error| AppError::Internal(error.into()))?;
    Ok(text.into_bytes())
}
