//! All requests lock rows in the same order, so concurrent submissions, merges, undone merges, erasures, retention and
//! staff commands on the same few subjects never deadlock.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sarcoscreen::app::subjects::retention;
use sarcoscreen::app::{App, health};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::world::{Answer, Clinic, Clock, User, World, app, fit, frail, serve};

/// The subjects that all workers use.
const PERSONS: usize = 6;
/// Batches of each submitting worker; the other workers run until those have finished.
const BATCHES: usize = 24;

/// The number of responses by request and status, and the number of workers that still submit.
#[derive(Clone, Default)]
struct Tally(Arc<Mutex<BTreeMap<(&'static str, u16), usize>>>, Arc<AtomicUsize>);

impl Tally {
    fn count(&self, what: &'static str, status: u16) {
        *self.0.lock().unwrap().entry((what, status)).or_default() += 1;
    }

    /// Counts up until no worker submits any more.
    fn rounds(&self) -> impl Iterator<Item = usize> + use<> {
        let submitting = Arc::clone(&self.1);
        (0..).take_while(move |_| submitting.load(Ordering::SeqCst) > 0)
    }

    fn answered(&self, what: &'static str, answer: &Answer) {
        self.count(what, answer.status);
    }
}

fn reference(person: usize) -> String {
    format!("R-{}", person % PERSONS)
}

/// Submits for all subjects in one batch, in ascending or descending order, some with new contact data; every second batch
/// is a retry.
async fn submits(user: User, worker: usize, tally: Tally) {
    for round in 0..BATCHES {
        let item = |place: usize| {
            let place = if worker.is_multiple_of(2) { place } else { PERSONS - 1 - place };
            let (turn, answers) = (round / 2, if (place + round / 2).is_multiple_of(3) { fit() } else { frail() });
            let mut subject = json!({"reference": reference(place)});
            // Contact data creates a new version of a subject, so that a merge with the earlier version conflicts.
            if (place + turn).is_multiple_of(3) {
                subject["contact"] = json!({"name": format!("Ana {worker} {turn}")});
            }
            json!({"submission": {"answers": answers, "subject": subject},
                "idempotency_key": format!("{worker}-{place}-{turn}")})
        };
        let lines = (0..PERSONS).map(|place| item(place).to_string()).collect::<Vec<_>>().join("\n");
        let request = user.request("POST", "/v1/submissions/batch").header("content-type", "application/x-ndjson");
        for line in user.send(request.body(lines)).await.text.lines() {
            let result: Value = serde_json::from_str(line).unwrap();
            tally.count("submit", u16::try_from(result["status"].as_u64().unwrap()).unwrap());
        }
    }
    tally.1.fetch_sub(1, Ordering::SeqCst);
}

async fn person(user: &User, reference: &str) -> Option<String> {
    let page = user.post("/v1/subjects/search", &json!({"reference": reference})).await.expect(200);
    Some(page["items"].as_array()?.first()?["id"].as_str()?.to_owned())
}

/// Merges two subjects in either direction and undoes the merge, repeatedly.
async fn merges(user: User, worker: usize, tally: Tally) {
    for round in tally.rounds() {
        let (one, other) = (reference(round + worker), reference(round * (worker + 1) + 1));
        let pair = if (worker + round).is_multiple_of(2) { (one, other) } else { (other, one) };
        let (Some(kept), Some(merged)) = (person(&user, &pair.0).await, person(&user, &pair.1).await) else { continue };
        if kept == merged {
            continue;
        }
        let tag = user.get(&format!("/v1/subjects/{kept}")).await.header("etag").to_owned();
        if tag.is_empty() {
            continue;
        }
        let request = user.request("POST", &format!("/v1/subjects/{kept}/merge")).header("if-match", tag);
        let answer = user.send(request.json(&json!({"merged": merged}))).await;
        tally.answered("merge", &answer);
        if answer.status == 200 {
            let undo = format!("/v1/subjects/{kept}/merges/{}/undo", answer.json()["id"].as_str().unwrap());
            tally.answered("undo", &user.send(user.request("POST", &undo)).await);
        }
    }
}

/// Searches every subject and erases one, repeatedly.
async fn erases(user: User, worker: usize, tally: Tally) {
    for round in tally.rounds() {
        for other in 0..PERSONS {
            person(&user, &reference(other)).await;
        }
        let Some(id) = person(&user, &reference(round * 5 + worker)).await else { continue };
        tally.answered("erase", &user.send(user.request("DELETE", &format!("/v1/subjects/{id}"))).await);
    }
}

/// Erases a new unflagged submission and the latest ones; those with an open follow-up are refused.
async fn erases_submissions(user: User, tally: Tally) {
    let erase = async |one: &Value| {
        let path = format!("/v1/submissions/{}", one["id"].as_str().unwrap());
        tally.answered("erase one", &user.send(user.request("DELETE", &path)).await);
    };
    for round in tally.rounds() {
        // Without a subject it is always erased.
        let mut body = json!({"answers": fit()});
        if round.is_multiple_of(2) {
            body["subject"] = json!({"reference": reference(round)});
        }
        let made = user.submit(&body).await;
        if made.status == 201 {
            erase(&made.json()).await;
        }
        let page = user.get("/v1/submissions?limit=4").await;
        if page.status == 200 {
            for one in page.json()["items"].as_array().unwrap() {
                erase(one).await;
            }
        }
    }
}

/// Corrects the latest submissions, each to other answers in turn.
async fn corrects(user: User, tally: Tally) {
    for round in tally.rounds() {
        let page = user.get("/v1/submissions?limit=3").await;
        if page.status != 200 {
            continue;
        }
        for one in page.json()["items"].as_array().unwrap() {
            let answers = if round.is_multiple_of(2) { fit() } else { frail() };
            tally.answered("correct", &user.submit(&json!({"answers": answers, "supersedes": one["id"]})).await);
        }
    }
}

/// Takes follow-ups, closes them and reopens them.
async fn commands(user: User, tally: Tally) {
    for _ in tally.rounds() {
        let next = user.send(user.request("POST", "/v1/follow-ups/next")).await;
        tally.answered("next", &next);
        if next.status != 200 {
            continue;
        }
        let id = next.json()["id"].as_str().unwrap().to_owned();
        let mut tag = next.header("etag").to_owned();
        for (command, body) in
            [("close", json!({"outcome": "declined"})), ("reopen", json!({})), ("release", json!({}))]
        {
            let request = user.request("POST", &format!("/v1/follow-ups/{id}/{command}"));
            let answer = user.send(request.header("if-match", &tag).json(&body)).await;
            tally.answered("command", &answer);
            answer.header("etag").clone_into(&mut tag);
            if answer.status != 200 {
                break;
            }
        }
    }
}

/// Creates an endpoint that subscribes to all events, and deletes it with its pending deliveries.
async fn endpoints(user: User, tally: Tally) {
    let body = json!({"url": "https://receiver.example/hook",
        "events": ["submission.flagged", "submission.erased", "follow_up.state_changed", "subject.erased"]});
    for _ in tally.rounds() {
        let made = user.post("/v1/webhooks", &body).await;
        tally.answered("endpoint", &made);
        for other in 0..PERSONS {
            person(&user, &reference(other)).await;
        }
        let path = format!("/v1/webhooks/{}", made.json()["id"].as_str().unwrap());
        tally.answered("endpoint", &user.send(user.request("DELETE", &path)).await);
    }
}

/// Runs the retention of the clinic.
async fn retires(app: App, tally: Tally) {
    for _ in tally.rounds() {
        let retired = retention::run(&app, |_| ControlFlow::Continue(())).await;
        tally.count("retire", if retired.is_ok() { 200 } else { 503 });
    }
}

/// Number of deadlocks in the database, read after every session of the service has reported its statistics.
async fn deadlocks(world: &World) -> i64 {
    let mut owner = world.connect().await;
    let sessions = "select count(*) from pg_stat_activity
        where datname = current_database() and application_name = 'sarcoscreen'";
    while sqlx::query_scalar::<_, i64>(sessions).fetch_one(&mut owner).await.unwrap() > 0 {
        tokio::task::yield_now().await;
    }
    let sql = "select deadlocks from pg_stat_database where datname = current_database()";
    sqlx::query_scalar(sql).fetch_one(&mut owner).await.unwrap()
}

/// Another instance with its clock ahead.
async fn instance(world: &World, hours: i64) -> App {
    let clock = Clock::default();
    clock.advance(hours * 3600);
    let app = app(&world.database, Arc::new(clock), &[7], Some(world.erasure_log.clone()));
    app.prepare().await.unwrap();
    app
}

async fn work(clinic: &Clinic, second: &str, retiring: &App, tally: &Tally) {
    let mut workers = JoinSet::new();
    tally.1.store(4, Ordering::SeqCst);
    for worker in 0..2 {
        let at = |user: &User| if worker == 0 { user.clone() } else { user.at(second) };
        workers.spawn(submits(at(&clinic.intake), worker, tally.clone()));
        workers.spawn(submits(at(&clinic.intake), worker + 1, tally.clone()));
        workers.spawn(merges(at(&clinic.staff), worker, tally.clone()));
        workers.spawn(commands(at(&clinic.staff), tally.clone()));
        workers.spawn(erases(at(&clinic.admin), worker, tally.clone()));
        workers.spawn(erases_submissions(at(&clinic.admin), tally.clone()));
        workers.spawn(corrects(at(&clinic.staff), tally.clone()));
        workers.spawn(endpoints(at(&clinic.admin), tally.clone()));
    }
    workers.spawn(retires(retiring.clone(), tally.clone()));
    workers.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_over_the_same_subjects_never_deadlock() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let keep = "update clinics set retention_days = 1";
    sqlx::query(keep).execute(&mut world.connect().await).await.unwrap();
    // For the second instance every idempotency key of the first has expired; for the third every submission has.
    let (second, third) = (instance(&world, 2).await, instance(&world, 48).await);
    let (base, _server) = serve(second.clone());
    let tally = Tally::default();
    work(&clinic, &base, &third, &tally).await;
    for app in [&world.app, &second, &third] {
        health::close(app).await;
    }
    let deadlocks = deadlocks(&world).await;
    let tally = tally.0.lock().unwrap();
    println!("{deadlocks} deadlocks; {tally:?}");
    for what in ["submit", "merge", "undo", "erase", "erase one", "correct", "next", "command", "endpoint", "retire"] {
        assert!(tally.keys().any(|(asked, status)| *asked == what && *status < 300), "{what}: {tally:?}");
    }
    assert_eq!((deadlocks, tally.keys().filter(|(_, status)| *status >= 500).count()), (0, 0), "{tally:?}");
}
