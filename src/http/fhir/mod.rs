//! The FHIR R4 facade: resources built on the same use cases as `/v1`. FHIR types are used only in `http`.
//!
//! It is not part of the OpenAPI document: FHIR has its own description, `GET /fhir/metadata`, with its own media type, errors
//! and search. [`INTERACTIONS`] is the single list of what is served; audited refusals, the 405 responses and the access test
//! use it.

mod batch;
mod bundle;
mod capability;
mod code_system;
mod create;
pub(in crate::http) mod dates;
mod element;
mod expression;
mod extract;
mod fallback;
mod follow_up;
mod follow_ups;
mod names;
mod negotiation;
mod observation;
mod operation;
mod options;
mod outcome;
pub(in crate::http) mod patient;
mod populate;
mod questionnaire;
mod record_search;
mod records;
mod reply;
mod response;
mod response_input;
pub(in crate::http) mod response_items;
mod risk_assessment;
mod scored;
mod search;
mod task_update;

use actix_web::dev::HttpServiceFactory;
use actix_web::middleware::from_fn;
use actix_web::web;

use crate::domain::access::actor::Role;
use crate::domain::audit::AuditAction;

pub(super) use negotiation::outcomes;

/// Base path of the facade.
pub const PATH: &str = "/fhir";

/// Media type of FHIR JSON.
pub const MEDIA_TYPE: &str = "application/fhir+json";

/// One supported interaction.
#[derive(Clone, Copy, Debug)]
pub struct Interaction {
    /// HTTP method.
    pub method: &'static str,
    /// Path template.
    pub path: &'static str,
    /// The lowest role required; `None` for public interactions.
    pub least: Option<Role>,
    /// Audit action; `None` if the interaction is not audited.
    pub action: Option<AuditAction>,
}

/// All supported interactions.
pub const INTERACTIONS: [Interaction; 30] = [
    on("POST", "/fhir", Role::Intake, AuditAction::SubmissionCreated),
    public("/fhir/metadata"),
    public("/fhir/Questionnaire"),
    public("/fhir/Questionnaire/{id}"),
    asking("/fhir/Questionnaire/$populate"),
    asking("/fhir/Questionnaire/{id}/$populate"),
    public("/fhir/CodeSystem"),
    public("/fhir/CodeSystem/{id}"),
    on("POST", "/fhir/QuestionnaireResponse", Role::Intake, AuditAction::SubmissionCreated),
    on("GET", "/fhir/QuestionnaireResponse", Role::Intake, AuditAction::SubmissionsListed),
    on("POST", "/fhir/QuestionnaireResponse/_search", Role::Intake, AuditAction::SubmissionsListed),
    on("GET", "/fhir/QuestionnaireResponse/{id}", Role::Intake, AuditAction::SubmissionRead),
    asking("/fhir/QuestionnaireResponse/$extract"),
    on("POST", "/fhir/QuestionnaireResponse/{id}/$extract", Role::Intake, AuditAction::SubmissionRead),
    on("GET", "/fhir/RiskAssessment", Role::Intake, AuditAction::SubmissionsListed),
    on("POST", "/fhir/RiskAssessment/_search", Role::Intake, AuditAction::SubmissionsListed),
    on("GET", "/fhir/RiskAssessment/{id}", Role::Intake, AuditAction::SubmissionRead),
    on("GET", "/fhir/Observation", Role::Intake, AuditAction::SubmissionsListed),
    on("POST", "/fhir/Observation/_search", Role::Intake, AuditAction::SubmissionsListed),
    on("GET", "/fhir/Observation/{id}", Role::Intake, AuditAction::SubmissionRead),
    on("GET", "/fhir/ServiceRequest", Role::Staff, AuditAction::FollowUpsListed),
    on("POST", "/fhir/ServiceRequest/_search", Role::Staff, AuditAction::FollowUpsListed),
    on("GET", "/fhir/ServiceRequest/{id}", Role::Staff, AuditAction::FollowUpRead),
    on("GET", "/fhir/Task", Role::Staff, AuditAction::FollowUpsListed),
    on("POST", "/fhir/Task/_search", Role::Staff, AuditAction::FollowUpsListed),
    on("GET", "/fhir/Task/{id}", Role::Staff, AuditAction::FollowUpRead),
    on("PUT", "/fhir/Task/{id}", Role::Staff, AuditAction::FollowUpRead),
    on("GET", "/fhir/Flag", Role::Staff, AuditAction::FollowUpsListed),
    on("POST", "/fhir/Flag/_search", Role::Staff, AuditAction::FollowUpsListed),
    on("GET", "/fhir/Flag/{id}", Role::Staff, AuditAction::FollowUpRead),
];

