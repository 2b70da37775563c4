//! The FHIR R4 facade: resources built on the same use cases as `/v1`. FHIR types are used only in `http`.
//!
//! It is not part of the OpenAPI document: FHIR has its own description, `GET /fhir/metadata`, with its own media type, errors
//! and search. [`INTERACTIONS`] is the single list of interactions: the routes, audited refusals, the 405 responses, the
//! `CapabilityStatement` and the access test follow from it.

mod audit_event;
mod audit_events;
mod batch;
mod bundle;
mod capability;
mod code_system;
mod create;
pub(in crate::http) mod dates;
mod element;
mod expression;
mod extract;
mod follow_up;
mod follow_up_search;
mod follow_ups;
pub(in crate::http) mod forms;
mod history;
mod items;
mod names;
mod negotiation;
mod observation;
mod operation;
mod options;
mod outcome;
mod parameters;
pub(in crate::http) mod patient;
mod patients;
mod people;
mod populate;
mod presentation;
mod questionnaire;
mod record_search;
mod records;
mod reply;
mod response;
mod response_input;
pub(in crate::http) mod response_items;
mod risk_assessment;
mod scopes;
mod scored;
mod search;
mod task_update;
mod units;
mod value_set;
mod wordings;

use actix_web::dev::HttpServiceFactory;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, Route, web};

use crate::domain::access::actor::Role::{self, Admin, Intake, Staff};
use crate::domain::audit::AuditAction::{
    self, AuditEntriesListed, FollowUpHistoryRead, FollowUpRead, FollowUpsListed, SubjectRead, SubjectsSearched,
    SubmissionCreated, SubmissionRead, SubmissionsListed,
};

use crate::http::kernel::fallback::matches;
use crate::http::kernel::problem::{Problem, ProblemType};

pub(super) use negotiation::outcomes;

pub const PATH: &str = "/fhir";

pub const MEDIA_TYPE: &str = "application/fhir+json";

#[derive(Debug)]
pub struct Interaction {
    pub method: Method,
    pub path: &'static str,
    handler: fn(Route) -> Route,
    /// The lowest role required; `None` for public interactions.
    pub least: Option<Role>,
    /// `None` if the interaction is not audited.
    pub action: Option<AuditAction>,
}

impl Interaction {
    fn resource_type(&self) -> Option<&'static str> {
        self.path.split('/').nth(2)
    }
}

macro_rules! interactions {
    ($($method:ident $path:literal $handler:path, $least:expr, $action:expr;)*) => {
        /// All supported interactions, in the order in which their routes are matched.
        pub static INTERACTIONS: &[Interaction] = &[$(Interaction {
            method: Method::$method,
            path: $path,
            handler: |route| route.to($handler),
            least: $least,
            action: $action,
        }),*];
    };
}

