//! The service is stopped under load: no connection is reset, nothing is lost, and readiness and `Connection: close` inform
//! clients in time.

use std::time::{Duration, Instant};

use crate::support::check::check;
use crate::support::client::Failure;
use crate::support::ledger::{End, Ledger, Seen, What};
use crate::support::load::Load;
use crate::support::site::{Site, ask_to_end, ended};
use crate::support::{Dice, quantile};

const STOPS: usize = 5;
const LONG_STOPS: usize = 50;
const CLIENTS: usize = 24;
/// Minimum number of submissions acknowledged before each stop.
const BETWEEN: usize = 40;
const MOMENT: Duration = Duration::from_millis(200);
/// Maximum time until the service reacts to the signal.
const NOTICED: Duration = Duration::from_millis(200);
const STOPPED: Duration = Duration::from_secs(10);

/// Promises that were broken between the signal and the end of the service.
fn broken(ledger: &Ledger, asked: Instant, gone: Instant) -> Vec<String> {
    let all: Vec<Seen> = [What::Submit, What::Worklist, What::Ready]
        .into_iter()
        .flat_map(|what| ledger.sent_within(what, asked.checked_sub(Duration::from_mins(1)).unwrap(), gone))
        .filter(|seen| seen.done >= asked)
        .collect();
    let mut broken = Vec::new();
    let reset = all.iter().filter(|seen| matches!(seen.end, End::Failed(Failure::Cut { .. })));
    broken.extend(reset.map(|seen| {
        format!(
            "{:?}: {:?}, sent after {:.1?}, reset after {:.1?}",
            seen.what,
            seen.end,
            seen.sent - asked,
            seen.done - asked
        )
    }));
    let open = |seen: &&Seen| matches!(seen.end, End::Status(_)) && seen.sent >= asked + NOTICED && !seen.closes;
    let open = all.iter().filter(open).count();
    if open > 0 {
        broken.push(format!("{open} answers that keep the connection open"));
    }
    let refused = all.iter().filter(|seen| seen.end == End::Failed(Failure::Refused)).map(|seen| seen.done).min();
    let not_ready = ledger.first(What::Ready, 503, asked).map(|after| asked + after);
    match (not_ready, refused) {
        (None, _) => broken.push("readiness did not report it".to_owned()),
        (Some(not_ready), Some(refused)) if refused < not_ready => {
            broken.push("the listener closed before readiness reported it".to_owned());
        }
        _ => {}
    }
    broken
}

async fn stops(count: usize) {
    let (site, mut dice) = (Site::new().await, Dice::new());
    let mut service = site.serve(&[]);
    let mut load = Load::start(site.clinics, service.address(), CLIENTS);
    load.add_readers();
    let (mut faults, mut times) = (Vec::new(), Vec::new());
    for number in 0..count {
        load.more(BETWEEN).await;
        dice.moment(MOMENT).await;
        let asked = Instant::now();
        ask_to_end(&service);
        let status = ended(&mut service, STOPPED * 6).await;
        let gone = Instant::now();
        times.push(gone - asked);
        if gone - asked > STOPPED || !status.is_some_and(|status| status.success()) {
            faults.push(format!("stop {number}: {status:?} after {:.1?}", gone - asked));
        }
        faults.extend(broken(&load.ledger, asked, gone).into_iter().map(|text| format!("stop {number}: {text}")));
        service = site.serve(&[]);
        load.move_to(service.address());
    }
    let ledger = load.finish().await;
    let report = check(&mut site.cluster.connect().await, &[], service.address(), &ledger).await;
    println!("{:?}", ledger.ends());
    println!(
        "{count} stops, {:.2?} at the median, {:.2?} at most",
        quantile(&mut times, 500),
        quantile(&mut times, 1_000)
    );
    report.must_be_whole();
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(ledger.all_broken(), (0, Vec::new()));
    service.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_resets_no_connection() {
    stops(STOPS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn fifty_stops_under_load_reset_no_connection() {
    stops(LONG_STOPS).await;
}
