//! The program as run in a terminal.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::embedded::place::Place;
use crate::world::frail;

pub(crate) fn command(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sarcoscreen"));
    command.env_remove("DATABASE_URL").env_remove("SARCOSCREEN_MASTER_KEY_FILE").args(arguments);
    command.env("SARCOSCREEN_DATA_DIR", place.data()).env("SARCOSCREEN_LISTEN", "127.0.0.1:0");
    // Other tests use the same cores.
    command.env("SARCOSCREEN_DATABASE_DEADLINE_MS", "20000");
    command
}

pub(crate) fn run(place: &Place, arguments: &[&str]) -> Output {
    command(place, arguments).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Starts the service and waits for its announcement.
fn serve(place: &Place) -> (Child, String) {
    announced(command(place, &[]))
}

pub(crate) fn announced(mut command: Command) -> (Child, String) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stdout.as_mut().unwrap()).lines() {
        said.push_str(&line.unwrap());
        said.push('\n');
        if said.contains("Ctrl-C stops it") {
            return (child, said);
        }
    }
    let ended = child.wait();
    panic!("{ended:?} after saying {said}");
}

pub(crate) fn stop(mut child: Child) {
    signal(&child, Signal::SIGINT);
    assert!(child.wait().unwrap().success());
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

#[test]
fn an_interrupt_stops_the_service_and_its_database() {
    let place = Place::new();
    for asked in [Signal::SIGINT, Signal::SIGTERM] {
        let (mut child, _) = serve(&place);
        assert!(place.data().join("cluster/postmaster.pid").exists());
        signal(&child, asked);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(!place.data().join("cluster/postmaster.pid").exists());
    }
}

#[test]
fn a_start_after_a_kill_keeps_data_and_keys() {
    let place = Place::new();
    let (mut killed, said) = serve(&place);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let (mut next, again) = serve(&place);
    let key = |said: &str| said.split("Bearer ").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    assert_eq!(key(&again), key(&said));
    signal(&next, Signal::SIGINT);
    assert!(next.wait().unwrap().success());
}

#[test]
fn a_clinic_and_its_keys_are_created_in_an_empty_database() {
    let place = Place::new();
    let fields = ["--name", "Own", "--booking-url", "https://clinic.example/book", "--emergency-number", "112"];
    let created = run(&place, &[&["clinics", "create"], &fields[..]].concat());
    let id = text(&created.stdout).trim().to_owned();
    assert!(created.status.success() && id.len() == 36, "{created:?}");

    let minted = run(&place, &["keys", "mint", "--clinic", "Own", "--role", "staff", "--name", "Ana"]);
    let key = text(&minted.stdout).trim().to_owned();
    assert!(key.starts_with("sk_") && key.lines().count() == 1, "{minted:?}");
    assert!(text(&minted.stderr).contains("shown only once"), "{minted:?}");

    let listed = text(&run(&place, &["keys", "list", "--clinic", &id]).stdout);
    assert!(listed.contains("staff") && listed.contains("Ana") && !listed.contains(&key), "{listed}");
    let credential = listed.split_whitespace().next().unwrap();
    let rotate = ["keys", "rotate", "--clinic", &id, "--id", credential, "--overlap-hours", "2"];
    let rotated = run(&place, &rotate);
    assert!(text(&rotated.stdout).starts_with("sk_") && rotated.stdout != minted.stdout);
    assert!(text(&rotated.stderr).contains("The previous key works until"), "{}", text(&rotated.stderr));
    assert!(run(&place, &["keys", "revoke", "--clinic", &id, "--id", credential]).status.success());
    assert_eq!(run(&place, &rotate).status.code(), Some(1), "a revoked credential is not rotated back");
    assert!(text(&run(&place, &["keys", "list", "--clinic", &id]).stdout).contains("revoked"));
    assert_eq!(run(&place, &["keys", "revoke", "--clinic", &id, "--id", credential]).status.code(), Some(1));
}

#[tokio::test]
async fn acknowledged_submissions_survive_kills_of_the_service_and_its_database() {
    let place = Place::new();
    let http = crate::world::http();
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        let (mut service, said) = serve(&place);
        let base = base(&said);
        let keys = std::fs::read_to_string(place.data().join("demo-credentials.json")).unwrap();
        let keys: Value = serde_json::from_str(&keys).unwrap();
        for (id, follow_up) in &acknowledged {
            for path in [format!("submissions/{id}"), format!("follow-ups/{follow_up}")] {
                let request = http.get(format!("{base}/v1/{path}")).bearer_auth(keys["staff"].as_str().unwrap());
                assert_eq!(request.send().await.unwrap().status(), 200, "{path} is lost");
            }
        }
        let request = http.post(format!("{base}/v1/submissions")).bearer_auth(keys["browser"].as_str().unwrap());
        let response = request.json(&serde_json::json!({"answers": frail()})).send().await.unwrap();
        assert_eq!(response.status(), 201);
        let receipt: Value = response.json().await.unwrap();
        // Every second round kills the database with all its processes too.
        if round % 2 == 1 {
            kill_database(&place);
        }
        service.kill().unwrap();
        service.wait().unwrap();
        let id = |value: &Value| value.as_str().unwrap().to_owned();
        acknowledged.push((id(&receipt["id"]), id(&receipt["follow_up"]["id"])));
    }
    assert_eq!(acknowledged.len(), 4);
}

