//! Rule tables.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, VARY};
use actix_web::{HttpResponse, get, web};

use super::State;
use super::extract::Accepted;
use super::problem::Problem;
use super::wire::Wording;
use super::wire::lists::RuleTablePage;
use super::wire::rule_table::{RuleTableBody, RuleTableSummaryBody};
use crate::app::rule_tables;
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
