//! Credentials: create, list, rotate, revoke.

pub(in crate::http) mod staff;

use std::time::Duration;

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::app::access::credentials::{self, By, Key};
use crate::domain::access::credential::{Credential, CredentialDraft};
use crate::domain::audit::AuditAction;
use crate::domain::fault::{Fault, keep_first_of_each_place};
use crate::domain::ids::CredentialId;
use crate::http::kernel::auth::Admin;
use crate::http::kernel::body::{Body, Incoming};
use crate::http::kernel::extract::{Later, PathId, Query};
use crate::http::kernel::names::RoleName;
use crate::http::kernel::paging::{self, PageQuery, page};
use crate::http::kernel::problem::ProblemBody;
use crate::http::kernel::state::State;
use crate::http::v1::HttpResult;
use crate::http::v1::input::{self, faultless, required};

/// A credential to create.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CredentialInput)]
pub struct CredentialInput {
    /// Role of the credential.
    #[schema(required, value_type = RoleName)]
    pub role: Option<RoleName>,
    /// The person or system that receives the credential; create one credential for each.
    #[validate(length(min = 1, max = 200))]
    #[schema(required, value_type = String, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub display_name: Option<String>,
    /// When the credential expires, with an offset; by default never.
    pub expires_at: Option<Timestamp>,
    /// Web sites whose pages may send a browser key, as exact origins such as `https://clinic.example`. Without origins the
    /// key is not bound to a site.
    #[validate(length(max = 20))]
    #[schema(max_items = 20)]
    pub origins: Option<Vec<String>>,
    /// Id of the credential that this one replaces: of the same clinic and role, revoked or not. What the replaced credential
    /// submitted can be read, corrected and retried with this one. The replaced credential works until it is revoked. Not the
    /// clinic's web form.
    pub replaces: Option<Uuid>,
}

/// How a credential changes to its new key.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RotationInput)]
pub struct RotationInput {
    /// Hours for which the previous key works beside the new one; 24 by default.
    #[validate(range(min = 0, max = 168))]
    #[schema(minimum = 0, maximum = 168)]
    #[serde(default, deserialize_with = "crate::http::kernel::whole::optional")]
    pub overlap_hours: Option<u16>,
}

/// A credential, without its key.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Credential)]
pub struct CredentialBody {
    /// Id of the credential.
    pub id: Uuid,
    /// Role of the credential.
    pub role: RoleName,
    /// The person or system that the credential was given to.
    pub display_name: String,
    /// Id of the sender of its records: its own id, or that of the first credential that it replaces.
    pub sender_id: Uuid,
    /// Prefix of the key; null for a person who signs in with tokens of the identity provider, and for the clinic's web form.
    #[schema(example = "sk_abcdefghijklm_")]
    pub key_prefix: Option<String>,
    /// Web sites whose pages may send the key; empty if the key is not bound to a site.
    pub origins: Vec<String>,
    /// When the credential was created, or when the person first signed in.
    pub created_at: Timestamp,
    /// When the credential expires.
    pub expires_at: Option<Timestamp>,
    /// When the credential was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Until when the key before the last rotation works.
    pub previous_key_until: Option<Timestamp>,
}

/// A credential with its key, which is returned only once.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = MintedCredential)]
pub struct MintedCredentialBody {
    /// The credential.
    #[serde(flatten)]
    pub credential: CredentialBody,
    /// The key. It cannot be retrieved again.
    pub key: String,
}

page!(
    /// A page of credentials, oldest first.
    CredentialPage of CredentialBody, from Credential
);

