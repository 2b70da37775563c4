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
use crate::domain::receipt_code::ReceiptCode;
use crate::domain::subjects::{Contact, LookUp, NamesakeReference, Namesakes, Reference, SourceShare, Subject};
use row::{Row, open_contact, open_reference};

pub const SEARCH_LIMIT: i64 = 50;

/// Finds subjects of a clinic by blind index, at most [`SEARCH_LIMIT`]. For a merged subject, returns the subject that it
/// was merged into. A reference is found in every system.
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
                   reference_hash = any($2) or reference_value_hash = any($2) or name_hash = any($3)
                   or telephone_hash = any($4) or email_hash = any($5)
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

/// The subject of the submission with this receipt code, after a merge the one that it was merged into.
pub async fn of_receipt(store: &Store, clinic_id: ClinicId, code: ReceiptCode) -> Result<Vec<Subject>> {
    let row = sqlx::query_as!(
        Row,
        r#"select subject_id, reference_hash, reference_sealed, contact_sealed, consent_to_contact,
                  consent_text_version, consent_given_at as "consent_given_at: jiff_sqlx::Timestamp",
                  created_at as "created_at: jiff_sqlx::Timestamp", row_version as version, merged_into
           from subjects
           where clinic_id = $1
             and subject_id = (select subject_id from submissions where clinic_id = $1 and receipt_number = $2)"#,
        clinic_id.0,
        code.number(),
    )
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?;
    row.map(|row| row.open(&store.keys, clinic_id)).into_iter().collect()
}

/// How many subjects a reference finds: in its own system, and as a reference of the clinic, with no system or one of its `own`.
/// A merged subject counts as the one that it was merged into.
pub async fn namesakes(store: &Store, clinic_id: ClinicId, reference: &Reference, own: &[String]) -> Result<Namesakes> {
    let hashes = |reference: &Reference| {
        let normalized = LookUp::Reference.normalize(&reference.stored());
        store.keys.blind_indexes(clinic_id.0, LookUp::Reference, &normalized)
    };
    let plain = reference.clone().without_system();
    let of_the_clinic: Vec<_> = plain.with_each(own).chain([plain.clone()]).flat_map(|one| hashes(&one)).collect();
    let row = sqlx::query!(
        r#"select count(distinct coalesce(merged_into, subject_id)) filter (where reference_hash = any($2)) as "same!",
               count(distinct coalesce(merged_into, subject_id)) filter (where reference_hash = any($3)) as "of_the_clinic!"
           from subjects where clinic_id = $1 and reference_hash = any($2 || $3)"#,
        clinic_id.0,
        &hashes(reference),
        &of_the_clinic,
    )
    .fetch_one(&mut *store.clinic(clinic_id).await?)
    .await?;
    Ok(Namesakes { same: row.same, of_the_clinic: row.of_the_clinic })
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

/// The sources of each subject that has submissions of several intake keys or several record systems, by subject.
pub async fn shared_references(store: &Store, clinic_id: ClinicId) -> Result<Vec<SourceShare>> {
    let rows = sqlx::query!(
        r#"with shares as (
               select s.subject_id, c.sender_id, s.source_system, count(*) as submissions, min(s.received_at) as first,
                   max(s.received_at) as last, count(*) over (partition by s.subject_id) as sources
               from submissions s
               join credentials c on c.clinic_id = s.clinic_id and c.credential_id = s.credential_id
               where s.clinic_id = $1 and c.role = 'intake'
               group by s.subject_id, c.sender_id, s.source_system)
           select h.subject_id, d.display_name as sender, h.source_system, h.submissions as "submissions!",
               h.first as "first!: jiff_sqlx::Timestamp", h.last as "last!: jiff_sqlx::Timestamp"
           from shares h
           join subjects p on p.clinic_id = $1 and p.subject_id = h.subject_id and p.reference_hash is not null
           join credentials d on d.clinic_id = $1 and d.credential_id = h.sender_id
           where h.sources > 1
           order by h.subject_id, h.first"#,
        clinic_id.0,
    )
    .fetch_all(&mut *store.report(clinic_id).await?)
    .await?;
    let shares = rows.into_iter().map(|row| SourceShare {
        subject_id: SubjectId(row.subject_id),
        sender: row.sender,
        system: row.source_system,
        submissions: row.submissions,
        first: row.first.to_jiff(),
        last: row.last.to_jiff(),
    });
    Ok(shares.collect())
}

/// The subjects of each reference that exists in several systems, except merged subjects.
pub async fn namesake_references(store: &Store, clinic_id: ClinicId) -> Result<Vec<Vec<NamesakeReference>>> {
    let rows = sqlx::query!(
        r#"with named as (
               select subject_id, reference_hash, reference_sealed, coalesce(reference_value_hash, reference_hash) as value,
                   count(*) over (partition by coalesce(reference_value_hash, reference_hash)) as systems
               from subjects
               where clinic_id = $1 and reference_hash is not null and merged_into is null)
           select subject_id, reference_hash as "reference_hash!", reference_sealed as "reference_sealed!", value as "value!"
           from named where systems > 1 order by value, subject_id"#,
        clinic_id.0,
    )
    .fetch_all(&mut *store.report(clinic_id).await?)
    .await?;
    rows.chunk_by(|one, next| one.value == next.value)
        .map(|subjects| {
            let subjects = subjects.iter().map(|row| {
                let columns = Some((row.reference_hash.clone(), row.reference_sealed.clone()));
                let reference = open_reference(&store.keys, clinic_id, columns)?;
                let system = reference.as_ref().and_then(Reference::system).map(str::to_owned);
                Ok(NamesakeReference { subject_id: SubjectId(row.subject_id), system })
            });
            subjects.collect()
        })
        .collect()
}
