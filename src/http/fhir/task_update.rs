//! `PUT /fhir/Task/{id}`: the status that a client gives a task is a command on the follow-up. `docs/fhir.md` has the table.

use actix_web::http::StatusCode;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;
use validator::Validate;

use super::follow_up::{outcome, task, task_status};
use super::follow_ups::of_cases;
use super::names::{CREDENTIAL, RESULTS};
use super::outcome::{in_resource, within};
use super::reply;
use super::response_input::{CodeInput, IdentifierInput};
use crate::app::error::AppError;
use crate::app::follow_ups::commands;
use crate::domain::audit::AuditAction;
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::follow_ups::{Closing, FollowUp, FollowUpCommand, FollowUpState, NotNeededReason, StateName};
use crate::domain::ids::{CredentialId, FollowUpId};
use crate::http::kernel::auth::Staff;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{Later, PathId, if_match};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::kernel::trail::Attempted;

/// The elements of a task that are read; all others are ignored.
#[derive(Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskInput {
    resource_type: Option<String>,
    id: Option<String>,
    status: Option<String>,
    status_reason: Option<Concept>,
    business_status: Option<Concept>,
    execution_period: Option<Span>,
    owner: Option<Owner>,
}

#[derive(Deserialize)]
struct Concept {
    #[serde(default)]
    coding: Vec<CodeInput>,
}

#[derive(Deserialize)]
struct Span {
    start: Option<String>,
}

#[derive(Deserialize)]
struct Owner {
    identifier: Option<IdentifierInput>,
}

/// Runs the command that the task requests. Fails when no version is given (428), the version is not current (412), or the
/// command is not possible (409, 422).
pub(super) async fn update_task(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Staff,
    id: Later<PathId>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let (id, version) = (id.read()?.0, if_match(request.headers(), true)?);
    let body = incoming.read::<TaskInput>().await.map_err(|problem| within("Task", problem))?;
    let mut faults = in_resource("Task", body.faults);
    if body.value.resource_type.as_deref() != Some("Task") {
        faults.push(at("resourceType", FaultCode::UnknownOption, Sentence::new("must be Task", "debe ser Task")));
    }
    if body.value.id.as_deref() != Some(&id.to_string()) {
        faults.push(at(
            "id",
            FaultCode::Contradiction,
            Sentence::new("must be the id in the URL", "debe ser el id de la URL"),
        ));
    }
    let record = |action: Option<AuditAction>| {
        if let Some(action) = action {
            request.extensions_mut().insert(Attempted(action));
        }
    };
    record(attempted(&body.value, None));
    let choose = |case: &FollowUp| {
        record(attempted(&body.value, Some(case.state)));
        let chosen = wanted(&body.value, case).map_err(|fault| faults.push(fault)).unwrap_or_default();
        if faults.is_empty() { Ok(chosen) } else { Err(faults) }
    };
    let updated = commands::update(&state.app, &caller.actor(), FollowUpId(id), version, choose).await;
    let case = updated.map_err(located)?;
    let people = of_cases(&state, &caller, std::slice::from_ref(&case)).await?;
    let response = reply::tagged(StatusCode::OK, case.follow_up.version);
    Ok(reply::written(response, request.headers(), || task(&case, &people), "the task has the requested status"))
}

/// Attributes the faults of a command to the element that requested it.
fn located(error: AppError) -> AppError {
    let AppError::Faulty(mut faults) = error else { return error };
    for fault in &mut faults {
        match &*fault.pointer {
            "/to" => "Task.owner".clone_into(&mut fault.pointer),
            "/appointment_at" => "Task.executionPeriod.start".clone_into(&mut fault.pointer),
            _ => {}
        }
    }
    AppError::Faulty(faults)
}

fn at(element: &str, code: FaultCode, sentence: Sentence) -> Fault {
    Fault::new(format!("Task.{element}"), code, sentence)
}

/// The audit action of the command that a task requests, as far as the state of the follow-up is known.
fn attempted(task: &TaskInput, state: Option<FollowUpState>) -> Option<AuditAction> {
    use AuditAction as A;
    let state = state.map(FollowUpState::name);
    Some(match (task.status.as_deref()?, task.business()) {
        ("accepted" | "in-progress", "attempted") => A::FollowUpContacted,
        ("in-progress", "did_not_attend") => A::FollowUpMissed,
        ("requested", _) if state == Some(StateName::Closed) => A::FollowUpReopened,
        ("requested", _) => A::FollowUpReleased,
        ("accepted", _) if task.owner.is_some() => A::FollowUpReassigned,
        ("accepted", _) => A::FollowUpClaimed,
        ("in-progress", "booked") => A::FollowUpBooked,
        ("in-progress", _) if state == Some(StateName::Booked) => A::FollowUpUnbooked,
        ("in-progress", _) => A::FollowUpContacted,
        ("completed" | "rejected" | "failed" | "cancelled", _) => A::FollowUpClosed,
        _ => return None,
    })
}

