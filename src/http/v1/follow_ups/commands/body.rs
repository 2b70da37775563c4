//! Request bodies of the follow-up commands.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::app::follow_ups::commands::ClosedTogether;
use crate::domain::fault::{Fault, FaultCode, Params, Sentence, decimal};
use crate::domain::fixed::to_units;
use crate::domain::follow_ups::{Closing, ClosingOutcome, FollowUpCommand, NotNeededReason, Note};
use crate::domain::ids::{CredentialId, FollowUpId};
use crate::http::kernel::names::{ClosingOutcomeName, DiagnosisName, NotNeededReasonName};
use crate::http::v1::input::required;

/// Body of a command without parameters; only an optional note.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CommandInput)]
pub struct CommandInput {
    /// Note to record with the command; stored encrypted.
    #[validate(length(min = 1, max = 2000))]
    #[schema(min_length = 1, max_length = 2000, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")]
    pub note: Option<String>,
}

/// The new assignee of a follow-up.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReassignInput)]
pub struct ReassignInput {
    /// Id of the credential of a staff member or admin; one's own is allowed.
    #[schema(required, value_type = Uuid)]
    pub to: Option<Uuid>,
    /// Note to record with the command; stored encrypted.
    #[validate(length(min = 1, max = 2000))]
    #[schema(min_length = 1, max_length = 2000, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")]
    pub note: Option<String>,
}

/// An attempt to reach the person.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContactAttemptInput)]
pub struct ContactAttemptInput {
    /// Whether the person was reached.
    #[schema(required, value_type = bool)]
    pub reached: Option<bool>,
    /// Note to record with the command; stored encrypted.
    #[validate(length(min = 1, max = 2000))]
    #[schema(min_length = 1, max_length = 2000, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")]
    pub note: Option<String>,
}

/// An appointment.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BookInput)]
pub struct BookInput {
    /// Time of the appointment, with an offset; in the future, within two years.
    #[schema(required, value_type = String, format = DateTime)]
    pub appointment_at: Option<Timestamp>,
    /// Note to record with the command; stored encrypted.
    #[validate(length(min = 1, max = 2000))]
    #[schema(min_length = 1, max_length = 2000, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")]
    pub note: Option<String>,
}

/// How a follow-up ends.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CloseInput)]
pub struct CloseInput {
    /// The outcome.
    #[schema(required, value_type = ClosingOutcomeName)]
    pub outcome: Option<ClosingOutcomeName>,
    /// Why no follow-up was needed: required with `not_needed`, not allowed otherwise. `merged` is not accepted.
    pub not_needed_reason: Option<NotNeededReasonName>,
    /// Diagnosis of sarcopenia from the examination; only with `attended`.
    pub diagnosis: Option<DiagnosisName>,
    /// Grip strength, kilograms, by 0.1; only with `attended`.
    #[validate(range(min = 1.0, max = 100.0))]
    #[schema(minimum = 1, maximum = 100)]
    pub grip_strength_kg: Option<f64>,
    /// Time for five chair stands, seconds, by 0.01; only with `attended`.
    #[validate(range(min = 3.0, max = 300.0))]
    #[schema(minimum = 3, maximum = 300)]
    pub five_chair_stands_s: Option<f64>,
    /// Note to record with the command; stored encrypted.
    #[validate(length(min = 1, max = 2000))]
    #[schema(min_length = 1, max_length = 2000, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")]
    pub note: Option<String>,
}

/// Self-reported follow-ups to be closed as not needed.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CloseTogetherInput)]
pub struct CloseTogetherInput {
    /// Ids of the follow-ups, at most 500.
    #[validate(length(min = 1, max = 500))]
    #[schema(required, value_type = Vec<Uuid>, min_items = 1, max_items = 500)]
    pub ids: Option<Vec<Uuid>>,
    /// Why no follow-up was needed. `merged` is not accepted.
    #[schema(required, value_type = NotNeededReasonName)]
    pub not_needed_reason: Option<NotNeededReasonName>,
    /// Note to record with each follow-up; stored encrypted.
    #[validate(length(min = 1, max = 2000))]
    #[schema(min_length = 1, max_length = 2000, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")]
    pub note: Option<String>,
}

/// The follow-ups that were closed, and those that were not.
#[derive(Clone, Serialize, ToSchema)]
pub struct ClosedTogetherBody {
    /// The closed follow-ups.
    pub closed: Vec<ClosedBody>,
    /// The follow-ups that were not closed.
    pub refused: Vec<NotClosedBody>,
}

/// A closed follow-up.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = ClosedFollowUp)]
pub struct ClosedBody {
    /// Id of the follow-up.
    pub id: Uuid,
    /// Its version now.
    #[schema(minimum = 1)]
    pub version: i32,
}

/// A follow-up that was not closed.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = NotClosedFollowUp)]
pub struct NotClosedBody {
    /// Id of the follow-up.
    pub id: Uuid,
    /// The reason.
    pub detail: &'static str,
}

/// A note.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NoteInput)]
pub struct NoteInput {
    /// Text of the note; stored encrypted.
    #[validate(length(min = 1, max = 2000))]
    #[schema(required, value_type = String, min_length = 1, max_length = 2000, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")]
    pub note: Option<String>,
}

/// A command with its note; `None` if a fault was found.
pub type ParsedCommand = Option<(FollowUpCommand, Option<Note>)>;

impl CommandInput {
    /// The parser of the body of a command without parameters.
    pub fn of(command: FollowUpCommand) -> impl FnOnce(Self, &mut Vec<Fault>) -> ParsedCommand {
        move |body, faults| Some((command, note(body.note, faults)))
    }
}

