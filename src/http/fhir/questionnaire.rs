//! `Questionnaire`: the forms, built from the item catalogue and the texts of a rule table.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::element::element;
use super::forms::{Form, NAME};
use super::items::question;
use super::names::SARC_F_TOTAL;
use super::presentation::Presentation;
use super::search::{Parameters, any, any_code};
use super::wordings::Wordings;
use super::{expression, reply, search};
use crate::app::screening::rule_tables;
use crate::domain::language::Language;
use crate::domain::screening::questionnaire::Group;
use crate::domain::screening::texts::Texts;
use crate::http::kernel::extract::AcceptedLanguages;
use crate::http::kernel::fixed::json;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::state::State;

/// The profile of Structured Data Capture that the forms follow.
const PROFILE: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire";
const STATUS: &str = "http://hl7.org/fhir/publication-status";

/// The id is a version of the rule table, followed by the audience of the form: `2026.3`, `2026.3-person`. The name in canonical
/// URLs is read as the current version.
pub(super) async fn get_questionnaire(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    accepted: AcceptedLanguages,
) -> Result<HttpResponse, Problem> {
    let (form, version) = Form::of_id(&id);
    let current = rule_tables::current(&state.app);
    let all = rule_tables::list(&state.app);
    let released = all.iter().map(|release| &release.table).find(|table| *table.version == *version);
    let table = if version == NAME { Some(current) } else { released };
    let table = table.ok_or_else(|| Problem::new(ProblemType::NotFound, "the form of this version is not served"))?;
    let language = accepted.or(Language::default());
    let body = state.public.body(form.path(), &table.version, language);
    let is_current = table.version == current.version;
    reply::fixed(&request, language, &body, || json(&render(Wordings { table, language }, form, is_current)))
}

/// Without `_id`, `version` and `status`, a search returns the current version only.
pub(super) async fn search_questionnaires(
    request: HttpRequest,
    state: web::Data<State>,
    accepted: AcceptedLanguages,
) -> Result<HttpResponse, Problem> {
    let language = accepted.or(Language::default());
    let mut parameters = search::of_url(&request);
    let filter = Filter::read(&mut parameters);
    // A form is large, so a page has one unless the client asks for more.
    let presentation = Presentation::with_pages_of(1, &mut parameters);
    presentation.check_order(&mut parameters, &["-date", "-version"]);
    parameters.end()?;
    let presentation = presentation.end(parameters, Some(request.query_string().to_owned()));
    let current = &rule_tables::current(&state.app).version;
    let all = rule_tables::list(&state.app);
    let mut matching = Vec::new();
    for table in all.iter().rev().map(|release| &release.table) {
        let (wordings, is_current) = (Wordings { table, language }, table.version == *current);
        let found = Form::ALL.into_iter().filter(|form| filter.holds(wordings, *form, is_current));
        matching.extend(found.map(|form| (wordings, form, is_current)));
    }
    let mut page = Vec::new();
    for (wordings, form, is_current) in matching[presentation.window(matching.len())].iter().copied() {
        let version = &wordings.table.version;
        let body = state.public.body(form.path(), version, language);
        page.push((form.id(version), body.raw(|| json(&render(wordings, form, is_current)))?));
    }
    Ok(reply::found(&request, &state, language, "Questionnaire", (page, matching.len(), &presentation)))
}

/// The id of the whole form in a version, and the form as part of another response; `None` if the version is not served.
pub(super) fn embedded(
    state: &State,
    version: &str,
    language: Language,
) -> Result<Option<(String, Box<RawValue>)>, Problem> {
    let (form, current) = (Form::Whole, &rule_tables::current(&state.app).version);
    let all = rule_tables::list(&state.app);
    let table = all.iter().map(|release| &release.table).find(|table| *table.version == *version);
    let Some(table) = table else { return Ok(None) };
    let body = state.public.body(form.path(), version, language);
    let raw = body.raw(|| json(&render(Wordings { table, language }, form, table.version == *current)))?;
    Ok(Some((form.id(version), raw)))
}

/// The filters of a search: each occurrence of a parameter, with its values.
struct Filter {
    ids: Vec<String>,
    urls: Vec<Vec<String>>,
    versions: Vec<String>,
    names: Wanted,
    titles: Wanted,
    statuses: Vec<Vec<String>>,
}

impl Filter {
    fn read(parameters: &mut Parameters) -> Self {
        let [ids, versions] = ["_id", "version"].map(|name| parameters.all(name));
        let [urls, statuses] = ["url", "status"].map(|name| parameters.choices(name));
        let [names, titles] = ["name", "title"].map(|name| Wanted::read(parameters, name));
        Self { ids, urls, versions, names, titles, statuses }
    }

