//! Rule tables.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, VARY};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, get, web};

use super::conformance::{ConformanceBody, ConformanceCaseBody};
use super::rule_table::{RuleTableBody, RuleTablePage, RuleTableSummaryBody};
use crate::app::error::AppError;
use crate::app::screening::rule_tables;
use crate::domain::language::Language;
use crate::domain::screening::rule_table::Id;
use crate::http::kernel::extract::AcceptedLanguages;
use crate::http::kernel::fixed::{Fixed, JSON, json};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::kernel::wording::Wording;

/// List the rule tables
///
/// All released versions, oldest first; the current one is marked.
#[utoipa::path(
    tag = "screening",
    operation_id = "list_rule_tables",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the response that the client has"),),
    responses(
        (status = 200, description = "All versions", body = RuleTablePage),
        (status = 304, description = "The client already has this list"),
    ),
    security(())
)]
#[get("/v1/rule-tables")]
pub async fn list_rule_tables(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let current = &rule_tables::current(&state.app).version;
    let body = state.public.body("/v1/rule-tables", current, Language::default());
    body.answer(&request, cached("Accept-Encoding"), JSON, || json(&page(&state, current)))
}

fn page(state: &State, current: &Id) -> RuleTablePage {
    let items = rule_tables::list(&state.app).into_iter().map(|release| RuleTableSummaryBody {
        current: release.table.version == *current,
        version: release.table.version.to_string(),
        digest: release.digest.clone(),
    });
    RuleTablePage::new(items.collect(), None)
}

/// Starts a publicly cacheable response.
fn cached(varies_by: &'static str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "public, max-age=300")).insert_header((VARY, varies_by));
    response
}

/// Get a rule table
///
/// The complete table: rules with points, conditions, reasons and sources, bands, red flags, instruments and advice.
#[utoipa::path(
    tag = "screening",
    operation_id = "get_rule_table",
    params(
        ("version" = String, Path, description = "The version, such as 2026.1", example = "2026.1"),
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages; the response is in en or es"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the response that the client has"),
    ),
    responses(
        (status = 200, description = "The table", body = RuleTableBody),
        (status = 304, description = "The client already has this table"),
    ),
    security(())
)]
#[get("/v1/rule-tables/{version}")]
pub async fn get_rule_table(
    request: HttpRequest,
    state: web::Data<State>,
    version: web::Path<String>,
    accepted: AcceptedLanguages,
) -> Result<HttpResponse, Problem> {
    let language = accepted.or(Language::default());
    let release = rule_tables::find(&state.app, &version).await?;
    let current = rule_tables::current(&state.app).version == release.table.version;
    let wording = Wording { table: &release.table, language };
    let mut response = cached("Accept-Language, Accept-Encoding");
    response.insert_header((CONTENT_LANGUAGE, language.as_str()));
    let body = state.public.body("/v1/rule-tables/{version}", &release.table.version, language);
    body.answer(&request, response, JSON, || json(&RuleTableBody::new(wording, &release.digest, current)))
}

/// Get the conformance cases
///
/// Answers with their expected results from the current rule table, and sources, for testing another implementation.
#[utoipa::path(
    tag = "screening",
    operation_id = "get_conformance",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the response that the client has"),),
    responses(
        (status = 200, description = "All cases", body = ConformanceBody),
        (status = 304, description = "The client already has these cases"),
    ),
    security(())
)]
#[get("/v1/conformance")]
pub async fn get_conformance(request: HttpRequest) -> Result<HttpResponse, Problem> {
    static BODY: Fixed = Fixed::new();
    BODY.answer(&request, cached("Accept-Encoding"), JSON, || json(&conformance()?))
}

fn conformance() -> Result<ConformanceBody, AppError> {
    let (rule_table, cases) = rule_tables::conformance()?;
    let cases = cases.into_iter().map(|case| ConformanceCaseBody {
        name: case.name,
        covers: case.covers,
        source: case.source,
        answers: case.answers,
        audience: case.audience,
        pathways: case.pathways,
        expect: case.expect,
    });
    let cases: Vec<_> = cases.collect();
    Ok(ConformanceBody { rule_table, count: cases.len(), cases })
}
