//! The program as a running service, with its log in a file.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;

use crate::embedded::place::Place;
use crate::program::{announced, base, command};
use crate::world::frail;

/// A running service, killed on drop.
pub(crate) struct Service {
    child: Child,
    base: String,
    log: PathBuf,
    http: reqwest::Client,
}

impl Service {
    /// Starts the default run on the data folder of a place.
    pub(crate) fn start(place: &Place) -> Self {
        Self::start_as(place, command(place, &["serve"]))
    }

    /// Starts a command, with its log in a place.
    pub(crate) fn start_as(place: &Place, mut command: Command) -> Self {
        let log = place.path().join("service.log");
        command.stderr(File::create(&log).unwrap());
        let (child, said) = announced(command);
        Self { child, base: base(&said), log, http: crate::world::http() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// The warnings and errors of its log.
    pub(crate) fn troubles(&self) -> String {
        [self.logged(" WARN "), self.logged(" ERROR ")].concat().join("\n")
    }

    /// The lines of its log that contain this text.
    pub(crate) fn logged(&self, text: &str) -> Vec<String> {
        self.log().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }

    /// The status of a path without a key.
    pub(crate) async fn status(&self, path: &str) -> u16 {
        self.http.get(format!("{}{path}", self.base)).send().await.unwrap().status().as_u16()
    }

    /// The status of a path with a key.
    pub(crate) async fn status_with(&self, key: &str, path: &str) -> u16 {
        self.http.get(format!("{}{path}", self.base)).bearer_auth(key).send().await.unwrap().status().as_u16()
    }

    /// Submits with a key; returns the id of the stored submission, if any.
    pub(crate) async fn submit(&self, key: &str) -> Option<String> {
        let request = self.http.post(format!("{}/v1/submissions", self.base)).bearer_auth(key);
        let answer = request.json(&json!({"answers": frail()})).send().await.unwrap();
        if answer.status() != 201 {
            return None;
        }
        Some(answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned())
    }

    /// The body of a 200.
    pub(crate) async fn get(&self, key: &str, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.base)).bearer_auth(key).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// The status and the body of the response to a JSON body.
    pub(crate) async fn post(&self, key: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(key).json(body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// The status of a deletion.
    pub(crate) async fn delete(&self, key: &str, path: &str) -> u16 {
        self.http.delete(format!("{}{path}", self.base)).bearer_auth(key).send().await.unwrap().status().as_u16()
    }

    /// The status of erasing a subject.
    pub(crate) async fn erase(&self, key: &str, person: &str) -> u16 {
        let request = self.http.delete(format!("{}/v1/subjects/{person}", self.base)).bearer_auth(key);
        request.send().await.unwrap().status().as_u16()
    }

    /// Waits until the service is ready, and checks liveness at every poll; returns how long it took.
    pub(crate) async fn until_ready(&self, most: Duration) -> Duration {
        let begun = Instant::now();
        loop {
            assert_eq!(self.status("/health/live").await, 200);
            match self.status("/health/ready").await {
                200 => return begun.elapsed(),
                status => assert_eq!(status, 503),
            }
            assert!(begun.elapsed() < most, "not ready after {most:?}: {}", self.troubles());
            // The process sends no event when it becomes ready, so the test polls.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.id()).unwrap()), signal).unwrap();
    }

    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Stops it with SIGTERM.
    pub(crate) fn stop(self) {
        self.signal(Signal::SIGTERM);
        assert!(self.wait().success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A key of the demo clinic.
pub(crate) fn demo_key(place: &Place, role: &str) -> String {
    let keys = fs::read_to_string(place.data().join("demo-credentials.json")).unwrap();
    serde_json::from_str::<Value>(&keys).unwrap()[role].as_str().unwrap().to_owned()
}

/// The process id in `postmaster.pid`.
pub(crate) fn postmaster(place: &Place) -> Option<Pid> {
    let file = fs::read_to_string(place.data().join("cluster/postmaster.pid")).ok()?;
    Some(Pid::from_raw(file.lines().next()?.parse().ok()?))
}

/// Connection options of the owner of the private database of a running service.
pub(crate) fn owner(place: &Place) -> PgConnectOptions {
    let socket = place.data().join("run");
    PgConnectOptions::new_without_pgpass().socket(socket).port(5432).username("sarcoscreen").database("sarcoscreen")
}
