//! Subjects: sealed at rest, found by keyed hashes.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::keys::{Keys, Place, SealNonce};
use super::row::at;
use super::{Store, StoreError};
use crate::domain::ids::{ClinicId, SubjectId};
use crate::domain::language::Language;
use crate::domain::stored::Subject;
use crate::domain::subject::{Channel, Consent, Contact, LookUp, SubjectDraft};
use crate::domain::submission::Accepted;

/// How many subjects a search shows at most.
pub const SEARCH_LIMIT: i64 = 50;

/// Finds the person of a submission by the reference, or adds one; then writes contact data and consent if the
/// submission carries any.
pub(super) async fn resolve(
    connection: &mut PgConnection,
    keys: &Keys,
    accepted: &Accepted,
    nonces: [SealNonce; 2],
) -> Result<SubjectId, StoreError> {
    let clinic_id = accepted.actor.clinic_id;
    let draft = &accepted.draft.subject;
    let hash = draft.reference.as_ref().map(|reference| {
        keys.blind_index(clinic_id.0, LookUp::Reference, &LookUp::Reference.normalize(reference.as_str()))
    });
    let sealed = match (&draft.reference, hash) {
        (Some(reference), Some(hash)) => {
            Some(keys.seal(reference_place(clinic_id, &hash), nonces[0], reference.as_str()).map_err(sealing)?)
        }
        _ => None,
    };
    let subject_id = sqlx::query_scalar!(
        "insert into subjects (clinic_id, subject_id, reference_hash, reference_sealed, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $5)
         on conflict (clinic_id, reference_hash) do update set updated_at = excluded.updated_at
         returning subject_id",
        clinic_id.0,
        accepted.subject_id.0,
        hash.as_ref().map(<[u8; 32]>::as_slice),
        sealed,
        at(accepted.received_at) as _,
    )
    .fetch_one(&mut *connection)
    .await?;
    let subject_id = SubjectId(subject_id);
    if draft.contact != Contact::default() || draft.consent.is_some() {
        write_contact(connection, keys, clinic_id, subject_id, draft, nonces[1]).await?;
    }
    Ok(subject_id)
}

