//! The PostgreSQL processes that serve the service are frozen: connections stay open, but do not respond.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::check::check;
use crate::support::ledger::{End, What};
use crate::support::load::Load;
use crate::support::site::{Site, ask_to_end, ended};
use crate::support::{SLACK, quantile, until};

const CLIENTS: usize = 16;
/// How long the processes stay frozen.
const FAULT: Duration = Duration::from_secs(5);
/// Maximum response time of each request: it may meet a frozen connection both at its authentication and at its
/// transaction.
const ANSWERED: Duration = Duration::from_secs(4);
/// Maximum time from the end of the fault to the first success.
const HEALED: Duration = Duration::from_secs(5);
/// Maximum time in which the service ends while the processes are frozen.
const STOPPED: Duration = Duration::from_secs(10);

async fn freeze(site: &Site) -> Vec<Pid> {
    let backends = site.cluster.backends().await;
    assert!(!backends.is_empty());
    signal(&backends, Signal::SIGSTOP);
    backends
}

fn signal(backends: &[Pid], signal: Signal) {
    for backend in backends {
        // The server may have ended the process already.
        let _ = kill(*backend, signal);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_connections_stop_nothing() {
    let site = Site::new().await;
    let mut service = site.serve(&[]);
    let mut load = Load::start(site.clinics, service.address(), CLIENTS);
    load.add_readers();
    load.more(CLIENTS * 4).await;

    let frozen = freeze(&site).await;
    let fault = Instant::now();
    tokio::time::sleep(FAULT).await;
    signal(&frozen, Signal::SIGCONT);
    let heal = Instant::now();
    let taken = async || load.ledger.first(What::Submit, 201, heal).is_some();
    until("submissions are accepted", HEALED * 6, taken).await;
    let healed = load.ledger.first(What::Submit, 201, heal);
    let mut late = Vec::new();
    for what in [What::Submit, What::Worklist] {
        let seen = load.ledger.sent_within(what, fault, heal);
        let mut times: Vec<_> = seen.iter().map(|one| one.done - one.sent).collect();
        let (median, most) = (quantile(&mut times, 500), quantile(&mut times, 1_000));
        let taken = seen.iter().filter(|one| matches!(one.end, End::Status(200 | 201))).count();
        println!(
            "{what:?}: {} answered, {taken} of them taken, {median:.2?} at the median, {most:.2?} at most",
            seen.len()
        );
        if seen.is_empty() || most > ANSWERED + SLACK {
            late.push((what, most));
        }
    }
    println!("the first 201 after {healed:.2?}");

    load.more(CLIENTS * 2).await;
    let frozen = freeze(&site).await;
    // Requests are in progress when the service gets the signal to stop.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let asked = Instant::now();
    ask_to_end(&service);
    let status = ended(&mut service, STOPPED * 6).await;
    let stopped = asked.elapsed();
    println!("ended after {stopped:.2?}: {status:?}");
    signal(&frozen, Signal::SIGCONT);

    let next = site.serve(&[]);
    load.move_to(next.address());
    let ledger = load.finish().await;
    let report = check(&mut site.cluster.connect().await, &[], next.address(), &ledger).await;
    report.must_be_whole();
    assert!(late.is_empty(), "{late:?}");
    assert!(healed.is_some_and(|healed| healed <= HEALED), "{healed:?}");
    assert!(stopped <= STOPPED && status.is_some_and(|status| status.success()), "{stopped:?}");
    assert_eq!(ledger.all_broken(), (0, Vec::new()));
    next.stop();
}
