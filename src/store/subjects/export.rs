//! Exports everything stored about a subject, decrypted. Whole rows are exported, so columns added later are included.

use serde_json::{Value, json};
use uuid::Uuid;

use super::row::{Row, open_before};
use crate::domain::ids::{ClinicId, FollowUpId, SubjectId};
use crate::domain::subjects::history::{Before, SubjectExport};
use crate::domain::subjects::{Consent, Contact, Reference, Subject};
use crate::store::database::{Connection, Keys, Store, keys::Place, row::receipt_code};
use crate::store::error::{Result, StoreError};

/// Everything stored about a subject and the subjects merged into it, from one snapshot. Fails when the subject does not
/// exist.
pub async fn export(store: &Store, clinic_id: ClinicId, subject_id: SubjectId) -> Result<SubjectExport> {
    let mut transaction = store.begin_report(clinic_id).await?;
    let subjects = sqlx::query_as!(
        Row,
        r#"select subject_id, reference_hash, reference_sealed, contact_sealed, consent_to_contact,
                  consent_text_version, consent_given_at as "consent_given_at: jiff_sqlx::Timestamp",
                  created_at as "created_at: jiff_sqlx::Timestamp", row_version as version, merged_into
           from subjects where clinic_id = $1 and (subject_id = $2 or merged_into = $2)
           order by merged_into nulls first, subject_id"#,
        clinic_id.0,
        subject_id.0,
    )
    .fetch_all(&mut *transaction)
    .await?;
    let opened = subjects.into_iter().map(|row| row.open(&store.keys, clinic_id)).collect::<Result<Vec<_>, _>>()?;
    if !opened.iter().any(|subject| subject.subject_id == subject_id) {
        return Err(StoreError::Missing);
    }
    let ids: Vec<Uuid> = opened.iter().map(|subject| subject.subject_id.0).collect();
    Ok(SubjectExport {
        subject_ids: opened.iter().map(|subject| subject.subject_id).collect(),
        subjects: opened.iter().map(subject_in_json).collect(),
        history: history(&mut transaction, &store.keys, clinic_id, &ids).await?,
        submissions: submissions(&mut transaction, clinic_id, &ids).await?,
        follow_ups: follow_ups(&mut transaction, &store.keys, clinic_id, &ids).await?,
        merges: merges(&mut transaction, clinic_id, &ids).await?,
        audit_entries: audit_entries(&mut transaction, clinic_id, &ids).await?,
    })
}

fn subject_in_json(subject: &Subject) -> Value {
    json!({
        "subject_id": subject.subject_id,
        "reference": subject.reference.as_ref().map(Reference::value),
        "reference_system": subject.reference.as_ref().and_then(Reference::system),
        "contact": contact_in_json(&subject.contact),
        "consent": subject.consent.as_ref().map(consent_in_json),
        "created_at": subject.created_at,
        "version": subject.version,
        "merged_into": subject.merged_into,
    })
}

fn contact_in_json(contact: &Contact) -> Value {
    let Contact { name, telephone, email, channel, language } = contact;
    json!({"name": name, "telephone": telephone, "email": email, "channel": channel, "language": language})
}

fn consent_in_json(consent: &Consent) -> Value {
    let Consent { to_contact, text_version, given_at } = consent;
    json!({"to_contact": to_contact, "text_version": text_version, "given_at": given_at})
}

async fn history(connection: &mut Connection, keys: &Keys, clinic_id: ClinicId, ids: &[Uuid]) -> Result<Vec<Value>> {
    let rows = sqlx::query!(
        r#"select subject_id, version, before_sealed, to_jsonb(c) - array['clinic_id', 'before_sealed'] as "row!"
           from subject_changes c where clinic_id = $1 and subject_id = any($2) order by at, subject_id, version"#,
        clinic_id.0,
        ids,
    )
    .fetch_all(connection)
    .await?;
    let mut history = Vec::with_capacity(rows.len());
    for mut change in rows {
        let version = (SubjectId(change.subject_id), change.version);
        change.row["before"] = match open_before(keys, clinic_id, version, change.before_sealed.as_deref())? {
            Before::Nothing => Value::Null,
            Before::Contact(contact) => contact_in_json(&contact),
            Before::Consent(consent) => consent_in_json(&consent),
        };
        history.push(change.row);
    }
    Ok(history)
}

/// Each submission with its receipt code as it is shown.
async fn submissions(connection: &mut Connection, clinic_id: ClinicId, ids: &[Uuid]) -> Result<Vec<Value>> {
    let rows = sqlx::query!(
        r#"select receipt_number, to_jsonb(s) - array['clinic_id', 'receipt_number'] as "row!" from submissions s
           where clinic_id = $1 and subject_id = any($2) order by received_at, submission_id"#,
        clinic_id.0,
        ids,
    )
    .fetch_all(connection)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for mut submission in rows {
        submission.row["receipt_code"] = json!(receipt_code(submission.receipt_number)?.to_string());
        found.push(submission.row);
    }
    Ok(found)
}

/// Each follow-up with its events and decrypted notes.
async fn follow_ups(connection: &mut Connection, keys: &Keys, clinic_id: ClinicId, ids: &[Uuid]) -> Result<Vec<Value>> {
    let cases = sqlx::query!(
        r#"select follow_up_id, to_jsonb(f) - 'clinic_id' as "row!" from follow_ups f
           where clinic_id = $1 and subject_id = any($2) order by flagged_at, follow_up_id"#,
        clinic_id.0,
        ids,
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut found = Vec::with_capacity(cases.len());
    for mut case in cases {
        let events = sqlx::query!(
            r#"select version, note_sealed,
                      to_jsonb(e) - array['clinic_id', 'follow_up_id', 'note_sealed'] as "row!"
               from follow_up_events e where clinic_id = $1 and follow_up_id = $2 order by version"#,
            clinic_id.0,
            case.follow_up_id,
        )
        .fetch_all(&mut *connection)
        .await?;
        let mut opened = Vec::with_capacity(events.len());
        for mut event in events {
            let place = Place::note(clinic_id, FollowUpId(case.follow_up_id), event.version);
            let note = event.note_sealed.map(|sealed| keys.open(place, &sealed)).transpose()?;
            event.row["note"] = json!(note.as_ref().map(|note| note.as_str()));
            opened.push(event.row);
        }
        case.row["events"] = Value::Array(opened);
        found.push(case.row);
    }
    Ok(found)
}

async fn merges(connection: &mut Connection, clinic_id: ClinicId, ids: &[Uuid]) -> Result<Vec<Value>> {
    Ok(sqlx::query_scalar!(
        r#"select to_jsonb(m) - 'clinic_id' as "row!" from subject_merges m
           where clinic_id = $1 and (kept = any($2) or merged = any($2)) order by merged_at, merge_id"#,
        clinic_id.0,
        ids,
    )
    .fetch_all(connection)
    .await?)
}

/// Audit entries that name the subject. The ids of other subjects in the same entry are left out.
async fn audit_entries(connection: &mut Connection, clinic_id: ClinicId, ids: &[Uuid]) -> Result<Vec<Value>> {
    Ok(sqlx::query_scalar!(
        r#"select to_jsonb(a) - array['clinic_id', 'subject_ids', 'resource_ids'] as "row!" from audit_entries a
           where clinic_id = $1 and (subject_id = any($2) or subject_ids && $2) order by at, audit_entry_id"#,
        clinic_id.0,
        ids,
    )
    .fetch_all(connection)
    .await?)
}