/// Finds persons of a clinic by one of the look-ups, at most [`SEARCH_LIMIT`].
///
/// # Errors
/// When the database is away, or a sealed value does not open.
pub async fn search(store: &Store, clinic_id: ClinicId, by: LookUp, text: &str) -> Result<Vec<Subject>, StoreError> {
    let normalized = by.normalize(text);
    if normalized.is_empty() {
        return Ok(Vec::new());
    }
    let hash = store.keys.blind_index(clinic_id.0, by, &normalized);
    let given = |kind| (by == kind).then_some(hash.as_slice());
    let rows = sqlx::query_as!(
        Row,
        r#"select subject_id, reference_hash, reference_sealed, contact_sealed, consent_to_contact,
                  consent_text_version, consent_given_at as "consent_given_at: jiff_sqlx::Timestamp",
                  created_at as "created_at: jiff_sqlx::Timestamp"
           from subjects
           where clinic_id = $1 and (
               reference_hash = $2 or name_hash = $3 or telephone_hash = $4 or email_hash = $5
           )
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

/// Whether a person of a clinic exists.
///
/// # Errors
/// When the database is away.
pub async fn exists(store: &Store, clinic_id: ClinicId, subject_id: SubjectId) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(
        r#"select exists (select from subjects where clinic_id = $1 and subject_id = $2) as "found!""#,
        clinic_id.0,
        subject_id.0,
    )
    .fetch_one(&mut *store.clinic(clinic_id).await?)
    .await?;
    Ok(found)
}

/// Adds what the draft says to what is known: a part that it does not name stays, and an older consent never overrides
/// a newer one. The row is locked already, by the statement that found it.
async fn write_contact(
    connection: &mut PgConnection,
    keys: &Keys,
    clinic_id: ClinicId,
    subject_id: SubjectId,
    draft: &SubjectDraft,
    nonce: SealNonce,
) -> Result<(), StoreError> {
    let known = sqlx::query_scalar!(
        "select contact_sealed from subjects where clinic_id = $1 and subject_id = $2",
        clinic_id.0,
        subject_id.0,
    )
    .fetch_one(&mut *connection)
    .await?;
    let known = known.map(|sealed| open_contact(keys, clinic_id, subject_id, &sealed)).transpose()?;
    let contact = draft.contact.clone().over(known.unwrap_or_default());
    let place = contact_place(clinic_id, subject_id);
    let sealed = (contact != Contact::default()).then(|| seal_contact(keys, place, nonce, &contact)).transpose()?;
    let hash = |by: LookUp, text: &Option<String>| {
        let normalized = text.as_ref().map(|text| by.normalize(text)).filter(|text| !text.is_empty());
        normalized.map(|normalized| keys.blind_index(clinic_id.0, by, &normalized).to_vec())
    };
    sqlx::query!(
        "update subjects set contact_sealed = $3, name_hash = $4, telephone_hash = $5, email_hash = $6
         where clinic_id = $1 and subject_id = $2",
        clinic_id.0,
        subject_id.0,
        sealed,
        hash(LookUp::Name, &contact.name),
        hash(LookUp::Telephone, &contact.telephone),
        hash(LookUp::Email, &contact.email),
    )
    .execute(&mut *connection)
    .await?;
    match &draft.consent {
        Some(consent) => write_consent(connection, clinic_id, subject_id, consent).await,
        None => Ok(()),
    }
}

async fn write_consent(
    connection: &mut PgConnection,
    clinic_id: ClinicId,
    subject_id: SubjectId,
    consent: &Consent,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update subjects set consent_to_contact = $3, consent_text_version = $4, consent_given_at = $5
         where clinic_id = $1 and subject_id = $2 and (consent_given_at is null or consent_given_at <= $5)",
        clinic_id.0,
        subject_id.0,
        consent.to_contact,
        consent.text_version,
        at(consent.given_at) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A reference is bound to its own hash, since the row's id is not known before the row is found.
fn reference_place(clinic_id: ClinicId, hash: &[u8]) -> Place {
    let row_id = hash.first_chunk::<16>().map_or(Uuid::nil(), |half| Uuid::from_bytes(*half));
    Place { clinic_id: clinic_id.0, row_id, column: "subjects.reference_sealed" }
}

fn contact_place(clinic_id: ClinicId, subject_id: SubjectId) -> Place {
    Place { clinic_id: clinic_id.0, row_id: subject_id.0, column: "subjects.contact_sealed" }
}

fn sealing(_: super::keys::KeyError) -> StoreError {
    StoreError::Inconsistent { table: "subjects", what: "a sealed value does not open under this master key" }
}

/// Contact data inside its seal.
#[derive(Serialize, Deserialize)]
struct SealedContact {
    name: Option<String>,
    telephone: Option<String>,
    email: Option<String>,
    channel: Option<Channel>,
    language: Option<Language>,
}

impl From<&Contact> for SealedContact {
    fn from(contact: &Contact) -> Self {
        Self {
            name: contact.name.clone(),
            telephone: contact.telephone.clone(),
            email: contact.email.clone(),
            channel: contact.channel,
            language: contact.language,
        }
    }
}

struct Row {
    subject_id: Uuid,
    reference_hash: Option<Vec<u8>>,
    reference_sealed: Option<Vec<u8>>,
    contact_sealed: Option<Vec<u8>>,
    consent_to_contact: Option<bool>,
    consent_text_version: Option<String>,
    consent_given_at: Option<jiff_sqlx::Timestamp>,
    created_at: jiff_sqlx::Timestamp,
}

impl Row {
    fn open(self, keys: &Keys, clinic_id: ClinicId) -> Result<Subject, StoreError> {
        let subject_id = SubjectId(self.subject_id);
        let reference = match (&self.reference_hash, &self.reference_sealed) {
            (Some(hash), Some(sealed)) => {
                Some(keys.open(reference_place(clinic_id, hash), sealed).map_err(sealing)?.to_string())
            }
            _ => None,
        };
        let consent = match (self.consent_to_contact, self.consent_text_version, self.consent_given_at) {
            (Some(to_contact), Some(text_version), Some(given_at)) => {
                Some(Consent { to_contact, text_version, given_at: given_at.to_jiff() })
            }
            _ => None,
        };
        Ok(Subject {
            subject_id,
            reference,
            contact: match self.contact_sealed {
                Some(sealed) => open_contact(keys, clinic_id, subject_id, &sealed)?,
                None => Contact::default(),
            },
            consent,
            created_at: self.created_at.to_jiff(),
        })
    }
}

fn seal_contact(keys: &Keys, place: Place, nonce: SealNonce, contact: &Contact) -> Result<Vec<u8>, StoreError> {
    let broken = |_| StoreError::Inconsistent { table: "subjects", what: "contact cannot be written" };
    let clear = zeroize::Zeroizing::new(serde_json::to_string(&SealedContact::from(contact)).map_err(broken)?);
    keys.seal(place, nonce, &clear).map_err(sealing)
}

fn open_contact(keys: &Keys, clinic_id: ClinicId, subject_id: SubjectId, sealed: &[u8]) -> Result<Contact, StoreError> {
    let clear = keys.open(contact_place(clinic_id, subject_id), sealed).map_err(sealing)?;
    let broken = |_| StoreError::Inconsistent { table: "subjects", what: "contact_sealed" };
    let contact: SealedContact = serde_json::from_str(&clear).map_err(broken)?;
    Ok(Contact {
        name: contact.name,
        telephone: contact.telephone,
        email: contact.email,
        channel: contact.channel,
        language: contact.language,
    })
}
