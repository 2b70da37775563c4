//! The service under load, beside the limits of what it stands on; see `benches/README.md`. Started by `benches/run`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

mod answer;
mod bare;
mod generator;
mod intake;
mod pgbench;
#[allow(dead_code, reason = "made for the long tests, which use all of it")]
#[path = "../../tests/long/service.rs"]
mod place;
mod requests;
mod scores;
mod table;
mod usage;
mod world;

use clap::{Parser, ValueEnum};
use tokio::task::LocalSet;

use generator::Found;
use table::Table;
use world::World;

/// Measures the release build of the service on this machine and prints a table of medians.
#[derive(Clone, Parser)]
#[command(name = "benches/run", max_term_width = 100)]
struct Options {
    /// What to measure. [default: all]
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// How often each measurement is made; those that are compared take turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement lasts, after a warm-up of one second.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections of the load.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Clients of pgbench for each of the eight clinics.
    #[arg(long, default_value_t = 2)]
    clients: usize,
    /// A setting of the service, as NAME=VALUE; may be given several times.
    #[arg(long)]
    env: Vec<String>,
    /// Becomes the bare server, on a port and with answers of a length.
    #[arg(long, hide = true, value_name = "PORT:LENGTH")]
    bare: Option<String>,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A part of the measurements.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Submissions, pgbench with the same rows, submissions at half the rate.
    Intake,
    /// Scoring, and a handler that does nothing.
    Scores,
    /// One submission at a time, and pgbench with one client.
    Idle,
}

fn main() {
    let options = Options::parse();
    if let Some((port, length)) = options.bare.as_deref().and_then(|bare| bare.split_once(':')) {
        return bare::serve(port.parse().unwrap(), length.parse().unwrap());
    }
    // One thread: the rest of the machine is for what is measured.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, measure(options));
}

async fn measure(options: Options) {
    let wanted = |part| options.parts.is_empty() || options.parts.contains(&part);
    let mut table = Table::default();
    let world = World::new(options.clone()).await;
    let scores = if wanted(Part::Scores) { Some(scores::Scores::new(&world).await) } else { None };
    for round in 1..=options.rounds {
        progress(&format!("round {round} of {}", options.rounds));
        if wanted(Part::Intake) {
            intake::round(&world, &mut table).await;
        }
        if let Some(scores) = &scores {
            scores.round(&world, &mut table).await;
        }
        if wanted(Part::Idle) {
            intake::idle(&world, &mut table).await;
        }
    }
    println!("{}", table.text());
    for line in world.compare().await {
        println!("{line}");
    }
    let World { place, service, .. } = world;
    service.stop();
    drop(place);
}

/// One line on how far it is.
fn progress(text: &str) {
    eprintln!("benches/run: {text}");
}

/// CPU seconds of each for a thousand answers.
fn usage_rows(table: &mut Table, name: &str, found: &Found) {
    let thousands = found.answered() / 1e3;
    for (who, used) in
        [("service", found.used.server), ("PostgreSQL", found.used.postgres), ("generator", found.used.generator)]
    {
        // Not everything concerns the database.
        if used > 0.0 {
            table.note(&format!("{name}: {who}, CPU per 1,000"), " s", "", used / thousands);
        }
    }
}
