//! The worklist: who to call, why, by when, and whose the case is. It never changes by itself: a line says that there is news.

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::desk::{Desk, Moment, Nav, case_address, named};
use super::fields::{Field, Form};
use super::filters::Parameters;
use super::given::Given;
use super::{NEWS, NEXT, WORKLIST, page, see_other, together};
use crate::app::ambient::new_id;
use crate::app::follow_ups::{self, Worklist, commands};
use crate::app::submissions::idempotency;
use crate::domain::access::actor::Origin;
use crate::domain::follow_ups::worklist::Changes;
use crate::domain::screening::assessment::FlagReason;
use crate::domain::screening::red_flag::CareLevel;
use crate::domain::screening::words::Words;
use crate::domain::subjects::Reference;
use crate::domain::submissions::worklist::Entry;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{Parameter as _, Query, retry_key};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::kernel::wording::Wording;
use crate::http::pages::layout::Layout;
use crate::http::pages::sign_in::{OwnOrigin, SignedIn};
use crate::http::pages::texts::StaffTexts;
use crate::http::v1::follow_ups::worklist::FollowUpChangesQuery;

#[derive(Template)]
#[template(path = "pages/staff_worklist.html")]
struct WorklistPage {
    layout: Layout,
    texts: &'static StaffTexts,
    nav: Nav,
    title: &'static str,
    /// Where the form for taking the next case leads, and the key that makes a second click harmless.
    next_case: String,
    key: Uuid,
    filters: Vec<Field>,
    /// Whether the list shows the cases of one person only.
    of_person: bool,
    everything: String,
    news: News,
    rows: Vec<Row>,
    /// The form for closing selected cases; `None` unless the list shows self-reported cases only.
    together: Option<Form>,
    next_page: Option<String>,
}

/// The line that says whether the list has changed.
struct News {
    read_at: Moment,
    /// Loads the list again.
    again: String,
    /// Where the module asks for changes.
    changes: String,
    /// The changes that the list has.
    seen: String,
}

struct Row {
    id: Uuid,
    address: String,
    title: String,
    aged: String,
    level: &'static str,
    level_text: String,
    urgency: &'static str,
    urgency_text: &'static str,
    reasons: Vec<String>,
    due: Moment,
    overdue: bool,
    state: &'static str,
    whose: String,
    origin: &'static str,
    attempts: i16,
    /// Whether the case can be selected for closing.
    selectable: bool,
}

pub(super) async fn get_worklist(
    request: HttpRequest,
    state: web::Data<State>,
    caller: SignedIn,
) -> Result<HttpResponse, Problem> {
    let desk = Desk::new(&request, &state, caller)?;
    let parameters = Parameters::of(&request);
    let (filter, order, limits) =
        parameters.worklist()?.parse(desk.actor().credential_id).map_err(|fault| Problem::parameters(vec![fault]))?;
    // Counted before the list is read, so that no change between the two is missed.
    let since = since(desk.now);
    let seen = follow_ups::changes(&state.app, desk.actor(), since).await?;
    let list = follow_ups::worklist(&state.app, desk.actor(), &filter, order, &limits, false).await?;
    let of_person = filter.subject_id.is_some();
    let selecting = filter.origin == Some(Origin::SelfReported) && !of_person;
    let address = parameters.address();
    let texts = desk.texts;
    let title: &'static str = if of_person { &texts.worklist.title_person } else { &texts.worklist.title };
    let shown = WorklistPage {
        layout: desk.layout(&address, title)?,
        nav: desk.nav(WORKLIST),
        title,
        next_case: desk.link(NEXT),
        key: new_id(&*state.app.ambient, desk.now)?,
        filters: parameters.fields(&desk),
        of_person,
        everything: desk.link(WORKLIST),
        news: News {
            read_at: desk.moment(list.at),
            again: desk.link(&address),
            changes: format!("{NEWS}?since={since}"),
            seen: tag(seen),
        },
        next_page: list.page.next_cursor.as_deref().map(|cursor| desk.link(&parameters.next(cursor))),
        together: selecting.then(|| together::form(&desk)),
        rows: rows(&desk, &list, selecting),
        texts,
    };
    page(StatusCode::OK, desk.language, &shown)
}

/// The changes since a time, as a text that differs when a follow-up changed. It shows no data of persons and is not audited.
pub(super) async fn get_changes(
    request: HttpRequest,
    state: web::Data<State>,
    caller: SignedIn,
) -> Result<HttpResponse, Problem> {
    let since = Query::<FollowUpChangesQuery>::read(&request)?.0.since.unwrap_or(state.app.ambient.now());
    let changes = follow_ups::changes(&state.app, &caller.actor, since).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({"changes": tag(changes)})))
}

