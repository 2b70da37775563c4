//! Rule tables for people: the list of versions, one version, and what changed in it.

mod changes;
mod entries;
mod evidence;
mod lines;
mod links;
mod search;
mod table;
mod versions;

use actix_web::{HttpRequest, HttpResponse, web};

use super::{HTML, address, public_page};
use crate::app::screening::rule_tables;
use crate::domain::screening::words::Words;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use changes::Compared;
use search::Search;

pub(super) async fn get_versions(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let language = address::language(&request);
    let current = &rule_tables::current(&state.app).version;
    let body = state.public.body("the page /rules", current, language);
    body.answer(&request, public_page(language), HTML, || versions::page(&state.app, language))
}

/// A version; with the parameter `q` only the entries that have its words.
pub(super) async fn get_table(
    request: HttpRequest,
    state: web::Data<State>,
    version: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let language = address::language(&request);
    let search = Search::of(&request)?;
    let release = rule_tables::find(&state.app, &version).await?;
    let before = rule_tables::before(&state.app, &version);
    let before = before.as_ref().map(|release| &*release.table.version);
    let is_current = release.table.version == rule_tables::current(&state.app).version;
    let words = Words { table: &release.table, language };
    let page = |search| table::page(words, &release.digest, is_current, before, search);
    match search {
        None => {
            let body = state.public.body("the page /rules/{version}", &release.table.version, language);
            body.answer(&request, public_page(language), HTML, || page(None))
        }
        Some(search) => Ok(public_page(language).content_type(HTML).body(page(Some(search))?)),
    }
}

/// The changes from another version, by default from the one before.
pub(super) async fn get_changes(
    request: HttpRequest,
    state: web::Data<State>,
    version: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let language = address::language(&request);
    let after = rule_tables::find(&state.app, &version).await?;
    let before = match address::parameter(&request, "from") {
        Some(from) => Some(rule_tables::find(&state.app, &from).await?),
        None => rule_tables::before(&state.app, &version),
    };
    let others = rule_tables::versions(&state.app);
    let before = before.as_ref().map(|release| &release.table);
    let versions = format!("{} {}", after.table.version, before.map_or("", |table| &*table.version));
    let body = state.public.body("the page /rules/{version}/changes", &versions, language);
    let compared = Compared { before, after: &after.table, language };
    body.answer(&request, public_page(language), HTML, || changes::page(compared, &others))
}
