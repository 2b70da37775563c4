//! Commands on follow-ups, including taking the next one.

pub mod body;

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, post, web};
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use validator::Validate;

use super::body::FollowUpBody;
use crate::app::follow_ups::commands;
use crate::app::follow_ups::commands::Answered;
use crate::app::submissions::idempotency;
use crate::domain::audit::AuditAction;
use crate::domain::fault::{Fault, keep_first_of_each_place};
use crate::domain::follow_ups::FollowUpCommand;
use crate::domain::ids::FollowUpId;
use crate::http::kernel::auth::Staff;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{IdempotencyKey, IfMatch, Later, Parameter as _, PathId};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use body::{BookInput, CloseInput, CommandInput, ContactInput, NoteInput, ParsedCommand, ReassignInput};

/// Headers of every command.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "only for the OpenAPI document; the extractors read the headers")]
struct CommandHeaders {
    /// `ETag` of the version that the client has read. Any other version is answered with 412, a missing header with 428.
    #[param(rename = "If-Match", example = "\"1\"")]
    if_match: String,
    /// Idempotency key, which makes a retry safe: 1 to 255 visible characters, bare or in double quotes.
    #[param(rename = "Idempotency-Key")]
    idempotency_key: Option<String>,
}

/// A command that is read only after its caller is authenticated.
pub struct UnreadCommand {
    request: HttpRequest,
    incoming: Incoming,
}

impl UnreadCommand {
    /// Runs the command and responds with the changed follow-up.
    async fn execute<T: DeserializeOwned + Validate>(
        self,
        state: &State,
        caller: &Staff,
        operation: &str,
        read: impl FnOnce(T, &mut Vec<Fault>) -> ParsedCommand,
    ) -> Result<HttpResponse, Problem> {
        let (id, version) = (PathId::read(&self.request)?.0, IfMatch::read(&self.request)?.0);
        let key = IdempotencyKey::read(&self.request)?.0;
        let body = self.incoming.read_if_any::<T>().await?;
        let actor = caller.actor();
        let bind = |key| idempotency::bind(&state.app, actor.sender_id, key, operation, &[id], &body.canonical());
        let idempotency = key.map(bind);
        let mut faults = body.faults;
        let parsed = read(body.value, &mut faults);
        keep_first_of_each_place(&mut faults);
        let Some((command, note)) = parsed.filter(|_| faults.is_empty()) else {
            return Err(Problem::content(faults, None));
        };
        let follow_up_id = FollowUpId(id);
        let asked = commands::CommandRequest { follow_up_id, version, command, note, idempotency };
        Ok(answer(commands::command(&state.app, &actor, asked).await?))
    }
}

impl FromRequest for UnreadCommand {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let incoming = Incoming::from_request(request, payload).into_inner();
        ready(incoming.map(|incoming| Self { request: request.clone(), incoming }))
    }
}

fn answer(answered: Answered) -> HttpResponse {
    let tag = format!("\"{}\"", answered.follow_up.version);
    HttpResponse::Ok().insert_header(("etag", tag)).json(FollowUpBody::new(answered.follow_up, answered.at))
}

/// Take the next follow-up
///
/// Claims the most urgent, then oldest open follow-up for the caller. Concurrent calls never get the same follow-up; a retry
/// with the same `Idempotency-Key` gets the same one again.
#[utoipa::path(
    tag = "staff",
    operation_id = "take_next_follow_up",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "Idempotency key, which makes a retry safe: 1 to 255 visible characters, bare or in double quotes")),
    responses(
        (status = 200, description = "The follow-up, now assigned to the caller", body = FollowUpBody, headers(
            ("ETag" = String, description = "The version of the follow-up"),
        )),
        (status = 204, description = "No follow-up is open"),
    ),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpTaken))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/next")]
pub async fn take_next_follow_up(
    state: web::Data<State>,
    caller: Staff,
    key: Later<IdempotencyKey>,
) -> Result<HttpResponse, Problem> {
    let actor = caller.actor();
    let bind = |key| idempotency::bind(&state.app, actor.sender_id, key, "take_next_follow_up", &[], b"");
    let idempotency = key.read()?.0.map(bind);
    let taken = commands::take_next(&state.app, &actor, idempotency.as_ref()).await?;
    Ok(taken.map_or_else(|| HttpResponse::NoContent().finish(), answer))
}

