//! Credentials: create, list, rotate, revoke.

use std::time::Duration;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::app::ambient::{after, new_id, random};
use crate::app::audit::{audited_read, entry, operator_entry};
use crate::app::{App, AppError, Result};
use crate::domain::access::actor::{Actor, Role};
use crate::domain::access::client_token::ClientKeys;
use crate::domain::access::credential::{Credential, CredentialDraft, Member, key_prefix};
use crate::domain::audit::{AuditAction, AuditEntry};
use crate::domain::fault::{Fault, FaultCode, Params, Sentence};
use crate::domain::ids::{ClinicId, CredentialId, SenderId};
use crate::domain::page::{Page, PageRequest};
use crate::store;

/// A key for its holder. It is returned only once; only its keyed hash is stored.
pub type Key = Zeroizing<String>;

#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    Admin(&'a Actor),
    Operator(ClinicId),
}

impl By<'_> {
    const fn clinic_id(&self) -> ClinicId {
        match self {
            Self::Admin(actor) => actor.clinic_id,
            Self::Operator(clinic_id) => *clinic_id,
        }
    }

    fn entry(&self, app: &App, action: AuditAction, id: CredentialId) -> Result<AuditEntry> {
        match self {
            Self::Admin(actor) => entry(app, actor, action, id.0, &[]),
            Self::Operator(clinic_id) => operator_entry(app, *clinic_id, action, id.0),
        }
    }
}

pub async fn mint(
    app: &App,
    clinic_id: ClinicId,
    role: Role,
    display_name: &str,
    expires_at: Option<Timestamp>,
) -> Result<(Credential, Key)> {
    let display_name = display_name.to_owned();
    let draft = CredentialDraft { role, display_name, expires_at, origins: Vec::new(), replaces: None };
    mint_by(app, By::Operator(clinic_id), draft).await
}

/// Creates a key of 256 random bits. A credential that replaces another one shares its sender: it can read, correct and
/// retry what the other submitted. The other works until it is revoked.
pub async fn mint_by(app: &App, by: By<'_>, draft: CredentialDraft) -> Result<(Credential, Key)> {
    let (prefix, key) = new_key(app, draft.role)?;
    let credential = drafted(app, by.clinic_id(), draft, Some(prefix)).await?;
    let audit = by.entry(app, AuditAction::CredentialMinted, credential.credential_id)?;
    store::access::credentials::insert(&app.store, &credential, &key, &audit).await?;
    Ok((credential, key))
}

/// Creates the credential of a system that signs in with assertions, which its keys verify. A browser role is refused, because a
/// page cannot keep a private key.
pub async fn mint_client(app: &App, by: By<'_>, draft: CredentialDraft, keys: &ClientKeys) -> Result<Credential> {
    if draft.role == Role::Browser {
        return Err(AppError::fault(
            "/role",
            FaultCode::NotAllowed,
            Sentence::new(
                "a system that signs in with assertions must have the role intake, staff or admin",
                "un sistema que accede con aserciones debe tener el rol intake, staff o admin",
            ),
        ));
    }
    let credential = drafted(app, by.clinic_id(), draft, None).await?;
    let audit = by.entry(app, AuditAction::CredentialMinted, credential.credential_id)?;
    store::access::clients::insert(&app.store, &credential, keys, &audit).await?;
    Ok(credential)
}

/// The credential of a draft, with the prefix of its key if it has one.
async fn drafted(app: &App, clinic_id: ClinicId, draft: CredentialDraft, prefix: Option<String>) -> Result<Credential> {
    let now = app.ambient.now();
    let draft = draft.checked(now).map_err(AppError::Faulty)?;
    let credential_id: CredentialId = new_id(&*app.ambient, now)?;
    Ok(Credential {
        clinic_id,
        credential_id,
        sender_id: match draft.replaces {
            Some(replaces) => sender_of(app, clinic_id, replaces, draft.role).await?,
            None => SenderId(credential_id.0),
        },
        role: draft.role,
        display_name: draft.display_name,
        prefix,
        origins: draft.origins,
        created_at: now,
        expires_at: draft.expires_at,
        revoked_at: None,
        previous_key_until: None,
        web_form: false,
    })
}

/// The sender of the credential to replace, which must have the given role.
async fn sender_of(app: &App, clinic_id: ClinicId, replaces: CredentialId, role: Role) -> Result<SenderId> {
    match store::access::credentials::find(&app.store, clinic_id, replaces).await? {
        // A browser key is public: its holder could retry and correct what the form submitted.
        Some(replaced) if replaced.web_form => {
            let form = Sentence::new(
                "that credential is the clinic's web form, which no key replaces; send the id of another credential",
                "esa credencial es el formulario web de la clínica, que ninguna clave sustituye; envíe el id de otra credencial",
            );
            Err(AppError::fault("/replaces", FaultCode::Contradiction, form))
        }
        Some(replaced) if replaced.role == role => Ok(replaced.sender_id),
        Some(replaced) => {
            let other = Sentence::new(
                "that credential has another role; send the role {allowed}",
                "esa credencial tiene otro rol; envíe el rol {allowed}",
            );
            let fault = Fault::new("/replaces", FaultCode::Contradiction, other);
            Err(AppError::Faulty(vec![fault.with(Params::allowed([replaced.role.as_str()]))]))
        }
        None => Err(AppError::fault(
            "/replaces",
            FaultCode::NotFound,
            Sentence::new(
                "there is no such credential; send the id of a credential of the clinic",
                "esta credencial no existe; envíe el id de una credencial de la clínica",
            ),
        )),
    }
}

