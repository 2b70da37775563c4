//! Subjects: search, read, change with history, export, erase.

pub mod body;
pub mod history;
pub(in crate::http) mod merges;

use actix_web::http::header::ETAG;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};

use crate::app::subjects::{self, changes, erasure};
use crate::domain::audit::AuditAction;
use crate::domain::ids::SubjectId;
use crate::domain::subjects::Subject;
use crate::http::kernel::auth::{Admin, Staff};
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{IfMatch, Later, PathId, Query};
use crate::http::kernel::paging::{self, PageQuery};
use crate::http::kernel::problem::ProblemBody;
use crate::http::kernel::state::State;
use crate::http::v1::HttpResult;
use crate::http::v1::contact::ContactBody;
use crate::http::v1::input::{self, faultless};
use body::{ConsentBody, SubjectBody, SubjectPage, SubjectSearchInput};
use history::{SubjectChangePage, SubjectExportBody};

/// Search subjects
///
/// Finds subjects by exactly one of reference, name, telephone or e-mail; at most 50, those with exactly the name first, then the
/// newest: give more words if 50 are found. A reference must be exact. A name is found by each of its words, without regard to
/// case, accents and spacing, and an e-mail address likewise. A telephone number is found by its national and international
/// spellings. The search is a POST so that no reference or name appears in a URL.
#[utoipa::path(
    tag = "staff",
    request_body(content = SubjectSearchInput, description = "What to search by",
        example = json!({"reference": "DEMO-0001"})),
    responses((status = 200, description = "The subjects found", body = SubjectPage)),
    extensions(("x-audit-action" = json!(AuditAction::SubjectsSearched))),
    security(("key" = ["staff"]))
)]
#[post("/v1/subjects/search")]
pub async fn search_subjects(state: web::Data<State>, caller: Staff, incoming: Incoming) -> HttpResult {
    let body = incoming.read::<SubjectSearchInput>().await?;
    let mut faults = body.faults;
    let search = body.value.parse(&mut faults);
    let (by, text) = faultless(search, faults)?;
    let found = subjects::search(&state.app, &caller.actor(), caller.clinic(), by, &text).await?;
    Ok(HttpResponse::Ok().json(SubjectPage::new(found, None)))
}

/// Get a subject
///
/// One subject. Contact data is returned only while the person consents to be contacted.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the subject")),
    responses((status = 200, description = "The subject", body = SubjectBody,
        headers(("ETag" = String, description = "The version of the subject")))),
    extensions(("x-audit-action" = json!(AuditAction::SubjectRead))),
    security(("key" = ["staff"]))
)]
#[get("/v1/subjects/{id}")]
pub async fn get_subject(state: web::Data<State>, caller: Staff, id: Later<PathId>) -> HttpResult {
    Ok(tagged(changes::get(&state.app, &caller.actor(), SubjectId(id.read()?.0)).await?))
}

/// Replace a subject's contact data
///
/// Replaces all contact data; parts that are not given are removed. The previous values go to the history. Contact data of a
/// person without consent to contact is stored but never returned.
#[utoipa::path(
    tag = "staff",
    params(
        ("id" = uuid::Uuid, Path, description = "Id of the subject"),
        ("If-Match" = String, Header, description = "The ETag of the version that the client has read"),
    ),
    request_body(content = ContactBody, description = "The contact data",
        example = json!({"name": "Ana Ruiz", "telephone": "+34 600 000 000", "email": null, "channel": "telephone",
            "language": "es"})),
    responses((status = 200, description = "The subject after the change", body = SubjectBody,
        headers(("ETag" = String, description = "The version of the subject")))),
    extensions(("x-audit-action" = json!(AuditAction::ContactChanged))),
    security(("key" = ["staff"]))
)]
#[put("/v1/subjects/{id}/contact")]
pub async fn replace_subject_contact(
    state: web::Data<State>,
    caller: Staff,
    id: Later<PathId>,
    seen: Later<IfMatch>,
    incoming: Incoming,
) -> HttpResult {
    let (id, seen) = (SubjectId(id.read()?.0), seen.read()?.0);
    let contact = input::read::<ContactBody>(incoming).await?.into();
    let changed = changes::replace_contact(&state.app, &caller.actor(), caller.clinic(), id, seen, contact).await?;
    Ok(tagged(changed))
}

