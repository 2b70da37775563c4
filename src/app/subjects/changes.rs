//! Changes of a subject by staff: contact data, consent, and their earlier values.

use crate::app::audit::{audited_read, entry};
use crate::app::{App, AppError, Result, ambient::possible};
use crate::domain::clinics::Clinic;
use crate::domain::page::{Page, PageRequest};
use crate::domain::subjects::history::SubjectChange;
use crate::domain::subjects::{Consent, Contact, Subject};
use crate::domain::{
    access::actor::Actor,
    audit::AuditAction,
    fault::{FaultCode, Sentence},
    ids::SubjectId,
};
use crate::store::{self, subjects::changes::Replacement};

/// One subject. Contact data is returned only with consent to contact.
pub async fn get(app: &App, actor: &Actor, subject_id: SubjectId) -> Result<Subject> {
    let found = store::subjects::find(&app.store, actor.clinic_id, subject_id).await?.ok_or(AppError::NotFound)?;
    audited_read(app, actor, AuditAction::SubjectRead, subject_id.0, &[subject_id]).await?;
    Ok(found.shown())
}

/// Replaces the contact data of the version that the caller read. Without consent it is stored but hidden. Fails when
/// the subject was merged into another.
pub async fn replace_contact(
    app: &App,
    actor: &Actor,
    clinic: &Clinic,
    subject_id: SubjectId,
    seen: i32,
    contact: Contact,
) -> Result<Subject> {
    let replacement = Replacement::Contact(contact, clinic.profile.country.clone());
    replace(app, actor, subject_id, seen, AuditAction::ContactChanged, replacement).await
}

/// Replaces the consent of the version that the caller read. A withdrawal hides contact data at once. Fails when the
/// consent has an impossible time, or the subject was merged into another.
pub async fn replace_consent(
    app: &App,
    actor: &Actor,
    subject_id: SubjectId,
    seen: i32,
    consent: Consent,
) -> Result<Subject> {
    if !possible(&*app.ambient, consent.given_at) {
        return Err(AppError::fault(
            "/given_at",
            FaultCode::OutOfRange,
            Sentence::new("must be between 1900 and now", "debe estar entre 1900 y ahora"),
        ));
    }
    replace(app, actor, subject_id, seen, AuditAction::ConsentChanged, Replacement::Consent(consent)).await
}

/// One page of the changes of a subject, the latest first. Earlier contact data is returned only while the person consents
/// to contact.
pub async fn history(
    app: &App,
    actor: &Actor,
    subject_id: SubjectId,
    page: &PageRequest,
) -> Result<Page<SubjectChange>> {
    let mut changes =
        store::subjects::changes::list(&app.store, actor.clinic_id, subject_id, page, app.ambient.now()).await?;
    // Read after the changes, so that a withdrawal in between hides them.
    let subject = store::subjects::find(&app.store, actor.clinic_id, subject_id).await?.ok_or(AppError::NotFound)?;
    let may_be_contacted = subject.may_be_contacted();
    let shown = |change: SubjectChange| SubjectChange { before: change.before.shown(may_be_contacted), ..change };
    changes.items = changes.items.into_iter().map(shown).collect();
    audited_read(app, actor, AuditAction::SubjectHistoryRead, subject_id.0, &[subject_id]).await?;
    Ok(changes)
}

async fn replace(
    app: &App,
    actor: &Actor,
    subject_id: SubjectId,
    seen: i32,
    action: AuditAction,
    replacement: Replacement,
) -> Result<Subject> {
    let entry = entry(app, actor, action, subject_id.0, &[subject_id])?;
    let changed = store::subjects::changes::replace(&app.store, subject_id, seen, replacement, &entry).await?;
    Ok(changed.shown())
}