/// Create a credential
///
/// Create one credential for each person or system. The key is returned only in this response; if it is lost, revoke the
/// credential and create another.
#[utoipa::path(
    tag = "admin",
    request_body(content = CredentialInput, description = "The credential",
        example = json!({"role": "staff", "display_name": "Ada Lovelace"})),
    responses((status = 201, description = "The credential with its key", body = MintedCredentialBody,
        headers(("Location" = String, description = "The credential")))),
    extensions(("x-audit-action" = json!(AuditAction::CredentialMinted))),
    security(("key" = ["admin"]))
)]
#[post("/v1/credentials")]
pub async fn create_credential(state: web::Data<State>, caller: Admin, incoming: Incoming) -> HttpResult {
    let Body { value, mut faults, .. } = incoming.read::<CredentialInput>().await?;
    let draft = value.parse(&mut faults);
    if draft.is_none() {
        keep_first_of_each_place(&mut faults);
    }
    let draft = faultless(draft, faults)?;
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
    params(PageQuery),
    responses((status = 200, description = "A page", body = CredentialPage,
        headers(("Link" = String, description = "rel=next: the next page, if there is one")))),
    extensions(("x-audit-action" = json!(AuditAction::CredentialsListed))),
    security(("key" = ["admin"]))
)]
#[get("/v1/credentials")]
pub async fn list_credentials(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Admin,
    query: Later<Query<PageQuery>>,
) -> HttpResult {
    let page = credentials::page(&state.app, &caller.actor(), &query.read()?.0.into()).await?;
    Ok(paging::answer(&request, page, CredentialPage::new))
}

/// Rotate a credential's key
///
/// The credential keeps its id and gets a new key, which is returned only in this response. The previous key works for the
/// overlap; an older key stops working within five seconds. 409 for a credential that is revoked or expired, signs in with
/// tokens, or is the clinic's web form.
#[utoipa::path(
    tag = "admin",
    params(("id" = uuid::Uuid, Path, description = "Id of the credential")),
    request_body(content = RotationInput, description = "How long both keys work", example = json!({"overlap_hours": 24})),
    responses(
        (status = 200, description = "The credential with its new key", body = MintedCredentialBody),
        (status = 409, description = "The credential is revoked, expired, or has no key", body = ProblemBody,
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
) -> HttpResult {
    let id = CredentialId(id.read()?.0);
    let rotation = input::read::<RotationInput>(incoming).await?;
    let overlap = Duration::from_hours(rotation.overlap_hours.unwrap_or(24).into());
    let (credential, key) = credentials::rotate(&state.app, By::Admin(&caller.actor()), id, overlap).await?;
    Ok(HttpResponse::Ok().json(minted(credential, &key)))
}

/// Revoke a credential
///
/// The credential stops working within five seconds, permanently; a person who signs in with tokens stays locked out, even
/// with valid tokens. Revoking the clinic's web form closes it. Revoking a credential again changes nothing. 409 for the credential
/// that makes the request.
#[utoipa::path(
    tag = "admin",
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
pub async fn revoke_credential(state: web::Data<State>, caller: Admin, id: Later<PathId>) -> HttpResult {
    credentials::revoke_by(&state.app, By::Admin(&caller.actor()), CredentialId(id.read()?.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn minted(credential: Credential, key: &Key) -> MintedCredentialBody {
    MintedCredentialBody { credential: CredentialBody::from(credential), key: key.to_string() }
}

impl CredentialInput {
    pub fn parse(self, faults: &mut Vec<Fault>) -> Option<CredentialDraft> {
        let role = required(self.role, "/role", faults);
        let display_name = required(self.display_name, "/display_name", faults);
        Some(CredentialDraft {
            role: role?.0,
            display_name: display_name?,
            expires_at: self.expires_at,
            origins: self.origins.unwrap_or_default(),
            replaces: self.replaces.map(CredentialId),
        })
    }
}

impl From<Credential> for CredentialBody {
    fn from(credential: Credential) -> Self {
        Self {
            key_prefix: credential.key_prefix(),
            id: credential.credential_id.0,
            role: RoleName(credential.role),
            display_name: credential.display_name,
            sender_id: credential.sender_id.0,
            origins: credential.origins,
            created_at: credential.created_at,
            expires_at: credential.expires_at,
            revoked_at: credential.revoked_at,
            previous_key_until: credential.previous_key_until,
        }
    }
}
