//! Executes the plan of the demo: each submission and each step of staff is a use case with the clock at its own time.
//! Idempotency keys without an end make a later call complete an interrupted one.

use std::future::ready;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::plan::{DAY, Person, Screen};
use super::stories::{Action, Appointment, Step};
use super::{clock, people};
use crate::app::follow_ups::commands::{CommandRequest, command};
use crate::app::submissions::intake;
use crate::app::{App, AppError, Result};
use crate::domain::access::actor::{Actor, Role};
use crate::domain::clinics::Clinic;
use crate::domain::follow_ups::{FollowUpCommand, Note};
use crate::domain::ids::FollowUpId;
use crate::domain::subjects::SubjectDraft;
use crate::domain::submissions::stored::StoredSubmission;
use crate::domain::submissions::{Draft, Idempotency, Stated};

const AT_ONCE: usize = 8;
/// How often an operation is tried when a slow machine does not do it in time, and the pause between tries.
const TRIES: usize = 30;
const AGAIN: Duration = Duration::from_millis(500);

/// The credentials of the demo, one for each role.
pub(super) struct Actors {
    pub(super) browser: Actor,
    pub(super) intake: Actor,
    pub(super) staff: Actor,
    pub(super) admin: Actor,
}

pub(super) struct Execution<'a> {
    pub(super) app: &'a App,
    pub(super) clinic: &'a Clinic,
    pub(super) actors: &'a Actors,
    /// The time that the plan ends at.
    pub(super) start: Timestamp,
}

impl Actors {
    const fn with_role(&self, role: Role) -> &Actor {
        match role {
            Role::Browser => &self.browser,
            Role::Intake => &self.intake,
            Role::Staff => &self.staff,
            Role::Admin => &self.admin,
        }
    }
}

impl Execution<'_> {
    pub(super) async fn execute(&self, people: &[Person]) -> Result<()> {
        let executed = people.iter().map(|person| self.execute_person(person));
        stream::iter(executed).buffer_unordered(AT_ONCE).try_for_each(|()| ready(Ok(()))).await
    }

    async fn execute_person(&self, person: &Person) -> Result<()> {
        let mut case = None;
        for (number, screen) in person.screens.iter().enumerate() {
            let stored = self.submit(person, number, screen).await?;
            case = match (stored.follow_up, case) {
                (Some(link), Some((_, version))) if link.joined => Some((link.follow_up_id, version + 1)),
                (Some(link), _) => Some((link.follow_up_id, 1)),
                (None, case) => case,
            };
        }
        match case {
            Some(case) => self.work(person, case).await,
            None => Ok(()),
        }
    }

    async fn submit(&self, person: &Person, number: usize, screen: &Screen) -> Result<StoredSubmission> {
        let app = clock::at(self.app, clock::before(self.start, screen.minutes));
        let (actor, subject) = (self.actors.with_role(person.sender), people::subject(person.place, app.ambient.now()));
        // A visitor of a web site has no reference.
        let reference = subject.reference.filter(|_| actor.role != Role::Browser);
        let draft = Draft {
            answers: screen.answers.clone(),
            language: subject.contact.language.unwrap_or_default(),
            subject: SubjectDraft { reference, ..subject },
            warnings: Vec::new(),
            answered_at: None,
            stated: Stated::default(),
            source: None,
            pathway: None,
            supersedes: None,
            imported: false,
            test: false,
            idempotency: Some(idempotency(actor, person, "screen", number)),
        };
        let submit = || intake::submit(&app, actor, self.clinic, draft.clone(), Vec::new());
        Ok(patiently(submit).await?.result)
    }

    /// The steps of staff on a follow-up, beginning with this version.
    async fn work(&self, person: &Person, (follow_up_id, mut version): (FollowUpId, i32)) -> Result<()> {
        let last = person.screens.last().map(|screen| screen.minutes).unwrap_or_default();
        let mut actor = &self.actors.staff;
        for (number, step) in person.story.iter().enumerate() {
            let app = clock::at(self.app, clock::before(self.start, last - step.hours * 60));
            let asked = CommandRequest {
                follow_up_id,
                version,
                command: self.command(step, last),
                note: step.note.and_then(|note| Note::parse(note).ok()),
                idempotency: Some(idempotency(actor, person, "step", number)),
            };
            match patiently(|| command(&app, actor, asked.clone())).await {
                Ok(done) => version = done.result.follow_up.version,
                // Staff changed the follow-up after an interrupted call.
                Err(AppError::FollowUpChanged(_) | AppError::Stale) => return Ok(()),
                Err(error) => return Err(error),
            }
            if matches!(step.action, Action::HandOver) {
                actor = &self.actors.admin;
            }
        }
        Ok(())
    }

    fn command(&self, step: &Step, last: i64) -> FollowUpCommand {
        match step.action {
            Action::Claim => FollowUpCommand::Claim,
            Action::Release => FollowUpCommand::Release,
            Action::HandOver => FollowUpCommand::Reassign { to: self.actors.admin.credential_id },
            Action::Contact { reached } => FollowUpCommand::Contact { reached },
            Action::Book(appointment) => FollowUpCommand::Book {
                appointment_at: match appointment {
                    Appointment::After(hours) => clock::before(self.start, last - hours * 60),
                    Appointment::Day(days) => noon(clock::before(self.start, -days * DAY)),
                },
            },
            Action::DidNotAttend => FollowUpCommand::DidNotAttend,
            Action::Close(closing) => FollowUpCommand::Close(closing),
            Action::Reopen => FollowUpCommand::Reopen,
            Action::Note => FollowUpCommand::Note,
        }
    }
}

/// Noon of the day of a time, in UTC.
fn noon(time: Timestamp) -> Timestamp {
    const SECONDS: i64 = DAY * 60;
    let second = time.as_second();
    Timestamp::from_second(second - second.rem_euclid(SECONDS) + SECONDS / 2).unwrap_or(time)
}

/// The key of one operation. It identifies the operation for ever, so that no call repeats it.
fn idempotency(actor: &Actor, person: &Person, what: &str, number: usize) -> Idempotency {
    Idempotency {
        sender_id: actor.sender_id,
        key: format!("demo/{}/{what}/{number}", person.place),
        fingerprint: [0; 32],
        expires_at: Timestamp::MAX,
        of_record: false,
    }
}

/// Repeats an operation while the database is too slow for it. Its idempotency key keeps it from having two effects.
async fn patiently<T, F: Future<Output = Result<T>>>(attempt: impl Fn() -> F) -> Result<T> {
    for _ in 1..TRIES {
        match Box::pin(attempt()).await {
            // The database sends no event when it is less busy, so the operation is repeated.
            Err(AppError::Unavailable(_)) => tokio::time::sleep(AGAIN).await,
            done => return done,
        }
    }
    Box::pin(attempt()).await
}
