//! Submissions: create, read, list, and assess with another rule table.

pub(in crate::http) mod batch;
pub mod body;
pub mod csv;
pub mod export_rows;
pub(in crate::http) mod exports;
pub mod history;
pub(in crate::http) mod statistics;
pub mod warnings;

use actix_web::http::header::{CONTENT_LANGUAGE, LOCATION, VARY};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use uuid::Uuid;
use validator::Validate;

use super::screening::fragments::AllFragments;
use super::screening::render::Rendering;
use super::screening::view::{AssessmentView, ViewQuery};
use crate::app::once::Once;
use crate::app::screening::rule_tables;
use crate::app::submissions::{self, erasure, idempotency, intake};
use crate::domain::access::actor::Actor;
use crate::domain::audit::AuditAction;
use crate::domain::clinics::Clinic;
use crate::domain::ids::{SubjectId, SubmissionId};
use crate::domain::language::Language;
use crate::domain::page::PageRequest;
use crate::domain::submissions::Draft;
use crate::domain::submissions::stored::{StoredSubmission, SubmissionFilter, SubmissionSummary};
use crate::http::kernel::auth::{Admin, Intake, Staff, Submitter};
use crate::http::kernel::body::{Body, Incoming};
use crate::http::kernel::extract::{AcceptedLanguages, IdempotencyKey, Later, Parameter, PathId, Query};
use crate::http::kernel::json_response::{json_response, mark_replayed};
use crate::http::kernel::names::BandName;
use crate::http::kernel::paging::{self, DEFAULT_LIMIT, page};
use crate::http::kernel::problem::{Problem, ProblemBody};
use crate::http::kernel::state::State;
use crate::http::kernel::text::plain;
use crate::http::kernel::{alarm, lag};
use crate::http::v1::HttpResult;
use crate::http::v1::submission_summary::SubmissionSummaryBody;
use body::{AssessmentQuery, IntakeQuery, ReceiptBody, SubmissionAssessmentBody, SubmissionBody, SubmissionInput};

/// Filters and page of the submission list.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SubmissionQuery {
    /// Only flagged submissions (true), or only submissions that are not flagged (false).
    pub flagged: Option<bool>,
    /// Only history imported from another system (true), or only other submissions (false).
    pub imported: Option<bool>,
    /// Only test submissions (true), or only other submissions (false).
    pub test: Option<bool>,
    /// Only submissions with a grip strength under 1 kg or five chair stands under 3 s (true). Such answers were stored before
    /// these floors, often in the wrong unit; they are never changed.
    pub below_floor: Option<bool>,
    /// Only submissions whose band is settled and equal to this.
    pub band: Option<BandName>,
    /// Only submissions whose own score total is at least this.
    #[validate(range(min = 0, max = 100))]
    #[param(minimum = 0, maximum = 100)]
    pub min_score: Option<i16>,
    /// Only submissions with this finding, a rule id.
    #[validate(length(min = 1, max = 100), custom(function = "plain"))]
    #[param(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub finding: Option<String>,
    /// Only submissions on which this instrument is positive.
    #[validate(length(min = 1, max = 100), custom(function = "plain"))]
    #[param(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub instrument_positive: Option<String>,
    /// Only submissions received at or after this time, with an offset.
    pub received_from: Option<Timestamp>,
    /// Only submissions received before this time, with an offset.
    pub received_to: Option<Timestamp>,
    /// Only submissions of this subject.
    pub subject_id: Option<Uuid>,
    /// Maximum number of items; 50 by default.
    #[validate(range(min = 1, max = 200))]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u16>,
    /// `next_cursor` of the previous page.
    #[validate(length(min = 1, max = 200))]
    #[param(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub cursor: Option<String>,
}

/// What a request with a submission asks for besides its body.
#[derive(Clone, Copy, Debug)]
pub struct IntakeOptions {
    view: AssessmentView,
    validate_only: bool,
}

