//! Credentials: create, list, rotate, revoke.

pub mod body;

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};

use crate::app::access::credentials;
use crate::app::access::credentials::{By, Key};
use crate::app::error::AppError;
use crate::domain::access::credential::Credential;
use crate::domain::audit::AuditAction;
use crate::domain::fault::keep_first_of_each_place;
use crate::domain::ids::CredentialId;
use crate::http::kernel::auth::Admin;
use crate::http::kernel::body::{Body, Incoming};
use crate::http::kernel::extract::{Later, PathId, Query};
use crate::http::kernel::paging::{self, PageQuery};
use crate::http::kernel::problem::{Problem, ProblemBody};
use crate::http::kernel::state::State;
use body::{CredentialBody, CredentialInput, CredentialPage, MintedCredentialBody, RotationInput};

/// Create a credential
///
/// Create one credential for each person or system. The key is returned only in this response; if it is lost, revoke the
/// credential and create another.
#[utoipa::path(
    tag = "admin",
    operation_id = "create_credential",
    request_body(content = CredentialInput, description = "The credential",
        example = json!({"role": "staff", "display_name": "Ada Lovelace"})),
    responses((status = 201, description = "The credential with its key", body = MintedCredentialBody, headers(
        ("Location" = String, description = "The credential"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::CredentialMinted))),
    security(("key" = ["admin"]))
)]
#[post("/v1/credentials")]
pub async fn create_credential(
    state: web::Data<State>,
    caller: Admin,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let Body { value, mut faults, .. } = incoming.read::<CredentialInput>().await?;
    let draft = match value.parse() {
        Ok(draft) if faults.is_empty() => draft,
        Ok(_) => return Err(Problem::content(faults, None)),
        Err(missing) => {
            faults.extend(missing);
            keep_first_of_each_place(&mut faults);
            return Err(Problem::content(faults, None));
        }
    };
    let (credential, key) = credentials::mint_by(&state.app, By::Admin(&caller.actor()), draft).await?;
    let location = format!("/v1/credentials/{}", credential.credential_id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(minted(credential, &key)))
}

/// List credentials
///
/// All credentials of the clinic, oldest first, including revoked ones and those of people who sign in with tokens. Keys are
/// never returned.
#[utoipa::path(
    tag = "admin",
    operation_id = "list_credentials",
    params(PageQuery),
    responses((status = 200, description = "A page", body = CredentialPage, headers(
        ("Link" = String, description = "rel=next: the next page, if there is one"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::CredentialsListed))),
    security(("key" = ["admin"]))
)]
#[get("/v1/credentials")]
pub async fn list_credentials(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Admin,
    query: Later<Query<PageQuery>>,
) -> Result<HttpResponse, Problem> {
    let page = credentials::page(&state.app, &caller.actor(), &query.read()?.0.into()).await?;
    Ok(paging::answer(&request, page, CredentialPage::new))
}

/// Rotate a credential's key
///
/// The credential keeps its id and gets a new key, which is returned only in this response. The previous key works for the
/// overlap; an older key stops working within five seconds. 409 for a credential that is revoked, expired, or signs in with
/// tokens.
#[utoipa::path(
    tag = "admin",
    operation_id = "rotate_credential",
    params(("id" = uuid::Uuid, Path, description = "Id of the credential")),
    request_body(content = RotationInput, description = "How long both keys work", example = json!({"overlap_hours": 24})),
    responses(
        (status = 200, description = "The credential with its new key", body = MintedCredentialBody),
        (status = 409, description = "The credential is revoked, expired, or signs in with tokens", body = ProblemBody,
            content_type = "application/problem+json"),
    ),
    extensions(("x-audit-action" = json!(AuditAction::CredentialRotated))),
    security(("key" = ["admin"]))
)]
#[post("/v1/credentials/{id}/rotate")]
pub async fn rotate_credential(
    state: web::Data<State>,
    caller: Admin,
    id: Later<PathId>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let id = CredentialId(id.read()?.0);
    let Body { value, faults, .. } = incoming.read::<RotationInput>().await?;
    if !faults.is_empty() {
        return Err(AppError::Faulty(faults).into());
    }
    let (credential, key) = credentials::rotate(&state.app, By::Admin(&caller.actor()), id, value.overlap()).await?;
    Ok(HttpResponse::Ok().json(minted(credential, &key)))
}

/// Revoke a credential
///
/// The credential stops working within five seconds, permanently; a person who signs in with tokens stays locked out, even
/// with valid tokens. Revoking it again changes nothing. 409 for the credential that makes the request.
#[utoipa::path(
    tag = "admin",
    operation_id = "revoke_credential",
    params(("id" = uuid::Uuid, Path, description = "Id of the credential")),
    responses(
        (status = 204, description = "Revoked"),
        (status = 409, description = "The credential makes this request", body = ProblemBody,
            content_type = "application/problem+json"),
    ),
    extensions(("x-audit-action" = json!(AuditAction::CredentialRevoked))),
    security(("key" = ["admin"]))
)]
#[delete("/v1/credentials/{id}")]
pub async fn revoke_credential(
    state: web::Data<State>,
    caller: Admin,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    credentials::revoke_by(&state.app, By::Admin(&caller.actor()), CredentialId(id.read()?.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn minted(credential: Credential, key: &Key) -> MintedCredentialBody {
    MintedCredentialBody { credential: CredentialBody::from(credential), key: key.to_string() }
}
