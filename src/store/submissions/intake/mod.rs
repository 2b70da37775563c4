//! Intake: writes many submissions with all their effects together, one statement per table.

mod cases;
mod claims;
mod people;
mod rows;

use std::collections::HashSet;

use uuid::Uuid;

use crate::domain::ids::{ClinicId, SenderId, SubjectId, SubmissionId};
use crate::domain::receipt_code::ReceiptCode;
use crate::domain::subjects::Contact;
use crate::domain::submissions::stored::{FollowUpLink, StoredSubmission};
use crate::domain::{audit::AuditEntry, submissions::Accepted, webhooks::Event};
use crate::store::database::role::{Role, switch_to};
use crate::store::database::{Connection, Keys, Store, writer::Work};
use crate::store::error::{Result, StoreError};
use crate::store::{follow_ups::keep::keep, subjects::changes::add_to_contact, webhooks::outbox};
use people::Written;
pub(super) use people::hashes_of;
pub use people::is_of_subject;

/// Maximum attempts of a batch when other transactions keep changing its subjects or keys.
const ATTEMPTS: usize = 16;

pub(in crate::store) struct Intake {
    accepted: Accepted,
    reference: Option<Written>,
    documents: rows::Documents,
}

pub(in crate::store) enum Outcome {
    /// Stored, for this subject, with this follow-up and under this receipt code.
    Stored(SubjectId, Option<FollowUpLink>, ReceiptCode),
    /// The same key and body were stored before, as this submission.
    Replay(SubmissionId),
    KeyReused,
}

/// A resource that at most one submission of a transaction may use.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::store) enum Touched {
    /// A subject, by the hash of its reference.
    Person(Uuid, Vec<u8>),
    Key(SenderId, String),
    /// A submission to be corrected. Two corrections of it are never in one transaction, so the second finds the first.
    Corrected(SubmissionId),
}

/// A submission that proceeds, with its subject.
struct Resolved<'a> {
    intake: &'a Intake,
    subject_id: SubjectId,
    /// Whether the subject existed before the batch.
    known: bool,
    follow_up: Option<FollowUpLink>,
    /// The code to store it under, if it is not taken.
    receipt_code: ReceiptCode,
    place: usize,
}

impl Intake {
    /// Seals and serializes everything that does not need the transaction.
    pub(in crate::store) fn new(keys: &Keys, accepted: Accepted) -> Result<Self> {
        let clinic_id = accepted.actor.clinic_id;
        let reference = accepted.draft.subject.reference.as_ref();
        let reference =
            reference.map(|reference| Written::new(keys, clinic_id, reference, &accepted.own_systems)).transpose()?;
        let documents = rows::Documents::new(&accepted)?;
        Ok(Self { accepted, reference, documents })
    }

    pub(in crate::store) fn stored(
        self,
        subject_id: SubjectId,
        follow_up: Option<FollowUpLink>,
        receipt_code: ReceiptCode,
    ) -> StoredSubmission {
        let Accepted { submission_id, actor, origin, received_at, draft, assessment, .. } = self.accepted;
        StoredSubmission {
            submission_id,
            receipt_code,
            subject_id,
            credential_id: actor.credential_id,
            origin,
            received_at,
            answered_at: draft.answered_at,
            stated: draft.stated,
            imported: draft.imported,
            test: draft.test,
            language: draft.language,
            source: draft.source,
            pathway: draft.pathway,
            supersedes: draft.supersedes,
            superseded_by: None,
            superseded_at: None,
            answers: draft.answers,
            assessment,
            follow_up,
            warnings: draft.warnings,
        }
    }

    fn clinic(&self) -> Uuid {
        self.accepted.actor.clinic_id.0
    }
}

impl Work for Intake {
    const QUEUE_NAME: &'static str = "intake";
    type Touched = Touched;
    type Outcome = Outcome;

    fn clinic_id(&self) -> ClinicId {
        self.accepted.actor.clinic_id
    }

