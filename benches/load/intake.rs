//! Submissions: at the maximum rate, at half of it, and one at a time, each compared with pgbench and the same rows.

use crate::generator::{Found, Load};
use crate::table::Table;
use crate::world::World;
use crate::{progress, usage_rows};

/// The maximum, pgbench's maximum, and half load: one round.
pub(crate) async fn round(world: &World, table: &mut Table) {
    let most = maximum(world, table).await;
    against_pgbench(world, table, &most).await;
}

/// The maximum alone.
pub(crate) async fn maximum(world: &World, table: &mut Table) -> Found {
    let connections = world.options.connections;
    world.settle().await;
    let most = load(world, connections, Load::Maximum).await;
    let name = format!("submissions, {connections} connections");
    table.note(&format!("{name}: stored"), "/s", "12,000", most.rate);
    quantiles(table, &name, &most);
    usage_rows(table, &name, &most);
    most
}

async fn against_pgbench(world: &World, table: &mut Table, most: &Found) {
    let (connections, clients) = (world.options.connections, world.options.clients);
    world.settle().await;
    let pgbench = world.pgbench();
    let limit = pgbench.run(&world.place, &world.clinics, clients, world.options.seconds).await;
    let name = format!("pgbench, one statement, {} clients", clients * world.clinics.len());
    let thousands = limit.latencies.len() as f64 / 1e3;
    table.note(&format!("{name}: stored"), "/s", "", limit.rate);
    table.note(&format!("{name}: PostgreSQL, CPU per 1,000"), " s", "", limit.postgres / thousands);
    table.note(&format!("{name}: pgbench, CPU per 1,000"), " s", "", limit.pgbench / thousands);
    table.note("submissions stored, of pgbench's", "", "1.8", most.rate / limit.rate);
    progress(&format!("submissions {:.0}/s, pgbench {:.0}/s", most.rate, limit.rate));

    world.settle().await;
    let half = load(world, connections, Load::Fixed(most.rate / 2.0)).await;
    let name = "submissions, half of that rate";
    table.note(&format!("{name}: stored"), "/s", "", half.rate);
    quantiles(table, name, &half);
    usage_rows(table, name, &half);
    progress(&format!("half load {:.0}/s, p99 {:.1} ms", half.rate, half.quantile(0.99)));
}

/// One client that sends one request at a time: one round.
pub(crate) async fn idle(world: &World, table: &mut Table) {
    world.settle().await;
    let service = load(world, 1, Load::Maximum).await;
    world.settle().await;
    let limit = world.pgbench().run(&world.place, &world.clinics[..1], 1, world.options.seconds).await;
    let (one, other) = (service.quantile(0.5), limit.latencies.value_at_quantile(0.5) as f64 / 1e3);
    table.note("submission, one client: median", " ms", "", one);
    table.note("submission, one client: p99", " ms", "", service.quantile(0.99));
    table.note("pgbench, one client: median", " ms", "", other);
    table.note("median of one client, of pgbench's", "", "at most 1.5", one / other);
    progress(&format!("one client {one:.2} ms, pgbench {other:.2} ms"));
}

async fn load(world: &World, connections: usize, load: Load) -> Found {
    let found = world.load(&world.submissions, connections, load).await;
    found.only(201);
    found
}

fn quantiles(table: &mut Table, name: &str, found: &Found) {
    let goal = if name.contains("half") { "at most 10" } else { "" };
    table.note(&format!("{name}: p50"), " ms", "", found.quantile(0.5));
    table.note(&format!("{name}: p99"), " ms", goal, found.quantile(0.99));
}