/// Replace a subject's consent
///
/// Records that consent is given or withdrawn: with `to_contact` false, no later response contains contact data of the
/// subject. The previous consent goes to the history.
#[utoipa::path(
    tag = "staff",
    params(
        ("id" = uuid::Uuid, Path, description = "Id of the subject"),
        ("If-Match" = String, Header, description = "The ETag of the version that the client has read"),
    ),
    request_body(content = ConsentBody, description = "The consent",
        example = json!({"to_contact": true, "text_version": "2026-01", "given_at": "2026-01-02T03:04:05Z"})),
    responses((status = 200, description = "The subject after the change", body = SubjectBody,
        headers(("ETag" = String, description = "The version of the subject")))),
    extensions(("x-audit-action" = json!(AuditAction::ConsentChanged))),
    security(("key" = ["staff"]))
)]
#[put("/v1/subjects/{id}/consent")]
pub async fn replace_subject_consent(
    state: web::Data<State>,
    caller: Staff,
    id: Later<PathId>,
    seen: Later<IfMatch>,
    incoming: Incoming,
) -> HttpResult {
    let (id, seen) = (SubjectId(id.read()?.0), seen.read()?.0);
    let body = incoming.read::<ConsentBody>().await?;
    let mut faults = body.faults;
    let consent = body.value.parse("", &mut faults);
    let consent = faultless(consent, faults)?;
    Ok(tagged(changes::replace_consent(&state.app, &caller.actor(), id, seen, consent).await?))
}

/// List a subject's changes
///
/// Changes of contact data and consent with credential and previous values, and merges; newest first.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the subject"), PageQuery),
    responses((status = 200, description = "A page", body = SubjectChangePage,
        headers(("Link" = String, description = "rel=next: the next page, if there is one")))),
    extensions(("x-audit-action" = json!(AuditAction::SubjectHistoryRead))),
    security(("key" = ["staff"]))
)]
#[get("/v1/subjects/{id}/history")]
pub async fn list_subject_history(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Staff,
    id: Later<PathId>,
    query: Later<Query<PageQuery>>,
) -> HttpResult {
    let page = changes::history(&state.app, &caller.actor(), SubjectId(id.read()?.0), &query.read()?.0.into()).await?;
    Ok(paging::answer(&request, page, SubjectChangePage::new))
}

/// Export a subject
///
/// Everything stored about the subject and the subjects merged into it, as one JSON document. It is the person's own copy, so
/// it contains contact data regardless of consent.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the subject")),
    responses((status = 200, description = "Everything stored about the subject", body = SubjectExportBody)),
    extensions(("x-audit-action" = json!(AuditAction::SubjectExported))),
    security(("key" = ["admin"]))
)]
#[get("/v1/subjects/{id}/export")]
pub async fn export_subject(state: web::Data<State>, caller: Admin, id: Later<PathId>) -> HttpResult {
    let export = erasure::export(&state.app, &caller.actor(), SubjectId(id.read()?.0)).await?;
    Ok(HttpResponse::Ok().json(SubjectExportBody::from(export)))
}

/// Erase a subject
///
/// Deletes the subject and the subjects merged into it, with all submissions, follow-ups and changes. The audit log keeps ids
/// that no longer identify a person. Backups expire; erasures are applied again to a restored backup. If the server has no
/// erasure log, nothing is erased and the response is 503.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the subject")),
    responses(
        (status = 204, description = "Erased"),
        (status = 409, description = "The subject was merged into another", body = ProblemBody,
            content_type = "application/problem+json"),
    ),
    extensions(("x-audit-action" = json!(AuditAction::SubjectErased))),
    security(("key" = ["admin"]))
)]
#[delete("/v1/subjects/{id}")]
pub async fn delete_subject(state: web::Data<State>, caller: Admin, id: Later<PathId>) -> HttpResult {
    erasure::erase(&state.app, &caller.actor(), SubjectId(id.read()?.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn tagged(subject: Subject) -> HttpResponse {
    let tag = format!("\"{}\"", subject.version);
    HttpResponse::Ok().insert_header((ETAG, tag)).json(SubjectBody::from(subject))
}
