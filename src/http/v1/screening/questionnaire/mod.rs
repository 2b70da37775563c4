//! The questionnaire.

pub mod body;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, VARY};
use actix_web::{HttpRequest, HttpResponse, get, web};

use crate::app::screening::rule_tables;
use crate::domain::language::Language;
use crate::http::kernel::extract::AcceptedLanguages;
use crate::http::kernel::fixed::{JSON, json};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use body::QuestionnaireBody;

/// Get the questionnaire
///
/// Items, options, ranges, steps, units, audience, groups and wording: everything needed to render the form. The language of
/// the wording follows `Accept-Language`.
#[utoipa::path(
    tag = "screening",
    operation_id = "get_questionnaire",
    params(
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages; the response is in en or es"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the form that the client has"),
    ),
    responses(
        (status = 200, description = "The form", body = QuestionnaireBody, headers(
            ("ETag" = String, description = "Identifies this version in this language"),
            ("Content-Language" = String, description = "The language of the texts"),
        )),
        (status = 304, description = "The client already has this form"),
    ),
    security(())
)]
#[get("/v1/questionnaire")]
pub async fn get_questionnaire(
    request: HttpRequest,
    state: web::Data<State>,
    accepted: AcceptedLanguages,
) -> Result<HttpResponse, Problem> {
    let language = accepted.or(Language::default());
    let release = rule_tables::list(&state.app).pop();
    let release = release.ok_or_else(|| Problem::from(crate::app::error::AppError::NotFound))?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((VARY, "Accept-Language, Accept-Encoding"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header((CONTENT_LANGUAGE, language.as_str()));
    let body = state.public.body("/v1/questionnaire", &release.table.version, language);
    body.answer(&request, response, JSON, || json(&QuestionnaireBody::new(&release.table, language)))
}
