//! `POST /fhir/QuestionnaireResponse`: stores a submission; with `If-None-Exist`, only once.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};

use super::outcome::{in_resource, within};
use super::response_input::{ResponseInput, plain};
use super::search::token;
use super::{reply, response};
use crate::app::once::Once;
use crate::app::screening::rule_tables;
use crate::app::submissions::{idempotency, intake, records};
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::submissions::ExternalSource;
use crate::domain::submissions::record::Recorded;
use crate::http::kernel::alarm;
use crate::http::kernel::auth::Intake;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{AcceptedLanguages, IdempotencyKey, Later};
use crate::http::kernel::json_response::mark_replayed;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::v1::submissions::receive;

const RESPONSE: &str = "QuestionnaireResponse";

pub(super) async fn create_response(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    key: Later<IdempotencyKey>,
    accepted: AcceptedLanguages,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let (actor, clinic) = (caller.actor(), caller.clinic());
    let (key, condition) = (key.read()?.0, condition(request.headers())?);
    let received =
        receive::<ResponseInput>(&state, &actor, incoming).await.map_err(|problem| within(RESPONSE, problem));
    let (body, _place) = received?;
    let bind = |key| idempotency::bind(&state.app, actor.sender_id, key, "fhir create", &[], &body.canonical());
    let idempotency = key.filter(|_| condition.is_none()).map(bind);
    let versions = rule_tables::versions(&state.app);
    let language = accepted.for_clinic(clinic);
    let mut faults = in_resource(RESPONSE, body.faults);
    let reference = body.value.reference(&mut faults);
    let (mut draft, places) = body.value.read(&versions, language, &mut faults);
    draft.subject.reference = reference;
    draft.idempotency = idempotency;
    if condition.is_some() && condition != draft.source {
        let detail =
            Sentence::new("must be the identifier in If-None-Exist", "debe ser el identificador de If-None-Exist");
        faults.push(Fault::new(format!("{RESPONSE}.identifier"), FaultCode::Contradiction, detail));
    }
    let recorded = if condition.is_some() {
        records::create_once(&state.app, &actor, clinic, draft, faults).await.map(Once::first)
    } else {
        let stored = intake::submit(&state.app, &actor, clinic, draft, faults).await;
        stored.map(|once| Once { result: Recorded::Created(Box::new(once.result)), replayed: once.replayed })
    };
    let recorded = recorded.map_err(|error| alarm::problem(&state, places.located(error), clinic, language))?;
    Ok(answer(&request, recorded))
}

fn answer(request: &HttpRequest, recorded: Once<Recorded>) -> HttpResponse {
    let (status, stored, text) = match recorded.result {
        Recorded::Created(stored) => (StatusCode::CREATED, stored, "stored"),
        Recorded::Found(stored) => (StatusCode::OK, stored, "nothing was stored: the record already exists"),
    };
    let location = format!("{}/{RESPONSE}/{}", reply::base(request), stored.submission_id);
    let mut response = reply::tagged(status, response::version(&stored).0);
    response.insert_header((LOCATION, location));
    mark_replayed(&mut response, recorded.replayed);
    reply::written(response, request.headers(), || response::render(&stored), text)
}

/// The source record of `If-None-Exist`, which must not exist yet.
fn condition(headers: &HeaderMap) -> Result<Option<ExternalSource>, Problem> {
    let mut values = headers.get_all("if-none-exist");
    let Some(value) = values.next() else { return Ok(None) };
    let parsed = value.to_str().ok().filter(|_| values.next().is_none()).and_then(|text| {
        let mut pairs = form_urlencoded::parse(text.trim().trim_start_matches('?').as_bytes());
        let (name, identifier) = pairs.next()?;
        let (system, id) = token(&identifier).filter(|_| name == "identifier" && pairs.next().is_none())?;
        let whole = plain(system) && plain(id);
        whole.then(|| ExternalSource { system: system.to_owned(), id: id.to_owned() })
    });
    parsed.map(Some).ok_or_else(|| {
        let detail = Sentence::new(
            "only identifier=system|value is supported as a condition",
            "como condición solo se admite identifier=sistema|valor",
        );
        Problem::parameters(vec![Fault::new("/If-None-Exist", FaultCode::Format, detail)])
    })
}
