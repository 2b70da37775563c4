//! Subjects. Their data is encrypted at rest and found by blind indexes.

pub mod changes;
pub mod erasure;
pub mod erasure_log;
pub mod export;
pub mod merges;
pub mod retention;
pub(super) mod row;

use uuid::Uuid;

use super::database::{Connection, Keys, Store};
use super::error::Result;
use crate::domain::ids::{ClinicId, SubjectId};
use crate::domain::subjects::{Contact, LookUp, Subject};
use row::{Row, open_contact};

pub const SEARCH_LIMIT: i64 = 50;

/// Finds subjects of a clinic by blind index, at most [`SEARCH_LIMIT`]. For a merged subject, returns the subject that it
/// was merged into.
pub async fn search(store: &Store, clinic_id: ClinicId, by: LookUp, text: &str) -> Result<Vec<Subject>> {
    let normalized = by.normalize(text);
    if normalized.is_empty() {
        return Ok(Vec::new());
    }
    let hashes = store.keys.blind_indexes(clinic_id.0, by, &normalized);
    let given = |kind| (by == kind).then_some(hashes.as_slice());
    // The ids are selected first, as an array. With a join, PostgreSQL would read every subject of the clinic.
    let rows = sqlx::query_as!(
        Row,
        r#"select subject_id, reference_hash, reference_sealed, contact_sealed, consent_to_contact,
                  consent_text_version, consent_given_at as "consent_given_at: jiff_sqlx::Timestamp",
                  created_at as "created_at: jiff_sqlx::Timestamp", row_version as version, merged_into
           from subjects
           where clinic_id = $1 and subject_id = any(array(
               select coalesce(merged_into, subject_id) from subjects
               where clinic_id = $1 and (
                   reference_hash = any($2) or name_hash = any($3) or telephone_hash = any($4) or email_hash = any($5)
               )
           ))
           order by created_at desc, subject_id limit $6"#,
        clinic_id.0,
        given(LookUp::Reference),
        given(LookUp::Name),
        given(LookUp::Telephone),
        given(LookUp::Email),
        SEARCH_LIMIT,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    rows.into_iter().map(|row| row.open(&store.keys, clinic_id)).collect()
}

pub async fn find(store: &Store, clinic_id: ClinicId, subject_id: SubjectId) -> Result<Option<Subject>> {
    let row = sqlx::query_as!(
        Row,
        r#"select subject_id, reference_hash, reference_sealed, contact_sealed, consent_to_contact,
                  consent_text_version, consent_given_at as "consent_given_at: jiff_sqlx::Timestamp",
                  created_at as "created_at: jiff_sqlx::Timestamp", row_version as version, merged_into
           from subjects where clinic_id = $1 and subject_id = $2"#,
        clinic_id.0,
        subject_id.0,
    )
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?;
    row.map(|row| row.open(&store.keys, clinic_id)).transpose()
}

/// Finds a subject and locks its row until the transaction ends. Lock several subjects in the order of their ids.
pub(super) async fn lock(
    connection: &mut Connection,
    keys: &Keys,
    clinic_id: ClinicId,
    subject_id: Uuid,
) -> Result<Option<Subject>> {
    let row = sqlx::query_as!(
        Row,
        r#"select subject_id, reference_hash, reference_sealed, contact_sealed, consent_to_contact,
                  consent_text_version, consent_given_at as "consent_given_at: jiff_sqlx::Timestamp",
                  created_at as "created_at: jiff_sqlx::Timestamp", row_version as version, merged_into
           from subjects where clinic_id = $1 and subject_id = $2 for no key update"#,
        clinic_id.0,
        subject_id,
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| row.open(keys, clinic_id)).transpose()
}

pub async fn exists(store: &Store, clinic_id: ClinicId, subject_id: SubjectId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from subjects where clinic_id = $1 and subject_id = $2) as "found!""#,
        clinic_id.0,
        subject_id.0,
    )
    .fetch_one(&mut *store.clinic(clinic_id).await?)
    .await?)
}

/// The contact data of a subject. `None` without consent to contact; the sealed value is then not decrypted.
pub async fn contact(store: &Store, clinic_id: ClinicId, subject_id: SubjectId) -> Result<Option<Contact>> {
    let consented = sqlx::query_scalar!(
        "select contact_sealed from subjects where clinic_id = $1 and subject_id = $2 and consent_to_contact",
        clinic_id.0,
        subject_id.0,
    )
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?;
    consented.map(|sealed| open_contact(&store.keys, clinic_id, subject_id, sealed.as_deref())).transpose()
}