impl Parameter for IntakeOptions {
    fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let IntakeQuery { view, validate_only } = Query::read(request)?.0;
        let view = AssessmentView::selected(view, request.headers());
        Ok(Self { view, validate_only: validate_only.unwrap_or(false) })
    }
}

page!(
    /// A page of submissions, newest first.
    SubmissionPage of SubmissionSummaryBody, from SubmissionSummary
);

/// Create a submission
///
/// Scores and stores answers. 201 means that the submission, its follow-up and its audit entry are stored on disk. A retry
/// with the same `Idempotency-Key` and body gets the same response, in the view that it asks for, and has no second effect.
/// Contact data never refuses a submission: `warnings` lists the parts that were not kept.
///
/// With `validate_only=true` the body is checked and scored in the same way, and nothing is stored. 200 means that the
/// submission would be stored; the receipt then has `validate_only`, no follow-up, and the nil UUID for ids. A refusal is the
/// same as without this parameter.
#[utoipa::path(
    tag = "screening",
    params(
        IntakeQuery,
        ("Prefer" = Option<String>, Header, description = "return=minimal asks for the view `summary`"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "Idempotency key, which makes a retry safe: 1 to 255 visible characters, bare or in double quotes"),
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages; the response is in en or es"),
    ),
    request_body(content = SubmissionInput, description = "The answers and the subject", example = json!({
        "answers": {"age": 82, "activity": "inactive", "falls_past_year": 4, "stair_difficulty": "a_lot_or_unable",
            "medications": ["systemic_corticosteroid_3_weeks"]}
    })),
    responses(
        (status = 201, description = "Stored", body = ReceiptBody,
            headers(("Location" = String, description = "Path of the submission"))),
        (status = 200, description = "Valid, with `validate_only`; nothing is stored", body = ReceiptBody),
        (status = 409, description = "The submission in `supersedes` is corrected already", body = ProblemBody,
            content_type = "application/problem+json"),
    ),
    extensions(("x-audit-action" = json!(AuditAction::SubmissionCreated))),
    security(("key" = ["browser"]))
)]
#[post("/v1/submissions")]
pub async fn create_submission(
    state: web::Data<State>,
    fragments: web::Data<AllFragments>,
    caller: Submitter,
    key: Later<IdempotencyKey>,
    asked: Later<IntakeOptions>,
    accepted: AcceptedLanguages,
    incoming: Incoming,
) -> HttpResult {
    let (key, IntakeOptions { view, validate_only }) = (key.read()?, asked.read()?);
    let (actor, clinic) = (caller.actor(), caller.clinic());
    let language = accepted.for_clinic(clinic);
    let (body, _place) = receive::<SubmissionInput>(&state, &actor, incoming).await?;
    if validate_only {
        let valid = validate(&state, &actor, clinic, language, body).await?;
        let rendering = Rendering::new(&fragments, rule_tables::current(&state.app), language, clinic);
        let mut response = HttpResponse::Ok();
        response.insert_header((VARY, "Accept-Language")).insert_header((CONTENT_LANGUAGE, language.as_str()));
        return json_response(&mut response, &ReceiptBody::of_valid(&valid, &rendering, view));
    }
    let Once { result: stored, replayed } = &submit(&state, &actor, clinic, key, language, body).await?;
    let release = rule_tables::get(&state.app, &stored.assessment.rule_table).await?;
    let rendering = Rendering::new(&fragments, &release.table, stored.language, clinic);
    let mut response = HttpResponse::Created();
    response
        .insert_header((LOCATION, format!("/v1/submissions/{}", stored.submission_id)))
        .insert_header((VARY, "Accept-Language"))
        .insert_header((CONTENT_LANGUAGE, stored.language.as_str()));
    mark_replayed(&mut response, *replayed);
    json_response(&mut response, &ReceiptBody::new(stored, &rendering, view))
}

