//! The service, or all of PostgreSQL, is killed repeatedly at random moments while clients submit. Every acknowledged
//! submission must be stored once and complete. A control run on a server that acknowledges before it writes must lose
//! some.

use std::time::Duration;

use crate::support::check::{Report, check};
use crate::support::load::Load;
use crate::support::site::{Site, ready};
use crate::support::{Dice, quantile};

/// The number of kills, and the minimum number of submissions acknowledged before each.
struct Size {
    kills: usize,
    acknowledged: usize,
}

const SERVICE: Size = Size { kills: 25, acknowledged: 1_000 };
const POSTGRES: Size = Size { kills: 20, acknowledged: 800 };
const LONG_SERVICE: Size = Size { kills: 200, acknowledged: 70_000 };
const LONG_POSTGRES: Size = Size { kills: 100, acknowledged: 40_000 };
const CLIENTS: usize = 24;
/// Upper bound of the random delay between the last awaited submission and the kill.
const MOMENT: Duration = Duration::from_millis(150);
/// Submissions that are acknowledged before each kill of the control run.
const CONTROL: usize = 200;

async fn kill_the_service(size: &Size) {
    let (site, mut dice) = (Site::new().await, Dice::new());
    let mut service = site.serve(&[]);
    let load = Load::start(site.clinics, service.address(), CLIENTS);
    for _ in 0..size.kills {
        load.more(size.acknowledged / size.kills).await;
        dice.moment(MOMENT).await;
        service.child().kill().unwrap();
        service.child().wait().unwrap();
        service = site.serve(&[]);
        load.move_to(service.address());
    }
    let ledger = load.finish().await;
    let report = check(&mut site.cluster.connect().await, &[], service.address(), &ledger).await;
    println!("{} kills of the service; {:?}", size.kills, ledger.ends());
    report.must_be_whole();
    assert!(report.acknowledged >= size.acknowledged);
    service.stop();
}

async fn kill_postgres(size: &Size) {
    let (mut site, mut dice) = (Site::new().await, Dice::new());
    let service = site.serve(&[]);
    let load = Load::start(site.clinics, service.address(), CLIENTS);
    let mut back = Vec::new();
    for _ in 0..size.kills {
        load.more(size.acknowledged / size.kills).await;
        dice.moment(MOMENT).await;
        site.cluster.kill().await;
        site.cluster.start().await;
        let started = std::time::Instant::now();
        load.more(1).await;
        back.push(started.elapsed());
    }
    let ledger = load.finish().await;
    let report = check(&mut site.cluster.connect().await, &[], service.address(), &ledger).await;
    println!("{} kills of PostgreSQL; {:?}", size.kills, ledger.ends());
    println!(
        "acknowledged again after {:.1?} at the median, {:.1?} at most",
        quantile(&mut back, 500),
        quantile(&mut back, 1_000)
    );
    report.must_be_whole();
    assert!(report.acknowledged >= size.acknowledged);
    assert_eq!(ledger.all_broken(), (0, Vec::new()));
    service.stop();
}

/// Kills a server that acknowledges before it writes.
async fn kill_an_unsafe_postgres(kills: usize) -> Report {
    let mut site = Site::new().await;
    site.cluster.acknowledge_before_writing().await;
    let service = site.serve(&[("SARCOSCREEN_ALLOW_UNSAFE_DURABILITY", "synchronous_commit")]);
    for kill in 1.. {
        let load = Load::start(site.clinics, service.address(), CLIENTS);
        load.more(CONTROL).await;
        site.cluster.kill().await;
        let ledger = load.abandon().await;
        site.cluster.start().await;
        ready(service.address()).await;
        let report = check(&mut site.cluster.connect().await, &[], service.address(), &ledger).await;
        if kill == kills || report.lost > 0 {
            service.stop();
            return report;
        }
    }
    unreachable!("one of the kills is the last")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_submissions_survive_kills_of_the_service() {
    kill_the_service(&SERVICE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half an hour"]
async fn acknowledged_submissions_survive_two_hundred_kills_of_the_service() {
    kill_the_service(&LONG_SERVICE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_submissions_survive_kills_of_postgres() {
    kill_postgres(&POSTGRES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half an hour"]
async fn acknowledged_submissions_survive_a_hundred_kills_of_postgres() {
    kill_postgres(&LONG_POSTGRES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_check_detects_losses_of_a_server_that_acknowledges_before_it_writes() {
    let report = kill_an_unsafe_postgres(3).await;
    println!("the control run: {report:?}");
    assert!(report.lost > 0, "the check detected no loss: {report:?}");
}
