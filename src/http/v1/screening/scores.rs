//! Scoring without storing.

use actix_web::http::header::{CONTENT_LANGUAGE, VARY};
use actix_web::{HttpResponse, post, web};

use crate::app::screening::rule_tables;
use crate::app::submissions::intake;
use crate::domain::fault::{Fault, keep_first_of_each_place};
use crate::domain::language::Language;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::questionnaire::{Audience, Audiences};
use crate::domain::screening::scoring::Asked;
use crate::domain::stored::Clinic;
use crate::domain::submissions::PathwayId;
use crate::http::State;
use crate::http::kernel::auth::Browser;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::Accepted;
use crate::http::kernel::names::{AssessmentBody, Rendering};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::written::written;
use crate::http::v1::submissions::body::{ScoreInput, answers};

/// Score answers
///
/// Scores complete or partial answers; nothing is stored. Unanswered items widen the bounds; they never count as zero.
#[utoipa::path(
    tag = "screening",
    operation_id = "create_score",
    params(("Accept-Language" = Option<String>, Header, description = "Preferred languages; the response is in en or es")),
    request_body(content = ScoreInput, description = "The answers", example = json!({
        "answers": {"age": 82, "activity": "inactive", "falls_past_year": 4, "stair_difficulty": "a_lot_or_unable"}
    })),
    responses((status = 200, description = "The assessment of the answers by the rule table", body = AssessmentBody)),
    security(("key" = ["browser"]))
)]
#[post("/v1/scores")]
pub async fn create_score(
    state: web::Data<State>,
    caller: Browser,
    accepted: Accepted,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let language = accepted.of(caller.clinic());
    let body = incoming.read::<ScoreInput>().await?;
    let mut faults = body.faults;
    let answers = answers(body.value.answers, &mut faults);
    refuse(&state, &answers, faults, caller.clinic(), language)?;
    let asked: Vec<Audience> = body.value.audience.unwrap_or_default().into_iter().map(|name| name.0).collect();
    let audiences = Audiences::of(&asked);
    let named = body.value.pathways.map(|pathways| pathways.into_iter().map(|name| name.0).collect());
    let pathways: Vec<PathwayId> = named.unwrap_or_else(|| caller.clinic().pathways.clone());
    let assessment = intake::score(&state.app, &answers, Asked { audiences, pathways: &pathways });
    let table = rule_tables::current(&state.app);
    let fragments = state.fragments(table, language);
    let rendering = Rendering { table, language, clinic: caller.clinic(), fragments: &fragments };
    let mut response = HttpResponse::Ok();
    response.insert_header((VARY, "Accept-Language")).insert_header((CONTENT_LANGUAGE, language.code()));
    written(&mut response, &rendering.assessment(&answers, &assessment, audiences))
}

/// Rejects faulty answers, but still reports the red flags in them: a person with an emergency must not get only a field
/// error.
pub(in crate::http) fn refuse(
    state: &State,
    answers: &Answers,
    mut faults: Vec<Fault>,
    clinic: &Clinic,
    language: Language,
) -> Result<(), Problem> {
    if faults.is_empty() {
        return Ok(());
    }
    keep_first_of_each_place(&mut faults);
    let table = rule_tables::current(&state.app);
    let fragments = state.fragments(table, language);
    let rendering = Rendering { table, language, clinic, fragments: &fragments };
    let alarm = rendering.alarm(&intake::alarm(&state.app, answers));
    Err(Problem::content(faults, Some(alarm)))
}
