//! CDS Hooks 2.0: a record system requests the screening result of the patient whose chart is open. The call is stateless:
//! nothing is stored or audited, because the request carries all data, as for `POST /v1/scores`. These routes are not part of the
//! OpenAPI document: the specification is their contract, and discovery describes them.

mod answers;
mod cards;
mod request;
mod wording;

use std::cmp::Reverse;
use std::future::ready;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, VARY};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Route, web};
use serde_json::json;
use serde_json::value::RawValue;

use crate::app::App;
use crate::app::access::limits::Budget;
use crate::app::access::sign_in::SignedIn;
use crate::app::screening::rule_tables;
use crate::app::submissions::intake;
use crate::domain::access::actor::Role;
use crate::domain::language::Language;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::assessment::Assessment;
use crate::domain::screening::questionnaire::Audiences;
use crate::domain::screening::rule_table::{Id, RuleTable};
use crate::domain::screening::scoring::{self, ScoreOptions};
use crate::http::fhir::patient;
use crate::http::kernel::alarm;
use crate::http::kernel::auth::admitted;
use crate::http::kernel::body::{Incoming, not_json};
use crate::http::kernel::extract::AcceptedLanguages;
use crate::http::kernel::fixed::{self, JSON};
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::slices::{entries, fields, is_object};
use crate::http::kernel::state::State;
use crate::http::kernel::wording::Wording;
use crate::http::v1::screening::fragments::AllFragments;
use crate::http::v1::screening::render::Rendering;
use crate::http::v1::screening::view::AssessmentView;
use cards::CardData;
use request::HookCall;

/// Id of the service, as used in its URL.
const SERVICE: &str = "muscle-loss";
/// The hook that the service supports.
const HOOK: &str = "patient-view";
/// Maximum body of a call, bytes: a patient and their newest responses.
const CALL_LIMIT: usize = 1024 * 1024;

/// Maximum number of cards in one feedback.
const MOST_FEEDBACK: usize = 10_000;

/// An authorized record system: by a key with the role intake, or by a token that it signed for this call.
struct RecordSystem(SignedIn);

impl FromRequest for RecordSystem {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { admitted(&request, Role::Intake, Budget::Scores, Some(request.path())).await.map(Self) })
    }
}

/// Registers the routes of CDS Hooks.
pub(super) fn services(config: &mut web::ServiceConfig) {
    let service = |path: String, method: &'static str, route: Route| {
        let refused = move || ready(Err::<HttpResponse, _>(Problem::method_not_allowed(method)));
        web::resource(path).route(route).default_service(web::to(refused))
    };
    config
        .service(service("/cds-services".into(), "GET", web::get().to(discover)))
        .service(service(format!("/cds-services/{SERVICE}"), "POST", web::post().to(advise)))
        .service(service(format!("/cds-services/{SERVICE}/feedback"), "POST", web::post().to(take_feedback)));
}

/// Discovery: lists the services. It contains no personal data, so it needs no key.
async fn discover(
    request: HttpRequest,
    accepted: AcceptedLanguages,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let language = accepted.or(Language::En);
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((VARY, "Accept-Language, Accept-Encoding"))
        .insert_header((CONTENT_LANGUAGE, language.as_str()));
    let table = rule_tables::current(&state.app);
    let body = state.public.body("/cds-services", &table.version, language);
    body.answer(&request, response, JSON, || fixed::json(&catalogue(table, language)))
}

fn catalogue(table: &RuleTable, language: Language) -> serde_json::Value {
    let words = wording::words(language);
    let title = table.texts(language).map(|texts| texts.questionnaire.title.as_str());
    json!({"services": [{
        "hook": HOOK,
        "id": SERVICE,
        "title": title.unwrap_or_default(),
        "description": words.description,
        "usageRequirements": words.requirements,
        "prefetch": {
            "patient": "Patient/{{context.patientId}}",
            "responses": "QuestionnaireResponse?patient={{context.patientId}}&status=completed,amended&_sort=-authored&_count=20",
        },
    }]})
}

/// Answers with their result under a rule table.
struct Scored<'a> {
    table: &'a RuleTable,
    answers: Answers,
    assessment: Assessment,
}

