//! The FHIR R4 facade: resources made of the same use cases as `/v1`. Nothing of FHIR goes below `http`.
//!
//! It is no part of the OpenAPI document: FHIR has a description of its own, `GET /fhir/metadata`, with its own media type,
//! errors and search. [`INTERACTIONS`] is the one list of what is served; the refusals that go on record, the answer 405 and
//! the access test read it.

mod bundle;
mod capability;
mod code_system;
mod element;
mod expression;
mod fallback;
mod names;
mod negotiation;
mod options;
mod outcome;
mod questionnaire;
mod reply;
mod search;

use actix_web::middleware::from_fn;
use actix_web::web;

use crate::domain::actor::Role;
use crate::domain::audit::AuditAction;

pub use outcome::outcome;

/// Where the facade begins.
pub const PATH: &str = "/fhir";

/// FHIR's JSON.
pub const MEDIA_TYPE: &str = "application/fhir+json";

/// One interaction that is served.
#[derive(Clone, Copy, Debug)]
pub struct Interaction {
    /// The HTTP method.
    pub method: &'static str,
    /// The path with its parameters.
    pub path: &'static str,
    /// The least role; `None` for anybody.
    pub least: Option<Role>,
    /// What goes on record of it.
    pub action: Option<AuditAction>,
}

/// Everything that is served.
pub const INTERACTIONS: [Interaction; 5] = [
    public("/fhir/metadata"),
    public("/fhir/Questionnaire"),
    public("/fhir/Questionnaire/{id}"),
    public("/fhir/CodeSystem"),
    public("/fhir/CodeSystem/{id}"),
];

const fn public(path: &'static str) -> Interaction {
    Interaction { method: "GET", path, least: None, action: None }
}

/// What goes on record of each interaction, by method and path.
pub(super) fn actions() -> impl Iterator<Item = (String, AuditAction)> {
    let recorded = |one: Interaction| Some((format!("{} {}", one.method, one.path), one.action?));
    INTERACTIONS.into_iter().filter_map(recorded)
}

/// Serves the facade.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    let scope = web::scope(PATH)
        .wrap(from_fn(negotiation::negotiate))
        .route("/metadata", web::get().to(capability::get_metadata))
        .route("/Questionnaire", web::get().to(questionnaire::search_questionnaires))
        .route("/Questionnaire/{id}", web::get().to(questionnaire::get_questionnaire))
        .route("/CodeSystem", web::get().to(code_system::search_code_systems))
        .route("/CodeSystem/{id}", web::get().to(code_system::get_code_system))
        .default_service(web::to(fallback::fallback));
    config.service(scope);
}
