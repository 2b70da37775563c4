//! A filled-in form as a draft of a submission.

use jiff::Timestamp;
use serde::Serialize;

use super::faults::{CONSENT, CONSENT_CHANGED, CONSENT_POINTER};
use super::sent::Sent;
use super::visit::Visit;
use crate::app::submissions::idempotency;
use crate::domain::clinics::ConsentText;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::screening::answers::Answers;
use crate::domain::subjects::contact::{ContactWarning, SentContact};
use crate::domain::subjects::{Consent, Contact, SubjectDraft};
use crate::domain::submissions::{Draft, Stated};
use crate::http::kernel::fixed::json;
use crate::http::kernel::problem::{Problem, ProblemType};

/// Hexadecimal digits of a retry key: 128 bits.
const KEY_LENGTH: usize = 32;
/// The fields of contact data.
pub(super) const CONTACT: [&str; 3] = ["name", "telephone", "email"];
/// The operation that a retry key is bound to.
const OPERATION: &str = "web_form";

pub(super) struct Filled {
    pub draft: Draft,
    /// The faults of what was sent, in the form's own fields.
    pub faults: Vec<Fault>,
}

/// Whether the clinic contacts the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contacting {
    Allowed,
    Refused,
    /// The person agrees, but gave no number and no address that is kept.
    Impossible,
}

/// What makes two sendings of a form equal: not the language, and not contact data that the person does not agree to.
#[derive(Serialize)]
struct Content<'a> {
    answers: &'a Answers,
    to_contact: Option<bool>,
    contact: [&'a str; 3],
}

impl Filled {
    /// Fails if the form has no retry key.
    pub(super) fn read(visit: &Visit<'_>, sent: &Sent) -> Result<Self, Problem> {
        let key = sent.text("key");
        if key.len() != KEY_LENGTH || !key.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(Problem::new(ProblemType::MalformedRequest, "the form lacks its retry key; load it again"));
        }
        let (answers, mut faults) = sent.answers(visit.table(), visit.language);
        let to_contact = may_contact(sent);
        let agreed = visit.clinic().profile.consent.as_ref().zip(to_contact);
        if agreed.is_some_and(|(text, _)| sent.text("consent_version") != text.version) {
            faults.push(Fault::new(CONSENT_POINTER, FaultCode::Contradiction, CONSENT_CHANGED));
        }
        let given_at = visit.state.app.ambient.now();
        let (contact, warnings) = contact(visit, sent, to_contact);
        let typed = CONTACT.map(|field| if to_contact == Some(true) { sent.text(field) } else { "" });
        let content = json(&Content { answers: &answers, to_contact, contact: typed })?;
        let actor = visit.actor();
        let bound = idempotency::bind(&visit.state.app, actor.sender_id, key.to_owned(), OPERATION, &[], &content);
        let consent = agreed.map(|(text, to_contact)| consent(text, to_contact, given_at));
        let draft = Draft {
            answers,
            subject: SubjectDraft { reference: None, contact, consent },
            warnings,
            answered_at: None,
            stated: Stated::default(),
            source: None,
            pathway: None,
            supersedes: None,
            imported: false,
            test: false,
            language: visit.language,
            idempotency: Some(bound),
        };
        Ok(Self { draft, faults })
    }

    pub(super) fn contacting(&self) -> Contacting {
        let SubjectDraft { contact, consent, .. } = &self.draft.subject;
        if consent.as_ref().is_none_or(|consent| !consent.to_contact) {
            Contacting::Refused
        } else if contact.telephone.is_some() || contact.email.is_some() {
            Contacting::Allowed
        } else {
            Contacting::Impossible
        }
    }
}

/// Whether the person agrees to be contacted; `None` if the question is not answered.
pub(super) fn may_contact(sent: &Sent) -> Option<bool> {
    match sent.given(CONSENT) {
        Some("yes") => Some(true),
        Some("no") => Some(false),
        _ => None,
    }
}

/// The contact data that is kept, and what is not. Without agreement there is none.
fn contact(visit: &Visit<'_>, sent: &Sent, to_contact: Option<bool>) -> (Contact, Vec<ContactWarning>) {
    if to_contact != Some(true) {
        return (Contact::default(), Vec::new());
    }
    Contact::from_sent(SentContact {
        name: sent.given("name"),
        telephone: sent.given("telephone"),
        email: sent.given("email"),
        channel: None,
        language: Some(visit.language.code()),
    })
}

fn consent(text: &ConsentText, to_contact: bool, given_at: Timestamp) -> Consent {
    Consent { to_contact, text_version: text.version.clone(), given_at }
}
