//! Resources made of a follow-up: `ServiceRequest`, `Task` and `Flag`, under its id.

use serde_json::{Value, json};

use super::element::{concept, element, named, reference};
use super::names::{CREDENTIAL, RESULTS};
use super::people::People;
use crate::domain::follow_ups::{ClosingOutcome, Dated, FollowUp, StateName};
use crate::domain::screening::urgency::Urgency;

pub(super) fn service_request(dated: &Dated, people: &People) -> Value {
    let case = &dated.follow_up;
    element(json!({
        "resourceType": "ServiceRequest",
        "id": case.follow_up_id,
        "meta": meta(dated),
        "status": request_status(case.state.name(), outcome(case)),
        "intent": "proposal",
        "priority": priority(case.urgency),
        "code": concept(RESULTS, "consultation", "Consultation after a positive screen"),
        "subject": people.reference(case.subject_id),
        "occurrenceDateTime": case.state.appointment_at(),
        "authoredOn": case.flagged_at,
    }))
}

pub(super) fn task(dated: &Dated, people: &People) -> Value {
    let case = &dated.follow_up;
    let business = outcome(case).map_or(case.state.name().as_str(), ClosingOutcome::as_str);
    let reason = case.state.closed().and_then(|(closing, _)| closing.reason());
    element(json!({
        "resourceType": "Task",
        "id": case.follow_up_id,
        "meta": meta(dated),
        "status": task_status(case.state.name(), outcome(case)),
        "statusReason": reason.map(|reason| concept(RESULTS, reason.as_str(), "")),
        "businessStatus": concept(RESULTS, business, ""),
        "intent": "order",
        "priority": priority(case.urgency),
        "code": concept(RESULTS, "consultation", "Arrange a consultation"),
        "focus": reference("ServiceRequest", case.follow_up_id),
        "for": people.reference(case.subject_id),
        "executionPeriod": case.state.appointment_at().map(|at| json!({"start": at})),
        "authoredOn": case.flagged_at,
        "owner": case.state.assignee().map(|id| named("Practitioner", CREDENTIAL, id)),
        "restriction": {"period": {"end": case.due_at}},
    }))
}

/// The flag on a subject while a follow-up is open and a submission that counts is flagged. A correction ends it too.
pub(super) fn flag(dated: &Dated, people: &People) -> Value {
    let case = &dated.follow_up;
    let end = if case.flagged { case.state.closed().map(|(_, at)| at) } else { case.corrected_at };
    json!({
        "resourceType": "Flag",
        "id": case.follow_up_id,
        "meta": meta(dated),
        "status": flag_status(case.flags_subject()),
        "category": [concept("http://terminology.hl7.org/CodeSystem/flag-category", "clinical", "")],
        "code": concept(RESULTS, "screen_positive", "Sarcopenia screen positive"),
        "subject": people.reference(case.subject_id),
        "period": element(json!({"start": case.flagged_at, "end": end})),
    })
}

/// The status of a task, from state and outcome of its follow-up.
pub(super) const fn task_status(state: StateName, outcome: Option<ClosingOutcome>) -> &'static str {
    match (outcome, state) {
        (Some(ClosingOutcome::Attended), _) => "completed",
        (Some(ClosingOutcome::Declined), _) => "rejected",
        (Some(ClosingOutcome::Unreachable), _) => "failed",
        (Some(ClosingOutcome::NotNeeded), _) => "cancelled",
        (None, StateName::Open) => "requested",
        (None, StateName::Assigned) => "accepted",
        (None, StateName::Contacted | StateName::Booked | StateName::Closed) => "in-progress",
    }
}

pub(super) const fn request_status(_: StateName, outcome: Option<ClosingOutcome>) -> &'static str {
    match outcome {
        None => "active",
        Some(ClosingOutcome::Attended) => "completed",
        Some(ClosingOutcome::Declined | ClosingOutcome::Unreachable | ClosingOutcome::NotNeeded) => "revoked",
    }
}

pub(super) const fn flag_status(flags_subject: bool) -> &'static str {
    if flags_subject { "active" } else { "inactive" }
}

pub(super) fn outcome(case: &FollowUp) -> Option<ClosingOutcome> {
    case.state.closed().map(|(closing, _)| closing.outcome())
}

fn meta(dated: &Dated) -> Value {
    json!({"versionId": dated.follow_up.version.to_string(), "lastUpdated": dated.changed_at})
}

pub(super) const fn priority(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Today => "asap",
        Urgency::ThisWeek => "urgent",
        Urgency::Routine => "routine",
    }
}