const fn public(path: &'static str) -> Interaction {
    Interaction { method: "GET", path, least: None, action: None }
}

/// An operation on data that the caller sends; not audited.
const fn asking(path: &'static str) -> Interaction {
    Interaction { method: "POST", path, least: Some(Role::Intake), action: None }
}

const fn on(method: &'static str, path: &'static str, least: Role, action: AuditAction) -> Interaction {
    Interaction { method, path, least: Some(least), action: Some(action) }
}

/// Audit action of each interaction, by method and path.
pub(super) fn actions() -> impl Iterator<Item = (String, AuditAction)> {
    let recorded = |one: Interaction| Some((format!("{} {}", one.method, one.path), one.action?));
    INTERACTIONS.into_iter().filter_map(recorded)
}

/// Registers the facade.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    let bundles = web::resource(PATH).wrap(from_fn(negotiation::negotiate)).route(web::post().to(batch::take_batch));
    config.service(bundles.default_service(web::to(fallback::fallback))).service(resources());
}

/// All routes except bundles, which use these routes.
fn resources() -> impl HttpServiceFactory {
    web::scope(PATH)
        .wrap(from_fn(negotiation::negotiate))
        .route("/metadata", web::get().to(capability::get_metadata))
        .route("/Questionnaire", web::get().to(questionnaire::search_questionnaires))
        .route("/Questionnaire/{id}", web::get().to(questionnaire::get_questionnaire))
        .route("/Questionnaire/$populate", web::post().to(populate::populate))
        .route("/Questionnaire/{id}/$populate", web::post().to(populate::populate_version))
        .route("/CodeSystem", web::get().to(code_system::search_code_systems))
        .route("/CodeSystem/{id}", web::get().to(code_system::get_code_system))
        .configure(of_submissions)
        .configure(of_follow_ups)
        .default_service(web::to(fallback::fallback))
}

fn of_submissions(config: &mut web::ServiceConfig) {
    config
        .route("/QuestionnaireResponse", web::post().to(create::create_response))
        .route("/QuestionnaireResponse", web::get().to(records::search_responses))
        .route("/QuestionnaireResponse/_search", web::post().to(records::search_responses))
        .route("/QuestionnaireResponse/{id}", web::get().to(records::get_response))
        .route("/QuestionnaireResponse/$extract", web::post().to(extract::extract_sent))
        .route("/QuestionnaireResponse/{id}/$extract", web::post().to(extract::extract_stored))
        .route("/RiskAssessment", web::get().to(records::search_risk_assessments))
        .route("/RiskAssessment/_search", web::post().to(records::search_risk_assessments))
        .route("/RiskAssessment/{id}", web::get().to(records::get_risk_assessment))
        .route("/Observation", web::get().to(records::search_observations))
        .route("/Observation/_search", web::post().to(records::search_observations))
        .route("/Observation/{id}", web::get().to(records::get_observation));
}

fn of_follow_ups(config: &mut web::ServiceConfig) {
    config
        .route("/ServiceRequest", web::get().to(follow_ups::search_service_requests))
        .route("/ServiceRequest/_search", web::post().to(follow_ups::search_service_requests))
        .route("/ServiceRequest/{id}", web::get().to(follow_ups::get_service_request))
        .route("/Task", web::get().to(follow_ups::search_tasks))
        .route("/Task/_search", web::post().to(follow_ups::search_tasks))
        .route("/Task/{id}", web::get().to(follow_ups::get_task))
        .route("/Task/{id}", web::put().to(task_update::update_task))
        .route("/Flag", web::get().to(follow_ups::search_flags))
        .route("/Flag/_search", web::post().to(follow_ups::search_flags))
        .route("/Flag/{id}", web::get().to(follow_ups::get_flag));
}
