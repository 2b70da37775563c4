//! The size of the service, and its start time.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::generator::Load;
use crate::progress;
use crate::requests::Submissions;
use crate::scores::free_port;
use crate::table::Table;
use crate::world::World;

const CONNECTIONS: usize = 1_000;
const STARTS: usize = 10;
/// Different from the series of the part `peers`.
const SERIES: u64 = 5;

/// Submissions that ask for a summary, of a series of their own.
pub(crate) fn minimal(world: &World) -> Rc<Submissions> {
    let keys: Vec<_> = world.clinics.iter().map(|clinic| clinic.intake.clone()).collect();
    let submissions = Submissions::with(&keys, "prefer: return=minimal\r\n", SERIES);
    submissions.endless();
    Rc::new(submissions)
}

/// The peak memory of a fresh process under full load: one round.
pub(crate) async fn round(world: &mut World, submissions: &Rc<Submissions>, table: &mut Table) {
    world.restart();
    let found = world.load(submissions, CONNECTIONS, Load::Maximum).await;
    // There are more connections than requests that a clinic may have in progress, so the rest is refused.
    assert!(found.statuses.keys().all(|status| [201, 503].contains(status)), "{:?}", found.statuses);
    let peak = world.service.peak();
    table.note("submissions, 1,000 connections: responses, stored and refused", "/s", "", found.rate);
    table.note("submissions, 1,000 connections: p99", " ms", "", found.quantile(0.99));
    table.note("submissions, 1,000 connections: memory of the service at most", " MiB", "at most 150", peak);
    progress(&format!("1,000 connections {:.0}/s, {peak:.0} MiB", found.rate));
}

/// The time from the start of the process to the first ready response, and the size of the program.
pub(crate) fn starts(world: &World, table: &mut Table) {
    for _ in 0..STARTS {
        table.note("start to ready, database migrated", " ms", "at most 300", start_to_ready(world));
    }
    let bytes = std::fs::metadata(crate::program()).unwrap().len();
    table.note("size of the program", " MiB", "", bytes as f64 / f64::from(1 << 20));
}

fn start_to_ready(world: &World) -> f64 {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut command = world.place.command(&["serve"]);
    command.envs(world.environment()).env("SARCOSCREEN_LISTEN", address.to_string()).stdout(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    while !ready(address) {
        assert!(start.elapsed() < Duration::from_secs(30), "the service does not become ready");
        std::thread::sleep(Duration::from_micros(500));
    }
    let elapsed = start.elapsed();
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert!(child.wait().unwrap().success());
    elapsed.as_secs_f64() * 1e3
}

fn ready(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let request = b"GET /health/ready HTTP/1.1\r\nhost: bench.example\r\nconnection: close\r\n\r\n";
    let mut answer = Vec::new();
    stream.write_all(request).is_ok() && stream.read_to_end(&mut answer).is_ok() && answer.starts_with(b"HTTP/1.1 200")
}
