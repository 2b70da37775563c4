//! `ValueSet`: the options of each item that has options.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::names::{ANSWERS, VALUE_SET, id_of};
use super::presentation::Presentation;
use super::search::any;
use super::wordings::Wordings;
use super::{PATH, options, reply, search};
use crate::app::screening::rule_tables;
use crate::domain::language::Language;
use crate::domain::screening::questionnaire::{Item, Kind, Spec};
use crate::domain::screening::rule_table::RuleTable;
use crate::http::kernel::extract::AcceptedLanguages;
use crate::http::kernel::fixed::json;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::request_id::public_url;
use crate::http::kernel::state::State;

/// The id is that of the item, with hyphens.
pub(super) async fn get_value_set(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    accepted: AcceptedLanguages,
) -> Result<HttpResponse, Problem> {
    let language = accepted.or(Language::default());
    let table = rule_tables::current(&state.app);
    let found = with_options(table).find(|spec| id_of(spec.id) == *id);
    let spec = found.ok_or_else(|| Problem::new(ProblemType::NotFound, "unknown value set"))?;
    let body = state.public.body(spec.id, &table.version, language);
    reply::fixed(&request, language, &body, || json(&render(Wordings { table, language }, spec)))
}

pub(super) async fn search_value_sets(
    request: HttpRequest,
    state: web::Data<State>,
    accepted: AcceptedLanguages,
) -> Result<HttpResponse, Problem> {
    let language = accepted.or(Language::default());
    let mut parameters = search::of_url(&request);
    let (ids, urls) = (parameters.all("_id"), parameters.choices("url"));
    let presentation = Presentation::read(&mut parameters);
    presentation.check_order(&mut parameters, &[]);
    parameters.end()?;
    let presentation = presentation.end(parameters, Some(request.query_string().to_owned()));
    let table = rule_tables::current(&state.app);
    let found = with_options(table).filter(|spec| {
        let id = id_of(spec.id);
        any(&ids, &id) && urls.iter().all(|list| list.iter().any(|url| is_named(&id, url)))
    });
    let found: Vec<&'static Spec> = found.collect();
    let entry = |spec: &'static Spec| {
        let body = state.public.body(spec.id, &table.version, language);
        Ok((id_of(spec.id), body.raw(|| json(&render(Wordings { table, language }, spec)))?))
    };
    let page = found[presentation.window(found.len())].iter().copied();
    let page = page.map(entry).collect::<Result<Vec<_>, Problem>>()?;
    Ok(reply::found(&request, &state, language, "ValueSet", (page, found.len(), &presentation)))
}

/// The items of a table that have options.
fn with_options(table: &RuleTable) -> impl Iterator<Item = &'static Spec> {
    let specs = table.asked.items.iter().map(Item::spec);
    specs.filter(|spec| matches!(spec.kind, Kind::Choice(_) | Kind::Set { .. }))
}

/// Whether a URL is one of the names of a value set.
fn is_named(id: &str, url: &str) -> bool {
    url == format!("{VALUE_SET}:{id}") || url == url_of(id)
}

/// The canonical URL: under the public URL of the service, or a name without a host if it has none.
fn url_of(id: &str) -> String {
    public_url().map_or_else(|| format!("{VALUE_SET}:{id}"), |base| format!("{base}{PATH}/ValueSet/{id}"))
}

fn render(wordings: Wordings<'_>, spec: &Spec) -> Value {
    let id = id_of(spec.id);
    let mut set = json!({
        "resourceType": "ValueSet",
        "id": id,
        "language": wordings.language.as_str(),
        "url": url_of(&id),
        "version": &*wordings.table.version,
        "name": name(spec.id),
    });
    wordings.set(&mut set, "title", |texts| Some(texts.items.get(spec.id)?.short().to_owned()));
    set["status"] = "active".into();
    let included = json!({
        "system": ANSWERS,
        "version": &*wordings.table.version,
        "concept": options::concepts(wordings, spec),
    });
    set["compose"] = json!({"include": [included]});
    set
}

/// The computer-friendly name: `stair_difficulty` becomes `SarcopeniaScreenStairDifficulty`.
fn name(item: &str) -> String {
    let word = |word: &str| match word.split_at_checked(1) {
        Some((first, rest)) => first.to_ascii_uppercase() + rest,
        None => String::new(),
    };
    format!("SarcopeniaScreen{}", item.split('_').map(word).collect::<String>())
}
