//! A thousand operations on a service that is killed repeatedly: each successful response has one audit entry, and each
//! refusal has an entry of its kind from the minute before its response.

use std::fs::OpenOptions;
use std::process::Child;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sarcoscreen::app::ambient::{Ambient as _, System};
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use uuid::Uuid;

use super::attacks::Dice;
use super::{entries_of, fresh_id};
use crate::embedded::place::Place;
use crate::program::{announced, base, command, run, stop, text};
use crate::world::{fit, frail};

const OPERATIONS: usize = 1_000;
const KILLS: usize = 6;
const CALLERS: usize = 8;

/// An operation with its response.
struct Acknowledged {
    request: Uuid,
    action: &'static str,
    outcome: &'static str,
    /// The ids of all subjects in the response.
    subjects: Vec<Uuid>,
    /// The time of the response.
    at: Timestamp,
}

/// Ids for the paths of operations.
#[derive(Default)]
struct Known {
    submissions: Vec<String>,
    follow_ups: Vec<String>,
    subjects: Vec<String>,
}

struct Caller<'a> {
    http: reqwest::Client,
    base: String,
    keys: &'a Value,
}

/// A request: role, method, path and body, then the expected action, outcome and status.
type Call = (&'static str, &'static str, String, Option<Value>, &'static str, &'static str, u16);

/// Chooses one of the operations.
fn call(number: usize, dice: &mut Dice, known: &Known) -> Call {
    let pick = |from: &[String], dice: &mut Dice| from[dice.below(from.len())].clone();
    let person = || {
        json!({"answers": if number.is_multiple_of(3) { fit() } else { frail() },
        "subject": {"reference": format!("R-{}", number % 40)}})
    };
    let get = |role, path: String, action, outcome, status| (role, "GET", path, None, action, outcome, status);
    if known.submissions.is_empty() || known.follow_ups.is_empty() {
        return ("intake", "POST", "/v1/submissions".into(), Some(person()), "submission_created", "success", 201);
    }
    match dice.below(13) {
        0 | 1 => ("intake", "POST", "/v1/submissions".into(), Some(person()), "submission_created", "success", 201),
        2 => get("staff", "/v1/follow-ups?limit=20".into(), "follow_ups_listed", "success", 200),
        3 => get("staff", "/v1/submissions?limit=20".into(), "submissions_listed", "success", 200),
        4 => {
            let body = Some(json!({"reference": format!("R-{}", number % 60)}));
            ("staff", "POST", "/v1/subjects/search".into(), body, "subjects_searched", "success", 200)
        }
        5 => get(
            "staff",
            format!("/v1/submissions/{}", pick(&known.submissions, dice)),
            "submission_read",
            "success",
            200,
        ),
        6 => {
            let path = format!("/v1/submissions/{}/assessments", pick(&known.submissions, dice));
            get("staff", path, "submission_assessed", "success", 200)
        }
        7 => {
            get("staff", format!("/v1/follow-ups/{}", pick(&known.follow_ups, dice)), "follow_up_read", "success", 200)
        }
        8 => {
            let path = format!("/v1/subjects/{}/submissions", pick(&known.subjects, dice));
            get("staff", path, "subject_submissions_listed", "success", 200)
        }
        9 => get("admin", "/v1/audit-entries".into(), "audit_entries_listed", "success", 200),
        10 => get("browser", "/v1/follow-ups".into(), "follow_ups_listed", "refused", 403),
        11 => get("staff", format!("/v1/submissions/{}", Uuid::from_u128(1)), "submission_read", "not_found", 404),
        _ => {
            let body = Some(json!({"answers": {"age": 1}}));
            ("intake", "POST", "/v1/submissions".into(), body, "submission_created", "invalid", 422)
        }
    }
}

impl Caller<'_> {
    /// Sends an operation; `None` if the service died before the response was complete.
    async fn ask(&self, call: Call, known: &Mutex<Known>) -> Option<Acknowledged> {
        let (role, method, path, body, action, outcome, status) = call;
        let request = fresh_id();
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let sent =
            self.http.request(method, format!("{}{path}", self.base)).bearer_auth(self.keys[role].as_str().unwrap());
        let sent = sent.header("x-request-id", request.to_string());
        let sent = if let Some(body) = body { sent.json(&body) } else { sent };
        let response = sent.send().await.ok()?;
        let answered = response.status().as_u16();
        let answer: Value = serde_json::from_str(&response.text().await.ok()?).unwrap();
        assert_eq!(answered, status, "{path}: {answer}");
        let subjects = if answered < 300 { shown(&path, &answer) } else { Vec::new() };
        if answered == 201 {
            let mut known = known.lock().unwrap();
            let id = |value: &Value| value.as_str().unwrap().to_owned();
            known.submissions.push(id(&answer["id"]));
            known.subjects.push(id(&answer["subject_id"]));
            known.follow_ups.extend(answer["follow_up"]["id"].as_str().map(str::to_owned));
        }
        Some(Acknowledged { request, action, outcome, subjects, at: System.now() })
    }
}

