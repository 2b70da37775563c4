//! Subjects. Their data is encrypted at rest and found by blind indexes.

pub mod changes;
pub mod erasure;
pub mod erasure_log;
pub mod export;
pub mod merges;
pub mod references;
pub mod reindex;
pub mod retention;
pub(super) mod row;
mod search_terms;

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::database::{Connection, Keys, Store};
use super::error::Result;
use crate::domain::ids::{ClinicId, SubjectId};
use crate::domain::receipt_code::ReceiptCode;
use crate::domain::subjects::search::{ContactSearch, SearchTerm};
use crate::domain::subjects::{
    Contact, LookUp, NamesakeReference, Namesakes, Reference, SourceShare, Subject, decomposed,
};
use row::{Row, open_contact, open_reference};

pub const SEARCH_LIMIT: i64 = 50;

/// Finds subjects of a clinic with its country, at most [`SEARCH_LIMIT`]. For a merged subject, returns the subject that it was
/// merged into. A reference is found in every system. Contact data is found by its terms, and that stored before 0051 by its
/// whole fields until it is indexed again.
pub async fn search(
    store: &Store,
    (clinic_id, country): (ClinicId, Option<&str>),
    by: LookUp,
    text: &str,
) -> Result<Vec<Subject>> {
    let normalized = by.normalize(text);
    let ContactSearch { all, any } = ContactSearch::new(by, text, country);
    if normalized.is_empty() && any.is_empty() {
        return Ok(Vec::new());
    }
    let term_hashes = |term: &SearchTerm| store.keys.term_hashes(clinic_id.0, term);
    // References stored before 0051 may be in NFD.
    let other = if by == LookUp::Reference { decomposed(&normalized) } else { None };
    let forms = other.into_iter().chain([normalized]).filter(|form| !form.is_empty());
    let hashes: Vec<Vec<u8>> = forms.flat_map(|form| store.keys.blind_indexes(clinic_id.0, by, &form)).collect();
    let given = |kind| (by == kind).then_some(hashes.as_slice());
    // Subjects with exactly the searched name come first, so that the limit does not cut them off behind longer names.
    // The ids are selected first, as an array. With a join, PostgreSQL would read every subject of the clinic. All terms of a
    // subject are hashed with one key, so that each term counts once.
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
               union
               select coalesce(merged_into, subject_id) from subjects
               where clinic_id = $1 and subject_id = any(array(
                   select subject_id from subject_search_terms
                   where clinic_id = $1 and term_hash = any($6::bytea[] || $7::bytea[])
                   group by subject_id
                   having bool_or(term_hash = any($7::bytea[]))
                       or count(*) filter (where term_hash = any($6::bytea[])) = $8::bigint
               ))
           ))
           order by (coalesce(name_hash = any($3), false) or exists (
               select from subject_search_terms whole
               where whole.clinic_id = $1 and whole.subject_id = subjects.subject_id and whole.term_hash = any($7)
           )) desc, created_at desc, subject_id limit $9"#,
        clinic_id.0,
        given(LookUp::Reference),
        given(LookUp::Name),
        given(LookUp::Telephone),
        given(LookUp::Email),
        &all.iter().flat_map(term_hashes).collect::<Vec<_>>(),
        &any.iter().flat_map(term_hashes).collect::<Vec<_>>(),
        i64::try_from(all.len()).unwrap_or(i64::MAX),
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

/// Whether a reference finds a subject in its own system, and how many it finds as a reference of the clinic, with no system or
/// one of its `own`. Of a reference that is stored in NFC and in NFD, as before 0051, the subject in NFC counts, as for intake.
pub async fn namesakes(store: &Store, clinic_id: ClinicId, reference: &Reference, own: &[String]) -> Result<Namesakes> {
    let hashes = |reference: &Reference| -> Vec<Vec<u8>> {
        let normalized = LookUp::Reference.normalize(&reference.stored());
        let other = decomposed(&normalized);
        let forms = std::iter::once(normalized).chain(other);
        forms.flat_map(|form| store.keys.blind_indexes(clinic_id.0, LookUp::Reference, &form)).collect()
    };
    let plain = reference.clone().without_system();
    let same = hashes(reference);
    let of_the_clinic: Vec<_> = plain.with_each(own).chain([plain.clone()]).map(|one| hashes(&one)).collect();
    let all: Vec<Vec<u8>> = of_the_clinic.iter().flatten().chain(&same).cloned().collect();
    let rows = sqlx::query!(
        r#"select reference_hash as "hash!", coalesce(merged_into, subject_id) as "person!"
           from subjects where clinic_id = $1 and reference_hash = any($2)"#,
        clinic_id.0,
        &all,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    let persons: HashMap<Vec<u8>, Uuid> = rows.into_iter().map(|row| (row.hash, row.person)).collect();
    let person = |hashes: &Vec<Vec<u8>>| hashes.iter().find_map(|hash| persons.get(hash).copied());
    let of_the_clinic: HashSet<Uuid> = of_the_clinic.iter().filter_map(person).collect();
    Ok(Namesakes { same: person(&same).is_some(), of_the_clinic: of_the_clinic.len() })
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

/// The sources of each subject that has submissions of several intake keys or several record systems, by subject. Tests do not
/// count.
pub async fn shared_references(store: &Store, clinic_id: ClinicId) -> Result<Vec<SourceShare>> {
    let rows = sqlx::query!(
        r#"with shares as (
               select s.subject_id, c.sender_id, s.source_system, count(*) as submissions, min(s.received_at) as first,
                   max(s.received_at) as last, count(*) over (partition by s.subject_id) as sources
               from submissions s
               join credentials c on c.clinic_id = s.clinic_id and c.credential_id = s.credential_id
               where s.clinic_id = $1 and c.role = 'intake' and not s.test
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
