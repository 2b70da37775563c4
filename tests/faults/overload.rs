//! Overload: submissions arrive at five times the rate that the service can store. Accepted ones are stored soon, the
//! others are refused at once.
//!
//! The rate is five times the capacity only while the machine keeps its speed. So the capacity is measured before and after
//! each load, with a service and a database of its own. If the machine became slower, the load was too high: a broken promise
//! does not count, and the load is repeated. If it became faster, the load was too low: a kept promise does not count.
//!
//! Client, service and PostgreSQL share the machine. It must divide the processor among their threads, as
//! `docs/operations.md` asks for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::Executor as _;

use crate::service::Service;
use crate::support::check::check;
use crate::support::client::Line;
use crate::support::ledger::{Ledger, Persons};
use crate::support::load::Load;
use crate::support::open_load::{Offered, offer};
use crate::support::quantile;
use crate::support::site::Site;

/// Enough clients for full batches.
const CLIENTS: usize = 256;
/// How long the capacity is measured.
const MEASURED: Duration = Duration::from_secs(10);
/// The offered rate as a multiple of the capacity, and its duration.
const TIMES: f64 = 5.0;
const OFFERED: Duration = Duration::from_mins(1);
/// Connections of the offered load. They must hold all submissions that wait in the service until it refuses others:
/// what it stores in half a second, and one transaction of each writer.
const CONNECTIONS: usize = 4_000;
/// Maximum ratio of two capacities that count as equal, and the number of loads of which one must count.
const STEADY: f64 = 1.25;
const LOADS: usize = 4;
/// Submissions in the analyzed database.
const ANALYZED: usize = 20_000;
/// Promised response times at the 99th percentile.
const ACCEPTED: Duration = Duration::from_secs(1);
const REFUSED: Duration = Duration::from_millis(50);
/// Maximum resident memory of the service, MB.
const MEMORY: f64 = 512.0;
/// After the load, response times must return to `SOON` within `NORMAL`.
const NORMAL: Duration = Duration::from_secs(5);
const SOON: Duration = Duration::from_millis(100);

/// While it is 1, each connection of PostgreSQL gets as much of the processor as client and service together.
const AUTOGROUP: &str = "/proc/sys/kernel/sched_autogroup_enabled";

/// All clients of this machine share one address; addresses of trusted proxies have no connection limit.
const SETTINGS: [(&str, &str); 1] = [("SARCOSCREEN_TRUSTED_PROXIES", "127.0.0.1")];

/// Submissions per second that the service stores for clients that wait for each response.
async fn capacity() -> f64 {
    let site = Site::new().await;
    let service = site.serve(&SETTINGS);
    let load = Load::start(site.clinics, service.address(), CLIENTS);
    load.more(ANALYZED / 10).await;
    site.cluster.connect().await.execute("analyze").await.unwrap();
    let (before, start) = (load.ledger.count(), Instant::now());
    // The test prescribes the duration; there is no event to wait for.
    tokio::time::sleep(MEASURED).await;
    #[expect(clippy::cast_precision_loss, reason = "far below where precision is lost")]
    let rate = (load.ledger.count() - before) as f64 / start.elapsed().as_secs_f64();
    load.finish().await;
    service.stop();
    rate
}

/// Time after the load until submissions are accepted quickly again; `None` if that takes too long.
async fn normal(service: &Service, ledger: &Ledger) -> Option<Duration> {
    let (start, mut line) = (Instant::now(), Line::new(service.address()));
    let mut since = None;
    while start.elapsed() < NORMAL * 2 {
        let (submission, sent) = (ledger.next(), Instant::now());
        let result = line.ask(submission.request.as_bytes()).await;
        let taken = ledger.note(crate::support::ledger::What::Submit, sent, &result, Some(&submission));
        if taken && sent.elapsed() < SOON {
            since.get_or_insert(sent - start);
        } else {
            since = None;
        }
    }
    since
}

fn summary(name: &str, offered: &mut Offered, memory: f64, normal: Option<Duration>) -> Vec<String> {
    let (accepted, refused) = (quantile(&mut offered.accepted, 990), quantile(&mut offered.refused, 990));
    println!(
        "| {name} | {} | {accepted:.1?} | {} | {refused:.1?} | {:?} | {} | {:.1?} | {memory:.0} MB | {normal:.1?} |",
        offered.accepted.len(),
        offered.refused.len(),
        offered.others,
        offered.left_out,
        quantile(&mut offered.lag, 990),
    );
    let promises = [
        ("takes some", !offered.accepted.is_empty()),
        ("accepted in time", accepted < ACCEPTED),
        ("refused at once", refused < REFUSED),
        ("nothing else", offered.others.is_empty() && offered.left_out == 0),
        ("memory", memory < MEMORY),
        ("normal again", normal.is_some_and(|normal| normal <= NORMAL)),
    ];
    promises.into_iter().filter(|(_, held)| !held).map(|(text, _)| format!("{name}: {text}")).collect()
}

/// Offers the load to a new service once. Returns the broken promises.
async fn load(name: &str, capacity: f64) -> Vec<String> {
    let site = Site::new().await;
    let service = site.serve(&SETTINGS);
    let ledger = if name == "analyzed" {
        let load = Load::start(site.clinics, service.address(), CLIENTS);
        load.more(ANALYZED).await;
        let ledger = load.finish().await;
        site.cluster.connect().await.execute("analyze").await.unwrap();
        ledger
    } else {
        Arc::new(Ledger::new(site.clinics, Persons::Few))
    };
    service.forget_peak();
    let mut offered = offer(&ledger, service.address(), CONNECTIONS, TIMES * capacity, OFFERED).await;
    let normal = normal(&service, &ledger).await;
    let broken = summary(name, &mut offered, service.peak(), normal);
    let report = check(&mut site.cluster.connect().await, &[], service.address(), &ledger).await;
    println!("{report:?}");
    // Refused submissions are not retried here, so their presence in the database is not checked.
    assert_eq!((report.lost, report.half_written, report.not_shown), (0, 0, 0));
    assert_eq!(ledger.all_broken(), (0, Vec::new()));
    service.stop();
    broken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes, and measurements of an unoptimized build are meaningless"]
async fn five_times_the_capacity_is_shed() {
    let autogroup = std::fs::read_to_string(AUTOGROUP).unwrap_or_default();
    assert_ne!(autogroup.trim(), "1", "{AUTOGROUP} is 1: write 0, see docs/operations.md");
    println!(
        "| database | accepted | p99 | refused | p99 | other | left out | sent late p99 | memory | normal after |\n\
         |---|---|---|---|---|---|---|---|---|---|"
    );
    let mut broken = Vec::new();
    let mut before = capacity().await;
    for name in ["fresh", "analyzed"] {
        let mut counts = false;
        for _ in 0..LOADS {
            let broken_by_load = load(name, before).await;
            let after = capacity().await;
            println!(
                "the service stores {before:.0} submissions a second before for {CLIENTS} clients, {after:.0} after"
            );
            let kept = broken_by_load.is_empty();
            counts = if kept { after / before <= STEADY } else { before / after <= STEADY };
            before = after;
            if counts {
                broken.extend(broken_by_load);
                break;
            }
        }
        assert!(counts, "the speed of the machine changed during each of {LOADS} loads");
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
