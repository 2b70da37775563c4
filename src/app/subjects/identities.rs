//! Who the subjects of records are, for callers who may see it. Staff see the reference of every subject. An intake key sees those
//! of the subjects that its sender submitted answers for, unless others were merged into the subject: its reference may then be one
//! that the sender does not know.

use std::collections::HashMap;

use uuid::Uuid;

use crate::app::audit::audited_read;
use crate::app::{App, AppError, Result};
use crate::domain::access::actor::{Actor, Role};
use crate::domain::ids::SubjectId;
use crate::domain::subjects::{Identity, Reference};
use crate::domain::{audit::AuditAction, clinics::Clinic};
use crate::store;

/// The maximum number of subjects that a reference without a system finds.
const MOST: u32 = 50;

/// What a search for subjects names: a reference, or the value of one in any system.
#[derive(Clone, PartialEq, Eq)]
pub enum Named {
    Reference(Reference),
    Value(String),
}

/// The references of subjects that the caller has been shown already, by subject.
pub async fn references(
    app: &App,
    actor: &Actor,
    clinic: &Clinic,
    subjects: &[SubjectId],
) -> Result<HashMap<SubjectId, Reference>> {
    let found = visible(app, actor, clinic, subjects).await?;
    Ok(found.into_iter().filter_map(|(id, identity)| Some((id, identity.reference?))).collect())
}

/// The subjects that the caller knows by these names. Not audited by itself: the caller uses them as a filter of a list.
pub async fn named(app: &App, actor: &Actor, clinic: &Clinic, names: &[Named]) -> Result<Vec<SubjectId>> {
    let (clinic_id, own) = (actor.clinic_id, &clinic.profile.reference_systems);
    let mut found = Vec::new();
    for name in names {
        let ids = match name {
            Named::Reference(reference) => {
                let reference = reference.clone().within(own);
                store::submissions::persons::with_reference(&app.store, clinic_id, &reference, own).await?
            }
            Named::Value(value) => store::subjects::references::with_value(&app.store, clinic_id, value, MOST).await?,
        };
        found.extend(ids);
    }
    found.sort_unstable();
    found.dedup();
    of_caller(app, actor, found).await
}

/// The subjects with these ids, as far as the caller may see them. Audited as a search, with the subjects found.
pub async fn search(app: &App, actor: &Actor, clinic: &Clinic, subjects: &[SubjectId]) -> Result<Vec<Identity>> {
    let subjects = of_caller(app, actor, subjects.to_vec()).await?;
    let mut found: Vec<_> = visible(app, actor, clinic, &subjects).await?.into_values().collect();
    found.sort_by_key(|identity| identity.subject_id);
    let shown: Vec<_> = found.iter().map(|identity| identity.subject_id).collect();
    audited_read(app, actor, AuditAction::SubjectsSearched, Uuid::nil(), &shown).await?;
    Ok(found)
}

/// One subject, if the caller may see it. Audited as a read.
pub async fn read(app: &App, actor: &Actor, clinic: &Clinic, subject_id: SubjectId) -> Result<Identity> {
    let subjects = of_caller(app, actor, vec![subject_id]).await?;
    let found = visible(app, actor, clinic, &subjects).await?.remove(&subject_id).ok_or(AppError::NotFound)?;
    audited_read(app, actor, AuditAction::SubjectRead, subject_id.0, &[subject_id]).await?;
    Ok(found)
}

/// A subject of the clinic that the caller may name in a submission; `None` if there is none. Nothing about it may be returned
/// except whether it exists and has a reference.
pub async fn known(app: &App, actor: &Actor, subject_id: SubjectId) -> Result<Option<Identity>> {
    let subjects = of_caller(app, actor, vec![subject_id]).await?;
    let mut found = store::subjects::references::identities(&app.store, actor.clinic_id, &subjects).await?;
    Ok(found.remove(&subject_id))
}

/// Those of these subjects that the caller may see.
async fn of_caller(app: &App, actor: &Actor, subjects: Vec<SubjectId>) -> Result<Vec<SubjectId>> {
    if actor.role >= Role::Staff || subjects.is_empty() {
        return Ok(subjects);
    }
    let sender = (actor.clinic_id, actor.sender_id);
    Ok(store::submissions::persons::of_sender(&app.store, sender, &subjects).await?)
}

/// The identities of subjects that the caller may see, without the references that it may not see.
async fn visible(
    app: &App,
    actor: &Actor,
    clinic: &Clinic,
    subjects: &[SubjectId],
) -> Result<HashMap<SubjectId, Identity>> {
    let own = &clinic.profile.reference_systems;
    let mut found = store::subjects::references::identities(&app.store, actor.clinic_id, subjects).await?;
    for identity in found.values_mut() {
        let hidden = actor.role < Role::Staff && identity.has_merged;
        let reference = identity.reference.take().filter(|_| !hidden);
        identity.reference = reference.map(|reference| reference.named(own));
    }
    Ok(found)
}
