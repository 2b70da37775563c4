//! `POST /fhir/QuestionnaireResponse`: stores a submission; with `If-None-Exist`, only once. `PUT` stores a correction.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, IF_MATCH, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};

use super::outcome::{in_resource, within};
use super::people::People;
use super::response_input::{CORRECTION, ResponseInput, plain};
use super::search::token;
use super::{reply, response};
use crate::app::error::AppError;
use crate::app::once::Once;
use crate::app::screening::rule_tables;
use crate::app::subjects::identities;
use crate::app::submissions::{self, idempotency, intake, records};
use crate::domain::access::actor::Actor;
use crate::domain::fault::{Fault, FaultCode, Params, Sentence};
use crate::domain::ids::{SubjectId, SubmissionId};
use crate::domain::subjects::{Identity, Reference};
use crate::domain::submissions::ExternalSource;
use crate::domain::submissions::record::Recorded;
use crate::http::kernel::alarm;
use crate::http::kernel::auth::Intake;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{AcceptedLanguages, IdempotencyKey, Later, PathId, if_match};
use crate::http::kernel::json_response::mark_replayed;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::state::State;
use crate::http::v1::submissions::receive;

const RESPONSE: &str = "QuestionnaireResponse";

/// What a request asks for besides the response in its body.
struct Asked {
    key: Option<String>,
    /// The source record that must not exist yet.
    condition: Option<ExternalSource>,
    /// The response that a PUT corrects.
    replaces: Option<SubmissionId>,
}

pub(super) async fn create_response(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    key: Later<IdempotencyKey>,
    accepted: AcceptedLanguages,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let asked = Asked { key: key.read()?.0, condition: condition(request.headers())?, replaces: None };
    let recorded = Box::pin(record(&request, &state, &caller, asked, &accepted, incoming)).await?;
    answer(&request, &state, &caller, recorded).await
}

/// Corrects a response. The correction is a response of its own, whose address is in `Location`; the corrected one becomes
/// `entered-in-error`. Fails when the response does not exist for the caller (404), is corrected already (409), or has another
/// version than `If-Match` (412).
pub(super) async fn update_response(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    id: Later<PathId>,
    key: Later<IdempotencyKey>,
    accepted: AcceptedLanguages,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let id = SubmissionId(id.read()?.0);
    let headers = request.headers();
    let version = headers.contains_key(IF_MATCH).then(|| if_match(headers, true)).transpose()?;
    let asked = Asked { key: key.read()?.0, condition: None, replaces: Some(id) };
    // A response that can be corrected has its first version.
    if let Some(version) = version.filter(|version| *version != 1) {
        let stored = submissions::get(&state.app, &caller.actor(), id).await?;
        let is_latest = version == response::version(&stored).0;
        let error = if is_latest { AppError::AlreadyCorrected { alarm: None } } else { AppError::Stale };
        return Err(error.into());
    }
    let recorded = Box::pin(record(&request, &state, &caller, asked, &accepted, incoming)).await;
    let recorded = recorded.map_err(|problem| match problem.kind() {
        ProblemType::Conflict if version.is_some() => with_alarm(AppError::Stale, problem),
        _ => problem,
    })?;
    answer(&request, &state, &caller, recorded).await
}

/// Reads a response and stores it.
async fn record(
    request: &HttpRequest,
    state: &State,
    caller: &Intake,
    asked: Asked,
    accepted: &AcceptedLanguages,
    incoming: Incoming,
) -> Result<Once<Recorded>, Problem> {
    let (actor, clinic) = (caller.actor(), caller.clinic());
    let Asked { key, condition, replaces } = asked;
    let received = receive::<ResponseInput>(state, &actor, incoming).await.map_err(|problem| within(RESPONSE, problem));
    let (body, _place) = received?;
    let (operation, ids) = match replaces {
        None => ("fhir create", Vec::new()),
        Some(id) => ("fhir update", vec![id.0]),
    };
    let bind = |key| idempotency::bind(&state.app, actor.sender_id, key, operation, &ids, &body.canonical());
    let idempotency = key.filter(|_| condition.is_none()).map(bind);
    let language = accepted.for_clinic(clinic);
    let mut faults = in_resource(RESPONSE, body.faults);
    let input = body.value;
    if let Some(id) = replaces.filter(|id| input.id() != Some(id.to_string().as_str())) {
        return Err(other_id(id));
    }
    let supersedes = corrected(request, &input, replaces, &mut faults);
    let reference = reference(request, state, &actor, &input, supersedes, &mut faults).await?;
    let (versions, day) = (rule_tables::versions(&state.app), clinic.day(state.app.ambient.now()));
    let (mut draft, places) = input.read(&versions, language, (day, &clinic.zone()), &mut faults);
    draft.subject.reference = reference;
    draft.supersedes = supersedes;
    draft.source = draft.source.filter(|source| !is_of_form(source, supersedes));
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
    recorded.map_err(|error| {
        let missing = replaces.is_some() && is_missing(&error);
        let problem = alarm::problem(state, places.located(error), clinic, language);
        if missing { with_alarm(AppError::NotFound, problem) } else { problem }
    })
}