/// Reserves a place among the submissions in progress, then reads the submission. Fails before the body is parsed if there is no
/// free place.
pub(in crate::http) async fn receive<T: DeserializeOwned + Validate>(
    state: &State,
    actor: &Actor,
    incoming: Incoming,
) -> Result<(Body<T>, intake::Held), Problem> {
    match intake::admit(&state.app, actor, lag::limit()) {
        Ok(place) => Ok((incoming.read().await?, place)),
        Err(error) => {
            lag::refused();
            incoming.discard().await;
            Err(error.into())
        }
    }
}

/// Stores the submission, or returns the stored result of an identical earlier request.
pub(in crate::http) async fn submit(
    state: &State,
    actor: &Actor,
    clinic: &Clinic,
    key: IdempotencyKey,
    language: Language,
    body: Body<SubmissionInput>,
) -> Result<Once<StoredSubmission>, Problem> {
    let bind = |key| idempotency::bind(&state.app, actor.sender_id, key, "create_submission", &[], &body.canonical());
    let idempotency = key.0.map(bind);
    let mut faults = body.faults;
    let draft = Draft { idempotency, ..body.value.parse(language, &mut faults) };
    let stored = intake::submit(&state.app, actor, clinic, draft, faults).await;
    stored.map_err(|error| alarm::problem(state, error, clinic, language))
}

/// Checks and scores the submission as [`submit`] does; nothing is stored.
pub(in crate::http) async fn validate(
    state: &State,
    actor: &Actor,
    clinic: &Clinic,
    language: Language,
    body: Body<SubmissionInput>,
) -> Result<intake::Valid, Problem> {
    let mut faults = body.faults;
    let draft = body.value.parse(language, &mut faults);
    let valid = intake::validate(&state.app, actor, clinic, draft, faults).await;
    valid.map_err(|error| alarm::problem(state, error, clinic, language))
}

/// List submissions
///
/// Newest first. The header `Link` also gives the next page.
#[utoipa::path(
    tag = "staff",
    params(SubmissionQuery),
    responses((status = 200, description = "A page", body = SubmissionPage,
        headers(("Link" = String, description = "rel=next: the next page, if there is one")))),
    extensions(("x-audit-action" = json!(AuditAction::SubmissionsListed))),
    security(("key" = ["staff"]))
)]
#[get("/v1/submissions")]
pub async fn list_submissions(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Staff,
    query: Later<Query<SubmissionQuery>>,
) -> HttpResult {
    let (filter, page) = query.read()?.0.parse();
    let page = submissions::list(&state.app, &caller.actor(), &filter, &page).await?;
    Ok(paging::answer(&request, page, SubmissionPage::new))
}

/// Get a submission
///
/// The answers and the assessment as stored. The language of the texts follows `Accept-Language`; by default it is that of the
/// submission. An intake key can only read submissions of its sender: the credential and those that replace it.
#[utoipa::path(
    tag = "staff",
    params(
        ("id" = uuid::Uuid, Path, description = "Id of the submission"),
        ViewQuery,
        ("Prefer" = Option<String>, Header, description = "return=minimal asks for the view `summary`"),
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages of the texts"),
    ),
    responses((status = 200, description = "The submission", body = SubmissionBody)),
    extensions(("x-audit-action" = json!(AuditAction::SubmissionRead))),
    security(("key" = ["intake"]))
)]
#[get("/v1/submissions/{id}")]
pub async fn get_submission(
    state: web::Data<State>,
    fragments: web::Data<AllFragments>,
    caller: Intake,
    id: Later<PathId>,
    view: Later<AssessmentView>,
    accepted: AcceptedLanguages,
) -> HttpResult {
    let (id, view) = (SubmissionId(id.read()?.0), view.read()?);
    let stored = submissions::get(&state.app, &caller.actor(), id).await?;
    let release = rule_tables::get(&state.app, &stored.assessment.rule_table).await?;
    let language = accepted.or(stored.language);
    let rendering = Rendering::new(&fragments, &release.table, language, caller.clinic());
    let mut response = HttpResponse::Ok();
    response.insert_header((VARY, "Accept-Language")).insert_header((CONTENT_LANGUAGE, language.as_str()));
    json_response(&mut response, &SubmissionBody::new(stored, &rendering, view))
}

