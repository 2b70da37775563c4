//! The page of a case: why, whom to contact and how, what to do next, what counted, earlier screenings, history. It reads the
//! follow-up, its history, its subject and the subject's submissions, and the audit log has each of these reads.

mod contact;
mod facts;
mod history;
mod offers;
mod plot;
mod result;

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use uuid::Uuid;

use super::commands::missing;
use super::desk::{Desk, Nav, case_address, named};
use super::fields::Form;
use super::worklist::title;
use super::{NEXT, WORKLIST, page};
use crate::app::access::credentials;
use crate::app::ambient::new_id;
use crate::app::error::AppError;
use crate::app::follow_ups::{self, Detail};
use crate::app::screening::rule_tables;
use crate::app::subjects::changes;
use crate::app::submissions;
use crate::domain::access::credential::Member;
use crate::domain::follow_ups::FollowUpEvent;
use crate::domain::ids::FollowUpId;
use crate::domain::page::PageRequest;
use crate::domain::screening::red_flag::CareLevel;
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::subjects::Subject;
use crate::domain::submissions::history::HistoryEntry;
use crate::domain::submissions::stored::StoredSubmission;
use crate::http::kernel::extract::{Parameter as _, PathId};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::kernel::wording::Wording;
use crate::http::pages::layout::Layout;
use crate::http::pages::sign_in::SignedIn;
use crate::http::pages::texts::StaffTexts;
use contact::ContactView;
use facts::Fact;
use history::EventRow;
use offers::Offers;
use plot::{Plot, ScreenRow};
use result::ResultView;

/// Most submissions of the person that the page shows.
const SCREENS: u16 = 200;

#[derive(Template)]
#[template(path = "pages/staff_case.html")]
struct CasePage {
    layout: Layout,
    texts: &'static StaffTexts,
    nav: Nav,
    title: String,
    again: String,
    worklist: String,
    next_case: String,
    key: Uuid,
    state: &'static str,
    urgency: &'static str,
    urgency_text: &'static str,
    overdue: bool,
    is_closed: bool,
    /// Whether a correction left the case without a flagged submission.
    unflagged: bool,
    /// What the most urgent submission demands; empty if nothing is known.
    care: String,
    /// Its care level, for the style; empty while alarm questions are open.
    level: &'static str,
    reasons: Vec<String>,
    state_facts: Vec<Fact>,
    contact: ContactView,
    offers: Offers,
    note: Form,
    result: Option<ResultView>,
    plot: Option<Plot>,
    screens: Vec<ScreenRow>,
    events: Vec<EventRow>,
}

/// What was read.
struct Read {
    detail: Detail,
    subject: Subject,
    /// The submissions of the subject, newest first.
    screens: Vec<HistoryEntry>,
    /// The history, oldest first.
    events: Vec<FollowUpEvent>,
    members: Vec<Member>,
}

type Tables<'a> = BTreeMap<&'a str, &'a RuleTable>;

