//! Exports of the clinic's rows as files, with the filters of the API.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::desk::{Desk, Nav, named};
use super::fields::Field;
use super::filters::Parameters;
use super::{EXPORTS, FOLLOW_UP_EXPORT, SUBMISSION_EXPORT, page};
use crate::app::submissions::exports;
use crate::domain::follow_ups::StateName;
use crate::domain::screening::urgency::Urgency;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::pages::layout::Layout;
use crate::http::pages::sign_in::SignedIn;
use crate::http::pages::texts::StaffTexts;
use crate::http::v1::submissions::export_rows::{
    ExportedFollowUpBody, ExportedSubmissionBody, FollowUpExportQuery, SubmissionExportQuery,
};
use crate::http::v1::submissions::exports::answer;

#[derive(Template)]
#[template(path = "pages/staff_exports.html")]
struct ExportsPage {
    layout: Layout,
    texts: &'static StaffTexts,
    nav: Nav,
    files: Vec<File>,
}

/// A file with its filters.
struct File {
    id: &'static str,
    action: &'static str,
    title: &'static str,
    text: &'static str,
    fields: Vec<Field>,
}

pub(super) async fn get_exports(
    request: HttpRequest,
    state: web::Data<State>,
    caller: SignedIn,
) -> Result<HttpResponse, Problem> {
    let desk = Desk::new(&request, &state, caller)?;
    let texts = &desk.texts.exports;
    let files = vec![
        File {
            id: "follow-ups",
            action: FOLLOW_UP_EXPORT,
            title: &texts.follow_ups,
            text: &texts.follow_ups_text,
            fields: follow_up_fields(&desk),
        },
        File {
            id: "submissions",
            action: SUBMISSION_EXPORT,
            title: &texts.submissions,
            text: &texts.submissions_text,
            fields: submission_fields(&desk),
        },
    ];
    let layout = desk.layout(EXPORTS, &texts.title)?;
    page(StatusCode::OK, desk.language, &ExportsPage { layout, texts: desk.texts, nav: desk.nav(EXPORTS), files })
}

pub(super) async fn get_follow_ups(
    request: HttpRequest,
    state: web::Data<State>,
    caller: SignedIn,
) -> Result<HttpResponse, Problem> {
    let query = Parameters::of(&request).read::<FollowUpExportQuery>()?;
    let (format, after) = (query.format.unwrap_or_default(), query.after.clone());
    let chunks = exports::follow_ups(&state.app, &caller.actor, query.filter(), after).await?;
    Ok(uncached(answer::<_, ExportedFollowUpBody>("follow-ups", format, chunks)))
}

pub(super) async fn get_submissions(
    request: HttpRequest,
    state: web::Data<State>,
    caller: SignedIn,
) -> Result<HttpResponse, Problem> {
    let query = Parameters::of(&request).read::<SubmissionExportQuery>()?;
    let (format, after) = (query.format.unwrap_or_default(), query.after.clone());
    let chunks = exports::submissions(&state.app, &caller.actor, query.filter(), after).await?;
    Ok(uncached(answer::<_, ExportedSubmissionBody>("submissions", format, chunks)))
}

fn uncached(mut response: HttpResponse) -> HttpResponse {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn follow_up_fields(desk: &Desk) -> Vec<Field> {
    let (texts, names) = (&desk.texts.worklist, &desk.texts.names);
    let states = StateName::ALL.map(StateName::as_str).map(|name| (name, named(&names.states, name)));
    let urgencies = Urgency::ALL.map(Urgency::as_str).map(|name| (name, named(&names.urgencies, name)));
    vec![
        formats(desk),
        list("state", &texts.state, &texts.any, &states),
        list("urgency", &texts.urgency, &texts.any, &urgencies),
    ]
}

fn submission_fields(desk: &Desk) -> Vec<Field> {
    let texts = &desk.texts.exports;
    let flagged = [("true", &*texts.only_flagged), ("false", &*texts.only_unflagged)];
    vec![formats(desk), list("flagged", &texts.flagged, &desk.texts.worklist.any, &flagged)]
}

/// The format of a file. Spreadsheets read the first one.
fn formats(desk: &Desk) -> Field {
    let texts = &desk.texts.exports;
    let option = |value: &str, text: &str| (value.to_owned(), text.to_owned());
    Field::list("format", &texts.format, vec![option("csv", &texts.csv), option("ndjson", &texts.ndjson)])
}

fn list(name: &'static str, label: &'static str, any: &str, options: &[(&str, &str)]) -> Field {
    let any = (String::new(), any.to_owned());
    let options = options.iter().map(|(value, text)| ((*value).to_owned(), (*text).to_owned()));
    Field::list(name, label, [any].into_iter().chain(options).collect())
}
