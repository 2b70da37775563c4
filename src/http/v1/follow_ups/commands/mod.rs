//! Commands on follow-ups, including taking the next one.

pub mod body;

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::de::DeserializeOwned;
use utoipa::{IntoParams, IntoResponses};
use validator::Validate;

use super::body::FollowUpBody;
use crate::app::follow_ups::commands::{self, Answered, CommandRequest};
use crate::app::once::Once;
use crate::app::submissions::idempotency;
use crate::domain::audit::AuditAction;
use crate::domain::fault::{Fault, keep_first_of_each_place};
use crate::domain::follow_ups::FollowUpCommand;
use crate::domain::ids::FollowUpId;
use crate::http::kernel::auth::Staff;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{IdempotencyKey, IfMatch, Later, Parameter as _, PathId};
use crate::http::kernel::json_response::mark_replayed;
use crate::http::kernel::state::State;
use crate::http::v1::HttpResult;
use crate::http::v1::input::faultless;
use body::{
    BookInput, CloseInput, CloseTogetherInput, ClosedTogetherBody, CommandInput, ContactAttemptInput, NoteInput,
    ParsedCommand, ReassignInput,
};

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

/// The response to every command with an id.
#[derive(IntoResponses)]
#[response(status = 200, description = "The follow-up after the command",
    headers(("ETag" = String, description = "The version of the follow-up")))]
#[expect(dead_code, reason = "only for the OpenAPI document")]
struct Changed(FollowUpBody);

/// A command that is read only after its caller is authenticated.
type UnreadCommand = (HttpRequest, Incoming);

/// Runs the command and responds with the changed follow-up.
async fn execute<T: DeserializeOwned + Validate>(
    state: &State,
    caller: &Staff,
    (request, incoming): UnreadCommand,
    operation: &str,
    read: impl FnOnce(T, &mut Vec<Fault>) -> ParsedCommand,
) -> HttpResult {
    let (id, version) = (PathId::read(&request)?.0, IfMatch::read(&request)?.0);
    let key = IdempotencyKey::read(&request)?.0;
    let body = incoming.read_if_any::<T>().await?;
    let actor = caller.actor();
    let idempotency =
        key.map(|key| idempotency::bind(&state.app, actor.sender_id, key, operation, &[id], &body.canonical()));
    let mut faults = body.faults;
    let parsed = read(body.value, &mut faults);
    keep_first_of_each_place(&mut faults);
    let (command, note) = faultless(parsed, faults)?;
    let request = CommandRequest { follow_up_id: FollowUpId(id), version, command, note, idempotency };
    Ok(answer(commands::command(&state.app, &actor, request).await?))
}

fn answer(Once { result, replayed }: Once<Answered>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header(("etag", format!("\"{}\"", result.follow_up.version)));
    mark_replayed(&mut response, replayed);
    response.json(FollowUpBody::new(result.follow_up, result.at))
}

/// Take the next follow-up
///
/// Claims the most urgent, then oldest open follow-up for the caller. Concurrent calls never get the same follow-up; a retry
/// with the same `Idempotency-Key` gets the same one again.
#[utoipa::path(
    tag = "staff",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "Idempotency key, which makes a retry safe: 1 to 255 visible characters, bare or in double quotes")),
    responses(
        (status = 200, description = "The follow-up, now assigned to the caller", body = FollowUpBody,
            headers(("ETag" = String, description = "The version of the follow-up"))),
        (status = 204, description = "No follow-up is open"),
    ),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpTaken))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/next")]
pub async fn take_next_follow_up(state: web::Data<State>, caller: Staff, key: Later<IdempotencyKey>) -> HttpResult {
    let (actor, key) = (caller.actor(), key.read()?.0);
    let idempotency =
        key.map(|key| idempotency::bind(&state.app, actor.sender_id, key, "take_next_follow_up", &[], b""));
    let taken = commands::take_next(&state.app, &actor, idempotency.as_ref()).await?;
    Ok(taken.map_or_else(|| HttpResponse::NoContent().finish(), answer))
}

/// Claim a follow-up
///
/// Assigns an open follow-up to the caller. A follow-up that is already assigned is taken over by reassigning it.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = Option<CommandInput>, description = "Optional; the body may be left out",
        example = json!({"note": "Asked for a call in the afternoon"})),
    responses(Changed),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpClaimed))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/claim")]
pub async fn claim_follow_up(state: web::Data<State>, caller: Staff, asked: UnreadCommand) -> HttpResult {
    execute(&state, &caller, asked, "claim_follow_up", CommandInput::of(FollowUpCommand::Claim)).await
}

/// Release a follow-up
///
/// Removes the assignee; the follow-up is open again. Only the assignee may do this, and only without an appointment.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = Option<CommandInput>, description = "Optional; the body may be left out",
        example = json!({"note": "Asked for a call in the afternoon"})),
    responses(Changed),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpReleased))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/release")]
pub async fn release_follow_up(state: web::Data<State>, caller: Staff, asked: UnreadCommand) -> HttpResult {
    execute(&state, &caller, asked, "release_follow_up", CommandInput::of(FollowUpCommand::Release)).await
}

/// Reassign a follow-up
///
/// Assigns the follow-up to a member of staff. All staff may do this, also for themselves, to take over a follow-up.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = ReassignInput, description = "Parameters of the command",
        example = json!({"to": "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071"})),
    responses(Changed),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpReassigned))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/reassign")]
pub async fn reassign_follow_up(state: web::Data<State>, caller: Staff, asked: UnreadCommand) -> HttpResult {
    execute(&state, &caller, asked, "reassign_follow_up", ReassignInput::parse).await
}