/// Erase a submission
///
/// Deletes the submission with its idempotency keys, and its closed follow-up if that has no other submission. A subject that is
/// left without submissions and follow-ups is erased too. Submissions that correct it then correct the one that it corrects.
/// Without any, that one counts again, and a follow-up that was closed without its answers is reopened. The audit log keeps ids, and
/// the statistics keep the counts of past days. Erasures are applied again to a restored backup. If the server has no erasure log,
/// nothing is erased and the response is 503.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the submission")),
    responses(
        (status = 204, description = "Erased"),
        (status = 409, description = "The follow-up of the submission is open", body = ProblemBody,
            content_type = "application/problem+json"),
    ),
    extensions(("x-audit-action" = json!(AuditAction::SubmissionErased))),
    security(("key" = ["admin"]))
)]
#[delete("/v1/submissions/{id}")]
pub async fn delete_submission(state: web::Data<State>, caller: Admin, id: Later<PathId>) -> HttpResult {
    erasure::erase(&state.app, &caller.actor(), SubmissionId(id.read()?.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Get a submission's assessment under a rule table
///
/// Without `rule_table`, or with the submission's own version, returns the stored assessment. With another version, assesses
/// the same answers with that version, without storing the result; the pathways are those of the stored assessment, or the
/// clinic's if the submission's version had none. An unknown version is answered with 404, like an unknown submission. The
/// language follows `Accept-Language`; by default it is that of the submission.
#[utoipa::path(
    tag = "staff",
    params(
        ("id" = uuid::Uuid, Path, description = "Id of the submission"),
        AssessmentQuery,
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages of the texts"),
    ),
    responses((status = 200, description = "The assessment", body = SubmissionAssessmentBody)),
    extensions(("x-audit-action" = json!(AuditAction::SubmissionAssessed))),
    security(("key" = ["staff"]))
)]
#[get("/v1/submissions/{id}/assessments")]
pub async fn get_submission_assessment(
    state: web::Data<State>,
    fragments: web::Data<AllFragments>,
    caller: Staff,
    id: Later<PathId>,
    query: Later<Query<AssessmentQuery>>,
    accepted: AcceptedLanguages,
) -> HttpResult {
    let (id, query) = (SubmissionId(id.read()?.0), query.read()?.0);
    let version = query.rule_table.as_deref();
    let assessed = submissions::assess(&state.app, &caller.actor(), caller.clinic(), id, version).await?;
    let language = accepted.or(assessed.submission.language);
    let rendering = Rendering::new(&fragments, &assessed.release.table, language, caller.clinic());
    let mut response = HttpResponse::Ok();
    response.insert_header((VARY, "Accept-Language")).insert_header((CONTENT_LANGUAGE, language.as_str()));
    json_response(&mut response, &SubmissionAssessmentBody::new(&assessed, &rendering, query.view.unwrap_or_default()))
}

impl SubmissionQuery {
    pub fn parse(self) -> (SubmissionFilter, PageRequest) {
        let filter = SubmissionFilter {
            flagged: self.flagged,
            imported: self.imported,
            test: self.test,
            below_floor: self.below_floor == Some(true),
            band: self.band.map(|band| band.0),
            min_score: self.min_score,
            finding: self.finding,
            instrument_positive: self.instrument_positive,
            received_from: self.received_from,
            received_to: self.received_to,
            subject_id: self.subject_id.map(SubjectId),
        };
        (filter, PageRequest { limit: self.limit.unwrap_or(DEFAULT_LIMIT), cursor: self.cursor })
    }
}
