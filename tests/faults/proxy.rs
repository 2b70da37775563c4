//! The network between the service and PostgreSQL fails in seven ways: the service reports it in time and recovers by
//! itself.

use std::time::{Duration, Instant};

use crate::service::Service;
use crate::support::check::check;
use crate::support::ledger::{End, Ledger, What};
use crate::support::load::Load;
use crate::support::proxy::{Mode, Proxy};
use crate::support::quantile;
use crate::support::site::Site;

const KINDS: [Mode; 7] =
    [Mode::Cut, Mode::Stall, Mode::Silent, Mode::HalfClose, Mode::Slow(100), Mode::AcceptAndClose, Mode::CutAtCommit];
/// Number of faults of each kind.
const ROUNDS: usize = 1;
const LONG_ROUNDS: usize = 8;
const CLIENTS: usize = 16;
/// Size of the connection pool of the service.
const CONNECTIONS: usize = 8;

/// Duration of a fault.
const FAULT: Duration = Duration::from_secs(4);
/// Maximum time from the start of a fault to the first refusal: a client whose request is in progress waits two seconds for
/// its response, and the next one receives a response within two seconds. A slow network may serve every request.
const REFUSED: Duration = Duration::from_secs(4);
/// Maximum time until the service reports that it is not ready: the result is at most one second old, and the database
/// check takes time.
const NOT_READY: Duration = Duration::from_secs(3);
/// Maximum time from the end of a fault to the first success, to readiness, and to the end of all requests in progress.
const HEALED: Duration = Duration::from_secs(5);
/// How long the service may keep connections that it has abandoned.
const CLOSED: Duration = Duration::from_secs(10);
/// Allowed increase of descriptors in a service that leaks none: clients open and close connections meanwhile.
const DESCRIPTORS: usize = 40;

/// Measurements of one cycle.
struct Cycle {
    kind: Mode,
    refused: Option<Duration>,
    not_ready: Option<Duration>,
    /// Sorted response times of the requests that were sent during the fault.
    answered: Vec<Duration>,
    healed: Option<Duration>,
    ready: Option<Duration>,
    /// Connections at PostgreSQL some time after the fault.
    connections: usize,
    descriptors: usize,
}

impl Cycle {
    /// The limits that this cycle exceeded.
    fn broken(&self, descriptors: usize) -> Vec<String> {
        let late = |what: &str, time: Option<Duration>, most: Duration| {
            let late = time.is_none_or(|time| time > most);
            late.then(|| format!("{:?}: {what} after {time:.1?}", self.kind))
        };
        let leaked = |what: &str, count: usize, most: usize| {
            (count > most).then(|| format!("{:?}: {count} {what}, at most {most} are expected", self.kind))
        };
        // `CutAtCommit` does not affect readiness, which commits nothing.
        let readiness = self.kind != Mode::CutAtCommit;
        let served = matches!(self.kind, Mode::Slow(_)) && self.refused.is_none();
        let all = [
            (!served).then(|| late("refused", self.refused, REFUSED)).flatten(),
            readiness.then(|| late("not ready", self.not_ready, NOT_READY)).flatten(),
            late("healed", self.healed, HEALED),
            late("ready", self.ready, HEALED),
            leaked("connections", self.connections, CONNECTIONS),
            leaked("descriptors", self.descriptors, descriptors + DESCRIPTORS),
        ];
        all.into_iter().flatten().collect()
    }

    fn row(&self) -> String {
        let mut answered = self.answered.clone();
        let time = |time: Option<Duration>| time.map_or("never".to_owned(), |time| format!("{time:.2?}"));
        format!(
            "| {:?} | {} | {} | {:.2?} | {:.2?} | {} | {} | {} | {} |",
            self.kind,
            time(self.refused),
            time(self.not_ready),
            quantile(&mut answered, 500),
            quantile(&mut answered, 1_000),
            time(self.healed),
            time(self.ready),
            self.connections,
            self.descriptors,
        )
    }
}

async fn cycle(kind: Mode, site: &Site, service: &Service, proxy: &Proxy, load: &Load) -> Cycle {
    load.more(CLIENTS * 2).await;
    let fault = Instant::now();
    proxy.set(kind);
    tokio::time::sleep(FAULT).await;
    let heal = Instant::now();
    proxy.set(Mode::Pass);
    let ledger: &Ledger = &load.ledger;
    let (mut healed, mut ready) = (None, None);
    while heal.elapsed() < HEALED * 6 && (healed.is_none() || ready.is_none()) {
        tokio::time::sleep(Duration::from_millis(10)).await;
        (healed, ready) = (ledger.first(What::Submit, 201, heal), ledger.first(What::Ready, 200, heal));
    }
    let mut connections = usize::MAX;
    while heal.elapsed() < CLOSED && connections > CONNECTIONS {
        tokio::time::sleep(Duration::from_millis(50)).await;
        connections = site.cluster.backends().await.len().max(proxy.open());
    }
    let seen = ledger.sent_within(What::Submit, fault, heal);
    let within = |time: Option<Duration>| time.filter(|time| *time < heal - fault);
    Cycle {
        kind,
        refused: within(ledger.first(What::Submit, 503, fault)),
        not_ready: within(ledger.first(What::Ready, 503, fault)),
        answered: seen.iter().map(|one| one.done - one.sent).collect(),
        healed,
        ready,
        connections,
        descriptors: descriptors(service),
    }
}

fn descriptors(service: &Service) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", service.process())).unwrap().count()
}

async fn cycles(rounds: usize) {
    let site = Site::new().await;
    let proxy = Proxy::start(site.cluster.port()).await;
    let service = site.serve_through(proxy.port(), &[("SARCOSCREEN_DATABASE_CONNECTIONS", &CONNECTIONS.to_string())]);
    let mut load = Load::start(site.clinics, service.address(), CLIENTS);
    load.add_readers();
    load.more(CLIENTS * 4).await;
    let before = descriptors(&service);
    println!(
        "| fault | first 503 | not ready | answered p50 | at most | first 201 | ready | connections | descriptors |\n\
         |---|---|---|---|---|---|---|---|---|"
    );
    let mut broken = Vec::new();
    for kind in KINDS.repeat(rounds) {
        let cycle = cycle(kind, &site, &service, &proxy, &load).await;
        println!("{}", cycle.row());
        broken.extend(cycle.broken(before));
    }
    let ledger = load.finish().await;
    let report = check(&mut site.cluster.connect().await, &[], service.address(), &ledger).await;
    println!("{:?}", ledger.ends());
    let (count, texts) = ledger.all_broken();
    report.must_be_whole();
    assert_eq!(ledger.ended(End::Status(500)), 0, "{texts:#?}");
    assert_eq!(count, 0, "{texts:#?}");
    assert!(broken.is_empty(), "{broken:#?}");
    service.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_refuses_in_time_and_recovers_from_any_network_fault() {
    cycles(ROUNDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes ten minutes"]
async fn the_service_refuses_in_time_and_recovers_from_fifty_six_faults() {
    cycles(LONG_ROUNDS).await;
}