/// Record a contact attempt
///
/// Counts an attempt to reach the person; if the person was reached, the state becomes contacted. Only the assignee may do
/// this.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = ContactAttemptInput, description = "Parameters of the command",
        example = json!({"reached": true})),
    responses(Changed),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpContacted))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/contact")]
pub async fn contact_follow_up(state: web::Data<State>, caller: Staff, asked: UnreadCommand) -> HttpResult {
    execute(&state, &caller, asked, "contact_follow_up", ContactAttemptInput::parse).await
}

/// Book an appointment
///
/// Sets or changes the time of the appointment. Only the assignee may do this.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = BookInput, description = "Parameters of the command",
        example = json!({"appointment_at": "2026-12-01T09:30:00+01:00"})),
    responses(Changed),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpBooked))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/book")]
pub async fn book_follow_up(state: web::Data<State>, caller: Staff, asked: UnreadCommand) -> HttpResult {
    execute(&state, &caller, asked, "book_follow_up", BookInput::parse).await
}

/// Cancel an appointment
///
/// The state becomes contacted again. Only the assignee may do this.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = Option<CommandInput>, description = "Optional; the body may be left out",
        example = json!({"note": "Asked for a call in the afternoon"})),
    responses(Changed),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpUnbooked))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/unbook")]
pub async fn unbook_follow_up(state: web::Data<State>, caller: Staff, asked: UnreadCommand) -> HttpResult {
    execute(&state, &caller, asked, "unbook_follow_up", CommandInput::of(FollowUpCommand::Unbook)).await
}

/// Record a missed appointment
///
/// Counts an appointment that the person did not keep, once its time has passed; the state becomes contacted again. Only the
/// assignee may do this.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = Option<CommandInput>, description = "Optional; the body may be left out",
        example = json!({"note": "Asked for a call in the afternoon"})),
    responses(Changed),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpMissed))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/did-not-attend")]
pub async fn mark_follow_up_not_attended(state: web::Data<State>, caller: Staff, asked: UnreadCommand) -> HttpResult {
    execute(&state, &caller, asked, "mark_follow_up_not_attended", CommandInput::of(FollowUpCommand::DidNotAttend))
        .await
}

/// Close a follow-up
///
/// Closes the follow-up with an outcome. Only the assignee may do this; all staff may close an unassigned follow-up as not
/// needed. `unreachable` requires at least one attempt.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = CloseInput, description = "Parameters of the command",
        example = json!({"outcome": "attended", "diagnosis": "probable", "grip_strength_kg": 24.5})),
    responses(Changed),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpClosed))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/close")]
pub async fn close_follow_up(state: web::Data<State>, caller: Staff, asked: UnreadCommand) -> HttpResult {
    execute(&state, &caller, asked, "close_follow_up", CloseInput::parse).await
}

/// Close self-reported follow-ups together
///
/// Closes up to 500 follow-ups as not needed, for example after a wave of invented submissions: those that `origin` of the
/// worklist finds with `self_reported`. A follow-up with a submission of another origin is refused, as is one that its assignee
/// has to close. All others are closed together, each with an entry in its history and in the audit log. A retry refuses those
/// that are closed already.
#[utoipa::path(
    tag = "staff",
    request_body(content = CloseTogetherInput, description = "The follow-ups and the reason",
        example = json!({"ids": ["0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071"], "not_needed_reason": "entered_in_error"})),
    responses((status = 200, description = "The follow-ups that were closed, and those that were not",
        body = ClosedTogetherBody)),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpClosed))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/close")]
pub async fn close_self_reported_follow_ups(state: web::Data<State>, caller: Staff, incoming: Incoming) -> HttpResult {
    let body = incoming.read::<CloseTogetherInput>().await?;
    let mut faults = body.faults;
    let parsed = body.value.parse(&mut faults);
    keep_first_of_each_place(&mut faults);
    let (ids, reason, note) = faultless(parsed, faults)?;
    let actor = caller.actor();
    let closed = commands::close_self_reported(&state.app, &actor, &ids, reason, note.as_ref()).await?;
    Ok(HttpResponse::Ok().json(ClosedTogetherBody::from(closed)))
}

/// Reopen a follow-up
///
/// A closed follow-up is open again, without assignee, and its outcome is cleared; the history keeps it. If a submission of it was
/// corrected, it gets urgency, band and flag of the submissions that count now. Refused while the subject has another follow-up that
/// is not closed.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = Option<CommandInput>, description = "Optional; the body may be left out",
        example = json!({"note": "Asked for a call in the afternoon"})),
    responses(Changed),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpReopened))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/reopen")]
pub async fn reopen_follow_up(state: web::Data<State>, caller: Staff, asked: UnreadCommand) -> HttpResult {
    execute(&state, &caller, asked, "reopen_follow_up", CommandInput::of(FollowUpCommand::Reopen)).await
}

/// Add a note to a follow-up
///
/// Stores an encrypted note, in any state. All staff may do this; the history shows the note.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up"), CommandHeaders),
    request_body(content = NoteInput, description = "Parameters of the command",
        example = json!({"note": "Asked for a call in the afternoon"})),
    responses(Changed),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpNoted))),
    security(("key" = ["staff"]))
)]
#[post("/v1/follow-ups/{id}/notes")]
pub async fn note_follow_up(state: web::Data<State>, caller: Staff, asked: UnreadCommand) -> HttpResult {
    execute(&state, &caller, asked, "note_follow_up", NoteInput::parse).await
}
