//! `OperationOutcome`: a problem as a FHIR resource.

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::fault::{Fault, FaultCode, MOST_FAULTS};
use crate::domain::language::Language;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::request_id::asked_language;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OperationOutcome {
    resource_type: &'static str,
    issue: Vec<Issue>,
}

/// A struct instead of a tree, because a refusal must stay cheap.
#[derive(Default, Serialize)]
pub(super) struct Issue {
    severity: &'static str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostics: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<[String; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expression: Option<[String; 1]>,
}

impl Issue {
    pub(super) fn information(text: &str) -> Self {
        Self { severity: "information", code: "informational", diagnostics: Some(text.to_owned()), ..Self::default() }
    }

    pub(super) fn warning(code: &'static str, text: &str) -> Self {
        Self { severity: "warning", code, diagnostics: Some(text.to_owned()), ..Self::default() }
    }

    pub(super) fn error(code: &'static str, diagnostics: &str) -> Self {
        Self { severity: "error", code, diagnostics: Some(diagnostics.to_owned()), ..Self::default() }
    }
}

pub(super) const fn from_issues(issue: Vec<Issue>) -> OperationOutcome {
    OperationOutcome { resource_type: "OperationOutcome", issue }
}

/// Renders a problem as FHIR: all faults with their places, and the red flags of rejected answers.
pub(super) fn outcome(problem: &Problem) -> OperationOutcome {
    let language = if problem.faults.is_empty() { Language::default() } else { asked_language() };
    let faults = problem.faults.iter().take(MOST_FAULTS);
    let mut issues: Vec<Issue> = faults.map(|fault| issue(fault, language)).collect();
    if issues.is_empty() || problem.faults.len() > MOST_FAULTS {
        issues.push(Issue::error(code_of(problem.kind()), &problem.detail));
    }
    if let Some(alarm) = &problem.alarm {
        let texts = alarm.red_flags.iter().map(|flag| &flag.reason).chain(&alarm.care_text);
        issues.extend(texts.filter(|text| !text.is_empty()).map(|text| Issue {
            severity: "warning",
            code: "business-rule",
            details: Some(json!({"text": text})),
            ..Issue::default()
        }));
    }
    from_issues(issues)
}

/// A fault of a parameter or header has a `location`, a fault of a resource an `expression`.
fn issue(fault: &Fault, language: Language) -> Issue {
    let mut issue = Issue::error(code_of_fault(fault.code), &fault.detail(language));
    match fault.pointer.strip_prefix('/') {
        Some(parameter) => issue.location = Some([format!("http.{parameter}")]),
        None if fault.pointer.is_empty() => {}
        None => issue.expression = Some([fault.pointer.clone()]),
    }
    issue
}

const fn code_of_fault(code: FaultCode) -> &'static str {
    match code {
        FaultCode::Required => "required",
        FaultCode::OutOfRange | FaultCode::Precision => "value",
        FaultCode::UnknownOption => "code-invalid",
        FaultCode::Duplicate | FaultCode::Contradiction | FaultCode::Implausible | FaultCode::NotAsked => {
            "business-rule"
        }
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

/// The same problem with the places of its faults in a resource.
pub(super) fn within(resource: &str, mut problem: Problem) -> Problem {
    problem.faults = in_resource(resource, problem.faults);
    problem
}

/// Faults of form with their places in a resource: `/item/0/linkId` becomes `<resource>.item[0].linkId`.
pub(super) fn in_resource(resource: &str, mut faults: Vec<Fault>) -> Vec<Fault> {
    for fault in &mut faults {
        fault.pointer = place(resource, &fault.pointer);
    }
    faults
}

/// Converts a JSON pointer into a resource to `FHIRPath`.
fn place(resource: &str, pointer: &str) -> String {
    let mut path = resource.to_owned();
    for token in pointer.split('/').skip(1) {
        let index = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
        path = if index { format!("{path}[{token}]") } else { format!("{path}.{token}") };
    }
    path
}
