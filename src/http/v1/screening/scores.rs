//! Scoring without storing.

use actix_web::http::header::{CONTENT_LANGUAGE, VARY};
use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::answers::{AnswersBody, answers};
use super::assessment::AssessmentBody;
use super::fragments::AllFragments;
use super::render::Rendering;
use super::view::{AssessmentView, ViewQuery};
use crate::app::screening::rule_tables;
use crate::app::submissions::intake;
use crate::domain::screening::pathway::PathwayId;
use crate::domain::screening::questionnaire::{Audience, Audiences};
use crate::domain::screening::scoring::ScoreOptions;
use crate::http::kernel::alarm;
use crate::http::kernel::auth::Browser;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{AcceptedLanguages, Later};
use crate::http::kernel::json_response::json_response;
use crate::http::kernel::names::{AudienceName, PathwayName};
use crate::http::kernel::state::State;
use crate::http::v1::HttpResult;

/// Answers to score; nothing is stored.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ScoreInput)]
pub struct ScoreInput {
    /// The answers; any item may be missing.
    #[schema(required, value_type = AnswersBody)]
    pub answers: Option<AnswersBody>,
    /// Pathways to evaluate instead of the clinic's own.
    #[validate(length(max = 4))]
    #[schema(max_items = 4)]
    pub pathways: Option<Vec<PathwayName>>,
    /// Audiences whose unanswered items widen the bounds; the person's always do.
    #[validate(length(max = 3))]
    #[schema(max_items = 3)]
    pub audience: Option<Vec<AudienceName>>,
}

/// Score answers
///
/// Scores complete or partial answers; nothing is stored. Unanswered items widen the bounds; they never count as zero.
#[utoipa::path(
    tag = "screening",
    params(
        ViewQuery,
        ("Prefer" = Option<String>, Header, description = "return=minimal asks for the view `summary`"),
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages; the response is in en or es"),
    ),
    request_body(content = ScoreInput, description = "The answers", example = json!({
        "answers": {"age": 82, "activity": "inactive", "falls_past_year": 4, "stair_difficulty": "a_lot_or_unable"}
    })),
    responses((status = 200, description = "The assessment of the answers by the rule table", body = AssessmentBody)),
    security(("key" = ["browser"]))
)]
#[post("/v1/scores")]
pub async fn create_score(
    state: web::Data<State>,
    fragments: web::Data<AllFragments>,
    caller: Browser,
    view: Later<AssessmentView>,
    accepted: AcceptedLanguages,
    incoming: Incoming,
) -> HttpResult {
    let view = view.read()?;
    let language = accepted.for_clinic(caller.clinic());
    let body = incoming.read::<ScoreInput>().await?;
    let mut faults = body.faults;
    let answers = answers(body.value.answers, &mut faults);
    let asked: Vec<Audience> = body.value.audience.unwrap_or_default().into_iter().map(|name| name.0).collect();
    let audiences = Audiences::of(&asked);
    let named = body.value.pathways.map(|pathways| pathways.into_iter().map(|name| name.0).collect());
    let pathways: Vec<PathwayId> = named.unwrap_or_else(|| caller.clinic().pathways.clone());
    let table = rule_tables::current(&state.app);
    let assessment =
        intake::score(&state.app, table, &answers, faults, ScoreOptions { audiences, pathways: &pathways })
            .map_err(|error| alarm::problem(&state, error, caller.clinic(), language))?;
    let rendering = Rendering::new(&fragments, table, language, caller.clinic());
    let mut response = HttpResponse::Ok();
    response.insert_header((VARY, "Accept-Language")).insert_header((CONTENT_LANGUAGE, language.as_str()));
    json_response(&mut response, &rendering.assessment(&answers, &assessment, audiences, view))
}
