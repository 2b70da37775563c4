//! The private PostgreSQL of a running service is restarted whenever it ends, until it serves or the service stops.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::ConnectOptions as _;

use crate::embedded::place::Place;
use crate::program::command;
use crate::replica::standby::until;
use crate::running::{Service, demo_key, owner, postmaster};

/// Maximum time for the service to stop.
const STOP: Duration = Duration::from_secs(10);

/// A query that runs for hours without checking whether its server still exists.
const BUSY: &str = "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b";

fn kill_server(place: &Place) -> Pid {
    let pid = postmaster(place).unwrap();
    kill(pid, Signal::SIGKILL).unwrap();
    pid
}

/// Waits until a killed server was restarted and the service is ready. `tests/faults/default_run.rs` limits the time; here
/// other tests keep the machine busy.
async fn until_recovered(service: &Service) {
    // Readiness is cached for a second, so it may never have reported the outage.
    until("it was restarted", async || !service.logged("PostgreSQL is running again").is_empty()).await;
    service.until_ready(Duration::from_mins(1)).await;
}

#[tokio::test]
async fn a_killed_server_restarts_despite_a_busy_process() {
    let place = Place::new();
    let service = Service::start(&place);
    let key = demo_key(&place, "intake");
    assert!(service.submit(&key).await.is_some());
    let mut busy = owner(&place).application_name("busy").connect().await.unwrap();
    let busy = tokio::spawn(async move { sqlx::query(BUSY).execute(&mut busy).await.map(drop) });
    let mut probe = owner(&place).connect().await.unwrap();
    until("the other process is busy", async || {
        let sql = "select exists (select from pg_stat_activity where application_name = 'busy' and state = 'active')";
        sqlx::query_scalar(sql).fetch_one(&mut probe).await.unwrap()
    })
    .await;

    let killed = kill_server(&place);
    until_recovered(&service).await;
    assert!(busy.await.unwrap().is_err());
    assert!(postmaster(&place).is_some_and(|pid| pid != killed));
    until("it accepts submissions", async || service.submit(&key).await.is_some()).await;
    let ends = service.logged("PostgreSQL ended and is being restarted");
    assert!(ends.len() == 1 && ends[0].contains("signal: 9"), "{ends:?}");
    assert_eq!(service.logged("PostgreSQL is running again").len(), 1);
    service.stop();
    assert!(postmaster(&place).is_none());
}

#[tokio::test]
async fn a_server_left_by_an_earlier_service_is_supervised_too() {
    let place = Place::new();
    let first = Service::start(&place);
    first.signal(Signal::SIGKILL);
    first.wait();
    let service = Service::start(&place);
    assert_eq!(service.logged("adopted a running PostgreSQL server").len(), 1);
    let killed = kill_server(&place);
    until_recovered(&service).await;
    assert!(postmaster(&place).is_some_and(|pid| pid != killed));
    service.stop();
    assert!(postmaster(&place).is_none());
}

#[tokio::test]
async fn a_failing_server_start_is_retried_until_it_succeeds_or_the_service_stops() {
    let place = Place::new();
    let service = Service::start(&place);
    let file = place.data().join("cluster/postgresql.conf");
    let good = fs::read_to_string(&file).unwrap();
    let broken = format!("{good}\nno_such_setting = 1\n");
    let failures = || service.logged("PostgreSQL could not be restarted");
    fs::write(&file, &broken).unwrap();
    kill_server(&place);
    until("three attempts failed", async || failures().len() >= 3).await;
    assert_eq!(service.status("/health/live").await, 200);
    assert_eq!(service.status("/health/ready").await, 503);
    for (attempt, pause) in failures().iter().zip(["500ms", "1s", "2s"]) {
        assert!(attempt.contains("no_such_setting") && attempt.contains(&format!("={pause}")), "{attempt}");
    }
    fs::write(&file, &good).unwrap();
    service.until_ready(Duration::from_secs(30)).await;

    fs::write(&file, &broken).unwrap();
    let before = failures().len();
    kill_server(&place);
    until("another attempt failed", async || failures().len() > before).await;
    let begun = Instant::now();
    service.stop();
    assert!(begun.elapsed() < STOP, "{:?}", begun.elapsed());
    assert!(postmaster(&place).is_none());
}

