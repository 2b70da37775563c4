//! `$extract`: the results of a response, as resources for the caller's own record. Nothing is stored: the caller sends the
//! transaction.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use uuid::Uuid;

use super::bundle::{Created, transaction};
use super::create::in_resource;
use super::element::{Identifier, Reference, Typed, elements};
use super::names::{RULE_TABLE, SOFTWARE};
use super::observation::{self, Observation};
use super::operation::Given;
use super::reply;
use super::risk_assessment::{self, RiskAssessment};
use super::scored::Scored;
use crate::app::ambient::new_id;
use crate::app::error::AppError;
use crate::app::screening::rule_tables;
use crate::app::submissions;
use crate::app::submissions::intake;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::SubmissionId;
use crate::http::kernel::alarm;
use crate::http::kernel::auth::Intake;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{AcceptedLanguages, Later, PathId};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;

elements! {
    /// Origin of the results.
    Provenance {
        target: Vec<Reference>,
        recorded: String,
        agent: Vec<Agent>,
        entity: Vec<Entity>,
    }
    /// The software that made the results.
    Agent {
        who: Option<Reference>,
    }
    /// The rule table that was used.
    Entity {
        role: &'static str,
        what: Option<Reference>,
    }
}

/// One extracted resource.
#[derive(Serialize)]
#[serde(untagged)]
enum Extracted {
    Risk(Box<Typed<RiskAssessment>>),
    Observation(Box<Typed<Observation>>),
    Provenance(Typed<Provenance>),
}

/// `POST /fhir/QuestionnaireResponse/{id}/$extract`: for a stored submission.
///
/// # Errors
/// Fails when there is none that the caller may read.
pub(super) async fn extract_stored(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    let stored = submissions::get(&state.app, &caller.actor(), SubmissionId(id.read()?.0)).await?;
    let release = rule_tables::get(&state.app, &stored.assessment.rule_table).await?;
    let scored = Scored::stored(&release.table, &stored);
    // The caller's record is a different server, so the reference needs an absolute URL.
    let address = format!("{}/QuestionnaireResponse/{}", reply::base(&request), stored.submission_id);
    let response = Some(Reference { reference: Some(address), ..Reference::default() });
    answer(&state, &Scored { response, id: String::new(), ..scored })
}

/// `POST /fhir/QuestionnaireResponse/$extract`: for a response in the request.
///
/// # Errors
/// Fails when the response could not be stored either.
pub(super) async fn extract_sent(
    state: web::Data<State>,
    caller: Intake,
    accepted: AcceptedLanguages,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let (actor, clinic, language) = (caller.actor(), caller.clinic(), accepted.for_clinic(caller.clinic()));
    let body = Given::read(incoming).await?.response()?;
    let versions = rule_tables::versions(&state.app);
    let mut faults: Vec<Fault> = body.faults.iter().map(in_resource).collect();
    let (subject, response) = (body.value.about(), body.value.address());
    if subject.is_none() {
        let detail = "give the person that the results are about";
        faults.push(Fault::new("QuestionnaireResponse.subject", FaultCode::Required, detail));
    }
    let (draft, places) = body.value.read(&versions, language, &mut faults);
    let assessment = intake::preview(&state.app, &actor, clinic, &draft, faults)
        .map_err(|error| alarm::problem(&state, places.located(error), clinic, language))?;
    let now = state.app.ambient.now();
    let scored = Scored {
        table: rule_tables::current(&state.app),
        language,
        answers: &draft.answers,
        assessment: &assessment,
        answered: draft.answered_at.unwrap_or(now),
        issued: now,
        subject: subject.unwrap_or_default(),
        response,
        id: String::new(),
    };
    answer(&state, &scored)
}

fn answer(state: &State, scored: &Scored<'_>) -> Result<HttpResponse, Problem> {
    let name = || -> Result<String, AppError> {
        let id: Uuid = new_id(&*state.app.ambient, state.app.ambient.now())?;
        Ok(format!("urn:uuid:{id}"))
    };
    let risk = Extracted::Risk(Box::new(risk_assessment::render(scored)));
    let mut created = vec![Created { full_url: name()?, kind: "RiskAssessment", resource: risk }];
    for (_, one) in observation::all(scored, &[]) {
        let resource = Extracted::Observation(Box::new(one));
        created.push(Created { full_url: name()?, kind: "Observation", resource });
    }
    let target = created.iter().map(|one| Reference { reference: Some(one.full_url.clone()), ..Reference::default() });
    let table = Identifier { system: Some(RULE_TABLE.to_owned()), value: scored.assessment.rule_table.to_string() };
    let provenance = Provenance {
        target: target.collect(),
        recorded: scored.issued.to_string(),
        agent: vec![Agent { who: Some(Reference::named("Device", SOFTWARE, env!("CARGO_PKG_VERSION"))) }],
        entity: vec![Entity {
            role: "source",
            what: Some(Reference { identifier: Some(table), ..Reference::default() }),
        }],
    };
    let resource = Extracted::Provenance(Typed::new("Provenance", provenance));
    created.push(Created { full_url: name()?, kind: "Provenance", resource });
    Ok(reply::resource(HttpResponse::Ok(), &transaction(created)))
}
