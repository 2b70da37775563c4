//! Problems (RFC 9457): one table of types, and one format for every error under `/v1`.

use std::mem::take;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Number;
use utoipa::ToSchema;
use uuid::Uuid;

use super::names::{CareLevelName, FaultCodeName, FollowUpStateName};
use super::request_id::{asked_language, current_request_id};
use super::wording::{AlarmBody, RedFlagBody};
use crate::app::error::AppError;
use crate::domain::causes::with_causes;
use crate::domain::fault::{Fault, MOST_FAULTS, Params};
use crate::domain::follow_ups::Latest;
use crate::domain::ids::CredentialId;
use crate::domain::language::Language;
use crate::domain::page::CURSOR_LIFETIME;

const LOG_PACE: Duration = Duration::from_secs(1);
const ALREADY_CORRECTED: &str = "the submission in supersedes is corrected already; read it, then send the id of its \
     superseded_by as supersedes; if staff submitted that one, only staff can correct it";
const READ_AGAIN: &str = "read it again and send its current ETag in If-Match";

/// Defines the problem types with their names, statuses and titles.
macro_rules! problem_types {
    ($($variant:ident = $name:literal, $status:literal, $title:literal;)*) => {
        /// All problem types of this service.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ProblemType {
            $($variant,)*
        }

        impl ProblemType {
            /// All types, in the order of status codes.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The published table: name, status, title.
            pub const fn row(self) -> (&'static str, u16, &'static str) {
                match self {
                    $(Self::$variant => ($name, $status, $title),)*
                }
            }
        }
    };
}

problem_types! {
    MalformedRequest = "malformed_request", 400, "The request cannot be read";
    InvalidCursor = "invalid_cursor", 400, "The cursor does not belong to this list, or has expired";
    Unauthenticated = "unauthenticated", 401, "A valid key is required";
    Forbidden = "forbidden", 403, "The key's role does not allow this";
    OriginNotAllowed = "origin_not_allowed", 403, "Pages of this origin may not do this";
    ClinicSuspended = "clinic_suspended", 403, "The clinic is suspended";
    NotFound = "not_found", 404, "Not found";
    MethodNotAllowed = "method_not_allowed", 405, "This path does not support this method";
    RequestTimeout = "request_timeout", 408, "The request took too long to arrive";
    Conflict = "conflict", 409, "The state of the resource does not allow this";
    Stale = "stale", 412, "The resource has changed since you read it";
    NotPrefetched = "not_prefetched", 412, "Required prefetch data is missing";
    BodyTooLarge = "body_too_large", 413, "The body is too large";
    UriTooLong = "uri_too_long", 414, "The path or the query is too long";
    UnsupportedMediaType = "unsupported_media_type", 415, "The body must be plain application/json";
    InvalidContent = "invalid_content", 422, "The content has faults";
    IdempotencyKeyReused = "idempotency_key_reused", 422, "The idempotency key was used for another request";
    PreconditionRequired = "precondition_required", 428, "If-Match is required";
    TooManyRequests = "too_many_requests", 429, "Too many requests";
    HeadTooLarge = "head_too_large", 431, "The request head is too large";
    Internal = "internal", 500, "Internal error";
    Unavailable = "unavailable", 503, "The service cannot do this now";
}

impl ProblemType {
    /// The `type` member: a path in the documentation of this service.
    pub fn uri(self) -> String {
        format!("/docs/problems#{}", self.row().0)
    }
}

/// An error response.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem, description = "An error, as in RFC 9457")]
pub struct ProblemBody {
    /// Type of the problem, one of those listed at `/docs/problems`.
    #[serde(rename = "type")]
    #[schema(example = "/docs/problems#invalid_content")]
    pub kind: String,
    /// Meaning of the type.
    pub title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What was wrong with this request.
    pub detail: String,
    /// Identifies the request in the service's log.
    pub request_id: String,
    /// All faults of the request.
    pub errors: Vec<FaultBody>,
    /// The latest version of the follow-up; only on a 412 of a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub current: Option<CurrentVersionBody>,
    /// Red flags in the answers that could be read; only on a 422 of scores and submissions, and on a 409 of a correction.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub red_flags: Option<Vec<RedFlagBody>>,
    /// The care level that the red flags raise to; null when none applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<CareLevelName>)]
    pub care_level: Option<Option<CareLevelName>>,
    /// What to do now; null when no red flag applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub care_text: Option<Option<String>>,
}

