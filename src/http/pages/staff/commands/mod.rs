//! The commands on a case, as forms. A command that cannot be executed shows its form again, with everything that was typed.

mod again;
mod forms;
mod parse;
mod refusals;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::desk::{Desk, Nav, case_address};
use super::given::Given;
use super::{WORKLIST, page, see_other};
use crate::app::access::credentials;
use crate::app::error::AppError;
use crate::app::follow_ups::commands::{self, CommandRequest};
use crate::domain::audit::AuditAction;
use crate::domain::follow_ups::EventKind;
use crate::domain::ids::FollowUpId;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{Parameter as _, PathId};
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::state::State;
use crate::http::pages::layout::Layout;
use crate::http::pages::sign_in::{OwnOrigin, SignedIn};
use crate::http::pages::texts::StaffTexts;
use again::Why;

pub(super) use forms::{Offer, form};
pub(super) use refusals::refusal;

/// The commands with their audit actions. The name of a command is the last part of its path.
pub(super) const COMMANDS: [(EventKind, AuditAction); 10] = [
    (EventKind::Claim, AuditAction::FollowUpClaimed),
    (EventKind::Release, AuditAction::FollowUpReleased),
    (EventKind::Reassign, AuditAction::FollowUpReassigned),
    (EventKind::Contact, AuditAction::FollowUpContacted),
    (EventKind::Book, AuditAction::FollowUpBooked),
    (EventKind::Unbook, AuditAction::FollowUpUnbooked),
    (EventKind::DidNotAttend, AuditAction::FollowUpMissed),
    (EventKind::Close, AuditAction::FollowUpClosed),
    (EventKind::Reopen, AuditAction::FollowUpReopened),
    (EventKind::Note, AuditAction::FollowUpNoted),
];

#[derive(Template)]
#[template(path = "pages/staff_missing.html")]
struct MissingPage {
    layout: Layout,
    texts: &'static StaffTexts,
    nav: Nav,
}

/// Executes the command that the path names, on the version that the form shows.
pub(super) async fn post_command(
    _: OwnOrigin,
    request: HttpRequest,
    state: web::Data<State>,
    caller: SignedIn,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let desk = Desk::new(&request, &state, caller)?;
    let id = FollowUpId(PathId::read(&request)?.0);
    let kind = request.path().rsplit('/').next().and_then(EventKind::parse).ok_or(AppError::NotFound)?;
    let given = Given::read(incoming).await?;
    let version = version(&given)?;
    let mut faults = Vec::new();
    let parsed = parse::command(kind, &given, &desk.zone, &mut faults);
    let (status, why) = match parsed.filter(|_| faults.is_empty()) {
        None => (StatusCode::UNPROCESSABLE_ENTITY, Why::Faults(faults)),
        Some((command, note)) => {
            let asked = CommandRequest { follow_up_id: id, version, command, note, idempotency: None };
            match commands::command(&state.app, desk.actor(), asked).await {
                Ok(_) => return Ok(see_other(&desk.done_link(&case_address(id.0), kind.as_str()))),
                Err(AppError::NotFound) => return missing(&desk),
                Err(AppError::Faulty(faults)) => (StatusCode::UNPROCESSABLE_ENTITY, Why::Faults(faults)),
                Err(AppError::Conflict(sentence)) => (StatusCode::CONFLICT, Why::Refused(sentence)),
                Err(AppError::FollowUpChanged(latest)) => (StatusCode::PRECONDITION_FAILED, Why::Changed(latest)),
                Err(other) => return Err(other.into()),
            }
        }
    };
    let members = match kind {
        EventKind::Reassign => credentials::staff(&state.app, desk.actor()).await?,
        _ => Vec::new(),
    };
    let offer = Offer { desk: &desk, id, version: why.version().unwrap_or(version), members: &members, case: None };
    page(status, desk.language, &again::page(form(kind, &offer).filled(&given), why, &desk, id)?)
}

/// The version of the follow-up that the form shows.
fn version(given: &Given) -> Result<i32, Problem> {
    let version = given.text("version").and_then(|version| version.parse().ok()).filter(|version| *version > 0);
    version.ok_or_else(|| Problem::new(ProblemType::PreconditionRequired, "the form lacks the version that it shows"))
}

/// The page of a case that does not exist, or belongs to another clinic.
pub(super) fn missing(desk: &Desk) -> Result<HttpResponse, Problem> {
    let texts = desk.texts;
    let layout = desk.layout(WORKLIST, &texts.case.missing)?;
    page(StatusCode::NOT_FOUND, desk.language, &MissingPage { layout, texts, nav: desk.nav(WORKLIST) })
}
