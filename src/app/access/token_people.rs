//! People and record systems that sign in with tokens. Each gets a credential at its first sign-in, so that the audit log
//! can name it.

use std::sync::Arc;

use uuid::Uuid;

use super::{actor, tokens::Tokens};
use crate::app::{App, AppError, Result, ambient::new_id, audit::entry};
use crate::domain::ids::{CredentialId, SenderId};
use crate::domain::{access::credential::Credential, access::token::TokenPerson, audit::AuditAction, clinics::Clinic};
use crate::store::{self, access::credentials::SignedIn, access::token_people::IssuerSubject};

/// Finds the credential of the person in an issuer's token. Fails when the token is refused, or the issuer's keys are
/// unavailable.
pub(in crate::app) async fn find(
    app: &App,
    tokens: &Tokens,
    bearer: &str,
    request_id: Option<Uuid>,
) -> Result<Arc<SignedIn>> {
    let person = tokens.person(bearer, &*app.ambient).await?;
    find_or_make(app, tokens.issuer(), &person, request_id).await
}

/// Finds the credential of a person or system of an issuer. Creates it if it is missing, and updates it if the issuer's
/// claims have changed. Fails when there is no such clinic, or when it is suspended and has no such credential.
pub(in crate::app) async fn find_or_make(
    app: &App,
    issuer: &str,
    person: &TokenPerson,
    request_id: Option<Uuid>,
) -> Result<Arc<SignedIn>> {
    let issuer_subject = IssuerSubject::new(&app.store, issuer, &person.subject);
    // At most twice: if another request creates the credential meanwhile, it is read again.
    for _ in 0..2 {
        let found = store::access::token_people::find(&app.store, &person.clinic, &issuer_subject).await?;
        let Some((clinic, credential)) = found else {
            tracing::info!("a token was refused: its clinic does not exist");
            return Err(AppError::NotSignedIn(None));
        };
        match credential {
            Some(mut credential) => {
                keep_up(app, &mut credential, &clinic, person, request_id).await?;
                let until = Some(person.until);
                return Ok(Arc::new(SignedIn { credential, clinic, until }));
            }
            None if clinic.suspended => return Err(AppError::ClinicSuspended(None)),
            None => make(app, &clinic, person, &issuer_subject, request_id).await?,
        }
    }
    Err(AppError::Internal("the credential of a token was not stored".into()))
}

async fn make(
    app: &App,
    clinic: &Clinic,
    person: &TokenPerson,
    issuer_subject: &IssuerSubject,
    request_id: Option<Uuid>,
) -> Result<()> {
    let now = app.ambient.now();
    let credential_id: CredentialId = new_id(&*app.ambient, now)?;
    let credential = Credential {
        clinic_id: clinic.clinic_id,
        credential_id,
        sender_id: SenderId(credential_id.0),
        role: person.role,
        display_name: person.display_name.clone(),
        prefix: None,
        origins: Vec::new(),
        created_at: now,
        expires_at: None,
        revoked_at: None,
        previous_key_until: None,
        web_form: false,
    };
    let audit = entry(app, &actor(&credential, request_id), AuditAction::CredentialMinted, credential_id.0, &[])?;
    Ok(store::access::token_people::insert(&app.store, &credential, issuer_subject, &audit).await?)
}

/// The issuer decides the role and the name; a revoked credential stays revoked.
async fn keep_up(
    app: &App,
    credential: &mut Credential,
    clinic: &Clinic,
    person: &TokenPerson,
    request_id: Option<Uuid>,
) -> Result<()> {
    let same = credential.role == person.role && credential.display_name == person.display_name;
    if same || credential.revoked_at.is_some() || clinic.suspended {
        return Ok(());
    }
    let id = credential.credential_id;
    let audit = entry(app, &actor(credential, request_id), AuditAction::CredentialChanged, id.0, &[])?;
    store::access::token_people::update(&app.store, id, person.role, &person.display_name, &audit).await?;
    (credential.role, credential.display_name) = (person.role, person.display_name.clone());
    Ok(())
}
