//! The audit log, for a clinic's admins: ids and credential names, no health data.

use actix_web::{HttpRequest, get, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::app::audit;
use crate::domain::audit::{AuditAction, AuditFilter, NamedEntry};
use crate::domain::ids::{CredentialId, SubjectId};
use crate::domain::page::PageRequest;
use crate::domain::times::Times;
use crate::http::kernel::auth::Admin;
use crate::http::kernel::extract::{Later, Query};
use crate::http::kernel::names::{AuditActionName, AuditOutcomeName};
use crate::http::kernel::paging::{self, PageQuery, page};
use crate::http::kernel::state::State;
use crate::http::v1::HttpResult;

/// Filters and page of the audit log.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only entries with this action.
    pub action: Option<AuditActionName>,
    /// Only entries with this outcome.
    pub outcome: Option<AuditOutcomeName>,
    /// Only entries of this credential.
    pub credential_id: Option<Uuid>,
    /// Only entries about this subject, alone or in a returned list.
    pub subject_id: Option<Uuid>,
    /// Only entries about this resource, including combined entries of refusals that named it.
    pub resource_id: Option<Uuid>,
    /// Only entries of this request.
    pub request_id: Option<Uuid>,
    /// Only entries at or after this time, with an offset.
    pub from: Option<Timestamp>,
    /// Only entries before this time, with an offset.
    pub to: Option<Timestamp>,
    /// Maximum number of items; 50 by default.
    #[validate(range(min = 1, max = 200))]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u16>,
    /// `next_cursor` of the previous page.
    #[validate(length(min = 1, max = 200))]
    #[param(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub cursor: Option<String>,
}

/// An audit entry: who did, read or attempted what, and when.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditEntryBody {
    /// Id of the entry.
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// The credential used; null for the operator and for background work.
    pub credential_id: Option<Uuid>,
    /// The display name of the credential.
    pub credential_name: Option<String>,
    /// What was done or attempted.
    pub action: AuditActionName,
    /// The outcome.
    pub outcome: AuditOutcomeName,
    /// The resource; null if there is no single one.
    pub resource_id: Option<Uuid>,
    /// The distinct resources named by the refusals that this entry combines; at most 50.
    #[schema(max_items = 50)]
    pub resource_ids: Vec<Uuid>,
    /// All subjects that the entry is about or that were returned.
    pub subject_ids: Vec<Uuid>,
    /// Number of occurrences. The first refusal of a credential, action and outcome has an entry of its own; further ones are
    /// counted and combined in one entry at most a minute later.
    #[schema(minimum = 1)]
    pub occurrences: i32,
    /// The request that the entry belongs to.
    pub request_id: Option<Uuid>,
}

page!(
    /// A page of the audit log, newest first.
    AuditEntryPage of AuditEntryBody, from NamedEntry
);

/// List audit entries
///
/// Who did, read or attempted what, newest first: ids and credential names, no health data. Reading the audit log is itself
/// audited.
#[utoipa::path(
    tag = "admin",
    params(AuditQuery),
    responses((status = 200, description = "A page", body = AuditEntryPage,
        headers(("Link" = String, description = "rel=next: the next page, if there is one")))),
    extensions(("x-audit-action" = json!(AuditAction::AuditEntriesListed))),
    security(("key" = ["admin"]))
)]
#[get("/v1/audit-entries")]
pub async fn list_audit_entries(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Admin,
    query: Later<Query<AuditQuery>>,
) -> HttpResult {
    let (filter, page) = query.read()?.0.parse();
    let page = audit::list(&state.app, &caller.actor(), &filter, &page).await?;
    Ok(paging::answer(&request, page, AuditEntryPage::new))
}

impl AuditQuery {
    pub fn parse(self) -> (AuditFilter, PageRequest) {
        let filter = AuditFilter {
            ids: None,
            actions: self.action.map(|action| vec![action.0]),
            outcomes: self.outcome.map(|outcome| vec![outcome.0]),
            credential_ids: self.credential_id.map(|id| vec![CredentialId(id)]),
            subject_ids: self.subject_id.map(|id| vec![SubjectId(id)]),
            resource_ids: self.resource_id.map(|id| vec![id]),
            request_id: self.request_id,
            at: (self.from.is_some() || self.to.is_some()).then(|| Times::union(vec![(self.from, self.to)])),
        };
        (filter, PageQuery { limit: self.limit, cursor: self.cursor }.into())
    }
}

impl From<NamedEntry> for AuditEntryBody {
    fn from(NamedEntry { entry, display_name }: NamedEntry) -> Self {
        let subjects = entry.subject_id.into_iter().chain(entry.subject_ids);
        Self {
            id: entry.audit_entry_id.0,
            at: entry.at,
            credential_id: entry.credential_id.map(|id| id.0),
            credential_name: display_name,
            action: AuditActionName(entry.action),
            outcome: AuditOutcomeName(entry.outcome),
            resource_id: Some(entry.resource_id).filter(|id| !id.is_nil()),
            resource_ids: entry.resource_ids,
            subject_ids: subjects.map(|id| id.0).collect(),
            occurrences: entry.occurrences,
            request_id: entry.request_id,
        }
    }
}