    fn touched(&self) -> Vec<Touched> {
        let person = self.reference.as_ref().map(|written| Touched::Person(self.clinic(), written.hash.clone()));
        let idempotency = self.accepted.draft.idempotency.as_ref();
        let key = idempotency.map(|idempotency| Touched::Key(idempotency.sender_id, idempotency.key.clone()));
        let corrected = self.accepted.draft.supersedes.map(Touched::Corrected);
        person.into_iter().chain(key).chain(corrected).collect()
    }

    async fn commit(store: &Store, part: &[Self]) -> Result<Vec<Outcome>> {
        for _ in 0..ATTEMPTS {
            if let Some(outcomes) = attempt(store, part).await? {
                return Ok(outcomes);
            }
        }
        Err(StoreError::Unavailable("the subjects of a batch keep changing".into()))
    }
}

/// Writes a batch. `None`, and nothing is written, when another transaction changed rows between reading and locking.
///
/// Locks are taken in one order, here and wherever several rows are locked: idempotency keys, subjects by id, follow-ups by
/// id, submissions by id. New rows are inserted after existing ones are locked, so two transactions never wait for each
/// other.
async fn attempt(store: &Store, part: &[Intake]) -> Result<Option<Vec<Outcome>>> {
    let clinics: HashSet<Uuid> = part.iter().map(Intake::clinic).collect();
    let mut transaction = store.begin_writer(&Vec::from_iter(clinics)).await?;
    let Some((fresh, mut outcomes)) = claims::claim(&mut transaction, part).await? else { return Ok(None) };
    let Some(mut resolved) = people::resolve(&mut transaction, fresh).await? else { return Ok(None) };
    let decisions = cases::decide(&mut transaction, &mut resolved).await?;
    let entries: Vec<_> = resolved.iter().map(audit_entry).collect();
    if !keep(&mut transaction, &store.keys, &decisions, &entries).await? {
        return Ok(None);
    }
    rows::insert(&mut transaction, &mut resolved).await?;
    write_test_events(&mut transaction, &resolved).await?;
    tell_of_contact(&mut transaction, store, &resolved).await?;
    transaction.commit().await?;
    let stored = |one: &Resolved<'_>| Outcome::Stored(one.subject_id, one.follow_up, one.receipt_code);
    outcomes.extend(resolved.iter().map(|one| (one.place, stored(one))));
    outcomes.sort_by_key(|(place, _)| *place);
    Ok(Some(outcomes.into_iter().map(|(_, outcome)| outcome).collect()))
}

/// The audit entry, with the subject, which is known now.
fn audit_entry(one: &Resolved<'_>) -> AuditEntry {
    AuditEntry { subject_id: Some(one.subject_id), ..one.intake.accepted.audit.clone() }
}

/// Writes the events of flagged tests, for the endpoints that ask for tests.
async fn write_test_events(connection: &mut Connection, resolved: &[Resolved<'_>]) -> Result<()> {
    let event = |one: &Resolved<'_>| {
        let accepted = &one.intake.accepted;
        let (submission_id, urgency) = (accepted.submission_id, accepted.test_urgency()?.as_str());
        let event = Event::flagged_test(submission_id, one.subject_id, urgency, accepted.received_at);
        Some((accepted.actor.clinic_id, event))
    };
    let events: Vec<_> = resolved.iter().filter_map(event).collect();
    if events.is_empty() { Ok(()) } else { outbox::write_tests(connection, events).await }
}

/// Adds contact data and consent, subject by subject, in the role that may read them. The last step of the transaction.
/// Those of a test are not kept: it may name the subject of real submissions.
async fn tell_of_contact(connection: &mut Connection, store: &Store, resolved: &[Resolved<'_>]) -> Result<()> {
    for Resolved { intake, subject_id, .. } in resolved.iter().filter(|one| !one.intake.accepted.draft.test) {
        let draft = &intake.accepted.draft.subject;
        if draft.contact != Contact::default() || draft.consent.is_some() {
            switch_to(connection, Role::App, Some(intake.accepted.actor.clinic_id)).await?;
            add_to_contact(connection, &store.keys, &intake.accepted, *subject_id).await?;
        }
    }
    Ok(())
}
