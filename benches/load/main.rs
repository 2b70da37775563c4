//! The service under load, compared with the limits of its components; see `benches/README.md`. Started by `benches/run`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

mod answer;
mod bare;
mod batches;
mod comparison;
mod figures;
mod generator;
mod growth;
mod intake;
mod memory;
mod peer;
mod peers;
mod pgbench;
#[allow(dead_code, reason = "written for the long tests, which use all of it")]
#[path = "../../tests/long/service.rs"]
mod place;
mod plans;
mod requests;
mod scores;
#[path = "../../tests/long/seed.rs"]
mod seed;
mod staff;
mod table;
mod usage;
mod worklist;
mod world;

use clap::{Parser, ValueEnum};
use tokio::task::LocalSet;

use generator::Found;
use place::release as program;
use table::Table;
use world::World;

/// Measures the release build of the service on this machine and prints a table of medians.
#[derive(Clone, Parser)]
#[command(name = "benches/run", max_term_width = 100)]
struct Options {
    /// What to measure. [default: all but growth and peers]
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// How often each measurement is made; compared measurements take turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement lasts, after a warm-up of one second.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections of the load generator.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Clients of pgbench for each clinic.
    #[arg(long, default_value_t = 2)]
    clients: usize,
    /// Clinics that submissions come from, in turns.
    #[arg(long, default_value_t = 8)]
    clinics: usize,
    /// How many submissions there are in each column of the growth table.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    sizes: Vec<u32>,
    /// A setting of the service, as NAME=VALUE; may be given several times.
    #[arg(long)]
    env: Vec<String>,
    /// Runs the bare server instead, on a port and with responses of a length.
    #[arg(long, hide = true, value_name = "PORT:LENGTH")]
    bare: Option<String>,
    /// Added by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A part of the measurements.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Submissions, pgbench with the same rows, submissions at half the rate.
    Intake,
    /// Submissions in batches, and one by one.
    Batch,
    /// Scoring, and a handler that does nothing.
    Scores,
    /// One submission at a time, and pgbench with one client.
    Idle,
    /// Memory of the service with 1,000 connections, and the time until it is ready.
    Memory,
    /// Pages of a worklist of 110,000 open follow-ups.
    Worklist,
    /// Each query of staff over more and more rows; prints a table of its own.
    Growth,
    /// The service beside one in Node and one in Python; prints a table of its own. Needs Node.js, npm and Python.
    Peers,
}

fn main() {
    let options = Options::parse();
    if let Some((port, length)) = options.bare.as_deref().and_then(|bare| bare.split_once(':')) {
        return bare::serve(port.parse().unwrap(), length.parse().unwrap());
    }
    // One thread: the other cores are for the measured programs.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, measure(options));
}

async fn measure(options: Options) {
    let mut table = Table::default();
    let mut remarks = Vec::new();
    if [Part::Intake, Part::Batch, Part::Scores, Part::Idle, Part::Memory].into_iter().any(|part| options.wants(part)) {
        remarks = one_world(&options, &mut table).await;
    }
    if options.wants(Part::Worklist) {
        worklist::measure(&options, &mut table).await;
    }
    if options.parts.contains(&Part::Growth) {
        growth::measure(&options).await;
    }
    if options.parts.contains(&Part::Peers) {
        peers::measure(&options).await;
    }
    if !table.is_empty() {
        println!("{}", table.text());
    }
    for line in remarks {
        println!("{line}");
    }
}

/// All measurements over one database, with clinics that accept submissions.
async fn one_world(options: &Options, table: &mut Table) -> Vec<String> {
    let mut world = World::new(options.clone()).await;
    let scores = if options.wants(Part::Scores) { Some(scores::Scores::new(&world).await) } else { None };
    let in_turns = [Part::Intake, Part::Batch, Part::Scores, Part::Idle].into_iter().any(|part| options.wants(part));
    let rounds = if in_turns { options.rounds } else { 0 };
    for round in 1..=rounds {
        progress(&format!("round {round} of {}", options.rounds));
        if options.wants(Part::Intake) {
            intake::round(&world, table).await;
        }
        if options.wants(Part::Batch) {
            let alone = intake::maximum(&world, table).await;
            batches::round(&world, table, alone.rate).await;
        }
        if let Some(scores) = &scores {
            scores.round(&world, table).await;
        }
        if options.wants(Part::Idle) {
            intake::idle(&world, table).await;
        }
    }
    if options.wants(Part::Memory) {
        let submissions = memory::minimal(&world);
        for _ in 0..options.rounds {
            memory::round(&mut world, &submissions, table).await;
        }
        memory::starts(&world, table);
    }
    let remarks = world.compare().await;
    let World { place, service, .. } = world;
    service.stop();
    drop(place);
    remarks.into()
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        (self.parts.is_empty() && part != Part::Growth) || self.parts.contains(&part)
    }

    /// The service settings from the command line.
    fn environment(&self) -> Vec<(&str, &str)> {
        self.env.iter().filter_map(|setting| setting.split_once('=')).collect()
    }
}

fn progress(text: &str) {
    eprintln!("benches/run: {text}");
}

/// CPU seconds of each program per thousand responses.
fn usage_rows(table: &mut Table, name: &str, found: &Found) {
    let thousands = found.answered() / 1e3;
    for (who, used) in
        [("service", found.used.server), ("PostgreSQL", found.used.postgres), ("generator", found.used.generator)]
    {
        // Not every measurement uses the database; the share of background jobs is not shown.
        if used / thousands >= 0.01 || who != "PostgreSQL" {
            table.note(&format!("{name}: {who}, CPU per 1,000"), " s", "", used / thousands);
        }
    }
}
