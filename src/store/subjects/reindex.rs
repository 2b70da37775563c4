//! Re-index: writes the hashes by which subjects are found anew, in bounded batches, while the service runs.

use std::collections::HashMap;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::row::{ContactColumns, Row, open_contact, value_hash};
use super::search_terms;
use crate::domain::clinics::Clinic;
use crate::domain::ids::{ClinicId, SubjectId};
use crate::domain::subjects::{LookUp, Reference, search};
use crate::store::database::{Connection, Keys, Store, keys::Place};
use crate::store::error::Result;

const LIMIT: i64 = 500;

/// Two subjects whose references differ only in their Unicode form. Both keep their reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twins {
    pub subject_id: SubjectId,
    /// The subject that new submissions with the reference belong to.
    pub found: SubjectId,
}

/// A batch of subjects in the order of their ids.
#[derive(Debug)]
pub struct Reindexed {
    pub rows: u64,
    /// Where the next batch begins.
    pub last: SubjectId,
    pub twins: Vec<Twins>,
}

/// The number of a clinic's subjects that are indexed with another folding or for another country, or by an earlier version.
pub async fn count(store: &Store, clinic: &Clinic) -> Result<u64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from subjects
           where clinic_id = $1 and (
               (contact_sealed is not null and search_form is distinct from $2)
               or (contact_sealed is null and search_form is not null)
               or (reference_hash is not null and not reference_in_nfc)
               or name_hash is not null or telephone_hash is not null or email_hash is not null
           )"#,
        clinic.clinic_id.0,
        search::form(clinic.profile.country.as_deref()),
    )
    .fetch_one(&mut *store.begin_jobs(clinic.clinic_id).await?)
    .await?;
    Ok(count.unsigned_abs())
}

/// Indexes the next of these subjects in one transaction. Rows locked by another transaction are left out. `None` at the end.
pub async fn next(store: &Store, clinic: &Clinic, after: SubjectId) -> Result<Option<Reindexed>> {
    let (clinic_id, country) = (clinic.clinic_id, clinic.profile.country.as_deref());
    let mut transaction = store.begin_jobs(clinic_id).await?;
    let rows = sqlx::query_as!(
        Row,
        r#"select subject_id, reference_hash, reference_sealed, contact_sealed, consent_to_contact,
                  consent_text_version, consent_given_at as "consent_given_at: jiff_sqlx::Timestamp",
                  created_at as "created_at: jiff_sqlx::Timestamp", row_version as version, merged_into
           from subjects
           where clinic_id = $1 and subject_id > $3 and (
               (contact_sealed is not null and search_form is distinct from $2)
               or (contact_sealed is null and search_form is not null)
               or (reference_hash is not null and not reference_in_nfc)
               or name_hash is not null or telephone_hash is not null or email_hash is not null
           )
           order by subject_id limit $4 for update skip locked"#,
        clinic_id.0,
        search::form(country),
        after.0,
        LIMIT,
    )
    .fetch_all(&mut *transaction)
    .await?;
    let Some(last) = rows.last().map(|row| SubjectId(row.subject_id)) else { return Ok(None) };
    let count = rows.len() as u64;
    let twins = rewrite(&mut transaction, &store.keys, (clinic_id, country), rows).await?;
    transaction.commit().await?;
    Ok(Some(Reindexed { rows: count, last, twins }))
}

/// Seals the references and contact data of locked rows again, and writes the hashes by which they are found, all with the
/// current key. Returns the subjects whose reference another one has in NFC.
pub(in crate::store) async fn rewrite(
    connection: &mut Connection,
    keys: &Keys,
    clinic: (ClinicId, Option<&str>),
    rows: Vec<Row>,
) -> Result<Vec<Twins>> {
    let clinic_id = clinic.0;
    let references = rows.iter().map(|row| ClearReference::open(keys, clinic_id, row)).collect::<Result<Vec<_>>>()?;
    let mut holders = holders(connection, keys, clinic_id, &references).await?;
    let (mut rewritten, mut terms, mut twins) = (Rewritten::default(), Vec::new(), Vec::new());
    for (row, reference) in rows.iter().zip(references) {
        let subject_id = SubjectId(row.subject_id);
        let reference = reference.map(|reference| reference.columns(keys, clinic_id, row, &mut holders)).transpose()?;
        twins.extend(reference.as_ref().and_then(|reference| reference.twins));
        let contact = open_contact(keys, clinic_id, subject_id, row.contact_sealed.as_deref())?;
        let mut contact = ContactColumns::new(keys, clinic, subject_id, &contact)?;
        terms.extend(std::mem::take(&mut contact.terms).into_iter().map(|term| (row.subject_id, term)));
        rewritten.push(row.subject_id, reference, contact);
    }
    rewritten.write(connection, clinic_id).await?;
    search_terms::remove(connection, clinic_id, &rewritten.subjects).await?;
    search_terms::insert(connection, clinic_id, terms).await?;
    Ok(twins)
}

/// The stored form of a reference, in clear text.
struct ClearReference {
    stored: Zeroizing<String>,
    /// Its form in NFC.
    normalized: Zeroizing<String>,
}

struct ReferenceColumns {
    hash: Vec<u8>,
    sealed: Vec<u8>,
    value_hash: Option<Vec<u8>>,
    in_nfc: bool,
    twins: Option<Twins>,
}

