//! Subjects: search, and the submissions of one subject.

pub mod body;
pub mod history;
pub(in crate::http) mod merges;
pub(in crate::http) mod records;

use actix_web::{HttpRequest, HttpResponse, get, post, web};

use super::submissions::history::SubjectSubmissionPage;
use crate::app::subjects;
use crate::domain::ids::SubjectId;
use crate::http::kernel::auth::Staff;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{Later, PathId, Query};
use crate::http::kernel::paging::{self, PageQuery};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use body::{SubjectPage, SubjectSearchInput};

/// Search subjects
///
/// Finds subjects by exactly one of reference, name, telephone or e-mail; at most 50, newest first. The search is a POST so
/// that no reference or name appears in a URL.
#[utoipa::path(
    tag = "staff",
    operation_id = "search_subjects",
    request_body(content = SubjectSearchInput, description = "What to search by",
        example = json!({"reference": "DEMO-0001"})),
    responses((status = 200, description = "The subjects found", body = SubjectPage)),
    security(("key" = ["staff"]))
)]
#[post("/v1/subjects/search")]
pub async fn search_subjects(
    state: web::Data<State>,
    caller: Staff,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let body = incoming.read::<SubjectSearchInput>().await?;
    let mut faults = body.faults;
    let (by, text) = match body.value.parse() {
        Ok(search) if faults.is_empty() => search,
        Ok(_) => return Err(Problem::content(faults, None)),
        Err(fault) => {
            faults.push(fault);
            return Err(Problem::content(faults, None));
        }
    };
    let found = subjects::search(&state.app, &caller.actor(), by, &text).await?;
    Ok(HttpResponse::Ok().json(SubjectPage::new(found, None)))
}

/// List a subject's submissions
///
/// Submissions of one subject, newest first, each with the change since the previous one and the date of the next screen.
#[utoipa::path(
    tag = "staff",
    operation_id = "list_subject_submissions",
    params(("id" = uuid::Uuid, Path, description = "Id of the subject"), PageQuery),
    responses((status = 200, description = "A page", body = SubjectSubmissionPage, headers(
        ("Link" = String, description = "rel=next: the next page, if there is one"),
    ))),
    security(("key" = ["staff"]))
)]
#[get("/v1/subjects/{id}/submissions")]
pub async fn list_subject_submissions(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Staff,
    id: Later<PathId>,
    query: Later<Query<PageQuery>>,
) -> Result<HttpResponse, Problem> {
    let page =
        subjects::submissions(&state.app, &caller.actor(), SubjectId(id.read()?.0), &query.read()?.0.into()).await?;
    Ok(paging::answer(&request, page, SubjectSubmissionPage::new))
}
