//! The pages of staff: worklist, search, cases with their commands, statistics, exports. Handlers call the use cases of `/v1`, so
//! a page that is shown has the audit entries of these calls and no other. A command answers with a redirect to the page that
//! shows its effect.

mod case;
mod commands;
mod desk;
mod exports;
mod fields;
mod filters;
mod given;
mod search;
mod statistics;
mod together;
mod worklist;

use std::future::ready;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, LOCATION, VARY};
use actix_web::{HttpResponse, Resource, web};
use askama::Template;

use super::{HTML, NEWS, POLICY, STAFF, below_staff, rendered};
use crate::domain::audit::AuditAction;
use crate::domain::language::Language;
use crate::http::kernel::problem::Problem;
use commands::COMMANDS;

const WORKLIST: &str = STAFF;
const NEXT: &str = "/staff/next";
const SEARCH: &str = "/staff/search";
const TOGETHER: &str = "/staff/close";
const STATISTICS: &str = "/staff/statistics";
const EXPORTS: &str = "/staff/exports";
const FOLLOW_UP_EXPORT: &str = "/staff/exports/follow-ups";
const SUBMISSION_EXPORT: &str = "/staff/exports/submissions";
const CASE: &str = "/staff/cases/{id}";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource(WORKLIST, "GET").route(web::get().to(worklist::get_worklist)))
        .service(resource(NEWS, "GET").route(web::get().to(worklist::get_changes)))
        .service(resource(NEXT, "POST").route(web::post().to(worklist::post_next)))
        .service(
            resource(SEARCH, "GET, POST")
                .route(web::get().to(search::get_search))
                .route(web::post().to(search::post_search)),
        )
        .service(resource(TOGETHER, "POST").route(web::post().to(together::post_together)))
        .service(resource(STATISTICS, "GET").route(web::get().to(statistics::get_statistics)))
        .service(resource(EXPORTS, "GET").route(web::get().to(exports::get_exports)))
        .service(resource(FOLLOW_UP_EXPORT, "GET").route(web::get().to(exports::get_follow_ups)))
        .service(resource(SUBMISSION_EXPORT, "GET").route(web::get().to(exports::get_submissions)))
        .service(resource(CASE, "GET").route(web::get().to(case::get_case)));
    for (kind, _) in COMMANDS {
        let path = format!("{CASE}/{}", kind.as_str());
        config.service(resource(&path, "POST").route(web::post().to(commands::post_command)));
    }
}

/// The audited actions by method and path, for the entries of refusals.
pub(super) fn actions() -> impl Iterator<Item = (String, AuditAction)> {
    let pages = [
        ("GET", WORKLIST, AuditAction::FollowUpsListed),
        ("POST", NEXT, AuditAction::FollowUpTaken),
        ("POST", SEARCH, AuditAction::SubjectsSearched),
        ("POST", TOGETHER, AuditAction::FollowUpClosed),
        ("GET", STATISTICS, AuditAction::StatsRead),
        ("GET", FOLLOW_UP_EXPORT, AuditAction::FollowUpsExported),
        ("GET", SUBMISSION_EXPORT, AuditAction::SubmissionsExported),
        ("GET", CASE, AuditAction::FollowUpRead),
    ];
    let pages = pages.into_iter().map(|(method, path, action)| (format!("{method} {path}"), action));
    let commands = COMMANDS.into_iter().map(|(kind, action)| (format!("POST {CASE}/{}", kind.as_str()), action));
    pages.chain(commands)
}

/// A path whose other methods are refused. `allowed` is the header `Allow`.
fn resource(path: &str, allowed: &'static str) -> Resource {
    let refused = move || ready(Err::<HttpResponse, _>(Problem::method_not_allowed(allowed)));
    web::resource(below_staff(path)).default_service(web::to(refused))
}

/// A page with data of persons: no cache keeps it.
fn page(status: StatusCode, language: Language, page: &impl Template) -> Result<HttpResponse, Problem> {
    let body = rendered(page)?;
    let mut response = HttpResponse::build(status);
    response
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((CONTENT_LANGUAGE, language.as_str()))
        .insert_header((VARY, "Accept-Language, Accept-Encoding, Cookie"));
    Ok(response.content_type(HTML).body(body))
}

/// Leads to the page that shows the effect of a command.
fn see_other(address: &str) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, address)).insert_header((CACHE_CONTROL, "no-store"));
    response.finish()
}
