//! Subjects in the API.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::domain::fault::{Fault, FaultCode, Params, Sentence};
use crate::domain::subjects::contact::ContactWarning;
use crate::domain::subjects::{Consent, Contact, LookUp, Reference, Subject, SubjectDraft};
use crate::http::kernel::paging::page;
use crate::http::kernel::text::plain;
use crate::http::v1::contact::{ContactBody, ContactInput};

/// Identity, contact data and consent of the subject, as far as the sender may give them.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubjectInput)]
pub struct SubjectInput {
    /// The reference of the person. Not allowed with a browser key. Submissions with the same reference and system belong to
    /// the same subject.
    #[validate(length(min = 1, max = 128))]
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub reference: Option<String>,
    /// The system that assigned the reference, such as a URI. Without it, and with one of the clinic's own systems, the
    /// reference is the clinic's own.
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub reference_system: Option<String>,
    /// Contact data; stored encrypted. Parts that are not given keep their values.
    #[serde(default, deserialize_with = "crate::http::kernel::object::optional")]
    pub contact: Option<ContactInput>,
    /// Whether the person may be contacted. An older consent does not override a newer one.
    #[validate(nested)]
    #[serde(default, deserialize_with = "crate::http::kernel::object::optional")]
    pub consent: Option<ConsentBody>,
}

/// Consent of a person.
#[derive(Clone, Default, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Consent)]
pub struct ConsentBody {
    /// Whether the clinic may contact the person.
    #[schema(required, value_type = bool)]
    pub to_contact: Option<bool>,
    /// Version of the text that the person agreed to.
    #[validate(length(min = 1, max = 100), custom(function = "plain"))]
    #[schema(required, value_type = String, min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub text_version: Option<String>,
    /// When the consent was given, with an offset.
    #[schema(required, value_type = String, format = DateTime)]
    pub given_at: Option<Timestamp>,
}

/// What to search subjects by: exactly one of these.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubjectSearch)]
pub struct SubjectSearchInput {
    /// The reference, exactly, in every system. Unicode forms of one character are equal.
    #[validate(length(min = 1, max = 128))]
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00]*$")]
    pub reference: Option<String>,
    /// Words of the name, in any order. All must be in the name; case, accents, apostrophes and hyphens do not matter. The whole
    /// name is also found with other spaces.
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\x00]*$")]
    pub name: Option<String>,
    /// The telephone number, in a national spelling of the clinic's country or with the country code. An extension does not
    /// matter.
    #[validate(length(min = 1, max = 40))]
    #[schema(min_length = 1, max_length = 40, pattern = r"^[^\x00]*$")]
    pub telephone: Option<String>,
    /// The e-mail address; case and accents do not matter.
    #[validate(length(min = 1, max = 254))]
    #[schema(min_length = 1, max_length = 254, pattern = r"^[^\x00]*$")]
    pub email: Option<String>,
}

/// A subject, for staff.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Subject)]
pub struct SubjectBody {
    /// Id of the subject.
    pub id: Uuid,
    /// The reference of the person.
    pub reference: Option<String>,
    /// The system that assigned the reference; null for the clinic itself.
    pub reference_system: Option<String>,
    /// Contact data; null without consent to contact.
    pub contact: Option<ContactBody>,
    /// Consent of the person.
    pub consent: Option<ConsentBody>,
    /// When the subject was created.
    pub created_at: Timestamp,
    /// Counts changes of contact data, consent and merges.
    #[schema(minimum = 1)]
    pub version: i32,
    /// Id of the subject that this one was merged into.
    pub merged_into: Option<Uuid>,
}

page!(
    /// The subjects found.
    SubjectPage of SubjectBody, from Subject
);

impl SubjectInput {
    /// The subject, and what is not kept of its contact data.
    pub fn parse(self, faults: &mut Vec<Fault>) -> (SubjectDraft, Vec<ContactWarning>) {
        let system = self.reference_system.as_deref().map(|text| (text, "/subject/reference_system"));
        if system.is_some() && self.reference.is_none() {
            let detail = Sentence::new("must be given with its system", "debe indicarse junto con su sistema");
            faults.push(Fault::new("/subject/reference", FaultCode::Required, detail));
        }
        let reference = self.reference.as_deref().and_then(|text| {
            let parsed = Reference::parse(system, (text, "/subject/reference"));
            parsed.map_err(|found| faults.extend(found)).ok()
        });
        let (contact, warnings) = self.contact.map(|contact| contact.parse(faults)).unwrap_or_default();
        let consent = self.consent.and_then(|consent| consent.parse("/subject/consent", faults));
        (SubjectDraft { reference, contact, consent }, warnings)
    }
}

impl ConsentBody {
    /// `place` is the pointer of the consent in the body.
    pub fn parse(self, place: &str, faults: &mut Vec<Fault>) -> Option<Consent> {
        let missing = [
            (self.to_contact.is_none(), "to_contact"),
            (self.text_version.is_none(), "text_version"),
            (self.given_at.is_none(), "given_at"),
        ];
        for (_, name) in missing.into_iter().filter(|(missing, _)| *missing) {
            let pointer = format!("{place}/{name}");
            faults.push(Fault::new(
                pointer,
                FaultCode::Required,
                Sentence::new("must be given in a consent", "debe indicarse en un consentimiento"),
            ));
        }
        Some(Consent { to_contact: self.to_contact?, text_version: self.text_version?, given_at: self.given_at? })
    }
}

impl SubjectSearchInput {
    /// What to search by, if exactly one field is given.
    pub fn parse(self, faults: &mut Vec<Fault>) -> Option<(LookUp, String)> {
        let given = [
            (LookUp::Reference, self.reference),
            (LookUp::Name, self.name),
            (LookUp::Telephone, self.telephone),
            (LookUp::Email, self.email),
        ];
        let mut given = given.into_iter().filter_map(|(by, text)| Some((by, text?)));
        if let (Some(one), None) = (given.next(), given.next()) {
            return Some(one);
        }
        let one = Sentence::new("give exactly one of {allowed}", "indique exactamente uno de estos: {allowed}");
        let fields = Params::allowed(["reference", "name", "telephone", "email"]);
        faults.push(Fault::new("", FaultCode::Required, one).with(fields));
        None
    }
}

impl From<Subject> for SubjectBody {
    fn from(subject: Subject) -> Self {
        let contact = (subject.contact != Contact::default()).then(|| ContactBody::from(subject.contact));
        Self {
            id: subject.subject_id.0,
            reference_system: subject.reference.as_ref().and_then(Reference::system).map(str::to_owned),
            reference: subject.reference.map(|reference| reference.value().to_owned()),
            contact,
            consent: subject.consent.map(ConsentBody::from),
            created_at: subject.created_at,
            version: subject.version,
            merged_into: subject.merged_into.map(|id| id.0),
        }
    }
}

impl From<Consent> for ConsentBody {
    fn from(consent: Consent) -> Self {
        Self {
            to_contact: Some(consent.to_contact),
            text_version: Some(consent.text_version),
            given_at: Some(consent.given_at),
        }
    }
}