interactions! {
    POST "/fhir" batch::take_batch, Some(Intake), Some(SubmissionCreated);
    POST "/fhir/" batch::take_batch, Some(Intake), Some(SubmissionCreated);
    GET "/fhir/metadata" capability::get_metadata, None, None;
    GET "/fhir/Questionnaire" questionnaire::search_questionnaires, None, None;
    GET "/fhir/Questionnaire/{id}" questionnaire::get_questionnaire, None, None;
    POST "/fhir/Questionnaire/$populate" populate::populate, Some(Intake), None;
    POST "/fhir/Questionnaire/{id}/$populate" populate::populate_version, Some(Intake), None;
    GET "/fhir/CodeSystem" code_system::search_code_systems, None, None;
    GET "/fhir/CodeSystem/{id}" code_system::get_code_system, None, None;
    GET "/fhir/ValueSet" value_set::search_value_sets, None, None;
    GET "/fhir/ValueSet/{id}" value_set::get_value_set, None, None;
    POST "/fhir/QuestionnaireResponse" create::create_response, Some(Intake), Some(SubmissionCreated);
    GET "/fhir/QuestionnaireResponse" records::search_responses, Some(Intake), Some(SubmissionsListed);
    POST "/fhir/QuestionnaireResponse/_search" records::search_responses, Some(Intake), Some(SubmissionsListed);
    GET "/fhir/QuestionnaireResponse/{id}" records::get_response, Some(Intake), Some(SubmissionRead);
    PUT "/fhir/QuestionnaireResponse/{id}" create::update_response, Some(Intake), Some(SubmissionCreated);
    GET "/fhir/QuestionnaireResponse/{id}/_history" history::list_response_versions, Some(Intake), Some(SubmissionRead);
    GET "/fhir/QuestionnaireResponse/{id}/_history/{version}" history::get_response_version, Some(Intake),
        Some(SubmissionRead);
    POST "/fhir/QuestionnaireResponse/$extract" extract::extract_sent, Some(Intake), None;
    POST "/fhir/QuestionnaireResponse/{id}/$extract" extract::extract_stored, Some(Intake), Some(SubmissionRead);
    GET "/fhir/RiskAssessment" records::search_risk_assessments, Some(Intake), Some(SubmissionsListed);
    POST "/fhir/RiskAssessment/_search" records::search_risk_assessments, Some(Intake), Some(SubmissionsListed);
    GET "/fhir/RiskAssessment/{id}" records::get_risk_assessment, Some(Intake), Some(SubmissionRead);
    GET "/fhir/Observation" records::search_observations, Some(Intake), Some(SubmissionsListed);
    POST "/fhir/Observation/_search" records::search_observations, Some(Intake), Some(SubmissionsListed);
    GET "/fhir/Observation/{id}" records::get_observation, Some(Intake), Some(SubmissionRead);
    GET "/fhir/ServiceRequest" follow_ups::search_service_requests, Some(Staff), Some(FollowUpsListed);
    POST "/fhir/ServiceRequest/_search" follow_ups::search_service_requests, Some(Staff), Some(FollowUpsListed);
    GET "/fhir/ServiceRequest/{id}" follow_ups::get_service_request, Some(Staff), Some(FollowUpRead);
    GET "/fhir/Task" follow_ups::search_tasks, Some(Staff), Some(FollowUpsListed);
    POST "/fhir/Task/_search" follow_ups::search_tasks, Some(Staff), Some(FollowUpsListed);
    GET "/fhir/Task/{id}" follow_ups::get_task, Some(Staff), Some(FollowUpRead);
    PUT "/fhir/Task/{id}" task_update::update_task, Some(Staff), Some(FollowUpRead);
    GET "/fhir/Task/{id}/_history" history::list_task_versions, Some(Staff), Some(FollowUpHistoryRead);
    GET "/fhir/Task/{id}/_history/{version}" history::get_task_version, Some(Staff), Some(FollowUpHistoryRead);
    GET "/fhir/Flag" follow_ups::search_flags, Some(Staff), Some(FollowUpsListed);
    POST "/fhir/Flag/_search" follow_ups::search_flags, Some(Staff), Some(FollowUpsListed);
    GET "/fhir/Flag/{id}" follow_ups::get_flag, Some(Staff), Some(FollowUpRead);
    GET "/fhir/Patient" patients::search_patients, Some(Intake), Some(SubjectsSearched);
    POST "/fhir/Patient/_search" patients::search_patients, Some(Intake), Some(SubjectsSearched);
    GET "/fhir/Patient/{id}" patients::get_patient, Some(Intake), Some(SubjectRead);
    GET "/fhir/AuditEvent" audit_events::search_audit_events, Some(Admin), Some(AuditEntriesListed);
    POST "/fhir/AuditEvent/_search" audit_events::search_audit_events, Some(Admin), Some(AuditEntriesListed);
    GET "/fhir/AuditEvent/{id}" audit_events::get_audit_event, Some(Admin), Some(AuditEntriesListed);
}

/// Audit action of each audited interaction, by method and path.
pub(super) fn actions() -> impl Iterator<Item = (String, AuditAction)> {
    INTERACTIONS.iter().filter_map(|one| Some((format!("{} {}", one.method, one.path), one.action?)))
}

/// Method and path of each interaction that needs no key.
pub(super) fn public() -> impl Iterator<Item = (&'static str, String)> {
    let public = INTERACTIONS.iter().filter(|one| one.least.is_none());
    public.map(|one| (if one.method == Method::GET { "GET" } else { "POST" }, one.path.to_owned()))
}

/// The routes of all interactions. A bundle sends its entries through them.
pub(super) fn routes() -> impl HttpServiceFactory {
    let scope = web::scope(PATH).wrap(from_fn(scopes::note)).wrap(from_fn(negotiation::negotiate));
    let scope = scope.default_service(web::to(fallback));
    INTERACTIONS.iter().fold(scope, |scope, one| {
        scope.route(one.path.trim_start_matches(PATH), (one.handler)(web::method(one.method.clone())))
    })
}

/// Answers a request that no route handles: 404 for an unknown type, 405 for an unsupported interaction.
async fn fallback(request: HttpRequest) -> Result<&'static str, Problem> {
    let path = request.path();
    let supported = INTERACTIONS.iter().filter(|one| matches(one.path, path));
    let methods: Vec<&str> = supported.map(|one| one.method.as_str()).collect();
    if !methods.is_empty() {
        return Err(Problem::method_not_allowed(&methods.join(", ")));
    }
    let kind = path.split('/').nth(2);
    let served = kind.is_some() && INTERACTIONS.iter().any(|one| one.resource_type() == kind);
    let detail = if served {
        "this type does not support this interaction; GET /fhir/metadata lists them"
    } else {
        "this type is not served; GET /fhir/metadata lists the types"
    };
    Err(Problem::new(ProblemType::NotFound, detail))
}
