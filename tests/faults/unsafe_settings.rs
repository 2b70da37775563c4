//! PostgreSQL settings that could lose acknowledged data are changed while the service runs.

use std::time::Duration;

use crate::support::check::check;
use crate::support::ledger::{End, What};
use crate::support::load::Load;
use crate::support::site::{Site, readiness, ready};
use crate::support::until;

const CLIENTS: usize = 16;
/// Submissions that are acknowledged under the setting.
const SUBMISSIONS: usize = 200;
/// Maximum time until the service notices the setting, or its reset.
const NOTICED: Duration = Duration::from_secs(5);
/// How long refusals are observed meanwhile.
const WATCHED: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_cannot_make_the_service_acknowledge_before_it_writes() {
    let mut site = Site::new().await;
    let service = site.serve(&[]);
    let load = Load::start(site.clinics, service.address(), CLIENTS);
    load.more(CLIENTS).await;
    site.cluster.acknowledge_before_writing().await;
    load.more(SUBMISSIONS).await;
    site.cluster.kill().await;
    site.cluster.start().await;
    let ledger = load.finish().await;
    let report = check(&mut site.cluster.connect().await, &[], service.address(), &ledger).await;
    report.must_be_whole();
    assert_eq!(ledger.all_broken(), (0, Vec::new()));
    service.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn submissions_are_refused_while_the_server_could_lose_them() {
    let site = Site::new().await;
    let service = site.serve(&[]);
    let load = Load::start(site.clinics, service.address(), CLIENTS);
    for setting in ["fsync", "full_page_writes"] {
        load.more(CLIENTS * 2).await;
        site.cluster.set(setting, Some("off")).await;
        let set = std::time::Instant::now();
        let refused = async || load.ledger.first(What::Submit, 503, set).is_some();
        let noticed = until("submissions are refused", NOTICED, refused).await;
        let not_ready = async || readiness(service.address()).await == Some(503);
        until("the service is not ready", NOTICED, not_ready).await;
        let from = std::time::Instant::now();
        tokio::time::sleep(WATCHED).await;
        let seen = load.ledger.sent_within(What::Submit, from, std::time::Instant::now());
        let taken = seen.iter().filter(|seen| seen.end != End::Status(503)).count();
        println!("{setting}: refused after {noticed:.2?}, then {taken} of {} accepted", seen.len());
        assert!(!seen.is_empty() && taken == 0, "{setting}: {taken} of {} accepted", seen.len());
        site.cluster.set(setting, None).await;
        let back = std::time::Instant::now();
        let again = async || load.ledger.first(What::Submit, 201, back).is_some();
        let again = until("submissions are accepted again", NOTICED, again).await;
        println!("{setting}: accepted again after {again:.2?}");
        ready(service.address()).await;
    }
    let ledger = load.finish().await;
    let report = check(&mut site.cluster.connect().await, &[], service.address(), &ledger).await;
    report.must_be_whole();
    assert_eq!(ledger.all_broken(), (0, Vec::new()));
    service.stop();
}
