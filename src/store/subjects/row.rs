//! The columns of a subject: sealed values, and the blind indexes that find them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::domain::ids::{ClinicId, SubjectId};
use crate::domain::subjects::{Channel, Consent, Contact, LookUp, Reference, Subject, search};
use crate::domain::{language::Language, subjects::history::Before};
use crate::store::database::{Keys, keys::Place, known};
use crate::store::error::Result;

pub(in crate::store) struct Row {
    pub subject_id: Uuid,
    pub reference_hash: Option<Vec<u8>>,
    pub reference_sealed: Option<Vec<u8>>,
    pub contact_sealed: Option<Vec<u8>>,
    pub consent_to_contact: Option<bool>,
    pub consent_text_version: Option<String>,
    pub consent_given_at: Option<jiff_sqlx::Timestamp>,
    pub created_at: jiff_sqlx::Timestamp,
    pub version: i32,
    pub merged_into: Option<Uuid>,
}

#[derive(Default)]
pub(in crate::store) struct ContactColumns {
    pub sealed: Option<Vec<u8>>,
    pub language: Option<&'static str>,
    /// How the terms were made.
    pub search_form: Option<String>,
    /// The hashes of the terms by which the subject is found. Each is a row of `subject_search_terms`.
    pub terms: Vec<Vec<u8>>,
}

impl Row {
    pub(in crate::store) fn open(self, keys: &Keys, clinic_id: ClinicId) -> Result<Subject> {
        let subject_id = SubjectId(self.subject_id);
        let reference = open_reference(keys, clinic_id, self.reference_hash.zip(self.reference_sealed))?;
        let consent = match (self.consent_to_contact, self.consent_text_version, self.consent_given_at) {
            (Some(to_contact), Some(text_version), Some(given_at)) => {
                Some(Consent { to_contact, text_version, given_at: given_at.to_jiff() })
            }
            _ => None,
        };
        Ok(Subject {
            subject_id,
            reference,
            contact: open_contact(keys, clinic_id, subject_id, self.contact_sealed.as_deref())?,
            consent,
            created_at: self.created_at.to_jiff(),
            version: self.version,
            merged_into: self.merged_into.map(SubjectId),
        })
    }
}

impl ContactColumns {
    /// The columns of contact data in a clinic with its country. All are `None` if there is no contact data.
    pub(in crate::store) fn new(
        keys: &Keys,
        (clinic_id, country): (ClinicId, Option<&str>),
        subject_id: SubjectId,
        contact: &Contact,
    ) -> Result<Self> {
        if *contact == Contact::default() {
            return Ok(Self::default());
        }
        let clear = json(&SealedContact::from(contact))?;
        let terms = search::terms(contact, country);
        Ok(Self {
            sealed: Some(keys.seal(Place::contact(clinic_id, subject_id), &clear)?),
            language: contact.language.map(Language::as_str),
            search_form: Some(search::form(country)),
            terms: terms.iter().map(|term| keys.term_hash(clinic_id.0, term).to_vec()).collect(),
        })
    }
}

/// The hash by which a reference of another system is found without it; `None` for the clinic's own references.
pub(in crate::store) fn value_hash(keys: &Keys, clinic_id: ClinicId, reference: &Reference) -> Option<Vec<u8>> {
    reference.system()?;
    let value = LookUp::Reference.normalize(reference.value());
    Some(keys.blind_index(clinic_id.0, LookUp::Reference, &value).to_vec())
}

/// Decrypts a reference, given as its hash and its sealed form. `None` if there is none.
pub(in crate::store) fn open_reference(
    keys: &Keys,
    clinic_id: ClinicId,
    columns: Option<(Vec<u8>, Vec<u8>)>,
) -> Result<Option<Reference>> {
    let Some((hash, sealed)) = columns else { return Ok(None) };
    Ok(Some(Reference::from_stored(&keys.open(Place::reference(clinic_id, &hash), &sealed)?)))
}

/// Decrypts contact data. It is empty if none is stored.
pub(in crate::store) fn open_contact(
    keys: &Keys,
    clinic_id: ClinicId,
    subject_id: SubjectId,
    sealed: Option<&[u8]>,
) -> Result<Contact> {
    let Some(sealed) = sealed else { return Ok(Contact::default()) };
    let clear = keys.open(Place::contact(clinic_id, subject_id), sealed)?;
    let contact: SealedContact = known(serde_json::from_str(&clear).ok(), "subjects", "contact_sealed")?;
    Ok(contact.into())
}

/// Seals the value before a change. `None` if there was none.
pub(in crate::store) fn seal_before(
    keys: &Keys,
    clinic_id: ClinicId,
    change: (SubjectId, i32),
    before: &Before,
) -> Result<Option<Vec<u8>>> {
    let before = match before {
        Before::Nothing => return Ok(None),
        Before::Contact(contact) => SealedBefore::Contact(contact.into()),
        Before::Consent(Consent { to_contact, text_version, given_at }) => {
            SealedBefore::Consent { to_contact: *to_contact, text_version: text_version.clone(), given_at: *given_at }
        }
    };
    Ok(Some(keys.seal(Place::before(clinic_id, change), &json(&before)?)?))
}

pub(in crate::store) fn open_before(
    keys: &Keys,
    clinic_id: ClinicId,
    change: (SubjectId, i32),
    sealed: Option<&[u8]>,
) -> Result<Before> {
    let Some(sealed) = sealed else { return Ok(Before::Nothing) };
    let clear = keys.open(Place::before(clinic_id, change), sealed)?;
    Ok(match known(serde_json::from_str(&clear).ok(), "subjects", "before_sealed")? {
        SealedBefore::Contact(contact) => Before::Contact(contact.into()),
        SealedBefore::Consent { to_contact, text_version, given_at } => {
            Before::Consent(Consent { to_contact, text_version, given_at })
        }
    })
}

fn json(value: &impl Serialize) -> Result<Zeroizing<String>> {
    known(serde_json::to_string(value).ok().map(Zeroizing::new), "subjects", "cannot be written as JSON")
}

#[derive(Serialize, Deserialize)]
struct SealedContact {
    name: Option<String>,
    telephone: Option<String>,
    email: Option<String>,
    channel: Option<Channel>,
    language: Option<Language>,
}

/// The plaintext of a sealed value before a change.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SealedBefore {
    Contact(SealedContact),
    Consent { to_contact: bool, text_version: String, given_at: jiff::Timestamp },
}

impl From<&Contact> for SealedContact {
    fn from(contact: &Contact) -> Self {
        let Contact { name, telephone, email, channel, language } = contact.clone();
        Self { name, telephone, email, channel, language }
    }
}

impl From<SealedContact> for Contact {
    fn from(sealed: SealedContact) -> Self {
        let SealedContact { name, telephone, email, channel, language } = sealed;
        Self { name, telephone, email, channel, language }
    }
}