/// A subject with a reference in NFC.
struct Holder {
    subject_id: Uuid,
    /// The subject that it is merged into, or itself.
    person: Uuid,
}

impl ClearReference {
    fn open(keys: &Keys, clinic_id: ClinicId, row: &Row) -> Result<Option<Self>> {
        let (Some(hash), Some(sealed)) = (&row.reference_hash, &row.reference_sealed) else { return Ok(None) };
        let stored = keys.open(Place::reference(clinic_id, hash), sealed)?;
        let normalized = Zeroizing::new(LookUp::Reference.normalize(&stored));
        Ok(Some(Self { stored, normalized }))
    }

    /// The columns of the reference in NFC. If another subject has it in NFC, the reference stays as it is.
    fn columns(
        self,
        keys: &Keys,
        clinic_id: ClinicId,
        row: &Row,
        holders: &mut HashMap<Vec<u8>, Holder>,
    ) -> Result<ReferenceColumns> {
        let person = row.merged_into.unwrap_or(row.subject_id);
        let hashes = keys.blind_indexes(clinic_id.0, LookUp::Reference, &self.normalized);
        let mut others = hashes.iter().filter_map(|hash| holders.get(hash));
        let other = others.find(|other| other.subject_id != row.subject_id);
        let twins = other
            .filter(|other| other.person != person)
            .map(|other| Twins { subject_id: SubjectId(person), found: SubjectId(other.person) });
        let text = if other.is_some() { self.stored } else { self.normalized };
        let hash = keys.blind_index(clinic_id.0, LookUp::Reference, &text).to_vec();
        holders.entry(hash.clone()).or_insert(Holder { subject_id: row.subject_id, person });
        Ok(ReferenceColumns {
            sealed: keys.seal(Place::reference(clinic_id, &hash), &text)?,
            value_hash: value_hash(keys, clinic_id, &Reference::from_stored(&text)),
            hash,
            in_nfc: twins.is_none(),
            twins,
        })
    }
}

/// The subjects that have the NFC of a reference that is not in NFC, by hash.
async fn holders(
    connection: &mut Connection,
    keys: &Keys,
    clinic_id: ClinicId,
    references: &[Option<ClearReference>],
) -> Result<HashMap<Vec<u8>, Holder>> {
    let changed = references.iter().flatten().filter(|reference| reference.stored != reference.normalized);
    let hashes: Vec<Vec<u8>> = changed
        .flat_map(|reference| keys.blind_indexes(clinic_id.0, LookUp::Reference, &reference.normalized))
        .collect();
    if hashes.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        r#"select reference_hash as "hash!", subject_id, coalesce(merged_into, subject_id) as "person!"
           from subjects where clinic_id = $1 and reference_hash = any($2)"#,
        clinic_id.0,
        &hashes,
    )
    .fetch_all(connection)
    .await?;
    let held = rows.into_iter().map(|row| (row.hash, Holder { subject_id: row.subject_id, person: row.person }));
    Ok(held.collect())
}

/// The columns of several subjects, each as an array.
#[derive(Default)]
struct Rewritten {
    subjects: Vec<Uuid>,
    reference_hashes: Vec<Option<Vec<u8>>>,
    references: Vec<Option<Vec<u8>>>,
    value_hashes: Vec<Option<Vec<u8>>>,
    in_nfc: Vec<bool>,
    contacts: Vec<Option<Vec<u8>>>,
    languages: Vec<Option<String>>,
    search_forms: Vec<Option<String>>,
}

impl Rewritten {
    fn push(&mut self, subject_id: Uuid, reference: Option<ReferenceColumns>, contact: ContactColumns) {
        self.subjects.push(subject_id);
        self.in_nfc.push(reference.as_ref().is_none_or(|reference| reference.in_nfc));
        let (hash, sealed, value_hash) = match reference {
            Some(reference) => (Some(reference.hash), Some(reference.sealed), reference.value_hash),
            None => (None, None, None),
        };
        self.reference_hashes.push(hash);
        self.references.push(sealed);
        self.value_hashes.push(value_hash);
        self.contacts.push(contact.sealed);
        self.languages.push(contact.language.map(str::to_owned));
        self.search_forms.push(contact.search_form);
    }

    async fn write(&self, connection: &mut Connection, clinic_id: ClinicId) -> Result<()> {
        sqlx::query!(
            "update subjects s
             set reference_hash = r.reference_hash, reference_sealed = r.reference, reference_value_hash = r.value_hash,
                 reference_in_nfc = r.in_nfc, contact_sealed = r.contact, contact_language = r.language,
                 search_form = r.search_form, name_hash = null, telephone_hash = null, email_hash = null
             from unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[], $6::boolean[], $7::bytea[], $8::text[], $9::text[])
                 as r (subject_id, reference_hash, reference, value_hash, in_nfc, contact, language, search_form)
             where s.clinic_id = $1 and s.subject_id = r.subject_id",
            clinic_id.0,
            &self.subjects,
            &self.reference_hashes as _,
            &self.references as _,
            &self.value_hashes as _,
            &self.in_nfc,
            &self.contacts as _,
            &self.languages as _,
            &self.search_forms as _,
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}
