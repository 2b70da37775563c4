//! The search for a person. It is a POST, so that no name and no number is in an address.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::desk::{Desk, Moment, Nav, named};
use super::given::Given;
use super::worklist::title;
use super::{SEARCH, WORKLIST, page};
use crate::app::subjects;
use crate::domain::fault::{Fault, keep_first_of_each_place};
use crate::domain::follow_ups::StateName;
use crate::domain::subjects::Subject;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::faults::of_validation;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::pages::layout::Layout;
use crate::http::pages::sign_in::{OwnOrigin, SignedIn};
use crate::http::pages::texts::StaffTexts;
use crate::http::v1::subjects::body::SubjectSearchInput;

/// What a person can be found by, under the names of the API.
const WAYS: [&str; 5] = ["reference", "name", "telephone", "email", "receipt_code"];
/// Most subjects that a search finds.
const MOST: usize = 50;

#[derive(Template)]
#[template(path = "pages/staff_search.html")]
struct SearchPage {
    layout: Layout,
    texts: &'static StaffTexts,
    nav: Nav,
    action: String,
    ways: Vec<Way>,
    typed: String,
    /// What is wrong with the search; empty if nothing is.
    fault: String,
    /// What was found; `None` before a search.
    found: Option<Vec<Found>>,
    /// Whether there may be more.
    is_full: bool,
}

struct Way {
    name: &'static str,
    text: &'static str,
    is_selected: bool,
}

struct Found {
    address: String,
    title: String,
    contact: &'static str,
    created_at: Moment,
}

pub(super) async fn get_search(
    request: HttpRequest,
    state: web::Data<State>,
    caller: SignedIn,
) -> Result<HttpResponse, Problem> {
    let desk = Desk::new(&request, &state, caller)?;
    page(StatusCode::OK, desk.language, &blank(&desk, WAYS[0], "", &desk.texts.search.title)?)
}

pub(super) async fn post_search(
    _: OwnOrigin,
    request: HttpRequest,
    state: web::Data<State>,
    caller: SignedIn,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let desk = Desk::new(&request, &state, caller)?;
    let given = Given::read(incoming).await?;
    let (by, typed) = (given.typed("by"), given.typed("text"));
    let input = input(by, given.text("text"));
    let mut faults = of_validation(&input);
    let search = input.parse(&mut faults);
    keep_first_of_each_place(&mut faults);
    let Some(search) = search.filter(|_| faults.is_empty()) else {
        let fault = faults.first().map(|fault| words(fault, &desk)).unwrap_or_default();
        let shown = SearchPage { fault, ..blank(&desk, by, typed, &desk.texts.search.title_fault)? };
        return page(StatusCode::UNPROCESSABLE_ENTITY, desk.language, &shown);
    };
    let found = subjects::search(&state.app, desk.actor(), desk.clinic(), &search).await?;
    let shown = SearchPage {
        is_full: found.len() >= MOST,
        found: Some(found.iter().map(|subject| self::found(subject, &desk)).collect()),
        ..blank(&desk, by, typed, &desk.texts.search.title)?
    };
    page(StatusCode::OK, desk.language, &shown)
}

fn input(by: &str, text: Option<String>) -> SubjectSearchInput {
    let none = SubjectSearchInput::default();
    match by {
        "reference" => SubjectSearchInput { reference: text, ..none },
        "name" => SubjectSearchInput { name: text, ..none },
        "telephone" => SubjectSearchInput { telephone: text, ..none },
        "email" => SubjectSearchInput { email: text, ..none },
        "receipt_code" => SubjectSearchInput { receipt_code: text, ..none },
        _ => none,
    }
}

/// What is wrong. A fault without a field means that nothing was typed.
fn words(fault: &Fault, desk: &Desk) -> String {
    match &*fault.pointer {
        "" => desk.texts.search.nothing_typed.clone(),
        "/receipt_code" => desk.texts.search.no_code.clone(),
        _ => fault.detail(desk.language),
    }
}

/// The page before a search.
fn blank(desk: &Desk, by: &str, typed: &str, title: &str) -> Result<SearchPage, Problem> {
    let way = |name| Way { name, text: named(&desk.texts.names.ways, name), is_selected: name == by };
    Ok(SearchPage {
        layout: desk.layout(SEARCH, title)?,
        texts: desk.texts,
        nav: desk.nav(SEARCH),
        action: desk.link(SEARCH),
        ways: WAYS.into_iter().map(way).collect(),
        typed: typed.to_owned(),
        fault: String::new(),
        found: None,
        is_full: false,
    })
}

/// A subject with the address of all its cases.
fn found(subject: &Subject, desk: &Desk) -> Found {
    let texts = &desk.texts.search;
    let states = StateName::ALL.map(StateName::as_str).join(",");
    let id = subject.merged_into.unwrap_or(subject.subject_id);
    Found {
        address: desk.link(&format!("{WORKLIST}?subject_id={id}&state={states}")),
        title: title(desk, subject.reference.as_ref(), subject.contact.name.as_deref()),
        contact: if subject.may_be_contacted() { &texts.may_contact } else { &texts.may_not_contact },
        created_at: desk.moment(subject.created_at),
    }
}
