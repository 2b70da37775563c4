//! `Questionnaire`: the form, built from the item catalogue and the texts of the current rule table.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::element::element;
use super::names::{QUESTIONNAIRE, SARC_F_TOTAL};
use super::presentation::Presentation;
use super::search::any;
use super::{expression, options, reply, search};
use crate::app::screening::rule_tables;
use crate::domain::language::Language;
use crate::domain::screening::questionnaire::{Group, Kind, Spec};
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::texts::Texts;
use crate::http::kernel::extract::AcceptedLanguages;
use crate::http::kernel::fixed::json;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::state::State;

/// The name of the form for programs.
const NAME: &str = "SarcopeniaScreen";

/// The id is the version of the rule table. The form of each released version is served.
pub(super) async fn get_questionnaire(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    accepted: AcceptedLanguages,
) -> Result<HttpResponse, Problem> {
    let Some(release) = state.app.releases.find(&id) else {
        return Err(Problem::new(ProblemType::NotFound, "the form of this version is not served"));
    };
    let (table, current) = (&release.table, rule_tables::current(&state.app));
    let language = accepted.or(Language::default());
    let body = state.public.body("/fhir/Questionnaire", &table.version, language);
    reply::fixed(&request, language, &body, || json(&render(table, current, language)))
}

pub(super) async fn search_questionnaires(
    request: HttpRequest,
    state: web::Data<State>,
    accepted: AcceptedLanguages,
) -> Result<HttpResponse, Problem> {
    let current = rule_tables::current(&state.app);
    let language = accepted.or(Language::default());
    let mut parameters = search::of_url(&request);
    let asked = ["_id", "url", "version", "status"].map(|name| parameters.all(name));
    let (names, titles) = (parameters.all("name"), parameters.all("title"));
    // A form is large, so a page has one unless the client asks for more.
    let presentation = Presentation::with_pages_of(1, &mut parameters);
    presentation.check_order(&mut parameters, &["-date", "-version"]);
    parameters.end()?;
    let holds = |table: &RuleTable| {
        let title = table.texts(language).map_or("", |texts| texts.questionnaire.title.as_str());
        let facts = [&*table.version, QUESTIONNAIRE, &*table.version, status(table, current)];
        let all = asked.iter().zip(facts).all(|(asked, fact)| any(asked, fact));
        all && begins(&names, NAME) && begins(&titles, title)
    };
    let newest_first = state.app.releases.iter().rev().map(|release| &release.table);
    let matching: Vec<&RuleTable> = newest_first.filter(|table| holds(table)).collect();
    let presentation = presentation.end(parameters, Some(request.query_string().to_owned()));
    let mut page = Vec::new();
    for table in &matching[presentation.window(matching.len())] {
        let body = state.public.body("/fhir/Questionnaire", &table.version, language);
        page.push((&*table.version, body.raw(|| json(&render(table, current, language)))?));
    }
    Ok(reply::found(&request, &state, language, "Questionnaire", (page, matching.len(), &presentation)))
}

/// The form of the current version is active, earlier ones are retired.
fn status(table: &RuleTable, current: &RuleTable) -> &'static str {
    if table.version == current.version { "active" } else { "retired" }
}

/// Whether a text begins with one value of every list, ignoring case.
fn begins(asked: &[String], text: &str) -> bool {
    let text = text.to_lowercase();
    asked.iter().all(|list| list.split(',').any(|one| text.starts_with(&one.to_lowercase())))
}

fn render(table: &RuleTable, current: &RuleTable, language: Language) -> Value {
    let texts = table.texts(language);
    let form = texts.map(|texts| &texts.questionnaire);
    let headings = Group::ALL.into_iter().map(|group| heading(table, group, texts));
    element(json!({
        "resourceType": "Questionnaire",
        "id": &*table.version,
        "language": language.as_str(),
        "url": QUESTIONNAIRE,
        "version": &*table.version,
        "name": NAME,
        "title": form.map(|form| &form.title),
        "status": status(table, current),
        "subjectType": ["Patient"],
        "description": form.map(|form| &form.introduction),
        "purpose": texts.map(|texts| &texts.outcome.explanation),
        "item": headings.chain(total(table, texts)).collect::<Vec<_>>(),
    }))
}

fn heading(table: &RuleTable, group: Group, texts: Option<&Texts>) -> Value {
    let items = table.asked.of_group(group).into_iter();
    let text = texts.and_then(|texts| texts.groups.get(group.as_str()));
    // Items of the alarm group need its stem, which restricts them to new or suddenly worse complaints: an old complaint is not
    // an alarm.
    let stem = texts.and_then(|texts| texts.questionnaire.alarm_stem.as_ref()).filter(|_| group == Group::Alarm);
    element(json!({
        "linkId": group.as_str(),
        "text": text.map(|text| stem.map_or_else(|| text.clone(), |stem| format!("{text}. {stem}"))),
        "type": "group",
        "item": items.map(|spec| question(table, spec, texts)).collect::<Vec<_>>(),
    }))
}

fn question(table: &RuleTable, spec: &Spec, texts: Option<&Texts>) -> Value {
    let text = texts.and_then(|texts| texts.items.get(spec.id));
    let help = text.map(|text| &*text.help).unwrap_or_default();
    let asked_when = table.asked.when_above_0(spec.item).iter();
    let enabled: Vec<_> =
        asked_when.map(|item| json!({"question": item.id(), "operator": ">", "answerDecimal": 0.0})).collect();
    let options = options::codings(table, spec, texts).into_iter().map(|coding| json!({"valueCoding": coding}));
    let display = json!({"linkId": format!("{}.help", spec.id), "text": help, "type": "display"});
    element(json!({
        "extension": bounds(spec),
        "linkId": spec.id,
        "text": text.map(|text| &text.label),
        "type": match spec.kind {
            Kind::Number { scale: 1, .. } => "integer",
            Kind::Number { .. } => "decimal",
            Kind::Flag => "boolean",
            Kind::Choice(_) | Kind::Set { .. } => "choice",
        },
        "enableWhen": enabled,
        "enableBehavior": (!enabled.is_empty()).then_some("any"),
        "required": spec.required(),
        "repeats": matches!(spec.kind, Kind::Set { .. }).then_some(true),
        "answerOption": options.collect::<Vec<_>>(),
        "item": (!help.is_empty()).then_some([display]),
    }))
}

fn bounds(spec: &Spec) -> Option<[Value; 2]> {
    let Kind::Number { maximum, scale, .. } = spec.kind else { return None };
    let bound = |(name, units): (&str, i32)| {
        let url = format!("http://hl7.org/fhir/StructureDefinition/{name}");
        if scale == 1 {
            json!({"url": url, "valueInteger": units})
        } else {
            json!({"url": url, "valueDecimal": f64::from(units) / f64::from(scale)})
        }
    };
    Some([("minValue", spec.least()), ("maxValue", maximum)].map(bound))
}

/// The total of SARC-F, which the form computes.
fn total(table: &RuleTable, texts: Option<&Texts>) -> Option<Value> {
    let instrument = table.instrument("sarc_f")?;
    Some(element(json!({
        "extension": [expression::calculated(instrument)?],
        "linkId": SARC_F_TOTAL,
        "text": texts.and_then(|texts| texts.instruments.get("sarc_f")).map(|text| &text.name),
        "type": "integer",
        "readOnly": true,
    })))
}
