//! Resources made of a follow-up: `ServiceRequest`, `Task` and `Flag`, under its id.

use super::element::{CodeableConcept, Meta, Period, Reference, Typed, elements};
use super::names::{CREDENTIAL, RESULTS};
use super::response::person;
use crate::domain::follow_ups::{ClosingOutcome, FollowUp, StateName};
use crate::domain::screening::urgency::Urgency;

elements! {
    /// The consultation that a follow-up is about.
    ServiceRequest {
        id: String,
        meta: Option<Meta>,
        status: &'static str,
        intent: &'static str,
        priority: &'static str,
        code: Option<CodeableConcept>,
        subject: Option<Reference>,
        occurrence_date_time: Option<String>,
        authored_on: String,
        supporting_info: Vec<Reference>,
    }
    /// The work for staff.
    Task {
        id: String,
        meta: Option<Meta>,
        status: &'static str,
        status_reason: Option<CodeableConcept>,
        business_status: Option<CodeableConcept>,
        intent: &'static str,
        priority: &'static str,
        code: Option<CodeableConcept>,
        focus: Option<Reference>,
        #[serde(rename = "for")]
        subject: Option<Reference>,
        execution_period: Option<Period>,
        authored_on: String,
        owner: Option<Reference>,
        restriction: Option<Restriction>,
    }
    /// Due time of a task.
    Restriction {
        period: Option<Period>,
    }
    /// The flag on a person while a follow-up is open.
    Flag {
        id: String,
        meta: Option<Meta>,
        status: &'static str,
        category: Vec<CodeableConcept>,
        code: Option<CodeableConcept>,
        subject: Option<Reference>,
        period: Option<Period>,
    }
}

pub(super) fn service_request(case: &FollowUp) -> Typed<ServiceRequest> {
    Typed::new(
        "ServiceRequest",
        ServiceRequest {
            id: case.follow_up_id.to_string(),
            meta: Some(meta(case)),
            status: request_status(case.state.name(), outcome(case)),
            intent: "proposal",
            priority: priority(case.urgency),
            code: Some(CodeableConcept::code(
                RESULTS,
                "consultation",
                Some("Consultation after a positive screen".into()),
            )),
            subject: Some(person(case.subject_id)),
            occurrence_date_time: case.state.appointment_at().map(|at| at.to_string()),
            authored_on: case.flagged_at.to_string(),
            supporting_info: Vec::new(),
        },
    )
}

pub(super) fn task(case: &FollowUp) -> Typed<Task> {
    let business = outcome(case).map_or(case.state.name().as_str(), ClosingOutcome::as_str);
    let reason = case.state.closed().and_then(|(closing, _)| closing.reason());
    Typed::new(
        "Task",
        Task {
            id: case.follow_up_id.to_string(),
            meta: Some(meta(case)),
            status: task_status(case.state.name(), outcome(case)),
            status_reason: reason.map(|reason| CodeableConcept::code(RESULTS, reason.as_str(), None)),
            business_status: Some(CodeableConcept::code(RESULTS, business, None)),
            intent: "order",
            priority: priority(case.urgency),
            code: Some(CodeableConcept::code(RESULTS, "consultation", Some("Arrange a consultation".into()))),
            focus: Some(Reference::to("ServiceRequest", case.follow_up_id)),
            subject: Some(person(case.subject_id)),
            execution_period: case.state.appointment_at().map(|at| Period { start: Some(at.to_string()), end: None }),
            authored_on: case.flagged_at.to_string(),
            owner: case.state.assignee().map(|id| Reference::named("Practitioner", CREDENTIAL, id)),
            restriction: Some(Restriction { period: Some(Period { start: None, end: Some(case.due_at.to_string()) }) }),
        },
    )
}

pub(super) fn flag(case: &FollowUp) -> Typed<Flag> {
    let category = "http://terminology.hl7.org/CodeSystem/flag-category";
    Typed::new(
        "Flag",
        Flag {
            id: case.follow_up_id.to_string(),
            meta: Some(meta(case)),
            status: flag_status(case.state.name(), outcome(case)),
            category: vec![CodeableConcept::code(category, "clinical", None)],
            code: Some(CodeableConcept::code(RESULTS, "screen_positive", Some("Sarcopenia screen positive".into()))),
            subject: Some(person(case.subject_id)),
            period: Some(Period {
                start: Some(case.flagged_at.to_string()),
                end: case.state.closed().map(|(_, at)| at.to_string()),
            }),
        },
    )
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

/// The status of a consultation.
pub(super) const fn request_status(_: StateName, outcome: Option<ClosingOutcome>) -> &'static str {
    match outcome {
        None => "active",
        Some(ClosingOutcome::Attended) => "completed",
        Some(ClosingOutcome::Declined | ClosingOutcome::Unreachable | ClosingOutcome::NotNeeded) => "revoked",
    }
}

/// The status of a flag.
pub(super) const fn flag_status(_: StateName, outcome: Option<ClosingOutcome>) -> &'static str {
    if outcome.is_none() { "active" } else { "inactive" }
}

pub(super) fn outcome(case: &FollowUp) -> Option<ClosingOutcome> {
    case.state.closed().map(|(closing, _)| closing.outcome())
}

fn meta(case: &FollowUp) -> Meta {
    Meta { version_id: Some(case.version.to_string()), ..Meta::default() }
}

const fn priority(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Today => "asap",
        Urgency::ThisWeek => "urgent",
        Urgency::Routine => "routine",
    }
}
