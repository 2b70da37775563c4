//! Commands on the data folder of a running service: they use its PostgreSQL and do not stop it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sarcoscreen::app::demo;

use crate::embedded::place::Place;
use crate::program::{command, run, text};
use crate::replica::standby::until;
use crate::running::{Service, postmaster};

/// A process that is killed when a test fails.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command that must succeed; returns its output.
fn done(place: &Place, arguments: &[&str]) -> String {
    let output = run(place, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    text(&output.stdout)
}

/// Runs a command that must fail; returns its error output.
fn refused(place: &Place, arguments: &[&str]) -> String {
    let output = run(place, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    text(&output.stderr)
}

#[tokio::test]
async fn commands_work_while_the_service_runs() {
    let place = Place::new();
    let service = Service::start(&place);
    let server = postmaster(&place).unwrap();
    let fields = ["--name", "Own", "--booking-url", "https://clinic.example/book", "--emergency-number", "112"];
    let id = done(&place, &[&["clinics", "create"], &fields[..]].concat()).trim().to_owned();
    let key = done(&place, &["keys", "mint", "--clinic", "Own", "--role", "staff", "--name", "Ana"]);
    assert_eq!(service.status_with(key.trim(), "/v1/follow-ups").await, 200, "the key works at once");
    assert!(done(&place, &["clinics", "list"]).contains(&id));
    assert!(done(&place, &["keys", "list", "--clinic", "Own"]).contains("Ana"));
    assert!(done(&place, &["rules", "verify"]).contains(" 0 differ"));
    let replay = ["rules", "replay", "2026.1", "--clinic", demo::CLINIC_NAME];
    assert!(done(&place, &replay).contains("stored submissions"));
    done(&place, &["audit", "seal"]);
    assert!(done(&place, &["audit", "verify"]).contains("; 0 breaks"));
    assert!(done(&place, &["audit", "prune", "--dry-run"]).contains("no entry is past"));
    assert!(done(&place, &["retention"]).contains("0 submissions"));
    assert!(done(&place, &["keys", "rotate-master"]).contains("all data is encrypted"));
    assert_eq!(done(&place, &["reindex"]), "all subjects are indexed\n");
    // An empty erasure log at the service's own path.
    let log = place.data().join("erasures.log");
    fs::write(&log, "").unwrap();
    assert!(done(&place, &["restore", "--erasure-log", log.to_str().unwrap()]).contains("0 subjects"));
    assert!(refused(&place, &["seed-demo"]).contains("already exists"));

    for arguments in [&["serve"][..], &["migrate"]] {
        let said = refused(&place, arguments);
        assert!(said.contains(&format!("process {}", service.id())), "{said}");
    }
    assert_eq!(service.status("/health/ready").await, 200);
    assert_eq!(postmaster(&place), Some(server), "no command stops or replaces the server");
    assert_eq!(service.logged(" ERROR "), Vec::<String>::new());
    service.stop();
    // Without a running service, a command starts the server itself.
    assert!(done(&place, &["clinics", "list"]).contains(&id));
}

#[tokio::test]
async fn a_command_reports_that_the_server_of_a_running_service_does_not_respond() {
    let place = Place::new();
    let service = Service::start(&place);
    let server = postmaster(&place).unwrap();
    kill(server, Signal::SIGSTOP).unwrap();
    let begun = Instant::now();
    let output = run(&place, &["clinics", "list"]);
    let took = begun.elapsed();
    kill(server, Signal::SIGCONT).unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("PostgreSQL does not answer") && said.contains(&format!("process {}", service.id())),
        "{said}"
    );
    assert!(took < Duration::from_secs(15), "{took:?}");
    done(&place, &["clinics", "list"]);
    service.stop();
}

#[tokio::test]
async fn a_command_waits_for_a_service_that_is_starting() {
    let place = Place::new();
    let mut serve = command(&place, &["serve"]);
    let mut service = Guarded(serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let holder = || fs::read_to_string(place.data().join("lock")).unwrap_or_default();
    until("it holds the folder", async || holder().starts_with(&service.0.id().to_string())).await;
    assert!(!holder().contains("serving"), "it started too fast for the command to wait");
    let listed = run(&place, &["clinics", "list"]);
    let said = text(&listed.stderr);
    assert!(listed.status.success() && said.contains("waiting for the sarcoscreen"), "{listed:?}");
    assert!(text(&listed.stdout).contains("demo"), "the first start is complete: {listed:?}");
    assert!(holder().contains("serving"));
    kill(Pid::from_raw(i32::try_from(service.0.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert!(service.0.wait().unwrap().success());
}

#[tokio::test]
async fn a_command_waits_for_another_command() {
    let place = Place::new();
    done(&place, &["clinics", "list"]);
    // Locks the folder like a command.
    let other = place.start().await.unwrap();
    let mut listing = command(&place, &["clinics", "list"]);
    let mut waiting = Guarded(listing.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let mut said = String::new();
    BufReader::new(waiting.0.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("waiting for the sarcoscreen"), "{said}");
    assert!(waiting.0.try_wait().unwrap().is_none());
    other.stop().await.unwrap();
    assert!(waiting.0.wait().unwrap().success());
}
