//! A full disk: of the database, of the data folder of the default run, and of the erasure log. The service refuses what it
//! cannot store, and resumes by itself once there is space.

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use sarcoscreen::store::subjects::erasure_log::Erased;
use serde_json::json;
use sqlx::Executor as _;
use sqlx::postgres::PgConnection;

use crate::default_run::DefaultRun;
use crate::support::check::check;
use crate::support::client::{Line, get, submission, without_body};
use crate::support::ledger::What;
use crate::support::load::Load;
use crate::support::site::{Folder, Site, readiness, ready};
use crate::support::until;

/// Space for a cluster, its log and some submissions.
const DATABASE: &str = "192m";
const ERASURE_LOG: &str = "16k";
const CLIENTS: usize = 16;
/// Submissions that are acknowledged before the disk is full, and after there is space again.
const SUBMISSIONS: usize = 100;
/// Maximum time until the remaining space is used up.
const FULL: Duration = Duration::from_mins(1);
/// How long the disk stays full.
const STAYS: Duration = Duration::from_secs(2);
/// Maximum time until the service recovers, once there is space and PostgreSQL responds.
const HEALED: Duration = Duration::from_secs(5);
/// The same for the default run, whose PostgreSQL also has to start and to recover.
const RESTARTED: Duration = Duration::from_secs(30);
/// Subjects to erase. Their lines in the erasure log need more than one page of the disk.
const PERSONS: usize = 100;

/// A small filesystem, unmounted on drop.
struct Small(PathBuf);

