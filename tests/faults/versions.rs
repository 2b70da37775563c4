//! Two versions of the service on one database, as during an upgrade: both accept submissions and refuse none.

use std::path::PathBuf;
use std::time::Duration;

use crate::support::check::check;
use crate::support::ledger::Ledger;
use crate::support::load::Load;
use crate::support::site::{Site, ready};

const CLIENTS: usize = 8;
const TIME: Duration = Duration::from_mins(1);

/// The previous build, which has the same migrations or fewer.
#[expect(clippy::disallowed_methods, reason = "a test reads its own environment")]
fn before() -> PathBuf {
    let before = std::env::var_os("SARCOSCREEN_PROGRAM_BEFORE");
    before.expect("SARCOSCREEN_PROGRAM_BEFORE names the previous build").into()
}

/// The numbers of requests that did not succeed, by how they ended.
fn errors(ledger: &Ledger) -> Vec<(String, usize)> {
    ledger
        .ends()
        .into_iter()
        .filter(|(end, _)| !end.ends_with("Status(200)") && !end.ends_with("Status(201)"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs another build"]
async fn two_versions_on_one_database_refuse_nothing() {
    let site = Site::new().await;
    let old = site.serve_program(&before(), site.cluster.port(), &[]);
    let new = site.serve(&[]);
    let mut loads = Vec::new();
    for service in [&old, &new] {
        ready(service.address()).await;
        let mut load = Load::start(site.clinics, service.address(), CLIENTS);
        load.add_readers();
        loads.push(load);
    }
    tokio::time::sleep(TIME).await;
    let mut ledgers = Vec::new();
    for load in loads {
        ledgers.push(load.finish().await);
    }
    // Each version shows what the other one accepted.
    let mut connection = site.cluster.connect().await;
    for ((ledger, other), shows) in
        [(&ledgers[0], &ledgers[1]), (&ledgers[1], &ledgers[0])].into_iter().zip([&new, &old])
    {
        println!("{:?}", ledger.ends());
        let theirs: Vec<_> = other.acknowledged().iter().map(|one| one.id).collect();
        check(&mut connection, &theirs, shows.address(), ledger).await.must_be_whole();
        assert_eq!(errors(ledger), []);
        assert_eq!(ledger.all_broken(), (0, Vec::new()));
    }
    new.stop();
    old.stop();
}