pub(super) async fn get_case(
    request: HttpRequest,
    state: web::Data<State>,
    caller: SignedIn,
) -> Result<HttpResponse, Problem> {
    let desk = Desk::new(&request, &state, caller)?;
    let id = FollowUpId(PathId::read(&request)?.0);
    let read = match read(&state, &desk, id).await {
        Ok(read) => read,
        Err(AppError::NotFound) => return missing(&desk),
        Err(error) => return Err(error.into()),
    };
    let versions: BTreeSet<&str> = read.screens.iter().map(|one| &*one.submission.assessment.rule_table).collect();
    let mut releases = Vec::new();
    for version in versions {
        match rule_tables::get(&state.app, version).await {
            Ok(release) => releases.push(release),
            // The case is shown without the words of a table that cannot be used.
            Err(AppError::RuleTable(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let tables: Tables<'_> = releases.iter().map(|release| (&*release.table.version, &release.table)).collect();
    let key = new_id(&*state.app.ambient, desk.now)?;
    page(StatusCode::OK, desk.language, &view(&desk, &read, &tables, key)?)
}

async fn read(state: &State, desk: &Desk, id: FollowUpId) -> Result<Read, AppError> {
    let (app, actor) = (&state.app, desk.actor());
    let detail = follow_ups::get(app, actor, id).await?;
    let subject_id = detail.follow_up.subject_id;
    let subject = changes::get(app, actor, subject_id).await?;
    let all = PageRequest { limit: SCREENS, cursor: None };
    let screens = submissions::of_subject(app, actor, subject_id, &all).await?.items;
    let events = follow_ups::history(app, actor, id).await?;
    let members = credentials::staff(app, actor).await?;
    Ok(Read { detail, subject, screens, events, members })
}

fn view(desk: &Desk, read: &Read, tables: &Tables<'_>, key: Uuid) -> Result<CasePage, Problem> {
    let (case, names) = (&read.detail.follow_up, &desk.texts.names);
    let address = case_address(case.follow_up_id.0);
    let person = title(desk, read.subject.reference.as_ref(), contact_name(&read.detail));
    let offers = Offers::new(desk, case, &read.members);
    let urgent = most_urgent(read);
    Ok(CasePage {
        layout: desk.layout(&address, &desk.texts.case.title.replace("{person}", &person))?,
        texts: desk.texts,
        nav: desk.nav(&address),
        title: person,
        again: desk.link(&address),
        worklist: desk.link(WORKLIST),
        next_case: desk.link(NEXT),
        key,
        state: named(&names.states, case.state.name().as_str()),
        urgency: case.urgency.as_str(),
        urgency_text: named(&names.urgencies, case.urgency.as_str()),
        overdue: case.overdue(desk.now),
        is_closed: case.state.is_closed(),
        unflagged: !case.flagged,
        care: urgent.map_or_else(String::new, |stored| result::care(desk, stored, tables)),
        level: urgent.and_then(|stored| stored.assessment.care_level).map_or("", CareLevel::as_str),
        reasons: reasons(desk, read, tables),
        state_facts: facts::of_case(desk, read),
        contact: ContactView::new(desk, read),
        note: Offers::note(desk, case),
        offers,
        result: latest(read).and_then(|stored| ResultView::new(desk, stored, tables)),
        plot: Plot::new(desk, &read.screens, tables),
        screens: plot::rows(desk, read, tables),
        events: history::rows(desk, read),
    })
}

fn contact_name(detail: &Detail) -> Option<&str> {
    detail.contact.as_ref().and_then(|contact| contact.name.as_deref())
}

/// The submissions of the case that count, newest first.
fn counting(read: &Read) -> impl Iterator<Item = &StoredSubmission> {
    let of_case = move |stored: &&StoredSubmission| {
        read.detail.submissions.iter().any(|summary| summary.submission_id == stored.submission_id)
    };
    let all = read.screens.iter().map(|screen| &screen.submission);
    all.filter(|stored| stored.superseded_by.is_none() && !stored.test).filter(of_case)
}

/// The submission whose result the page shows: the latest that counts, or else the latest of the case.
fn latest(read: &Read) -> Option<&StoredSubmission> {
    counting(read).next().or_else(|| {
        let last = read.detail.submissions.last()?.submission_id;
        read.screens.iter().map(|screen| &screen.submission).find(|stored| stored.submission_id == last)
    })
}

/// The submission that the page begins with: as on the worklist the most urgent that counts, of equal ones the latest.
fn most_urgent(read: &Read) -> Option<&StoredSubmission> {
    let urgent: Vec<_> = counting(read).filter(|one| one.assessment.care_level > Some(CareLevel::SelfCare)).collect();
    // Of equal ones the last is taken.
    urgent.into_iter().rev().max_by_key(|one| one.assessment.care_level).or_else(|| latest(read))
}

/// Why the case exists, as the worklist says it: each reason once, those of the latest submission first.
fn reasons(desk: &Desk, read: &Read, tables: &Tables<'_>) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    for stored in counting(read) {
        let Some(table) = tables.get(&*stored.assessment.rule_table) else { continue };
        let wording = Wording { table, language: desk.language };
        for reason in &stored.assessment.flag_reasons {
            let text = wording.flag_reason(reason).to_owned();
            if !text.is_empty() && !reasons.contains(&text) {
                reasons.push(text);
            }
        }
    }
    reasons
}