/// The latest version of a follow-up, for a caller who has read an earlier one.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CurrentVersion)]
pub struct CurrentVersionBody {
    /// Version number.
    #[schema(minimum = 1)]
    pub version: i32,
    /// State of the follow-up.
    pub state: FollowUpStateName,
    /// When the version was made.
    pub at: Timestamp,
    /// Who made it; null if the operator or an upgrade of the service did.
    pub by: Option<ByBody>,
}

/// The credential that made a change.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CredentialRef)]
pub struct ByBody {
    /// Id of the credential.
    pub credential_id: Uuid,
    /// The person or system that the credential was given to.
    pub display_name: Option<String>,
}

impl ByBody {
    pub(in crate::http) fn new(id: CredentialId, display_name: Option<String>) -> Self {
        Self { credential_id: id.0, display_name }
    }
}

/// One fault of a request.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Fault)]
pub struct FaultBody {
    /// JSON pointer into the body, or a slash followed by the name of the query parameter or header.
    #[schema(example = "/answers/age")]
    pub pointer: String,
    /// The kind of fault; `/docs/problems` explains each.
    pub code: FaultCodeName,
    /// One sentence that says what to send, in the best language of `Accept-Language`, otherwise in English. It never repeats the
    /// input.
    pub detail: String,
    /// What to send, as values; absent if the fault has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub params: Option<FaultParamsBody>,
}

/// What to send instead of a value with a fault.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FaultParams)]
pub struct FaultParamsBody {
    /// The least number, or the least number of characters or entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, nullable = false)]
    pub minimum: Option<Number>,
    /// The greatest number, or the greatest number of characters or entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, nullable = false)]
    pub maximum: Option<Number>,
    /// A number must be a multiple of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, nullable = false)]
    pub step: Option<Number>,
    /// The options.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub allowed: Option<Vec<String>>,
}

/// A problem before it is rendered.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: ProblemType,
    pub(in crate::http) detail: String,
    pub(in crate::http) faults: Vec<Fault>,
    pub(in crate::http) alarm: Option<Box<AlarmBody>>,
    current: Option<Box<CurrentVersionBody>>,
    allow: Option<String>,
    retry_after: Option<u64>,
}

impl Problem {
    pub fn new(kind: ProblemType, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { kind, detail, faults: Vec::new(), alarm: None, current: None, allow: None, retry_after: None }
    }

    /// A problem of content, with all faults and, for answers, the red flags.
    pub fn content(faults: Vec<Fault>, alarm: Option<AlarmBody>) -> Self {
        let detail = match faults.len() {
            1 => "one fault, listed in errors".to_owned(),
            count if count > MOST_FAULTS => format!("more than {MOST_FAULTS} faults; the first are listed in errors"),
            count => format!("{count} faults, listed in errors"),
        };
        Self { faults, alarm: alarm.map(Box::new), ..Self::new(ProblemType::InvalidContent, detail) }
    }

    pub fn parameters(faults: Vec<Fault>) -> Self {
        let detail = match faults.len() {
            1 => "a parameter has a fault, listed in errors".to_owned(),
            count if count > MOST_FAULTS => format!("more than {MOST_FAULTS} faults; the first are listed in errors"),
            count => format!("parameters have {count} faults, listed in errors"),
        };
        Self { faults, ..Self::new(ProblemType::MalformedRequest, detail) }
    }

    pub fn method_not_allowed(allowed: &str) -> Self {
        let detail = format!("this path supports {allowed}");
        Self { allow: Some(allowed.to_owned()), ..Self::new(ProblemType::MethodNotAllowed, detail) }
    }