    fn holds(&self, wordings: Wordings<'_>, form: Form, is_current: bool) -> bool {
        let every = !(self.ids.is_empty() && self.versions.is_empty() && self.statuses.is_empty());
        let version = &*wordings.table.version;
        let title = wordings.texts().map_or("", |texts| texts.questionnaire.title.as_str());
        (is_current || every)
            && any(&self.ids, &form.id(version))
            && self.urls.iter().all(|list| list.iter().any(|url| Form::of_url(url) == Some(form)))
            && any(&self.versions, version)
            && any_code(&self.statuses, STATUS, status(is_current))
            && self.names.hold(form.name())
            && self.titles.hold(title)
    }
}

/// The forms of the current version are active, earlier ones are retired.
const fn status(is_current: bool) -> &'static str {
    if is_current { "active" } else { "retired" }
}

/// A string parameter: the lists of values that begin a text, are anywhere in it, and are the whole text.
struct Wanted {
    begins: Vec<Vec<String>>,
    contains: Vec<Vec<String>>,
    exact: Vec<Vec<String>>,
}

impl Wanted {
    fn read(parameters: &mut Parameters, name: &str) -> Self {
        let [begins, contains, exact] =
            ["", ":contains", ":exact"].map(|modifier| parameters.choices(&format!("{name}{modifier}")));
        Self { begins, contains, exact }
    }

    /// Whether one value of every list matches a text. Only `:exact` respects case.
    fn hold(&self, text: &str) -> bool {
        let lower = text.to_lowercase();
        one_of_each(&self.begins, |value| lower.starts_with(&value.to_lowercase()))
            && one_of_each(&self.contains, |value| lower.contains(&value.to_lowercase()))
            && one_of_each(&self.exact, |value| text == value)
    }
}

fn one_of_each(lists: &[Vec<String>], matches: impl Fn(&str) -> bool) -> bool {
    lists.iter().all(|list| list.iter().any(|value| matches(value)))
}

fn render(wordings: Wordings<'_>, form: Form, is_current: bool) -> Value {
    let version = &*wordings.table.version;
    let headings = Group::ALL.into_iter().filter_map(|group| heading(wordings, form, group));
    let mut questionnaire = json!({
        "resourceType": "Questionnaire",
        "id": form.id(version),
        "meta": {"profile": [PROFILE]},
        "language": wordings.language.as_str(),
        "url": form.url(),
        "version": version,
        "name": form.name(),
        "derivedFrom": (form != Form::Whole).then(|| [Form::Whole.canonical(version)]),
        "status": status(is_current),
        "subjectType": ["Patient"],
    });
    wordings.set(&mut questionnaire, "title", |texts| Some(texts.questionnaire.title.clone()));
    wordings.set(&mut questionnaire, "description", |texts| Some(texts.questionnaire.introduction.clone()));
    wordings.set(&mut questionnaire, "purpose", |texts| Some(texts.outcome.explanation.clone()));
    questionnaire["item"] = headings.chain(total(wordings)).collect();
    element(questionnaire)
}

/// A group with the items of a form; `None` if the form has none of them.
fn heading(wordings: Wordings<'_>, form: Form, group: Group) -> Option<Value> {
    let asked = wordings.table.asked.of_group(group);
    let items = asked.into_iter().filter(|spec| form.audiences().include(spec.audience()));
    let items: Vec<Value> = items.map(|spec| question(wordings, spec)).collect();
    let mut heading = json!({"linkId": group.as_str()});
    wordings.set(&mut heading, "text", |texts| heading_text(texts, group));
    heading["type"] = "group".into();
    (!items.is_empty()).then(|| {
        heading["item"] = items.into();
        heading
    })
}

/// Items of the alarm group need its stem, which restricts them to new or suddenly worse complaints: an old complaint is not an
/// alarm.
fn heading_text(texts: &Texts, group: Group) -> Option<String> {
    let text = texts.groups.get(group.as_str())?;
    let stem = texts.questionnaire.alarm_stem.as_ref().filter(|_| group == Group::Alarm);
    Some(stem.map_or_else(|| text.clone(), |stem| format!("{text}. {stem}")))
}

/// The total of SARC-F, which the form computes.
fn total(wordings: Wordings<'_>) -> Option<Value> {
    let instrument = wordings.table.instrument("sarc_f")?;
    let mut total = json!({"extension": [expression::calculated(instrument)?], "linkId": SARC_F_TOTAL});
    wordings.set(&mut total, "text", |texts| Some(texts.instruments.get("sarc_f")?.name.clone()));
    total["type"] = "integer".into();
    total["readOnly"] = true.into();
    Some(total)
}