impl Small {
    /// Mounts a filesystem; `None` if this account may not mount.
    fn mount(folder: &Folder, size: &str) -> Option<Self> {
        let path = folder.path().join("small");
        std::fs::create_dir(&path).unwrap();
        let options = format!("size={size},mode=0711");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(path)),
            refused => {
                println!(
                    "SKIPPED: a full disk needs a small filesystem, and this account may not mount one: {refused:?}"
                );
                None
            }
        }
    }

    /// Uses up all remaining space.
    fn fill(&self) {
        let mut file = File::create(self.0.join("filler")).unwrap();
        let mut block = vec![0; 1 << 20];
        while !block.is_empty() {
            if file.write_all(&block).is_err() {
                block.truncate(block.len() / 2);
            }
        }
    }

    /// Frees the space that [`Self::fill`] used.
    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // A process of the database may need a moment to end.
        for _ in 0..100 {
            let unmounted = Command::new("umount").arg(&self.0).output();
            if unmounted.is_ok_and(|output| output.status.success()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Fills the disk under load until submissions are refused and the service is not ready.
async fn fill(small: &Small, address: SocketAddr, load: &Load) {
    load.more(SUBMISSIONS).await;
    small.fill();
    let full = Instant::now();
    let refused = async || load.ledger.first(What::Submit, 503, full).is_some();
    let refused = until("submissions are refused", FULL, refused).await;
    let not_ready = async || readiness(address).await == Some(503);
    let not_ready = until("the service is not ready", FULL, not_ready).await;
    println!("the disk is full: refused after {refused:.2?}, not ready {not_ready:.2?} later");
}

/// Switches WAL segments until PostgreSQL stops for lack of space.
async fn stop_the_log(mut connection: PgConnection) {
    let start = Instant::now();
    while start.elapsed() < FULL && connection.execute("select pg_switch_wal()").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("PostgreSQL cannot write its log after {:.2?}", start.elapsed());
}

/// Waits until submissions are accepted and the service is ready.
async fn healed(address: SocketAddr, load: &Load, since: Instant, most: Duration) {
    let taken = async || load.ledger.first(What::Submit, 201, since).is_some();
    let taken = until("submissions are accepted", most, taken).await;
    let again = ready(address).await;
    println!("accepted {taken:.2?} after there was space, ready {again:.2?} later");
    load.more(SUBMISSIONS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_database_disk_loses_no_acknowledged_data() {
    let folder = Folder::new().await;
    let Some(small) = Small::mount(&folder, DATABASE) else { return };
    let path = small.0.join("cluster");
    let mut site = Site::on(folder, &path).await;
    let service = site.serve(&[]);
    let load = Load::start(site.clinics, service.address(), CLIENTS);

    // First only the tables have no space, then the log as well.
    for log_too in [false, true] {
        fill(&small, service.address(), &load).await;
        if log_too {
            stop_the_log(site.cluster.connect().await).await;
        }
        tokio::time::sleep(STAYS).await;
        small.free();
        let answers = async || {
            // As a process supervisor would restart PostgreSQL.
            if site.cluster.ended() {
                site.cluster.launch();
            }
            site.cluster.answers().await
        };
        until("PostgreSQL is back", FULL, answers).await;
        healed(service.address(), &load, Instant::now(), HEALED).await;
    }
    let ledger = load.finish().await;
    let report = check(&mut site.cluster.connect().await, &[], service.address(), &ledger).await;
    report.must_be_whole();
    assert_eq!(ledger.all_broken(), (0, Vec::new()));
    service.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_data_folder_of_the_default_run_loses_no_acknowledged_data() {
    let folder = Folder::new().await;
    let Some(small) = Small::mount(&folder, DATABASE) else { return };
    let run = DefaultRun::start(&folder, &small.0.join("data")).await;
    let load = Load::start(run.clinics, run.service.address(), CLIENTS);
    fill(&small, run.service.address(), &load).await;
    stop_the_log(run.owner().await).await;
    tokio::time::sleep(STAYS).await;
    small.free();
    healed(run.service.address(), &load, Instant::now(), RESTARTED).await;
    let ledger = load.finish().await;
    run.check(&ledger).await.must_be_whole();
    assert_eq!(ledger.all_broken(), (0, Vec::new()));
    run.service.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subject_is_not_erased_when_the_erasure_log_is_full() {
    let folder = Folder::new().await;
    let Some(small) = Small::mount(&folder, ERASURE_LOG) else { return };
    let cluster = folder.path().join("cluster");
    let site = Site::on(folder, &cluster).await;
    let log = small.0.join("erased");
    let service = site.serve(&[("SARCOSCREEN_ERASURE_LOG", log.to_str().unwrap())]);
    let (mut line, clinic) = (Line::new(service.address()), &site.clinics[0]);
    let mut persons = Vec::new();
    for number in 0..PERSONS {
        let body = json!({"answers": crate::people::fit()}).to_string();
        let request = submission(&clinic.intake, &format!("person-{number}"), &body);
        let receipt = line.ask(request.as_bytes()).await.unwrap().json();
        persons.push(format!("/v1/subjects/{}", receipt["subject_id"].as_str().unwrap()));
    }
    let mut erased = 0;
    let mut erase = async |path: &str| {
        let answer = line.ask(without_body("DELETE", &clinic.admin, path).as_bytes()).await.unwrap();
        let there = line.ask(get(&clinic.staff, path).as_bytes()).await.unwrap().status;
        (answer.status, answer.retry_after, there)
    };
    assert_eq!(erase(&persons.pop().unwrap()).await, (204, false, 404));
    erased += 1;
    small.fill();
    // The last page of the file has some free space, so the first erasures succeed.
    let refused = loop {
        let path = persons.pop().expect("one of them has no space");
        match erase(&path).await {
            (204, _, 404) => erased += 1,
            refused => {
                assert_eq!(refused, (503, true, 200));
                break path;
            }
        }
    };
    println!("{erased} erased before the disk was full");
    assert_eq!(erase(&persons.pop().unwrap()).await, (503, true, 200));
    small.free();
    assert_eq!(erase(&refused).await, (204, false, 404));
    erased += 1;
    let written = Erased::read(std::slice::from_ref(&log)).unwrap();
    assert_eq!(written.count(), erased, "the log lists every erased subject");
    service.stop();
}