/// All credentials of a clinic, oldest first, without keys, for the operator.
pub async fn list(app: &App, clinic_id: ClinicId) -> Result<Vec<Credential>> {
    Ok(store::access::credentials::list(&app.store, clinic_id, app.ambient.now()).await?)
}

/// One page of the clinic's credentials, oldest first, without keys.
pub async fn page(app: &App, actor: &Actor, page: &PageRequest) -> Result<Page<Credential>> {
    let found = store::access::credentials::page(&app.store, actor.clinic_id, page, app.ambient.now()).await?;
    audited_read(app, actor, AuditAction::CredentialsListed, uuid::Uuid::nil(), &[]).await?;
    Ok(found)
}

/// The people who can work on follow-ups now, by name.
pub async fn staff(app: &App, actor: &Actor) -> Result<Vec<Member>> {
    Ok(store::access::credentials::staff(&app.store, actor.clinic_id, app.ambient.now()).await?)
}

/// Gives a credential a new key. The previous key works until the overlap ends; an even older key stops at once. Fails
/// when the credential has no key or no longer works.
pub async fn rotate(
    app: &App,
    by: By<'_>,
    credential_id: CredentialId,
    overlap: Duration,
) -> Result<(Credential, Key)> {
    let find = || store::access::credentials::find(&app.store, by.clinic_id(), credential_id);
    let role = find().await?.ok_or(AppError::NotFound)?.role;
    let (prefix, key) = new_key(app, role)?;
    let audit = by.entry(app, AuditAction::CredentialRotated, credential_id)?;
    let overlap_end = (!overlap.is_zero()).then(|| after(audit.at, overlap));
    let rotated =
        store::access::credentials::rotate(&app.store, credential_id, (&prefix, &key), overlap_end, &audit).await?;
    let credential = find().await?.ok_or(AppError::NotFound)?;
    match (rotated, &credential.prefix) {
        (true, _) => Ok((credential, key)),
        (false, None) if credential.web_form => Err(AppError::Conflict("this is the web form, which has no key")),
        (false, None) => Err(AppError::Conflict("this credential signs in with tokens, so it has no key")),
        (false, Some(_)) => Err(AppError::Conflict("this credential is revoked or expired; create a new one")),
    }
}

/// Replaces the public keys of a system that signs in with assertions. Its id, role and records stay. The next assertion is
/// verified with the new keys; access tokens that were issued before work until they end. Fails when the credential has no keys
/// of a system or no longer works.
pub async fn replace_client_keys(
    app: &App,
    by: By<'_>,
    credential_id: CredentialId,
    keys: &ClientKeys,
) -> Result<Credential> {
    let audit = by.entry(app, AuditAction::CredentialRotated, credential_id)?;
    let replaced = store::access::clients::replace_keys(&app.store, credential_id, keys, &audit).await?;
    let found = store::access::credentials::find(&app.store, by.clinic_id(), credential_id).await?;
    let credential = found.ok_or(AppError::NotFound)?;
    if replaced {
        return Ok(credential);
    }
    Err(AppError::Conflict("this credential has no key set, or is revoked or expired; register the system again"))
}

/// Revokes a credential for the operator; it stops working within five seconds, in every process. Fails when it is
/// already revoked.
pub async fn revoke(app: &App, clinic_id: ClinicId, credential_id: CredentialId) -> Result<()> {
    let now = revoke_by(app, By::Operator(clinic_id), credential_id).await?;
    now.then_some(()).ok_or(AppError::NotFound)
}

/// Revokes a credential; it stops working within five seconds, in every process. Returns `false` if it was already
/// revoked. Fails when it is the credential in use.
pub async fn revoke_by(app: &App, by: By<'_>, credential_id: CredentialId) -> Result<bool> {
    if matches!(by, By::Admin(actor) if actor.credential_id == credential_id) {
        return Err(AppError::Conflict("a credential cannot revoke itself; use another one"));
    }
    let audit = by.entry(app, AuditAction::CredentialRevoked, credential_id)?;
    if store::access::credentials::revoke(&app.store, credential_id, &audit).await? {
        return Ok(true);
    }
    // A retry finds the credential revoked and succeeds.
    let there = store::access::credentials::find(&app.store, by.clinic_id(), credential_id).await?;
    there.map(|_| false).ok_or(AppError::NotFound)
}

fn new_key(app: &App, role: Role) -> Result<(String, Key)> {
    let prefix = BASE32_NOPAD.encode(&random::<8>(&*app.ambient)?).to_lowercase();
    let secret = Zeroizing::new(random::<32>(&*app.ambient)?);
    let key = Zeroizing::new(key_prefix(role, &prefix) + &BASE64URL_NOPAD.encode(&*secret));
    debug_assert_eq!(prefix.len(), super::sign_in::remembered::PREFIX_LENGTH);
    Ok((prefix, key))
}