/// Interprets the newest answers, or lists the questions to ask.
async fn advise(
    state: web::Data<State>,
    fragments: web::Data<AllFragments>,
    caller: RecordSystem,
    accepted: AcceptedLanguages,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let clinic = caller.0.clinic();
    let language = accepted.for_clinic(clinic);
    let mut call = HookCall::parse(&incoming.read_json_bytes(CALL_LIMIT).await?)?;
    let today = clinic.day(state.app.ambient.now());
    let not_asked = call.patient.as_ref().is_some_and(|patient| patient::is_not_asked(patient, today));
    let gone = call.patient.as_ref().is_some_and(|patient| patient["deceased"] == true || patient["active"] == false);
    if gone || (call.response.is_none() && not_asked) {
        return Ok(HttpResponse::Ok().json(json!({"cards": []})));
    }
    let found = call.response.as_mut().map(|response| std::mem::take(&mut response.found)).unwrap_or_default();
    let (answers, faults) = answers::known(found, call.patient.as_ref(), today);
    let asked = ScoreOptions { audiences: Audiences::PERSON, pathways: &clinic.pathways };
    let version = call.response.as_ref().and_then(|response| response.version.as_deref());
    let table = answered_by(&state.app, version, &answers);
    let answers = table.asked.without_none(&answers);
    let assessment = intake::score(&state.app, table, &answers, faults, asked)
        .map_err(|error| alarm::problem(&state, error, clinic, language))?;
    let by_their_form: Vec<Id> = assessment.red_flags.clone();
    let scored = heavier_of(Scored { table, answers, assessment }, rule_tables::current(&state.app), asked);
    // The card always has the red flags by the table whose form was answered.
    let more = by_their_form.iter().filter(|id| !scored.assessment.red_flags.contains(id));
    let more = more.filter_map(|id| Wording { table, language }.red_flag(id)).collect();
    let Scored { table, answers, assessment } = scored;
    let rendering = Rendering::new(&fragments, table, language, clinic);
    let summary = &rendering.assessment(&answers, &assessment, Audiences::PERSON, AssessmentView::Summary);
    let (answers, assessment) = (&answers, &assessment);
    let screen = CardData { call: &call, answers, assessment, rendering: &rendering, summary, more, table, language };
    let card = screen.card(&state.app)?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_LANGUAGE, language.as_str())).json(json!({"cards": [card]})))
}

/// The rule table whose form was answered: the current one asks different alarm questions than earlier ones. Without a known
/// version, this is the newest table that asks all answered items.
fn answered_by<'a>(app: &'a App, version: Option<&str>, answers: &Answers) -> &'a RuleTable {
    if let Some(stated) = version.and_then(|version| app.releases.find(version)) {
        return &stated.table;
    }
    let asks_all = |table: &&RuleTable| table.not_asked(&table.asked.without_none(answers)).is_empty();
    let newest_first = app.releases.iter().rev().map(|release| &release.table);
    newest_first.into_iter().find(asks_all).unwrap_or_else(|| rule_tables::current(app))
}

/// Also scores the shared answers with the current table, and returns that result if it is flagged and more serious, because an
/// earlier table may not flag what the current one flags. Otherwise returns the result by the table whose form was answered.
fn heavier_of<'a>(answered: Scored<'a>, current: &'a RuleTable, asked: ScoreOptions<'_>) -> Scored<'a> {
    if answered.table.version == current.version {
        return answered;
    }
    let answers = current.asked.only_asked(&answered.answers);
    let assessment = scoring::score(current, &answers, asked);
    let weight = |result: &Assessment| (result.care_level, result.flagged(), result.urgency.map(Reverse));
    if assessment.flagged() && weight(&assessment) > weight(&answered.assessment) {
        return Scored { table: current, answers, assessment };
    }
    answered
}

/// Accepts feedback on cards and discards it: cards are not stored either.
async fn take_feedback(_: RecordSystem, incoming: Incoming) -> Result<HttpResponse, Problem> {
    let bytes = incoming.read_json_bytes(CALL_LIMIT).await?;
    let whole: &RawValue = serde_json::from_slice(&bytes).map_err(|error| not_json(&error))?;
    let mut feedback = None;
    fields(whole, |name, value| feedback = if name == "feedback" { Some(value) } else { feedback });
    match feedback.map(|feedback| entries(feedback, MOST_FEEDBACK)) {
        Some(Ok(feedback)) if feedback.iter().all(|one| is_object(one)) => Ok(HttpResponse::Ok().finish()),
        _ => Err(Problem::new(ProblemType::MalformedRequest, "feedback must be an array of at most 10,000 objects")),
    }
}
