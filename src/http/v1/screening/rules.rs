//! Rule tables, and the cases that test implementations of them.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, VARY};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, get, web};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::rule_table::{RuleTableBody, RuleTablePage, RuleTableSummaryBody};
use crate::app::error::AppError;
use crate::app::screening::rule_tables;
use crate::domain::language::Language;
use crate::domain::screening::rule_table::Id;
use crate::http::kernel::extract::AcceptedLanguages;
use crate::http::kernel::fixed::{Fixed, JSON, json};
use crate::http::kernel::state::State;
use crate::http::kernel::wording::Wording;
use crate::http::v1::HttpResult;

/// The list, the cases and the evidence of a table change with a release of the program.
const FIVE_MINUTES: &str = "public, max-age=300";
/// What differs between two versions never changes.
pub(super) const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Answers with expected results, for testing another implementation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Conformance)]
pub struct ConformanceBody {
    /// Version of the rule table that the cases test.
    #[schema(example = "2026.3")]
    pub rule_table: &'static str,
    /// Number of cases.
    #[schema(minimum = 0)]
    pub count: usize,
    /// The cases.
    pub cases: Vec<ConformanceCaseBody>,
}

/// One conformance case.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ConformanceCase)]
pub struct ConformanceCaseBody {
    /// Unique name of the case.
    pub name: String,
    /// The rules, red flags, bands, instruments and pathways that the case covers.
    pub covers: Vec<String>,
    /// Source of the expected result.
    pub source: String,
    /// The answers. In a case about faults, the service rejects them.
    #[schema(value_type = Object)]
    pub answers: Map<String, Value>,
    /// Audiences that are asked in addition to the person.
    pub audience: Vec<String>,
    /// The pathways to evaluate.
    pub pathways: Vec<String>,
    /// The expected result. Parts that are not listed are not compared. Keys ending in `_include` and `_exclude` list entries
    /// that an array must and must not contain; `none` means null.
    #[schema(value_type = Object)]
    pub expect: Map<String, Value>,
}

/// List the rule tables
///
/// All released versions, oldest first; the current one is marked.
#[utoipa::path(
    tag = "screening",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the response that the client has"),),
    responses(
        (status = 200, description = "All versions", body = RuleTablePage),
        (status = 304, description = "The client already has this list"),
    ),
    security(())
)]
#[get("/v1/rule-tables")]
pub async fn list_rule_tables(request: HttpRequest, state: web::Data<State>) -> HttpResult {
    let current = &rule_tables::current(&state.app).version;
    let body = state.public.body("/v1/rule-tables", current, Language::default());
    body.answer(&request, cached(FIVE_MINUTES, "Accept-Encoding"), JSON, || json(&page(&state, current)))
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
pub(super) fn cached(caching: &'static str, varies_by: &'static str) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, caching)).insert_header((VARY, varies_by));
    response
}

/// Get a rule table
///
/// The complete table: rules with points, conditions, reasons and sources, bands, red flags, instruments and advice, none of
/// which ever changes; and what was measured of its total, which is added after its release. Conditions are in words too, in the
/// language of the texts.
#[utoipa::path(
    tag = "screening",
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
) -> HttpResult {
    let language = accepted.or(Language::default());
    let release = rule_tables::find(&state.app, &version).await?;
    let wording = Wording { table: &release.table, language };
    let mut response = cached(FIVE_MINUTES, "Accept-Language, Accept-Encoding");
    response.insert_header((CONTENT_LANGUAGE, language.as_str()));
    let body = state.public.body("/v1/rule-tables/{version}", &release.table.version, language);
    body.answer(&request, response, JSON, || json(&RuleTableBody::new(wording, &release.digest)))
}

/// Get the conformance cases
///
/// Answers with their expected results from the current rule table, and sources, for testing another implementation.
#[utoipa::path(
    tag = "screening",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the response that the client has"),),
    responses(
        (status = 200, description = "All cases", body = ConformanceBody),
        (status = 304, description = "The client already has these cases"),
    ),
    security(())
)]
#[get("/v1/conformance")]
pub async fn get_conformance(request: HttpRequest) -> HttpResult {
    static BODY: Fixed = Fixed::new();
    BODY.answer(&request, cached(FIVE_MINUTES, "Accept-Encoding"), JSON, || json(&conformance()?))
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
    Ok(ConformanceBody { rule_table, count: cases.len(), cases: cases.collect() })
}