/// The command that leads from the current state to the requested status; `None` if there is nothing to do.
fn wanted(task: &TaskInput, case: &FollowUp) -> Result<Option<FollowUpCommand>, Fault> {
    use AuditAction as A;
    let status = task.status.as_deref().ok_or_else(|| {
        at("status", FaultCode::Required, Sentence::new("a task must have a status", "una tarea debe tener un estado"))
    })?;
    let command = match attempted(task, Some(case.state)) {
        Some(A::FollowUpContacted) => FollowUpCommand::Contact { reached: task.business() != "attempted" },
        Some(A::FollowUpMissed) => FollowUpCommand::DidNotAttend,
        Some(A::FollowUpReopened) => FollowUpCommand::Reopen,
        Some(A::FollowUpReleased) => FollowUpCommand::Release,
        Some(A::FollowUpClaimed | A::FollowUpReassigned) => return Ok(taken(owner(task)?, case)),
        Some(A::FollowUpBooked) => return book(task, case),
        Some(A::FollowUpUnbooked) => FollowUpCommand::Unbook,
        Some(A::FollowUpClosed) => FollowUpCommand::Close(closing(task, status)?),
        _ => {
            return Err(at(
                "status",
                FaultCode::UnknownOption,
                Sentence::new(
                    "is not a supported status of a task; docs/fhir.md lists them",
                    "no es un estado admitido de una tarea; docs/fhir.md enumera los admitidos",
                ),
            ));
        }
    };
    // These commands have an effect although the status stays the same.
    let repeatable = matches!(
        command,
        FollowUpCommand::Contact { reached: false } | FollowUpCommand::DidNotAttend | FollowUpCommand::Unbook
    );
    let unchanged = task_status(case.state.name(), outcome(case)) == status;
    Ok((repeatable || !unchanged).then_some(command))
}

fn closing(task: &TaskInput, status: &str) -> Result<Closing, Fault> {
    Ok(match status {
        "completed" => Closing::Attended { diagnosis: None, grip_strength_g: None, five_chair_stands_ms: None },
        "rejected" => Closing::Declined,
        "failed" => Closing::Unreachable,
        _ => Closing::NotNeeded { reason: reason(task)? },
    })
}

/// The command to assign the follow-up: to the owner of the task, or to the caller if it has none.
fn taken(owner: Option<CredentialId>, case: &FollowUp) -> Option<FollowUpCommand> {
    match (owner, case.state) {
        (Some(to), FollowUpState::Assigned { assignee }) if to == assignee => None,
        (Some(to), _) => Some(FollowUpCommand::Reassign { to }),
        (None, FollowUpState::Assigned { .. }) => None,
        (None, _) => Some(FollowUpCommand::Claim),
    }
}

fn owner(task: &TaskInput) -> Result<Option<CredentialId>, Fault> {
    let Some(owner) = &task.owner else { return Ok(None) };
    let name = owner.identifier.as_ref().filter(|name| name.system.as_deref() == Some(CREDENTIAL));
    let id = name.and_then(|name| Uuid::try_parse(name.value.as_deref()?).ok());
    let detail = Sentence::new(
        "must be an identifier with urn:sarcoscreen:credential and the id of a credential",
        "debe ser un identificador con urn:sarcoscreen:credential y el id de una credencial",
    );
    id.map(|id| Some(CredentialId(id))).ok_or_else(|| at("owner", FaultCode::Format, detail))
}

fn book(task: &TaskInput, case: &FollowUp) -> Result<Option<FollowUpCommand>, Fault> {
    let start = task.execution_period.as_ref().and_then(|span| span.start.as_deref());
    let fault = |code, sentence| at("executionPeriod.start", code, sentence);
    let text = start.ok_or_else(|| {
        fault(FaultCode::Required, Sentence::new("an appointment must have a time", "una cita debe tener una hora"))
    })?;
    let at: Timestamp = text.parse().map_err(|_| {
        fault(
            FaultCode::Format,
            Sentence::new("must be an instant with an offset", "debe ser un instante con desplazamiento horario"),
        )
    })?;
    let unchanged = matches!(case.state, FollowUpState::Booked { at: booked, .. } if booked == at);
    Ok((!unchanged).then_some(FollowUpCommand::Book { appointment_at: at }))
}

fn reason(task: &TaskInput) -> Result<NotNeededReason, Fault> {
    let Some(concept) = &task.status_reason else { return Ok(NotNeededReason::Other) };
    // Only a merge closes with the reason `merged`.
    let known = concept.ours().and_then(NotNeededReason::parse).filter(|reason| *reason != NotNeededReason::Merged);
    known.ok_or_else(|| {
        at(
            "statusReason",
            FaultCode::UnknownOption,
            Sentence::new(
                "must be a reason of urn:sarcoscreen:results",
                "debe ser un motivo de urn:sarcoscreen:results",
            ),
        )
    })
}

impl TaskInput {
    fn business(&self) -> &str {
        self.business_status.as_ref().and_then(Concept::ours).unwrap_or_default()
    }
}

impl Concept {
    fn ours(&self) -> Option<&str> {
        self.coding.iter().find(|code| code.system.as_deref() == Some(RESULTS))?.code.as_deref()
    }
}
