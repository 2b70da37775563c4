//! Rule tables.

use std::sync::OnceLock;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, ContentType, VARY};
use actix_web::{HttpResponse, get, web};

use super::State;
use super::extract::Accepted;
use super::problem::Problem;
use super::wire::Wording;
use super::wire::conformance::{ConformanceBody, ConformanceCaseBody};
use super::wire::lists::RuleTablePage;
use super::wire::rule_table::{RuleTableBody, RuleTableSummaryBody};
use crate::app::{AppError, rule_tables};
use crate::domain::language::Language;

/// List the rule tables
///
/// Every released version, oldest first; the current one is marked.
#[utoipa::path(
    tag = "screening",
    operation_id = "list_rule_tables",
    responses((status = 200, description = "Every version", body = RuleTablePage)),
    security(())
)]
#[get("/v1/rule-tables")]
pub async fn list_rule_tables(state: web::Data<State>) -> HttpResponse {
    let current = rule_tables::current(&state.app).version.clone();
    let items = rule_tables::list(&state.app).into_iter().map(|release| RuleTableSummaryBody {
        current: release.table.version == current,
        version: release.table.version.to_string(),
        digest: release.digest.clone(),
    });
    let page = RuleTablePage::of(items.collect(), None);
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header((VARY, "Accept-Encoding"))
        .json(page)
}

/// Get a rule table
///
/// The whole table: rules with points, conditions, reasons and sources, bands, red flags, instruments and advice.
#[utoipa::path(
    tag = "screening",
    operation_id = "get_rule_table",
    params(
        ("version" = String, Path, description = "The version, such as 2026.1", example = "2026.1"),
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages; en or es is answered"),
    ),
    responses((status = 200, description = "The table", body = RuleTableBody)),
    security(())
)]
#[get("/v1/rule-tables/{version}")]
pub async fn get_rule_table(
    state: web::Data<State>,
    version: web::Path<String>,
    accepted: Accepted,
) -> Result<HttpResponse, Problem> {
    let language = accepted.or(Language::default());
    let release = rule_tables::get(&state.app, &version).await?;
    let current = rule_tables::current(&state.app).version == release.table.version;
    let wording = Wording { table: &release.table, language };
    Ok(HttpResponse::Ok()
        .insert_header((VARY, "Accept-Language, Accept-Encoding"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header((CONTENT_LANGUAGE, language.code()))
        .json(RuleTableBody::of(wording, &release.digest, current)))
}

/// Get the conformance cases
///
/// Answers with what the current rule table must make of them, each with its source, so that another implementation can
/// test itself.
#[utoipa::path(
    tag = "screening",
    operation_id = "get_conformance",
    responses((status = 200, description = "Every case", body = ConformanceBody)),
    security(())
)]
#[get("/v1/conformance")]
pub async fn get_conformance() -> Result<HttpResponse, Problem> {
    // The cases never change while the program runs, and there are hundreds of them.
    static BODY: OnceLock<web::Bytes> = OnceLock::new();
    let body = if let Some(body) = BODY.get() {
        body.clone()
    } else {
        let body = conformance()?;
        BODY.get_or_init(|| body).clone()
    };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header((VARY, "Accept-Encoding"))
        .content_type(ContentType::json())
        .body(body))
}

fn conformance() -> Result<web::Bytes, Problem> {
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
    let body = serde_json::to_vec(&ConformanceBody { rule_table, count: cases.len(), cases });
    let broken = |error: serde_json::Error| Problem::from(AppError::Internal(error.to_string()));
    body.map(web::Bytes::from).map_err(broken)
}
