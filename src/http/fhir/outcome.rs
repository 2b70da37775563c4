//! `OperationOutcome`: a problem as a FHIR resource.

use serde::Serialize;

use super::element::{CodeableConcept, Typed, elements};
use crate::domain::fault::{Fault, FaultCode, MOST_FAULTS};
use crate::http::kernel::problem::{Problem, ProblemType};

elements! {
    OperationOutcome {
        issue: Vec<Issue>,
    }
    Issue {
        severity: &'static str,
        code: &'static str,
        details: Option<CodeableConcept>,
        diagnostics: Option<String>,
        location: Vec<String>,
        expression: Vec<String>,
    }
}

impl Issue {
    pub(super) fn information(text: &str) -> Self {
        Self { severity: "information", code: "informational", diagnostics: Some(text.to_owned()), ..Self::default() }
    }

    fn error(code: &'static str, diagnostics: &str) -> Self {
        Self { severity: "error", code, diagnostics: Some(diagnostics.to_owned()), ..Self::default() }
    }
}

pub(super) const fn from_issues(issue: Vec<Issue>) -> Typed<OperationOutcome> {
    Typed::new("OperationOutcome", OperationOutcome { issue })
}

/// Renders a problem as FHIR: all faults with their places, and the red flags of rejected answers.
pub(super) fn outcome(problem: &Problem) -> impl Serialize {
    let faults = problem.faults.iter().take(MOST_FAULTS).map(issue);
    let mut issues: Vec<Issue> = faults.collect();
    if issues.is_empty() || problem.faults.len() > MOST_FAULTS {
        issues.push(Issue::error(code_of(problem.kind()), &problem.detail));
    }
    if let Some(alarm) = &problem.alarm {
        let texts = alarm.red_flags.iter().map(|flag| &flag.reason).chain(&alarm.care_text);
        let warning = |text: &String| Issue {
            severity: "warning",
            code: "business-rule",
            details: Some(CodeableConcept::text(text)),
            ..Issue::default()
        };
        issues.extend(texts.filter(|text| !text.is_empty()).map(warning));
    }
    from_issues(issues)
}

/// A fault of a parameter or header has a `location`, a fault of a resource an `expression`.
fn issue(fault: &Fault) -> Issue {
    let mut issue = Issue::error(code_of_fault(fault.code), &fault.detail);
    match fault.pointer.strip_prefix('/') {
        Some(parameter) => issue.location.push(format!("http.{parameter}")),
        None if fault.pointer.is_empty() => {}
        None => issue.expression.push(fault.pointer.clone()),
    }
    issue
}

const fn code_of_fault(code: FaultCode) -> &'static str {
    match code {
        FaultCode::Required => "required",
        FaultCode::OutOfRange | FaultCode::Precision => "value",
        FaultCode::UnknownOption => "code-invalid",
        FaultCode::Duplicate | FaultCode::Contradiction | FaultCode::Implausible => "business-rule",
        FaultCode::NotFound => "not-found",
        FaultCode::NotAllowed => "forbidden",
        FaultCode::UnknownField | FaultCode::Type | FaultCode::Text | FaultCode::Format => "invalid",
    }
}

const fn code_of(kind: ProblemType) -> &'static str {
    match kind {
        ProblemType::MalformedRequest | ProblemType::InvalidCursor | ProblemType::InvalidContent => "invalid",
        ProblemType::Unauthenticated => "login",
        ProblemType::Forbidden | ProblemType::OriginNotAllowed | ProblemType::ClinicSuspended => "forbidden",
        ProblemType::NotFound => "not-found",
        ProblemType::Conflict | ProblemType::Stale => "conflict",
        ProblemType::IdempotencyKeyReused => "business-rule",
        ProblemType::PreconditionRequired => "required",
        ProblemType::TooManyRequests => "throttled",
        ProblemType::UriTooLong | ProblemType::HeadTooLarge => "too-long",
        ProblemType::NotPrefetched
        | ProblemType::MethodNotAllowed
        | ProblemType::UnsupportedMediaType
        | ProblemType::RequestTimeout
        | ProblemType::BodyTooLarge
        | ProblemType::Internal
        | ProblemType::Unavailable => "processing",
    }
}

/// The same problem with the places of its faults in a resource: `/item/0/linkId` becomes `<resource>.item[0].linkId`.
pub(super) fn within(resource: &str, mut problem: Problem) -> Problem {
    for fault in &mut problem.faults {
        fault.pointer = place(resource, &fault.pointer);
    }
    problem
}

/// Converts a JSON pointer into a resource to `FHIRPath`.
pub(super) fn place(resource: &str, pointer: &str) -> String {
    let mut path = resource.to_owned();
    for token in pointer.split('/').skip(1) {
        if token.bytes().all(|byte| byte.is_ascii_digit()) && !token.is_empty() {
            path = format!("{path}[{token}]");
        } else {
            path = format!("{path}.{token}");
        }
    }
    path
}
