//! `$populate`: the form, prefilled with the data that the caller sends. Nothing is looked up or stored; unused data is reported.

use std::borrow::Cow;
use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::dates::instant;
use super::element::given as given_reference;
use super::names::{QUESTIONNAIRE, RESULTS};
use super::observation::MEASURED;
use super::operation::Given;
use super::outcome::{Issue, from_issues};
use super::response::with_items;
use super::response_input::known_form;
use super::{patient, reply};
use crate::app::screening::rule_tables;
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::language::Language;
use crate::domain::screening::answers::{Answers, RawAnswer, RawAnswers};
use crate::domain::screening::questionnaire::Item;
use crate::http::kernel::auth::Intake;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::AcceptedLanguages;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::state::State;

/// LOINC codes of body weight and height in the vital signs of FHIR R4.
const LOINC: [(&str, Item); 2] = [("29463-7", Item::WeightKg), ("8302-2", Item::HeightCm)];

struct Prefill {
    /// When it was observed, if given; the latest value is used.
    at: Option<Timestamp>,
    answer: RawAnswer<'static>,
}

pub(super) async fn populate(
    state: web::Data<State>,
    caller: Intake,
    accepted: AcceptedLanguages,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let given = Given::parameters(incoming).await?;
    let current = [rule_tables::current(&state.app).version.to_string()];
    let place = |name: &str| format!("Parameters.parameter.where(name='{name}')");
    let fault = match named_form(&given).as_slice() {
        [(_, canonical)] if known_form(canonical, &current) => None,
        [(name, _)] => Some((
            place(name),
            FaultCode::NotFound,
            Sentence::new(
                "is not the form of this service in its current version",
                "no es el formulario de este servicio en su versión actual",
            ),
        )),
        [] => Some((place("canonical"), FaultCode::Required, Sentence::new("give the form", "indique el formulario"))),
        [_, (name, _), ..] => Some((
            place(name),
            FaultCode::Contradiction,
            Sentence::new("give the form in one way only", "indique el formulario de una sola manera"),
        )),
    };
    if let Some((place, code, detail)) = fault {
        return Err(Problem::content(vec![Fault::new(place, code, detail)], None));
    }
    Ok(begun(&state, &given, accepted.for_clinic(caller.clinic())))
}

pub(super) async fn populate_version(
    state: web::Data<State>,
    caller: Intake,
    id: web::Path<String>,
    accepted: AcceptedLanguages,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    if *id != *rule_tables::current(&state.app).version {
        return Err(Problem::new(ProblemType::NotFound, "the form of this version is not served"));
    }
    let given = Given::parameters(incoming).await?;
    Ok(begun(&state, &given, accepted.for_clinic(caller.clinic())))
}

/// The form that the parameters name, as canonical URLs.
fn named_form(given: &Given) -> Vec<(&str, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let canonical = |one: &Value| match one["name"].as_str().unwrap_or_default() {
        "canonical" => text(&one["valueCanonical"]),
        "questionnaireRef" => {
            let reference = text(&one["valueReference"]["reference"]);
            let version = reference.rsplit_once("Questionnaire/").map(|(_, version)| version);
            version.map_or_else(String::new, |version| format!("{QUESTIONNAIRE}|{version}"))
        }
        "questionnaire" => format!("{}|{}", text(&one["resource"]["url"]), text(&one["resource"]["version"])),
        _ => text(&one["valueIdentifier"]["value"]),
    };
    let ways = &["canonical", "questionnaireRef", "questionnaire", "identifier"];
    given.named(ways).map(|one| (one["name"].as_str().unwrap_or_default(), canonical(one))).collect()
}

fn begun(state: &State, given: &Given, language: Language) -> HttpResponse {
    let mut issues = Vec::new();
    let today = state.app.ambient.now().to_zoned(TimeZone::UTC).date();
    let known = known(given, today, &mut issues);
    let mut raw = RawAnswers::default();
    raw.0.extend(known.into_iter().map(|(item, known)| (Cow::Borrowed(item.id()), known.answer)));
    let (answers, faults) = Answers::parse(&raw);
    // Values that the form would reject are left unanswered.
    issues.extend(faults.iter().map(|fault| {
        let item = fault.pointer.trim_start_matches('/');
        Issue::information(&format!("{item} is left unanswered: {}", fault.detail(language)))
    }));
    let response = json!({
        "resourceType": "QuestionnaireResponse",
        "language": language.as_str(),
        "questionnaire": format!("{QUESTIONNAIRE}|{}", rule_tables::current(&state.app).version),
        "status": "in-progress",
        "subject": given.named(&["subject"]).next().map(|one| about(&one["valueReference"])),
        "authored": state.app.ambient.now(),
    });
    let mut parameters = vec![json!({"name": "response", "resource": with_items(response, &answers)})];
    if !issues.is_empty() {
        parameters.push(json!({"name": "issues", "resource": from_issues(issues)}));
    }
    reply::resource(HttpResponse::Ok(), &json!({"resourceType": "Parameters", "parameter": parameters}))
}

fn about(reference: &Value) -> Value {
    let identifier = &reference["identifier"];
    let identifier = identifier["value"].as_str().map(|value| (identifier["system"].as_str(), value));
    given_reference(reference["reference"].as_str(), identifier)
}

/// Values from the contexts; of several observations of an item, the latest.
fn known(given: &Given, today: jiff::civil::Date, issues: &mut Vec<Issue>) -> HashMap<Item, Prefill> {
    let mut known: HashMap<Item, Prefill> = HashMap::new();
    let parts = given.named(&["context", "launchContext"]).filter_map(|one| one["part"].as_array()).flatten();
    for content in parts.filter(|part| part["name"] == "content") {
        let resource = &content["resource"];
        match resource["resourceType"].as_str() {
            Some("Patient") => {
                let said = patient::answers(resource, today);
                known.extend(said.map(|(item, answer, _)| (item, Prefill { at: None, answer })));
            }
            Some("Observation") => match observed(resource) {
                Some((item, value)) => {
                    let at = ["effectiveDateTime", "issued"].into_iter().find_map(|name| resource[name].as_str());
                    let at = at.and_then(instant);
                    if known.get(&item).is_none_or(|other| other.at <= at) {
                        known.insert(item, Prefill { at, answer: RawAnswer::Number(value) });
                    }
                }
                None => issues.push(Issue::information(
                    "an Observation is ignored: it is not final, not used here, or in a unit that the form does not have",
                )),
            },
            Some(_) => issues.push(Issue::information("a resource is ignored: only Patient and Observation are used")),
            None => issues.push(Issue::information("a reference is ignored: send the resource itself")),
        }
    }
    known
}

/// The item of an observation, and its value in the unit of the form.
fn observed(observation: &Value) -> Option<(Item, f64)> {
    let done = ["final", "amended", "corrected"].iter().any(|status| observation["status"] == *status);
    let codings = observation["code"]["coding"].as_array().filter(|_| done)?;
    let (item, unit) = codings.iter().find_map(|coding| {
        let code = coding["code"].as_str()?;
        let item = match coding["system"].as_str()? {
            "http://loinc.org" => LOINC.iter().find(|(known, _)| *known == code)?.1,
            RESULTS => Item::from_id(code)?,
            _ => return None,
        };
        MEASURED.iter().find(|(known, ..)| *known == item).map(|(item, unit, _)| (*item, *unit))
    })?;
    let quantity = &observation["valueQuantity"];
    let fit = quantity["system"] == "http://unitsofmeasure.org" && quantity["code"] == unit;
    Some((item, quantity["value"].as_f64().filter(|_| fit)?))
}