/// Claim a follow-up
///
/// Assigns an open follow-up to the caller. A follow-up that is already assigned is taken over by reassigning it.
#[utoipa::path(
    tag = "staff",
    operation_id = "claim_follow_up",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = Option<CommandInput>, description = "Optional; the body may be left out",
        example = json!({"note": "Asked for a call in the afternoon"})),
    responses((status = 200, description = "The follow-up after the command", body = FollowUpBody, headers(
        ("ETag" = String, description = "The version of the follow-up"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpClaimed))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/claim")]
pub async fn claim_follow_up(
    state: web::Data<State>,
    caller: Staff,
    asked: UnreadCommand,
) -> Result<HttpResponse, Problem> {
    asked
        .execute(&state, &caller, "claim_follow_up", |body: CommandInput, faults| {
            body.parse(FollowUpCommand::Claim, faults)
        })
        .await
}

/// Release a follow-up
///
/// Removes the assignee; the follow-up is open again. Only the assignee may do this, and only without an appointment.
#[utoipa::path(
    tag = "staff",
    operation_id = "release_follow_up",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = Option<CommandInput>, description = "Optional; the body may be left out",
        example = json!({"note": "Asked for a call in the afternoon"})),
    responses((status = 200, description = "The follow-up after the command", body = FollowUpBody, headers(
        ("ETag" = String, description = "The version of the follow-up"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpReleased))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/release")]
pub async fn release_follow_up(
    state: web::Data<State>,
    caller: Staff,
    asked: UnreadCommand,
) -> Result<HttpResponse, Problem> {
    asked
        .execute(&state, &caller, "release_follow_up", |body: CommandInput, faults| {
            body.parse(FollowUpCommand::Release, faults)
        })
        .await
}

/// Reassign a follow-up
///
/// Assigns the follow-up to a member of staff. All staff may do this, also for themselves, to take over a follow-up.
#[utoipa::path(
    tag = "staff",
    operation_id = "reassign_follow_up",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = ReassignInput, description = "Parameters of the command",
        example = json!({"to": "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071"})),
    responses((status = 200, description = "The follow-up after the command", body = FollowUpBody, headers(
        ("ETag" = String, description = "The version of the follow-up"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpReassigned))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/reassign")]
pub async fn reassign_follow_up(
    state: web::Data<State>,
    caller: Staff,
    asked: UnreadCommand,
) -> Result<HttpResponse, Problem> {
    asked.execute(&state, &caller, "reassign_follow_up", ReassignInput::parse).await
}

/// Record a contact attempt
///
/// Counts an attempt to reach the person; if the person was reached, the state becomes contacted. Only the assignee may do
/// this.
#[utoipa::path(
    tag = "staff",
    operation_id = "contact_follow_up",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = ContactInput, description = "Parameters of the command",
        example = json!({"reached": true})),
    responses((status = 200, description = "The follow-up after the command", body = FollowUpBody, headers(
        ("ETag" = String, description = "The version of the follow-up"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpContacted))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/contact")]
pub async fn contact_follow_up(
    state: web::Data<State>,
    caller: Staff,
    asked: UnreadCommand,
) -> Result<HttpResponse, Problem> {
    asked.execute(&state, &caller, "contact_follow_up", ContactInput::parse).await
}

/// Book an appointment
///
/// Sets or changes the time of the appointment. Only the assignee may do this.
#[utoipa::path(
    tag = "staff",
    operation_id = "book_follow_up",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = BookInput, description = "Parameters of the command",
        example = json!({"appointment_at": "2026-12-01T09:30:00+01:00"})),
    responses((status = 200, description = "The follow-up after the command", body = FollowUpBody, headers(
        ("ETag" = String, description = "The version of the follow-up"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpBooked))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/book")]
pub async fn book_follow_up(
    state: web::Data<State>,
    caller: Staff,
    asked: UnreadCommand,
) -> Result<HttpResponse, Problem> {
    asked.execute(&state, &caller, "book_follow_up", BookInput::parse).await
}

/// Cancel an appointment
///
/// The state becomes contacted again. Only the assignee may do this.
#[utoipa::path(
    tag = "staff",
    operation_id = "unbook_follow_up",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = Option<CommandInput>, description = "Optional; the body may be left out",
        example = json!({"note": "Asked for a call in the afternoon"})),
    responses((status = 200, description = "The follow-up after the command", body = FollowUpBody, headers(
        ("ETag" = String, description = "The version of the follow-up"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpUnbooked))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/unbook")]
pub async fn unbook_follow_up(
    state: web::Data<State>,
    caller: Staff,
    asked: UnreadCommand,
) -> Result<HttpResponse, Problem> {
    asked
        .execute(&state, &caller, "unbook_follow_up", |body: CommandInput, faults| {
            body.parse(FollowUpCommand::Unbook, faults)
        })
        .await
}

/// Record a missed appointment
///
/// Counts an appointment that the person did not keep, once its time has passed; the state becomes contacted again. Only the
/// assignee may do this.
#[utoipa::path(
    tag = "staff",
    operation_id = "mark_follow_up_not_attended",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = Option<CommandInput>, description = "Optional; the body may be left out",
        example = json!({"note": "Asked for a call in the afternoon"})),
    responses((status = 200, description = "The follow-up after the command", body = FollowUpBody, headers(
        ("ETag" = String, description = "The version of the follow-up"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpMissed))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/did-not-attend")]
pub async fn mark_follow_up_not_attended(
    state: web::Data<State>,
    caller: Staff,
    asked: UnreadCommand,
) -> Result<HttpResponse, Problem> {
    asked
        .execute(&state, &caller, "mark_follow_up_not_attended", |body: CommandInput, faults| {
            body.parse(FollowUpCommand::DidNotAttend, faults)
        })
        .await
}

/// Close a follow-up
///
/// Closes the follow-up with an outcome. Only the assignee may do this; all staff may close an unassigned follow-up as not
/// needed. `unreachable` requires at least one attempt.
#[utoipa::path(
    tag = "staff",
    operation_id = "close_follow_up",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = CloseInput, description = "Parameters of the command",
        example = json!({"outcome": "attended", "diagnosis": "probable", "grip_strength_g": 24500})),
    responses((status = 200, description = "The follow-up after the command", body = FollowUpBody, headers(
        ("ETag" = String, description = "The version of the follow-up"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpClosed))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/close")]
pub async fn close_follow_up(
    state: web::Data<State>,
    caller: Staff,
    asked: UnreadCommand,
) -> Result<HttpResponse, Problem> {
    asked.execute(&state, &caller, "close_follow_up", CloseInput::parse).await
}

/// Reopen a follow-up
///
/// A closed follow-up is open again, without assignee, and its outcome is cleared; the history keeps it. Refused while the
/// subject has another follow-up that is not closed.
#[utoipa::path(
    tag = "staff",
    operation_id = "reopen_follow_up",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = Option<CommandInput>, description = "Optional; the body may be left out",
        example = json!({"note": "Asked for a call in the afternoon"})),
    responses((status = 200, description = "The follow-up after the command", body = FollowUpBody, headers(
        ("ETag" = String, description = "The version of the follow-up"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpReopened))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/reopen")]
pub async fn reopen_follow_up(
    state: web::Data<State>,
    caller: Staff,
    asked: UnreadCommand,
) -> Result<HttpResponse, Problem> {
    asked
        .execute(&state, &caller, "reopen_follow_up", |body: CommandInput, faults| {
            body.parse(FollowUpCommand::Reopen, faults)
        })
        .await
}

/// Add a note to a follow-up
///
/// Stores an encrypted note, in any state. All staff may do this; the history shows the note.
#[utoipa::path(
    tag = "staff",
    operation_id = "note_follow_up",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = NoteInput, description = "Parameters of the command",
        example = json!({"note": "Asked for a call in the afternoon"})),
    responses((status = 200, description = "The follow-up after the command", body = FollowUpBody, headers(
        ("ETag" = String, description = "The version of the follow-up"),
    ))),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpNoted))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/notes")]
pub async fn note_follow_up(
    state: web::Data<State>,
    caller: Staff,
    asked: UnreadCommand,
) -> Result<HttpResponse, Problem> {
    asked.execute(&state, &caller, "note_follow_up", NoteInput::parse).await
}
