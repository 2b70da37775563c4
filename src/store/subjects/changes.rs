//! Changes of a subject's contact data and consent, each with the value before.

use jiff::Timestamp;

use super::row::{ContactColumns, open_before, seal_before};
use super::{lock, search_terms};
use crate::domain::ids::{ClinicId, CredentialId, MergeId, SubjectId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::subjects::history::{Before, ChangeKind, SubjectChange};
use crate::domain::subjects::{Consent, Contact};
use crate::domain::{audit::AuditEntry, subjects::Subject, submissions::Accepted};
use crate::store::audit;
use crate::store::database::page::{Key, Scope};
use crate::store::database::{Connection, Keys, Store, at, known};
use crate::store::error::{Result, StoreError};

/// The new value of a change by staff.
pub enum Replacement {
    /// Contact data, and the country of the clinic, by which telephone numbers are found.
    Contact(Contact, Option<String>),
    /// Consent, or its withdrawal.
    Consent(Consent),
}

/// Replaces the contact data or consent of a subject, if it still has the version that the caller read, and adds the value
/// before to the history. Fails when the subject does not exist, changed since, or was merged into another.
pub async fn replace(
    store: &Store,
    subject_id: SubjectId,
    seen: i32,
    replacement: Replacement,
    audit: &AuditEntry,
) -> Result<Subject> {
    let clinic_id = audit.clinic_id;
    let mut transaction = store.begin(clinic_id).await?;
    let found = lock(&mut transaction, &store.keys, clinic_id, subject_id.0).await?;
    let mut subject = found.ok_or(StoreError::Missing)?;
    if subject.version != seen {
        return Err(StoreError::Stale);
    }
    if subject.merged_into.is_some() {
        return Err(StoreError::Refused("the subject was merged into another; change that one"));
    }
    subject.version += 1;
    let change = match replacement {
        Replacement::Contact(contact, country) => {
            let before = std::mem::replace(&mut subject.contact, contact);
            let clinic = (clinic_id, country.as_deref());
            update_with_contact(&mut transaction, &store.keys, clinic, &subject, &before, audit.at).await?;
            let before = if before == Contact::default() { Before::Nothing } else { Before::Contact(before) };
            (ChangeKind::Contact, before)
        }
        Replacement::Consent(consent) => {
            let before = subject.consent.replace(consent);
            update(&mut transaction, clinic_id, &subject, audit.at).await?;
            (ChangeKind::Consent, before.map_or(Before::Nothing, Before::Consent))
        }
    };
    let change = change_of(&subject, audit.at, audit.credential_id, change);
    insert(&mut transaction, &store.keys, clinic_id, subject_id, &change).await?;
    audit::commit(&store.keys, transaction, audit).await?;
    Ok(subject)
}

/// One page of a subject's changes, latest first.
pub async fn list(
    store: &Store,
    clinic_id: ClinicId,
    subject_id: SubjectId,
    page: &PageRequest,
    now: Timestamp,
) -> Result<Page<SubjectChange>> {
    let scope = Scope { clinic_id, list: "changes of a subject by version", filter: subject_id.to_string() };
    let after = scope.after(&store.keys, page, now)?;
    let rows = sqlx::query!(
        r#"select version, at as "at: jiff_sqlx::Timestamp", credential_id, change, before_sealed, merge_id
           from subject_changes where clinic_id = $1 and subject_id = $2 and version < $3
           order by version desc limit $4"#,
        clinic_id.0,
        subject_id.0,
        after.map_or(i32::MAX, |key| i32::try_from(key.id.as_u128()).unwrap_or(i32::MAX)),
        i64::from(page.limit) + 1,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    let changes = rows.into_iter().map(|row| {
        Ok(SubjectChange {
            version: row.version,
            at: row.at.to_jiff(),
            credential_id: row.credential_id.map(CredentialId),
            kind: known(ChangeKind::parse(&row.change), "subject_changes", "change")?,
            before: open_before(&store.keys, clinic_id, (subject_id, row.version), row.before_sealed.as_deref())?,
            merge_id: row.merge_id.map(MergeId),
        })
    });
    let changes = changes.collect::<Result<Vec<_>>>()?;
    let id = |version: i32| uuid::Uuid::from_u128(version.unsigned_abs().into());
    Ok(scope.page(&store.keys, page.limit, now, changes, |last| Key::new(last.at, id(last.version))))
}

/// Adds the contact data and consent of a submission to those of the subject. Parts that the submission does not have stay
/// unchanged, and an older consent never replaces a newer one. An imported submission only fills in missing parts. Replaced
/// values are added to the history.
pub(in crate::store) async fn add_to_contact(
    connection: &mut Connection,
    keys: &Keys,
    accepted: &Accepted,
    subject_id: SubjectId,
) -> Result<()> {
    let (clinic_id, draft) = (accepted.actor.clinic_id, &accepted.draft.subject);
    let row = lock(connection, keys, clinic_id, subject_id.0).await?;
    let before = known(row, "subjects", "the subject of the submission does not exist")?;
    let (sent, known) = (draft.contact.clone(), before.contact.clone());
    let contact = if accepted.draft.imported { known.over(sent) } else { sent.over(known) };
    let newer = |consent: &&Consent| before.consent.as_ref().is_none_or(|known| known.given_at <= consent.given_at);
    let consent = draft.consent.as_ref().filter(newer).cloned().or_else(|| before.consent.clone());
    let mut after = Subject { contact, consent, ..before.clone() };
    let mut changes = Vec::new();
    if after.contact != before.contact {
        let known = before.contact != Contact::default();
        changes.push(known.then(|| (ChangeKind::Contact, Before::Contact(before.contact.clone()))));
    }
    if after.consent != before.consent {
        changes.push(before.consent.map(|consent| (ChangeKind::Consent, Before::Consent(consent))));
    }
    if changes.is_empty() {
        return Ok(());
    }
    for change in changes {
        after.version += 1;
        if let Some(change) = change {
            let change = change_of(&after, accepted.received_at, Some(accepted.actor.credential_id), change);
            insert(connection, keys, clinic_id, subject_id, &change).await?;
        }
    }
    if after.contact == before.contact {
        return update(connection, clinic_id, &after, accepted.received_at).await;
    }
    let clinic = (clinic_id, accepted.country.as_deref());
    update_with_contact(connection, keys, clinic, &after, &before.contact, accepted.received_at).await
}

pub(super) fn change_of(
    subject: &Subject,
    at: Timestamp,
    credential_id: Option<CredentialId>,
    (kind, before): (ChangeKind, Before),
) -> SubjectChange {
    SubjectChange { version: subject.version, at, credential_id, kind, before, merge_id: None }
}

/// Writes the consent, version and merge of a subject.
pub(in crate::store) async fn update(
    connection: &mut Connection,
    clinic_id: ClinicId,
    subject: &Subject,
    now: Timestamp,
) -> Result<()> {
    let consent = subject.consent.as_ref();
    sqlx::query!(
        "update subjects
         set consent_to_contact = $3, consent_text_version = $4, consent_given_at = $5, row_version = $6,
             updated_at = $7, merged_into = $8
         where clinic_id = $1 and subject_id = $2",
        clinic_id.0,
        subject.subject_id.0,
        consent.map(|consent| consent.to_contact),
        consent.map(|consent| &*consent.text_version),
        consent.map(|consent| at(consent.given_at)) as _,
        subject.version,
        at(now) as _,
        subject.merged_into.map(|id| id.0),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the contact data, consent and version of a subject, and the terms by which it is found in a clinic with its
/// country. `before` is the contact data that it had.
async fn update_with_contact(
    connection: &mut Connection,
    keys: &Keys,
    clinic: (ClinicId, Option<&str>),
    subject: &Subject,
    before: &Contact,
    now: Timestamp,
) -> Result<()> {
    let (clinic_id, subject_id) = (clinic.0, subject.subject_id);
    let columns = ContactColumns::new(keys, clinic, subject_id, &subject.contact)?;
    let consent = subject.consent.as_ref();
    sqlx::query!(
        "update subjects
         set contact_sealed = $3, contact_language = $4, search_form = $5, consent_to_contact = $6,
             consent_text_version = $7, consent_given_at = $8, row_version = $9, updated_at = $10,
             name_hash = null, telephone_hash = null, email_hash = null
         where clinic_id = $1 and subject_id = $2",
        clinic_id.0,
        subject_id.0,
        columns.sealed,
        columns.language,
        columns.search_form,
        consent.map(|consent| consent.to_contact),
        consent.map(|consent| &*consent.text_version),
        consent.map(|consent| at(consent.given_at)) as _,
        subject.version,
        at(now) as _,
    )
    .execute(&mut *connection)
    .await?;
    if *before != Contact::default() {
        search_terms::remove(connection, clinic_id, &[subject_id.0]).await?;
    }
    let terms = columns.terms.into_iter().map(|term| (subject_id.0, term)).collect();
    search_terms::insert(connection, clinic_id, terms).await
}

pub(in crate::store) async fn insert(
    connection: &mut Connection,
    keys: &Keys,
    clinic_id: ClinicId,
    subject_id: SubjectId,
    change: &SubjectChange,
) -> Result<()> {
    let before = seal_before(keys, clinic_id, (subject_id, change.version), &change.before)?;
    sqlx::query!(
        "insert into subject_changes
             (clinic_id, subject_id, version, at, credential_id, change, before_sealed, merge_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        clinic_id.0,
        subject_id.0,
        change.version,
        at(change.at) as _,
        change.credential_id.map(|id| id.0),
        change.kind.as_str(),
        before,
        change.merge_id.map(|id| id.0),
    )
    .execute(connection)
    .await?;
    Ok(())
}