/// The distinct subjects in a response.
fn shown(path: &str, answer: &Value) -> Vec<Uuid> {
    let id = |value: &Value| Uuid::parse_str(value.as_str()?).ok();
    let mut subjects: Vec<Uuid> = match answer["items"].as_array() {
        _ if path.starts_with("/v1/audit-entries") => Vec::new(),
        _ if path.starts_with("/v1/subjects/") && path.ends_with("/submissions") => {
            path.split('/').find_map(|part| Uuid::parse_str(part).ok()).into_iter().collect()
        }
        Some(items) if path == "/v1/subjects/search" => items.iter().filter_map(|item| id(&item["id"])).collect(),
        Some(items) => items.iter().filter_map(|item| id(&item["subject_id"])).collect(),
        None => id(&answer["subject_id"]).into_iter().collect(),
    };
    subjects.sort_unstable();
    subjects.dedup();
    subjects
}

/// Starts the service with its log in a file.
fn serve(place: &Place) -> (Child, String) {
    let mut service = command(place, &[]);
    let log = OpenOptions::new().create(true).append(true).open(place.path().join("log")).unwrap();
    announced({
        service.env("SARCOSCREEN_SEAL_SECONDS", "1").stderr(log);
        service
    })
}

#[tokio::test]
async fn every_response_is_audited_once_although_the_service_is_killed() {
    let place = Place::new();
    let seed = u64::from(std::process::id());
    let (count, acknowledged, known) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(Known::default()));
    for round in 0.. {
        let (service, said) = serve(&place);
        let service = Mutex::new(service);
        let keys = std::fs::read_to_string(place.data().join("demo-credentials.json")).unwrap();
        let keys: Value = serde_json::from_str(&keys).unwrap();
        let end = OPERATIONS * (round + 1) / (KILLS + 1);
        let callers = (0..CALLERS).map(|number| {
            let mut dice = Dice(seed + (round * CALLERS + number) as u64);
            let caller = Caller { http: crate::world::http(), base: base(&said), keys: &keys };
            let (service, count, known, acknowledged) = (&service, &count, &known, &acknowledged);
            async move {
                loop {
                    let call = call(number, &mut dice, &known.lock().unwrap());
                    let Some(done) = caller.ask(call, known).await else { return };
                    acknowledged.lock().unwrap().push(done);
                    let done = count.fetch_add(1, Ordering::SeqCst) + 1;
                    if done == end && round < KILLS {
                        service.lock().unwrap().kill().unwrap();
                    }
                    if done >= end {
                        return;
                    }
                }
            }
        });
        futures_util::future::join_all(callers).await;
        let mut service = service.into_inner().unwrap();
        if round == KILLS {
            stop(service);
            break;
        }
        service.wait().unwrap();
    }
    let acknowledged = acknowledged.into_inner().unwrap();
    check(&place, &acknowledged, seed).await;
}

/// Compares the responses with the audit log, and verifies the log with the heads that the service logged.
async fn check(place: &Place, acknowledged: &[Acknowledged], seed: u64) {
    let log = place.path().join("log").display().to_string();
    // The service may have stopped before it sealed all entries.
    let sealed = run(place, &["audit", "seal"]);
    assert!(sealed.status.success(), "seed {seed}: {}", text(&sealed.stderr));
    let verified = run(place, &["audit", "verify", "--json", "--heads", &log]);
    let report = text(&verified.stdout);
    assert!(verified.status.success(), "seed {seed}: {report} {}", text(&verified.stderr));
    let report: Value = serde_json::from_str(&report).unwrap();
    let number = |name: &str| report[name].as_u64().unwrap();
    assert!(number("seals") > 0 && number("heads") > 0 && number("waiting") == 0, "{report}");

    let postgres = place.start().await.unwrap();
    let mut connection = postgres.connect_options().connect().await.unwrap();
    let mut listing = 0;
    for one in acknowledged.iter().filter(|one| one.outcome != "success") {
        let sql = "select count(*) from audit_entries
            where action = $1 and outcome = $2 and at between $3::timestamptz - interval '1 minute' and $3::timestamptz";
        let of_its_kind = sqlx::query_scalar::<_, i64>(sql).bind(one.action).bind(one.outcome).bind(one.at.to_sqlx());
        let found = of_its_kind.fetch_one(&mut connection).await.unwrap();
        assert!(found > 0, "seed {seed}: {} {} has no entry of its kind", one.action, one.outcome);
    }
    for one in acknowledged.iter().filter(|one| one.outcome == "success") {
        let entries = entries_of(&mut connection, one.request).await;
        assert_eq!(entries.len(), 1, "seed {seed}: {} {}: {entries:?}", one.action, one.request);
        let entry = &entries[0];
        assert_eq!((&*entry.action, &*entry.outcome), (one.action, one.outcome), "seed {seed}");
        let mut named = entry.subjects.clone();
        named.sort_unstable();
        // The response of an assessment does not contain the subject; its entry does.
        let nameless = one.action == "submission_assessed" && named.len() == 1;
        assert!(named == one.subjects || nameless, "seed {seed}: {} {named:?} {:?}", one.action, one.subjects);
        listing += usize::from(one.subjects.len() > 1);
    }
    println!(
        "seed {seed}: {} operations answered through {KILLS} kills, {listing} of them lists of several persons, each on \
         record once; {} entries, {} seals, {} heads in the log, no break",
        acknowledged.len(),
        number("entries"),
        number("seals"),
        number("heads"),
    );
    assert!(acknowledged.len() >= OPERATIONS && listing > 0);
    drop(connection);
    postgres.stop().await.unwrap();
}