#[tokio::test]
async fn the_most_detailed_log_contains_no_answers_personal_data_or_keys() {
    let place = Place::new();
    let log = place.path().join("log");
    let mut child = command(&place, &[]);
    child.env("SARCOSCREEN_LOG", "trace").stderr(std::fs::File::create(&log).unwrap());
    let (service, said) = announced(child);
    let keys = std::fs::read_to_string(place.data().join("demo-credentials.json")).unwrap();
    let keys: Value = serde_json::from_str(&keys).unwrap();
    let key = |role: &str| keys[role].as_str().unwrap().to_owned();
    let http = crate::world::http();
    let post = async |path: &str, role: &str, body: Value| {
        let request = http.post(format!("{}{path}", base(&said))).bearer_auth(key(role)).json(&body);
        request.header("idempotency-key", "CANARY-KEY").send().await.unwrap().status().as_u16()
    };
    let person = serde_json::json!({"reference": "CANARY-REF", "contact": {"name": "CANARY NAME",
        "telephone": "600 999 888", "email": "canary@mail.example"}});
    let submission = serde_json::json!({"answers": frail(), "subject": person});
    assert_eq!(post("/v1/submissions", "intake", submission).await, 201);
    let unusual = serde_json::json!({"name": "CANARY\u{7} NAME", "telephone": "600 999 888 (CANARY)", "email": "CANARY at mail",
        "channel": "CANARY-CHANNEL", "language": "CANARY-LANGUAGE"});
    let submission = serde_json::json!({"answers": frail(), "subject": {"contact": unusual}});
    assert_eq!(post("/v1/submissions", "browser", submission).await, 201);
    let faulty = serde_json::json!({"answers": {"activity": "CANARY-ANSWER"}, "CANARY-FIELD": 1});
    assert_eq!(post("/v1/submissions", "browser", faulty).await, 422);
    assert_eq!(post("/v1/subjects/search", "staff", serde_json::json!({"reference": "CANARY-REF"})).await, 200);
    stop(service);
    for (file, written) in [(log, true), (place.data().join("postgres.log"), false)] {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(!written || text.contains("/v1/subjects/search"), "this is not the log of the service");
        let canaries =
            ["CANARY", "canary@", "600 999 888", "600999888", "a_lot_or_unable", "systemic_corticosteroid_3_weeks"];
        for canary in canaries.map(str::to_owned).into_iter().chain(["browser", "intake", "staff"].map(key)) {
            assert!(!text.contains(&canary), "{canary} is in a log");
        }
    }
}

#[tokio::test]
async fn metrics_have_a_separate_listener_and_name_no_one() {
    let place = Place::new();
    let mut child = command(&place, &[]);
    child.env("SARCOSCREEN_METRICS_LISTEN", "127.0.0.1:0");
    let (service, said) = announced(child);
    let keys = std::fs::read_to_string(place.data().join("demo-credentials.json")).unwrap();
    let keys: Value = serde_json::from_str(&keys).unwrap();
    let http = crate::world::http();
    let body = serde_json::json!({"answers": frail(), "subject": {"reference": "CANARY-REF",
        "contact": {"name": "CANARY NAME", "email": "canary@mail.example"}}});
    let intake = keys["intake"].as_str().unwrap();
    let submitted = http.post(format!("{}/v1/submissions", base(&said))).bearer_auth(intake).json(&body);
    let receipt: Value = submitted.send().await.unwrap().json().await.unwrap();

    let metrics_url = said.lines().find_map(|line| line.trim().strip_prefix("metrics")).unwrap().trim();
    let figures = http.get(metrics_url).send().await.unwrap().text().await.unwrap();
    let figure = |name: &str| -> f64 {
        let line =
            figures.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}: {figures}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!(figure("sarcoscreen_writer_batch_size_count{queue=\"intake\"}") >= 1.0);
    assert!(figure("sarcoscreen_writer_commit_seconds_count{queue=\"intake\"}") >= 1.0);
    let ids = [&receipt["id"], &receipt["subject_id"], &receipt["follow_up"]["id"]].map(|id| id.as_str().unwrap());
    for named in ["CANARY", "canary", intake].into_iter().chain(ids) {
        assert!(!figures.contains(named), "{named} is in the metrics");
    }
    assert_eq!(http.get(format!("{}/metrics", base(&said))).send().await.unwrap().status(), 404);
    stop(service);
}

/// The base URL in an announcement.
pub(crate) fn base(said: &str) -> String {
    let address = said.split("listening on ").nth(1).unwrap().split_whitespace().next().unwrap();
    format!("http://{address}")
}

/// Kills the postmaster; its child processes end when they detect it.
fn kill_database(place: &Place) {
    let file = std::fs::read_to_string(place.data().join("cluster/postmaster.pid")).unwrap();
    kill(Pid::from_raw(file.lines().next().unwrap().parse().unwrap()), Signal::SIGKILL).unwrap();
}