/// The response that the input corrects: that of a PUT, whatever the extension names, or the one that the extension names.
fn corrected(
    request: &HttpRequest,
    input: &ResponseInput,
    replaces: Option<SubmissionId>,
    faults: &mut Vec<Fault>,
) -> Option<SubmissionId> {
    if replaces.is_some() {
        return replaces;
    }
    let before = faults.len();
    let named = input.supersedes(request, faults);
    if named.is_none() && input.is_amended() && faults.len() == before {
        let detail = Sentence::new(
            "an amended response must name the response that it corrects here, or be sent by PUT to its URL",
            "una respuesta amended debe nombrar aquí la respuesta que corrige, o enviarse por PUT a su URL",
        );
        faults.push(Fault::new(format!("{RESPONSE}.{CORRECTION}"), FaultCode::Required, detail));
    }
    named
}

/// The reference of the subject: as sent, or that of the named Patient. A correction may name a Patient without a reference.
async fn reference(
    request: &HttpRequest,
    state: &State,
    actor: &Actor,
    input: &ResponseInput,
    supersedes: Option<SubmissionId>,
    faults: &mut Vec<Fault>,
) -> Result<Option<Reference>, Problem> {
    let Some(id) = input.subject(request).map(SubjectId) else { return Ok(input.reference(faults)) };
    if let Some(corrected) = supersedes
        && records::is_about(&state.app, actor, corrected, id).await?
    {
        return Ok(None);
    }
    let detail = match identities::known(&state.app, actor, id).await? {
        Some(Identity { reference: Some(reference), .. }) => return Ok(Some(reference)),
        Some(_) => Sentence::new(
            "this person has no identifier; send that of the person as subject.identifier",
            "esta persona no tiene identificador; envíe el de la persona como subject.identifier",
        ),
        None => Sentence::new(
            "is no Patient of this service; send the identifier of the person as subject.identifier",
            "no es un Patient de este servicio; envíe el identificador de la persona como subject.identifier",
        ),
    };
    faults.push(Fault::new(format!("{RESPONSE}.subject"), FaultCode::NotFound, detail));
    Ok(None)
}

/// Whether a source is what a corrected response of the clinic's web form has. The correction itself does not come from the form.
fn is_of_form(source: &ExternalSource, supersedes: Option<SubmissionId>) -> bool {
    source.system == ExternalSource::WEB_FORM && supersedes.is_some_and(|id| source.id == id.to_string())
}

/// Whether the corrected response does not exist for the caller.
fn is_missing(error: &AppError) -> bool {
    let (AppError::Refused { faults, .. } | AppError::Faulty(faults)) = error else { return false };
    faults.iter().any(|fault| fault.pointer == "/supersedes" && fault.code == FaultCode::NotFound)
}

/// An error with the red flags of another: a person with an emergency must not get only the error.
fn with_alarm(error: AppError, before: Problem) -> Problem {
    let mut problem = Problem::from(error);
    problem.alarm = before.alarm;
    problem
}

/// FHIR specifies 400 for an id that is not that of the URL.
fn other_id(id: SubmissionId) -> Problem {
    let detail = Sentence::new("must be {name}, the id in the URL", "debe ser {name}, el id de la URL");
    let fault = Fault::new(format!("{RESPONSE}.id"), FaultCode::Contradiction, detail);
    Problem::parameters(vec![fault.with(Params::name(id.to_string()))])
}

async fn answer(
    request: &HttpRequest,
    state: &State,
    caller: &Intake,
    recorded: Once<Recorded>,
) -> Result<HttpResponse, Problem> {
    let (status, stored, text) = match recorded.result {
        Recorded::Created(stored) => (StatusCode::CREATED, stored, "stored"),
        Recorded::Found(stored) => (StatusCode::OK, stored, "nothing was stored: the record already exists"),
    };
    let people = People::of(state, &caller.actor(), caller.clinic(), &[stored.subject_id]).await?;
    let location = format!("{}/{RESPONSE}/{}", reply::base(request), stored.submission_id);
    let mut response = reply::tagged(status, response::version(&stored).0);
    response.insert_header((LOCATION, location));
    mark_replayed(&mut response, recorded.replayed);
    Ok(reply::written(response, request.headers(), || response::render(&stored, &people), text))
}

/// The source record of `If-None-Exist`, which must not exist yet.
fn condition(headers: &HeaderMap) -> Result<Option<ExternalSource>, Problem> {
    let mut values = headers.get_all("if-none-exist");
    let Some(value) = values.next() else { return Ok(None) };
    let parsed = value.to_str().ok().filter(|_| values.next().is_none()).and_then(|text| {
        // Some clients send the URL of the search instead of its parameters.
        let query = text.find("?identifier=").map_or(text, |place| &text[place..]);
        let query = query.trim().trim_start_matches('?');
        let mut pairs = form_urlencoded::parse(query.as_bytes());
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
