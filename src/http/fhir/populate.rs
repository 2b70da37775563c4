//! `$populate`: the form, prefilled with the data that the caller sends. Nothing is looked up or stored. Unused data is reported,
//! and so is each value that was converted or rounded.

use std::borrow::Cow;
use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::dates::instant;
use super::element::given as given_reference;
use super::forms::Form;
use super::names::{LOINC, LOINC_SYSTEM, RESULTS};
use super::observation::MEASURED;
use super::operation::Given;
use super::outcome::{Issue, from_issues};
use super::response::with_items;
use super::response_input::known_form;
use super::units::Amount;
use super::{patient, reply, units};
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

/// The statuses of an observation whose value is settled.
const SETTLED: [&str; 3] = ["final", "amended", "corrected"];

struct Prefill {
    /// When it was observed, if given; the latest value is used.
    at: Option<Timestamp>,
    answer: RawAnswer<'static>,
    /// What was changed to fit the form.
    change: Option<String>,
}

/// The value of an observation, and the upper limit of its laboratory if the form asks for it.
struct Observed {
    item: Item,
    amount: Amount,
    limit: Option<(Item, Option<Amount>)>,
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
    let named = named_form(&given);
    let fault = match named.as_slice() {
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
    let form = named.first().and_then(|(_, canonical)| Form::of_canonical(canonical));
    let form = form.map_or(Form::Whole, |(form, _)| form);
    Ok(begun(&state, &given, form, accepted.for_clinic(caller.clinic())))
}

pub(super) async fn populate_version(
    state: web::Data<State>,
    caller: Intake,
    id: web::Path<String>,
    accepted: AcceptedLanguages,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let (form, version) = Form::of_id(&id);
    if *version != *rule_tables::current(&state.app).version {
        return Err(Problem::new(ProblemType::NotFound, "only the current version of the form is populated"));
    }
    let given = Given::parameters(incoming).await?;
    Ok(begun(&state, &given, form, accepted.for_clinic(caller.clinic())))
}

/// The form that the parameters name, as canonical URLs.
fn named_form(given: &Given) -> Vec<(&str, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let canonical = |one: &Value| match one["name"].as_str().unwrap_or_default() {
        "canonical" => text(&one["valueCanonical"]),
        "questionnaireRef" => {
            // The form may be stored in the system of the caller, so the base URL does not matter.
            let reference = text(&one["valueReference"]["reference"]);
            reference.rsplit_once("Questionnaire/").map_or_else(String::new, |(_, id)| format!("Questionnaire/{id}"))
        }
        "questionnaire" => format!("{}|{}", text(&one["resource"]["url"]), text(&one["resource"]["version"])),
        _ => text(&one["valueIdentifier"]["value"]),
    };
    let ways = &["canonical", "questionnaireRef", "questionnaire", "identifier"];
    given.named(ways).map(|one| (one["name"].as_str().unwrap_or_default(), canonical(one))).collect()
}

fn begun(state: &State, given: &Given, form: Form, language: Language) -> HttpResponse {
    let mut issues = Vec::new();
    let today = state.app.ambient.now().to_zoned(TimeZone::UTC).date();
    let mut raw = RawAnswers::default();
    for (item, prefill) in known(given, today, &mut issues) {
        if !form.audiences().include(item.spec().audience()) {
            issues.push(Issue::information(&format!("{} is ignored: this form does not ask for it", item.id())));
            continue;
        }
        issues.extend(prefill.change.map(|change| Issue::information(&change)));
        raw.0.push((Cow::Borrowed(item.id()), prefill.answer));
    }
    let (mut answers, faults) = Answers::parse(&raw);
    // Values that the form would reject are left unanswered.
    for fault in &faults {
        let item = fault.pointer.trim_start_matches('/');
        if let Some(item) = Item::from_id(item) {
            answers.set(item, None);
        }
        issues.push(Issue::information(&format!("{item} is left unanswered: {}", fault.detail(language))));
    }
    let response = json!({
        "resourceType": "QuestionnaireResponse",
        "language": language.as_str(),
        "questionnaire": form.canonical(&rule_tables::current(&state.app).version),
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
fn known(given: &Given, today: Date, issues: &mut Vec<Issue>) -> BTreeMap<Item, Prefill> {
    let mut known = BTreeMap::new();
    let parts = given.named(&["context", "launchContext"]).filter_map(|one| one["part"].as_array()).flatten();
    let contents = parts.filter(|part| part["name"] == "content").map(|content| &content["resource"]);
    for resource in contents.flat_map(resources) {
        match resource["resourceType"].as_str() {
            Some("Patient") => {
                let said = patient::answers(resource, today);
                known.extend(said.map(|(item, answer, _)| (item, Prefill { at: None, answer, change: None })));
            }
            Some("Observation") => match observed(resource) {
                Ok(observed) => keep(&mut known, observed, time(resource)),
                Err(reason) => issues.push(Issue::information(&format!("an Observation is ignored: {reason}"))),
            },
            Some(_) => issues.push(Issue::information("a resource is ignored: only Patient and Observation are used")),
            None => issues.push(Issue::information("a reference is ignored: send the resource itself")),
        }
    }
    known
}

/// The resource of a context; those of its entries if it is a bundle, as the result of a search is.
fn resources(content: &Value) -> Vec<&Value> {
    match content["entry"].as_array().filter(|_| content["resourceType"] == "Bundle") {
        Some(entries) => entries.iter().map(|entry| &entry["resource"]).collect(),
        None if content["resourceType"] == "Bundle" => Vec::new(),
        None => vec![content],
    }
}

/// When an observation was made; the end of a period.
fn time(observation: &Value) -> Option<Timestamp> {
    let names = ["/effectiveDateTime", "/effectiveInstant", "/effectivePeriod/end", "/issued"];
    names.into_iter().find_map(|name| observation.pointer(name)?.as_str()).and_then(instant)
}

/// Keeps an observation unless a later one of its item is known. A limit belongs to the value of its observation.
fn keep(known: &mut BTreeMap<Item, Prefill>, observed: Observed, at: Option<Timestamp>) {
    if known.get(&observed.item).is_some_and(|other| other.at > at) {
        return;
    }
    let prefill = |Amount { value, change }: Amount| Prefill { at, answer: RawAnswer::Number(value), change };
    known.insert(observed.item, prefill(observed.amount));
    if let Some((limit, amount)) = observed.limit {
        known.remove(&limit);
        known.extend(amount.map(|amount| (limit, prefill(amount))));
    }
}

/// The item of an observation, and its value in the unit of the form. Fails with the reason why it is ignored.
fn observed(observation: &Value) -> Result<Observed, &'static str> {
    if !SETTLED.iter().any(|status| observation["status"] == *status) {
        return Err("its status is not final, amended or corrected");
    }
    let codings = observation["code"]["coding"].as_array().map(Vec::as_slice).unwrap_or_default();
    let measured = codings.iter().find_map(|coding| {
        let code = coding["code"].as_str()?;
        let item = match coding["system"].as_str()? {
            LOINC_SYSTEM => LOINC.iter().find(|(known, _)| *known == code)?.1,
            RESULTS => Item::from_id(code)?,
            _ => return None,
        };
        MEASURED.into_iter().find(|(known, ..)| *known == item)
    });
    let (item, unit, limit) = measured.ok_or("the form has no measured item with its code")?;
    let amount = units::read(&observation["valueQuantity"], item, unit)?;
    // The upper limit of normal as the laboratory states it.
    let high = |limit: Item| {
        let ranges = observation["referenceRange"].as_array().filter(|ranges| ranges.len() == 1);
        ranges.and_then(|ranges| units::read(&ranges[0]["high"], limit, unit).ok())
    };
    Ok(Observed { item, amount, limit: limit.map(|limit| (limit, high(limit))) })
}