impl ReassignInput {
    pub fn parse(self, faults: &mut Vec<Fault>) -> ParsedCommand {
        let note = note(self.note, faults);
        let to = required(self.to, "/to", faults)?;
        Some((FollowUpCommand::Reassign { to: CredentialId(to) }, note))
    }
}

impl ContactAttemptInput {
    pub fn parse(self, faults: &mut Vec<Fault>) -> ParsedCommand {
        let note = note(self.note, faults);
        let reached = required(self.reached, "/reached", faults)?;
        Some((FollowUpCommand::Contact { reached }, note))
    }
}

impl BookInput {
    pub fn parse(self, faults: &mut Vec<Fault>) -> ParsedCommand {
        let note = note(self.note, faults);
        let appointment_at = required(self.appointment_at, "/appointment_at", faults)?;
        Some((FollowUpCommand::Book { appointment_at }, note))
    }
}

impl NoteInput {
    pub fn parse(self, faults: &mut Vec<Fault>) -> ParsedCommand {
        let text = required(self.note, "/note", faults)?;
        Some((FollowUpCommand::Note, note(Some(text), faults)))
    }
}

impl CloseTogetherInput {
    /// The ids without duplicates, the reason and the note; `None` if a fault was found.
    pub fn parse(self, faults: &mut Vec<Fault>) -> Option<(Vec<FollowUpId>, NotNeededReason, Option<Note>)> {
        let note = note(self.note, faults);
        let ids = required(self.ids, "/ids", faults);
        let reason = reason(self.not_needed_reason, faults)?;
        let ids: BTreeSet<Uuid> = ids?.into_iter().collect();
        Some((ids.into_iter().map(FollowUpId).collect(), reason, note))
    }
}

impl From<ClosedTogether> for ClosedTogetherBody {
    fn from(together: ClosedTogether) -> Self {
        let closed = together.closed.into_iter().map(|(id, version)| ClosedBody { id: id.0, version });
        let refused = together.refused.into_iter().map(|(id, detail)| NotClosedBody { id: id.0, detail });
        Self { closed: closed.collect(), refused: refused.collect() }
    }
}

impl CloseInput {
    pub fn parse(self, faults: &mut Vec<Fault>) -> ParsedCommand {
        let note = note(self.note, faults);
        let outcome = required(self.outcome, "/outcome", faults)?.0;
        for (set, place, only) in [
            (self.diagnosis.is_some(), "/diagnosis", ClosingOutcome::Attended),
            (self.grip_strength_kg.is_some(), "/grip_strength_kg", ClosingOutcome::Attended),
            (self.five_chair_stands_s.is_some(), "/five_chair_stands_s", ClosingOutcome::Attended),
            (self.not_needed_reason.is_some(), "/not_needed_reason", ClosingOutcome::NotNeeded),
        ] {
            if set && outcome != only {
                let fault = Fault::new(place, FaultCode::Contradiction, OTHER_OUTCOME);
                faults.push(fault.with(Params::name(only.as_str())));
            }
        }
        let closing = match outcome {
            ClosingOutcome::Attended => Closing::Attended {
                diagnosis: self.diagnosis.map(|diagnosis| diagnosis.0),
                grip_strength_g: thousandths(self.grip_strength_kg, 100, "/grip_strength_kg", faults),
                five_chair_stands_ms: thousandths(self.five_chair_stands_s, 10, "/five_chair_stands_s", faults),
            },
            ClosingOutcome::Declined => Closing::Declined,
            ClosingOutcome::Unreachable => Closing::Unreachable,
            ClosingOutcome::NotNeeded => Closing::NotNeeded { reason: reason(self.not_needed_reason, faults)? },
        };
        Some((FollowUpCommand::Close(closing), note))
    }
}

const OTHER_OUTCOME: Sentence = Sentence::new(
    "is only allowed with the outcome {name}; omit it",
    "solo se admite con el resultado {name}; omítalo",
);
const STEP: Sentence = Sentence::new("must be a multiple of {step}", "debe ser múltiplo de {step}");
const ONLY_BY_MERGE: Sentence = Sentence::new(
    "only a merge of subjects sets this reason; send one of {allowed}",
    "este motivo solo lo asigna una fusión de sujetos; envíe uno de estos: {allowed}",
);

/// A measurement in thousandths of its unit, which must be a multiple of `step`.
fn thousandths(value: Option<f64>, step: i32, place: &str, faults: &mut Vec<Fault>) -> Option<i32> {
    let value = value?;
    let units = to_units(value, 1000).filter(|units| units % step == 0);
    if units.is_none() {
        let params = Params { step: decimal(step, 1000), ..Params::default() };
        faults.push(Fault::new(place, FaultCode::Precision, STEP).with(params));
    }
    units
}

fn reason(given: Option<NotNeededReasonName>, faults: &mut Vec<Fault>) -> Option<NotNeededReason> {
    let reason = required(given, "/not_needed_reason", faults)?.0;
    if reason == NotNeededReason::Merged {
        let others = NotNeededReason::ALL.into_iter().filter(|reason| *reason != NotNeededReason::Merged);
        let fault = Fault::new("/not_needed_reason", FaultCode::UnknownOption, ONLY_BY_MERGE);
        faults.push(fault.with(Params::allowed(others.map(NotNeededReason::as_str))));
        return None;
    }
    Some(reason)
}

fn note(text: Option<String>, faults: &mut Vec<Fault>) -> Option<Note> {
    Note::parse(&text?).map_err(|fault| faults.push(fault.under("/note"))).ok()
}
