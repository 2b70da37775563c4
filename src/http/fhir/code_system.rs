//! `CodeSystem`: the codes of this service that have no published standard.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::element::element;
use super::names::{ANSWERS, AUDIT, IMPORTED, RESULTS, SCORE, TEST};
use super::observation::MEASURED;
use super::presentation::Presentation;
use super::search::any;
use super::wordings::Wordings;
use super::{options, reply, search};
use crate::app::screening::rule_tables;
use crate::domain::audit::AuditAction;
use crate::domain::follow_ups::{ClosingOutcome, NotNeededReason, StateName};
use crate::domain::language::Language;
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::texts::Texts;
use crate::http::kernel::extract::AcceptedLanguages;
use crate::http::kernel::fixed;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::state::State;

/// All code systems: id, canonical URL and path.
const SYSTEMS: [(&str, &str, &str); 3] = [
    ("answers", ANSWERS, "/fhir/CodeSystem/answers"),
    ("results", RESULTS, "/fhir/CodeSystem/results"),
    ("audit-actions", AUDIT, "/fhir/CodeSystem/audit-actions"),
];

/// The id is `answers`, `results` or `audit-actions`.
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

pub(super) async fn search_code_systems(
    request: HttpRequest,
    state: web::Data<State>,
    accepted: AcceptedLanguages,
) -> Result<HttpResponse, Problem> {
    let language = accepted.or(Language::default());
    let mut parameters = search::of_url(&request);
    let (ids, urls) = (parameters.all("_id"), parameters.all("url"));
    let presentation = Presentation::read(&mut parameters);
    presentation.check_order(&mut parameters, &[]);
    parameters.end()?;
    let presentation = presentation.end(parameters, Some(request.query_string().to_owned()));
    let table = rule_tables::current(&state.app);
    let found: Vec<_> = SYSTEMS.into_iter().filter(|(id, url, _)| any(&ids, id) && any(&urls, url)).collect();
    let page = &found[presentation.window(found.len())];
    let entry = |(id, _, path)| {
        let body = state.public.body(path, &table.version, language);
        Ok((id, body.raw(|| system_json(table, language, id))?))
    };
    let page = page.iter().copied().map(entry).collect::<Result<Vec<_>, Problem>>()?;
    Ok(reply::found(&request, &state, language, "CodeSystem", (page, found.len(), &presentation)))
}

fn system_json(table: &RuleTable, language: Language, id: &str) -> Result<Vec<u8>, Problem> {
    let (url, name, title, concepts) = match id {
        "answers" => (
            ANSWERS,
            "SarcopeniaScreenAnswers",
            "Options of the sarcopenia screen",
            answers(Wordings { table, language }),
        ),
        "audit-actions" => (AUDIT, "SarcopeniaScreenAuditActions", "Actions of the audit log", audit_actions()),
        _ => (
            RESULTS,
            "SarcopeniaScreenResults",
            "Results of the sarcopenia screen and states of its follow-up",
            results(table, table.texts(language)),
        ),
    };
    fixed::json(&element(json!({
        "resourceType": "CodeSystem",
        "id": id,
        "language": language.as_str(),
        "url": url,
        "version": &*table.version,
        "name": name,
        "title": title,
        "status": "active",
        "caseSensitive": true,
        "content": "complete",
        "concept": concepts,
    })))
}

fn concept(code: &str, display: &str, definition: Option<&str>) -> Value {
    element(json!({"code": code, "display": display, "definition": definition}))
}

fn answers(wordings: Wordings<'_>) -> Vec<Value> {
    wordings.table.asked.items.iter().flat_map(|item| options::concepts(wordings, item.spec())).collect()
}

fn audit_actions() -> Vec<Value> {
    AuditAction::ALL.map(|action| concept(action.as_str(), &action.as_str().replace('_', " "), None)).into()
}

fn results(table: &RuleTable, texts: Option<&Texts>) -> Vec<Value> {
    let score = texts.map(|texts| &*texts.outcome.explanation);
    let mut concepts = vec![concept(SCORE, "Own total, not validated", score)];
    concepts.extend(table.instruments.iter().map(|instrument| {
        let text = texts.and_then(|texts| texts.instruments.get(&*instrument.id));
        let display = text.map(|text| &*text.name).unwrap_or_default();
        concept(&instrument.id, display, text.map(|text| &*text.explanation))
    }));
    concepts.extend(MEASURED.map(|(item, ..)| {
        let text = texts.and_then(|texts| texts.items.get(item.id()));
        concept(item.id(), text.map(|text| &*text.label).unwrap_or_default(), None)
    }));
    let others = [
        ("lower", "Lowest total that the open questions allow"),
        ("upper", "Highest total that the open questions allow"),
        ("consultation", "Consultation after a positive screen"),
        ("screen_positive", "Sarcopenia screen positive"),
        (IMPORTED, "History imported from another system; opens no follow-up"),
        (TEST, "Test submission; opens no follow-up and is counted nowhere"),
        ("attempted", "An attempt was made to reach the person"),
        ("did_not_attend", "The person did not keep the appointment"),
    ];
    concepts.extend(others.map(|(code, display)| concept(code, display, None)));
    let plain = |code: &str| concept(code, &code.replace('_', " "), None);
    concepts.extend(StateName::ALL.map(|state| plain(state.as_str())));
    concepts.extend(ClosingOutcome::ALL.map(|outcome| plain(outcome.as_str())));
    concepts.extend(NotNeededReason::ALL.map(|reason| plain(reason.as_str())));
    concepts
}
