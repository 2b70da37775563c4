//! `CodeSystem`: the codes of this service that have no published standard.

use actix_web::{HttpRequest, HttpResponse, web};

use super::element::{Typed, elements};
use super::names::{ANSWERS, IMPORTED, RESULTS, SCORE};
use super::observation::MEASURED;
use super::search::{Parameters, any};
use super::{options, reply};
use crate::app::screening::rule_tables;
use crate::domain::follow_ups::{ClosingOutcome, NotNeededReason, StateName};
use crate::domain::language::Language;
use crate::domain::screening::questionnaire::CATALOGUE;
use crate::domain::screening::rule_table::RuleTable;
use crate::http::kernel::extract::AcceptedLanguages;
use crate::http::kernel::fixed::json;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::state::State;

/// All code systems: id, canonical URL and path.
const SYSTEMS: [(&str, &str, &str); 2] =
    [("answers", ANSWERS, "/fhir/CodeSystem/answers"), ("results", RESULTS, "/fhir/CodeSystem/results")];

elements! {
    /// Codes with their meaning.
    CodeSystem {
        id: &'static str,
        language: &'static str,
        url: &'static str,
        version: String,
        name: &'static str,
        title: &'static str,
        status: &'static str,
        case_sensitive: Option<bool>,
        content: &'static str,
        concept: Vec<Concept>,
    }
    /// One code.
    Concept {
        code: String,
        display: String,
        definition: Option<String>,
    }
}

/// `GET /fhir/CodeSystem/{id}`: `answers` or `results`.
///
/// # Errors
/// Fails when there is no such code system.
pub(super) async fn get_code_system(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    accepted: AcceptedLanguages,
) -> Result<HttpResponse, Problem> {
    let language = accepted.or(Language::default());
    let found = SYSTEMS.into_iter().find(|(name, ..)| *name == *id);
    let (id, _, path) = found.ok_or_else(|| Problem::new(ProblemType::NotFound, "unknown code system"))?;
    let table = rule_tables::current(&state.app);
    let body = state.public.body(path, &table.version, language);
    reply::fixed(&request, language, &body, || system_json(table, language, id))
}

/// `GET /fhir/CodeSystem`: searches by `url` or `_id`.
///
/// # Errors
/// Fails on a parameter that this search does not support.
pub(super) async fn search_code_systems(
    request: HttpRequest,
    state: web::Data<State>,
    accepted: AcceptedLanguages,
) -> Result<HttpResponse, Problem> {
    let language = accepted.or(Language::default());
    let mut parameters = Parameters::parse(request.query_string(), b"");
    let (ids, urls) = (parameters.all("_id"), parameters.all("url"));
    parameters.end()?;
    let table = rule_tables::current(&state.app);
    let found = SYSTEMS.into_iter().filter(|(id, url, _)| any(&ids, id) && any(&urls, url));
    let entry = |(id, _, path)| {
        let body = state.public.body(path, &table.version, language);
        Ok((id, body.raw(|| system_json(table, language, id))?))
    };
    let found = found.map(entry).collect::<Result<Vec<_>, Problem>>()?;
    Ok(reply::found(&request, &state, language, "CodeSystem", &found))
}

fn system_json(table: &RuleTable, language: Language, id: &str) -> Result<Vec<u8>, Problem> {
    let system = both(table, language).into_iter().find(|system| system.id == id);
    json(&system.map(|system| Typed::new("CodeSystem", system)))
}

fn both(table: &RuleTable, language: Language) -> [CodeSystem; 2] {
    let outline = CodeSystem {
        language: language.as_str(),
        version: table.version.to_string(),
        status: "active",
        case_sensitive: Some(true),
        content: "complete",
        ..CodeSystem::default()
    };
    let concept = answers(table, language);
    let answers = CodeSystem {
        id: "answers",
        url: ANSWERS,
        name: "SarcopeniaScreenAnswers",
        title: "Options of the sarcopenia screen",
        concept,
        ..outline.clone()
    };
    let concept = results(table, language);
    let results = CodeSystem {
        id: "results",
        url: RESULTS,
        name: "SarcopeniaScreenResults",
        title: "Results of the sarcopenia screen and states of its follow-up",
        concept,
        ..outline
    };
    [answers, results]
}

fn answers(table: &RuleTable, language: Language) -> Vec<Concept> {
    let texts = table.texts(language);
    let of_item = CATALOGUE.iter().flat_map(|spec| options::choices(spec, texts));
    of_item.map(|choice| Concept { code: choice.code, display: choice.display, definition: None }).collect()
}

fn results(table: &RuleTable, language: Language) -> Vec<Concept> {
    let texts = table.texts(language);
    let named = |code: &str, display: &str| Concept { code: code.into(), display: display.into(), definition: None };
    let mut concepts = vec![Concept {
        definition: texts.map(|texts| texts.outcome.explanation.clone()),
        ..named(SCORE, "Own total, not validated")
    }];
    for instrument in &table.instruments {
        let text = texts.and_then(|texts| texts.instruments.get(&*instrument.id));
        let display = text.map(|text| text.name.clone()).unwrap_or_default();
        let definition = text.map(|text| text.explanation.clone());
        concepts.push(Concept { code: instrument.id.to_string(), display, definition });
    }
    for (item, ..) in MEASURED {
        let text = texts.and_then(|texts| texts.items.get(item.id()));
        concepts.push(named(item.id(), text.map(|text| &*text.label).unwrap_or_default()));
    }
    concepts.push(named("lower", "Lowest total that the open questions allow"));
    concepts.push(named("upper", "Highest total that the open questions allow"));
    concepts.push(named("consultation", "Consultation after a positive screen"));
    concepts.push(named("screen_positive", "Sarcopenia screen positive"));
    concepts.push(named(IMPORTED, "History imported from another system; opens no follow-up"));
    concepts.push(named("attempted", "An attempt was made to reach the person"));
    concepts.push(named("did_not_attend", "The person did not keep the appointment"));
    let plain = |code: &str| named(code, &code.replace('_', " "));
    concepts.extend(StateName::ALL.map(|state| plain(state.as_str())));
    concepts.extend(ClosingOutcome::ALL.map(|outcome| plain(outcome.as_str())));
    concepts.extend(NotNeededReason::ALL.map(|reason| plain(reason.as_str())));
    concepts
}
