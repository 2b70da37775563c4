//! Subjects: search.

pub mod body;
pub mod history;
pub(in crate::http) mod merges;
pub(in crate::http) mod records;

use actix_web::{HttpResponse, post, web};

use crate::app::subjects;
use crate::domain::audit::AuditAction;
use crate::http::kernel::auth::Staff;
use crate::http::kernel::body::Incoming;
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
    extensions(("x-audit-action" = json!(AuditAction::SubjectsSearched))),
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