/// Claims the most urgent case and leads to it.
pub(super) async fn post_next(
    _: OwnOrigin,
    request: HttpRequest,
    state: web::Data<State>,
    caller: SignedIn,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let desk = Desk::new(&request, &state, caller)?;
    let given = Given::read(incoming).await?;
    let sender = desk.actor().sender_id;
    let bind = |key| idempotency::bind(&state.app, sender, key, "take_next_follow_up", &[], b"");
    let idempotency = given.text("key").as_deref().and_then(retry_key).map(bind);
    let taken = commands::take_next(&state.app, desk.actor(), idempotency.as_ref()).await?;
    Ok(match taken {
        Some(once) => {
            let address = case_address(once.result.follow_up.follow_up_id.0);
            see_other(&desk.done_link(&address, "next"))
        }
        None => see_other(&desk.done_link(WORKLIST, "none_open")),
    })
}

/// A minute before the list is read, because a change may be stored later than its time says.
fn since(now: Timestamp) -> Timestamp {
    let minute_ago = now.checked_sub(SignedDuration::from_mins(1)).unwrap_or(now);
    Timestamp::from_second(minute_ago.as_second()).unwrap_or(now)
}

fn tag(Changes { count, latest_at }: Changes) -> String {
    format!("{count}-{}", latest_at.map_or(0, Timestamp::as_microsecond))
}

fn rows(desk: &Desk, list: &Worklist, selecting: bool) -> Vec<Row> {
    list.page.items.iter().map(|entry| row(desk, list, entry, selecting)).collect()
}

fn row(desk: &Desk, list: &Worklist, entry: &Entry, selecting: bool) -> Row {
    let (case, names) = (&entry.follow_up, &desk.texts.names);
    let table = |version: &str| list.rule_tables.get(version).map(|release| &release.table);
    let reason = |(version, reason): (&str, &FlagReason)| {
        let wording = table(version).map(|table| Wording { table, language: desk.language });
        wording.map_or("", |wording| wording.flag_reason(reason)).to_owned()
    };
    let level = entry.care_level();
    let latest = entry.latest();
    let words = latest.and_then(|cause| table(&cause.rule_table)).map(|table| Words { table, language: desk.language });
    let age = latest.and_then(|cause| cause.age).map(|age| (age / 10 * 10, age / 10 * 10 + 9));
    let name = entry.contact.as_ref().and_then(|contact| contact.name.as_deref());
    let is_closed = case.state.is_closed();
    Row {
        id: case.follow_up_id.0,
        address: desk.case_link(case.follow_up_id),
        title: title(desk, entry.reference.as_ref(), name),
        aged: age.map_or_else(String::new, |(from, to)| {
            desk.texts.worklist.aged.replace("{from}", &from.to_string()).replace("{to}", &to.to_string())
        }),
        level: level.map_or("", CareLevel::as_str),
        level_text: level.zip(words).map_or("", |(level, words)| words.level(level)).to_owned(),
        urgency: case.urgency.as_str(),
        urgency_text: named(&names.urgencies, case.urgency.as_str()),
        reasons: entry.reasons().into_iter().map(reason).filter(|text| !text.is_empty()).collect(),
        due: desk.moment(case.due_at),
        overdue: case.overdue(list.at),
        state: named(&names.states, case.state.name().as_str()),
        whose: whose(desk, entry),
        origin: latest.map_or("", |cause| named(&names.origins, cause.origin.as_str())),
        attempts: case.attempts,
        selectable: selecting && !is_closed,
    }
}

fn whose(desk: &Desk, entry: &Entry) -> String {
    let texts = &desk.texts.worklist;
    match entry.follow_up.state.assignee() {
        None => texts.no_assignee.clone(),
        Some(id) if id == desk.actor().credential_id => texts.yours.clone(),
        Some(_) => entry.assignee_name.clone().unwrap_or_else(|| texts.other_staff.clone()),
    }
}

/// Who the person is, as staff say it aloud: the reference, then the name.
pub(super) fn title(desk: &Desk, reference: Option<&Reference>, name: Option<&str>) -> String {
    let known: Vec<&str> = reference.map(Reference::value).into_iter().chain(name).collect();
    if known.is_empty() { desk.texts.worklist.nameless.clone() } else { known.join(" · ") }
}
