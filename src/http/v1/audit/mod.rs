//! The audit log, for a clinic's admins.

pub mod body;

use actix_web::{HttpRequest, HttpResponse, get, web};

use crate::app::audit;
use crate::domain::audit::AuditAction;
use crate::http::kernel::auth::Admin;
use crate::http::kernel::extract::{Later, Query};
use crate::http::kernel::paging;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use body::{AuditEntryPage, AuditQuery};

/// List audit entries
///
/// Who did, read or attempted what, newest first: ids and credential names, no health data. Reading the audit log is itself
/// audited.
#[utoipa::path(
    tag = "admin",
    operation_id = "list_audit_entries",
    params(AuditQuery),
    responses((status = 200, description = "A page", body = AuditEntryPage, headers(
        ("Link" = String, description = "rel=next: the next page, if there is one"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::AuditEntriesListed))),
    security(("key" = ["admin"]))
)]
#[get("/v1/audit-entries")]
pub async fn list_audit_entries(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Admin,
    query: Later<Query<AuditQuery>>,
) -> Result<HttpResponse, Problem> {
    let (filter, page) = query.read()?.0.parse();
    let page = audit::list(&state.app, &caller.actor(), &filter, &page).await?;
    Ok(paging::answer(&request, page, AuditEntryPage::new))
}
