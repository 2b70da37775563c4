//! Subjects: search, change, merge, erase.

pub mod changes;
pub mod erasure;
pub mod identities;
pub mod merges;
pub mod reindex;
pub mod retention;

use uuid::Uuid;

use super::audit::{audited_read, distinct_subjects};
use super::{App, Result};
use crate::domain::ids::ClinicId;
use crate::domain::subjects::{NamesakeReference, Search, SourceShare, Subject};
use crate::domain::{access::actor::Actor, audit::AuditAction, clinics::Clinic};
use crate::store;

/// The subjects of the actor's clinic that match a search. Contact data is returned only with consent to contact.
pub async fn search(app: &App, actor: &Actor, clinic: &Clinic, by: &Search) -> Result<Vec<Subject>> {
    let found = match by {
        Search::Field(field, text) => {
            let place = (actor.clinic_id, clinic.profile.country.as_deref());
            store::subjects::search(&app.store, place, *field, text).await?
        }
        Search::Receipt(code) => store::subjects::of_receipt(&app.store, actor.clinic_id, *code).await?,
    };
    let shown = distinct_subjects(found.iter().map(|subject| subject.subject_id));
    audited_read(app, actor, AuditAction::SubjectsSearched, Uuid::nil(), &shown).await?;
    Ok(found.into_iter().map(Subject::shown).collect())
}

/// The sources of each subject that has submissions of several intake keys or several record systems, by subject.
pub async fn shared_references(app: &App, clinic_id: ClinicId) -> Result<Vec<SourceShare>> {
    Ok(store::subjects::shared_references(&app.store, clinic_id).await?)
}

/// The subjects of each reference that exists in several systems.
pub async fn namesake_references(app: &App, clinic_id: ClinicId) -> Result<Vec<Vec<NamesakeReference>>> {
    Ok(store::subjects::namesake_references(&app.store, clinic_id).await?)
}