    pub const fn kind(&self) -> ProblemType {
        self.kind
    }

    fn fault_bodies(&self) -> Vec<FaultBody> {
        if self.faults.is_empty() {
            return Vec::new();
        }
        let language = asked_language();
        self.faults.iter().take(MOST_FAULTS).map(|fault| FaultBody::new(fault, language)).collect()
    }

    pub fn body(&self) -> ProblemBody {
        let (_, status, title) = self.kind.row();
        let alarm = self.alarm.as_ref();
        ProblemBody {
            kind: self.kind.uri(),
            title,
            status,
            detail: self.detail.clone(),
            request_id: current_request_id(),
            errors: self.fault_bodies(),
            current: self.current.as_deref().cloned(),
            red_flags: alarm.map(|alarm| alarm.red_flags.clone()),
            care_level: alarm.map(|alarm| alarm.care_level),
            care_text: alarm.map(|alarm| alarm.care_text.clone()),
        }
    }
}

impl From<Latest> for CurrentVersionBody {
    fn from(latest: Latest) -> Self {
        let Latest { version, state, at, by, by_name, .. } = latest;
        Self { version, state: FollowUpStateName(state), at, by: by.map(|id| ByBody::new(id, by_name)) }
    }
}

impl FaultBody {
    fn new(fault: &Fault, language: Language) -> Self {
        let params = fault.params.as_deref().and_then(FaultParamsBody::new);
        let detail = fault.detail(language);
        Self { pointer: fault.pointer.clone(), code: FaultCodeName(fault.code), detail, params }
    }
}

impl FaultParamsBody {
    /// `None` if there is nothing to publish.
    fn new(params: &Params) -> Option<Self> {
        let Params { minimum, maximum, step, allowed, .. } = params;
        let allowed = (!allowed.is_empty()).then(|| allowed.clone());
        let any = minimum.is_some() || maximum.is_some() || step.is_some() || allowed.is_some();
        any.then(|| Self { minimum: minimum.clone(), maximum: maximum.clone(), step: step.clone(), allowed })
    }
}

impl From<AppError> for Problem {
    /// Maps the error of a use case. Errors of this service or of the database are logged here, once.
    fn from(error: AppError) -> Self {
        match error {
            // Red flags need the clinic and a language: `alarm::problem` renders them, also those of a correction.
            AppError::Faulty(faults) | AppError::Refused { faults, .. } => Self::content(faults, None),
            AppError::NotFound => Self::new(ProblemType::NotFound, "not found, or not accessible with this key"),
            AppError::NotSignedIn(_) => {
                Self::new(ProblemType::Unauthenticated, "send Authorization: Bearer with a valid key or token")
            }
            AppError::Cursor => {
                Self::new(ProblemType::InvalidCursor, "use next_cursor unchanged, with the same filters")
            }
            AppError::CursorExpired => Self::new(ProblemType::InvalidCursor, cursor_expired()),
            AppError::ClinicSuspended(_) => {
                Self::new(ProblemType::ClinicSuspended, "the operator has suspended the clinic; its data is kept")
            }
            AppError::OriginNotAllowed => Self::new(
                ProblemType::OriginNotAllowed,
                "this key is bound to web sites, and the Origin of this request is not one of them",
            ),
            AppError::RoleTooLow { role, least } => {
                let detail = format!("the key has the role {}, this requires {}", role.as_str(), least.as_str());
                Self::new(ProblemType::Forbidden, detail)
            }
            AppError::ScopeMissing(scope) => {
                Self::new(ProblemType::Forbidden, format!("the token lacks the scope {scope}; request a token with it"))
            }
            AppError::NoErasureLog => Self::new(
                ProblemType::Unavailable,
                "this service has no erasure log (SARCOSCREEN_ERASURE_LOG), which every erasure requires",
            ),
            AppError::Conflict(detail) => Self::new(ProblemType::Conflict, detail),
            AppError::AlreadyCorrected { .. } => Self::new(ProblemType::Conflict, ALREADY_CORRECTED),
            AppError::Stale => Self::new(ProblemType::Stale, READ_AGAIN),
            AppError::FollowUpChanged(latest) => {
                Self { current: Some(Box::new((*latest).into())), ..Self::new(ProblemType::Stale, READ_AGAIN) }
            }
            AppError::Ambiguous => Self::new(ProblemType::Stale, "several records have this identifier"),
            AppError::Limited { retry_after } => Self {
                retry_after: Some(u64::try_from(retry_after.as_millis().div_ceil(1000)).unwrap_or(u64::MAX)),
                ..Self::new(ProblemType::TooManyRequests, "try again after the time in Retry-After")
            },
            AppError::IdempotencyKeyReused => Self::new(
                ProblemType::IdempotencyKeyReused,
                "this Idempotency-Key was used for another body; use a new key for a new request",
            ),
            AppError::Unavailable(reason) => {
                log_unavailable(&reason);
                Self::new(ProblemType::Unavailable, "try again after the time in Retry-After")
            }
            // Written by a newer instance; that instance, or this one after its upgrade, can read it.
            AppError::RuleTable(_) => {
                tracing::error!(%error, "rule table not readable");
                Self::new(ProblemType::Unavailable, "another instance may know this rule table; try again later")
            }
            AppError::NoRandomness | AppError::ClinicNameTaken | AppError::ClinicUnknown | AppError::Internal(_) => {
                tracing::error!(error = %with_causes(&error), "internal error");
                Self::new(ProblemType::Internal, "search the log for the request id")
            }
        }
    }
}

