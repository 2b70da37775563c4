//! `$extract`: the results of a response, as a transaction that the caller sends to its own record system. This service stores
//! nothing.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use uuid::Uuid;

use super::bundle::transaction;
use super::element::{identifier, named};
use super::names::{RULE_TABLE, SOFTWARE};
use super::operation::Given;
use super::outcome::in_resource;
use super::people::People;
use super::scored::Scored;
use super::{observation, reply, risk_assessment};
use crate::app::ambient::new_id;
use crate::app::error::AppError;
use crate::app::screening::rule_tables;
use crate::app::submissions;
use crate::app::submissions::intake;
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::ids::SubmissionId;
use crate::domain::submissions::record::Standing;
use crate::http::kernel::alarm;
use crate::http::kernel::auth::Intake;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{AcceptedLanguages, Later, PathId};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;

pub(super) async fn extract_stored(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    let stored = submissions::get(&state.app, &caller.actor(), SubmissionId(id.read()?.0)).await?;
    let release = rule_tables::get(&state.app, &stored.assessment.rule_table).await?;
    let people = People::of(&state, &caller.actor(), caller.clinic(), &[stored.subject_id]).await?;
    let scored = Scored::stored(&release.table, &stored, &people);
    // The caller's record system is a different server, so the reference needs an absolute URL.
    let address = format!("{}/QuestionnaireResponse/{}", reply::base(&request), stored.submission_id);
    let subject = people.elsewhere(stored.subject_id);
    answer(&state, &Scored { response: Some(json!({"reference": address})), id: String::new(), subject, ..scored })
}

/// Extracts from the response in the request, which must be valid as a submission.
pub(super) async fn extract_sent(
    state: web::Data<State>,
    caller: Intake,
    accepted: AcceptedLanguages,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let (actor, clinic, language) = (caller.actor(), caller.clinic(), accepted.for_clinic(caller.clinic()));
    let body = Given::read(incoming).await?.response()?;
    let versions = rule_tables::versions(&state.app);
    let mut faults = in_resource("QuestionnaireResponse", body.faults);
    let (subject, response) = (body.value.about(), body.value.address());
    if subject.is_none() {
        let detail = Sentence::new(
            "give the person that the results are about",
            "indique la persona a la que se refieren los resultados",
        );
        faults.push(Fault::new("QuestionnaireResponse.subject", FaultCode::Required, detail));
    }
    let day = (clinic.day(state.app.ambient.now()), &clinic.zone());
    let (draft, places) = body.value.read(&versions, language, day, &mut faults);
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
        test: draft.test,
        version: (1, now),
        standing: Standing::Original,
        subject: subject.unwrap_or_default(),
        response,
        id: String::new(),
    };
    answer(&state, &scored)
}

fn answer(state: &State, scored: &Scored<'_>) -> Result<HttpResponse, Problem> {
    let named_here = |resource: Value| -> Result<(String, Value), AppError> {
        let id: Uuid = new_id(&*state.app.ambient, state.app.ambient.now())?;
        Ok((format!("urn:uuid:{id}"), resource))
    };
    let observations = observation::all(scored).into_iter().map(|(_, observation)| observation);
    let results = std::iter::once(risk_assessment::render(scored)).chain(observations);
    let mut created = results.map(named_here).collect::<Result<Vec<_>, _>>()?;
    let provenance = json!({
        "resourceType": "Provenance",
        "target": created.iter().map(|(url, _)| json!({"reference": url})).collect::<Vec<_>>(),
        "recorded": scored.issued,
        "agent": [{"who": named("Device", SOFTWARE, env!("CARGO_PKG_VERSION"))}],
        "entity": [{
            "role": "source",
            "what": {"identifier": identifier(RULE_TABLE, &scored.assessment.rule_table)},
        }],
    });
    created.push(named_here(provenance)?);
    Ok(reply::resource(HttpResponse::Ok(), &transaction(&created)))
}