/// PostgreSQL programs that work until the file `hold` exists in the folder; then a started server only waits.
fn programs_that_may_hold(place: &Place, real: &Path) -> PathBuf {
    let (bin, notes) = (place.path().join("bin"), place.path().join("notes"));
    for folder in [&bin, &notes] {
        fs::create_dir(folder).unwrap();
    }
    // The account that runs the server writes there.
    fs::set_permissions(&notes, fs::Permissions::from_mode(0o777)).unwrap();
    symlink(real.join("initdb"), bin.join("initdb")).unwrap();
    let (script, notes) = (bin.join("postgres"), notes.display());
    let text = format!(
        "#!/bin/sh\nif [ \"$1\" = -D ] && [ -e {notes}/hold ]; then echo $$ > {notes}/pid; exec sleep 600; fi\n\
         exec {}/postgres \"$@\"\n",
        real.display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    bin
}

#[tokio::test]
async fn stopping_the_service_during_a_server_start_leaves_no_process() {
    let place = Place::new();
    let embedded = place.start().await.unwrap();
    let mut connection = embedded.connect_options().connect().await.unwrap();
    let sql = "select setting from pg_config where name = 'BINDIR'";
    let real: String = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    drop(connection);
    embedded.stop().await.unwrap();
    fs::remove_dir_all(place.data()).unwrap();

    let bin = programs_that_may_hold(&place, Path::new(&real));
    let mut serve = command(&place, &["serve"]);
    serve.env("SARCOSCREEN_POSTGRES_BIN", bin);
    let service = Service::start_as(&place, serve);
    fs::write(place.path().join("notes/hold"), "").unwrap();
    kill_server(&place);
    let started = || fs::read_to_string(place.path().join("notes/pid")).ok()?.trim().parse().ok().map(Pid::from_raw);
    until("a server is starting", async || started().is_some()).await;
    let (pid, begun) = (started().unwrap(), Instant::now());
    assert!(kill(pid, None).is_ok());
    service.stop();
    assert!(begun.elapsed() < STOP, "{:?}", begun.elapsed());
    assert!(kill(pid, None).is_err(), "the process is still there");
}

/// A small separate file system that can be filled.
struct Small(PathBuf);

impl Small {
    /// `None` if the account lacks the privilege to mount.
    fn mount(at: PathBuf) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=160m,mode=0700", "tmpfs"]).arg(&at).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(at))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_server_that_ended_on_a_full_disk_restarts_once_there_is_space() {
    let place = Place::new();
    let Some(small) = Small::mount(place.data()) else {
        println!("SKIPPED: a full disk needs a small file system, and this account may not mount one");
        return;
    };
    let service = Service::start(&place);
    let key = demo_key(&place, "intake");
    let mut stored = Vec::new();
    while stored.len() < 200 {
        stored.push(service.submit(&key).await.unwrap());
    }
    let filler = small.0.join("filler");
    let filled = Command::new("dd").args(["if=/dev/zero", "bs=64k"]).arg(format!("of={}", filler.display())).output();
    assert!(!filled.unwrap().status.success(), "the disk is not full");
    // The next WAL segment has no space.
    let mut connection = owner(&place).connect().await.unwrap();
    let _ = sqlx::query("select pg_switch_wal()").execute(&mut connection).await;
    until("the server ended", async || {
        stored.extend(service.submit(&key).await);
        !service.logged("PostgreSQL ended and is being restarted").is_empty()
    })
    .await;
    until("an attempt failed", async || service.logged("could not be restarted").len() > 1).await;
    assert_eq!((service.status("/health/live").await, service.status("/health/ready").await), (200, 503));
    println!("{}", service.logged("PostgreSQL").join("\n"));
    fs::remove_file(&filler).unwrap();
    let took = service.until_ready(Duration::from_mins(1)).await;
    println!("ready {took:?} after there was space; {} submissions acknowledged", stored.len());
    let staff = demo_key(&place, "staff");
    for id in &stored {
        assert_eq!(service.status_with(&staff, &format!("/v1/submissions/{id}")).await, 200, "{id} is lost");
    }
    service.stop();
}