fn cursor_expired() -> String {
    let hours = CURSOR_LIFETIME.as_hours();
    format!("the cursor is older than {hours} hours; start at the first page again, without a cursor")
}

/// Which failures are logged: at most one in [`LOG_PACE`], because under overload, or without the database, thousands of
/// requests fail in that time.
struct LogPace {
    logged: Option<Instant>,
    /// Failures since then.
    others: u64,
}

impl LogPace {
    /// The number of failures that were not logged before this one; `None` if this one is not logged either.
    fn log(&mut self, now: Instant) -> Option<u64> {
        if self.logged.is_some_and(|logged| now - logged < LOG_PACE) {
            self.others += 1;
            return None;
        }
        self.logged = Some(now);
        Some(take(&mut self.others))
    }
}

fn log_unavailable(reason: &str) {
    static PACE: Mutex<LogPace> = Mutex::new(LogPace { logged: None, others: 0 });
    let others = PACE.lock().unwrap_or_else(PoisonError::into_inner).log(Instant::now());
    if let Some(others) = others {
        tracing::warn!(reason, others, "not available");
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind.row().0)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.row().1).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CACHE_CONTROL, "no-store"));
        match self.kind {
            ProblemType::Unauthenticated => {
                response.insert_header((WWW_AUTHENTICATE, "Bearer"));
            }
            ProblemType::Unavailable | ProblemType::TooManyRequests => {
                response.insert_header((RETRY_AFTER, self.retry_after.unwrap_or(1)));
            }
            ProblemType::RequestTimeout | ProblemType::BodyTooLarge => {
                // The rest of the body is still arriving, so the connection cannot be reused.
                response.force_close();
            }
            _ => {}
        }
        if let Some(allow) = &self.allow {
            response.insert_header((ALLOW, allow.as_str()));
        }
        response.content_type("application/problem+json");
        let mut response = match serde_json::to_vec(&self.body()) {
            Ok(body) => response.body(body),
            Err(_) => response.finish(),
        };
        // An API with its own error format reads the problem here.
        response.extensions_mut().insert(self.clone());
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_a_second_is_logged_with_the_number_of_others() {
        let (mut pace, start) = (LogPace { logged: None, others: 0 }, Instant::now());
        let mut at = |milliseconds| pace.log(start + Duration::from_millis(milliseconds));
        assert_eq!([at(0), at(1), at(999)], [Some(0), None, None]);
        assert_eq!([at(1_000), at(1_001), at(5_000), at(6_000)], [Some(2), None, Some(1), Some(0)]);
    }
}
