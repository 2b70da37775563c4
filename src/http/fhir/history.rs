//! Versions: `vread` and `_history` of `QuestionnaireResponse` and `Task`.

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::dates::period;
use super::follow_up::task;
use super::follow_ups::of_cases;
use super::people::People;
use super::{bundle, reply, response, search};
use crate::app::error::AppError;
use crate::app::{follow_ups, submissions};
use crate::domain::fault::{FaultCode, Sentence};
use crate::domain::follow_ups::Dated;
use crate::domain::ids::{FollowUpId, SubmissionId};
use crate::http::kernel::auth::{Intake, Staff};
use crate::http::kernel::extract::{Later, PathId};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;

/// The largest number of versions of one response.
const MOST: usize = 200;

/// A version with the time that it was made, the method of the request, and the resource.
type Version = (i32, Timestamp, &'static str, Value);

pub(super) async fn get_response_version(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    let (id, version) = (SubmissionId(id.read()?.0), version(&request)?);
    let stored = submissions::get(&state.app, &caller.actor(), id).await?;
    let people = People::of(&state, &caller.actor(), caller.clinic(), &[stored.subject_id]).await?;
    let found = response::render_version(&stored, &people, version).ok_or(AppError::NotFound)?;
    Ok(reply::versioned(version, &found))
}

pub(super) async fn get_task_version(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Staff,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    let (id, version) = (FollowUpId(id.read()?.0), version(&request)?);
    let found = follow_ups::version(&state.app, &caller.actor(), id, version).await?;
    let people = of_cases(&state, &caller, std::slice::from_ref(&found)).await?;
    Ok(reply::versioned(version, &task(&found, &people)))
}

/// The history of a response: what was sent, and that it is corrected.
pub(super) async fn list_response_versions(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    let id = SubmissionId(id.read()?.0);
    let asked = Asked::read(&request)?;
    let stored = submissions::get(&state.app, &caller.actor(), id).await?;
    let people = People::of(&state, &caller.actor(), caller.clinic(), &[stored.subject_id]).await?;
    let made = [Some((1, stored.received_at, "POST")), stored.superseded_at.map(|at| (2, at, "PUT"))];
    let versions = made.into_iter().flatten().rev().filter_map(|(version, at, method)| {
        Some((version, at, method, response::render_version(&stored, &people, version)?))
    });
    Ok(asked.answer(&request, &format!("QuestionnaireResponse/{id}"), versions.collect()))
}

/// The history of a task: one version for each change of its follow-up.
pub(super) async fn list_task_versions(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Staff,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    let id = FollowUpId(id.read()?.0);
    let asked = Asked::read(&request)?;
    let events = follow_ups::history(&state.app, &caller.actor(), id).await?;
    let cases: Vec<Dated> =
        events.into_iter().rev().map(|event| Dated { follow_up: event.after, changed_at: event.at }).collect();
    let people = of_cases(&state, &caller, &cases).await?;
    let versions = cases.iter().map(|case| {
        let version = case.follow_up.version;
        let method = if version == 1 { "POST" } else { "PUT" };
        (version, case.changed_at, method, task(case, &people))
    });
    Ok(asked.answer(&request, &format!("Task/{id}"), versions.collect()))
}

/// The parameters of a history.
struct Asked {
    /// Only versions made at or after this time.
    since: Option<Timestamp>,
    limit: usize,
    /// Number of versions that earlier pages have returned.
    shown: usize,
}

impl Asked {
    fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let mut parameters = search::of_url(request);
        let since = parameters.one("_since").map(|text| period(&text).map(|(start, _)| start));
        if since == Some(None) {
            let detail = Sentence::new("must be a date or an instant", "debe ser una fecha o un instante");
            parameters.refuse("_since", FaultCode::Format, detail);
        }
        let count = parameters.one("_count").map(|text| text.parse::<usize>());
        if let Some(Err(_)) = count {
            let detail = Sentence::new("must be a whole number", "debe ser un número entero");
            parameters.refuse("_count", FaultCode::OutOfRange, detail);
        }
        let shown = parameters.one("_shown").and_then(|text| text.parse().ok()).unwrap_or_default();
        let _ = ["_pretty", "_summary", "_elements", "_total", "_sort"].map(|name| parameters.all(name));
        parameters.end()?;
        let limit = count.and_then(Result::ok).unwrap_or(MOST).min(MOST);
        Ok(Self { since: since.flatten(), limit, shown })
    }

    /// The page of a history, the latest version first.
    fn answer(&self, request: &HttpRequest, path: &str, mut versions: Vec<Version>) -> HttpResponse {
        versions.retain(|(_, at, ..)| self.since.is_none_or(|since| *at >= since));
        let total = versions.len();
        let address = format!("{}/{path}", reply::base(request));
        let own = format!("{address}/_history?{}", request.query_string());
        let mut link = vec![json!({"relation": "self", "url": own})];
        let shown = self.shown + self.limit;
        if self.limit > 0 && total > shown {
            let pairs = form_urlencoded::parse(request.query_string().as_bytes()).filter(|(name, _)| name != "_shown");
            let mut next = form_urlencoded::Serializer::new(String::new());
            next.extend_pairs(pairs).append_pair("_shown", &shown.to_string());
            link.push(json!({"relation": "next", "url": format!("{address}/_history?{}", next.finish())}));
        }
        let page = versions.into_iter().skip(self.shown).take(self.limit).collect();
        let bundle = bundle::history(&address, page, link).with_total(Some(total));
        reply::resource(HttpResponse::Ok(), &bundle)
    }
}

/// The version in the path. Text that is no version of this service is answered with 404, like an unknown version.
fn version(request: &HttpRequest) -> Result<i32, Problem> {
    let text = request.match_info().get("version").unwrap_or_default();
    let plain = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain).ok_or_else(|| AppError::NotFound.into())
}
