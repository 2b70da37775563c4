//! A fresh installation: its tables were never analyzed, and data is imported at full speed.

use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::support::check::check;
use crate::support::ledger::{Persons, What};
use crate::support::load::Load;
use crate::support::site::Site;

const CLIENTS: usize = 32;
const SUBMISSIONS: usize = 3_000;
/// Maximum index entries of subjects or deliveries that one submission may read, however many rows there are.
const READ: i64 = 10;

/// Enough clients for full batches.
const LONG_CLIENTS: usize = 256;
/// Times at which the rate is measured.
const AT: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(20), Duration::from_mins(1), Duration::from_mins(2)];
/// Duration of each measurement.
const WINDOW: Duration = Duration::from_secs(5);
/// The lowest rate must be at least this share of the highest.
const SHARE: f64 = 0.8;

/// Rows read by sequential scans, and entries read from indexes.
const READS: &str = "
    select relname::text as name, seq_tup_read as read from pg_stat_user_tables
    union all
    select indexrelname::text, idx_tup_read from pg_stat_user_indexes
    order by read desc";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submission_reads_few_rows_of_tables_that_were_never_analyzed() {
    let site = Site::new().await;
    site.cluster.set("autovacuum", Some("off")).await;
    let service = site.serve(&[]);
    let load = Load::of(Persons::New, site.clinics, service.address(), CLIENTS);
    load.more(SUBMISSIONS).await;
    let ledger = load.finish().await;
    let submissions = i64::try_from(ledger.count()).unwrap();
    // Sessions report their statistics when they end.
    service.stop();
    let mut connection = site.cluster.connect().await;
    let rows = sqlx::query(READS).fetch_all(&mut connection).await.unwrap();
    let each = |row: &PgRow| (row.get::<String, _>("name"), row.get::<i64, _>("read") / submissions);
    let read: Vec<_> = rows.iter().map(each).collect();
    let some: Vec<_> = read.iter().filter(|(_, each)| *each > 0).collect();
    println!("read for each of {submissions} submissions: {some:?}");
    for table in ["subjects_", "webhook_deliveries_"] {
        let indexes: Vec<_> = read.iter().filter(|(name, _)| name.starts_with(table)).collect();
        assert!(indexes.len() > 1 && indexes.iter().all(|(_, each)| *each <= READ), "{indexes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes, and measurements of an unoptimized build are meaningless"]
async fn the_first_minutes_are_as_fast_as_the_later_ones() {
    let site = Site::new().await;
    let service = site.serve(&[]);
    let start = Instant::now();
    let load = Load::of(Persons::New, site.clinics, service.address(), LONG_CLIENTS);
    tokio::time::sleep(AT[AT.len() - 1] + WINDOW).await;
    println!("| after | submissions a second | p99 |\n|---|---|---|");
    let rates = AT.map(|at| {
        let seen = load.ledger.sent_within(What::Submit, start + at, start + at + WINDOW);
        let mut times: Vec<_> = seen.iter().map(|one| one.done - one.sent).collect();
        #[expect(clippy::cast_precision_loss, reason = "far below where precision is lost")]
        let rate = seen.len() as f64 / WINDOW.as_secs_f64();
        println!("| {at:?} | {rate:.0} | {:.1?} |", crate::support::quantile(&mut times, 990));
        rate
    });
    let ledger = load.finish().await;
    let report = check(&mut site.cluster.connect().await, &[], service.address(), &ledger).await;
    report.must_be_whole();
    let (least, most) =
        (rates.iter().copied().fold(f64::INFINITY, f64::min), rates.iter().copied().fold(0.0, f64::max));
    assert!(least >= SHARE * most, "{rates:?}");
    assert_eq!(ledger.all_broken(), (0, Vec::new()));
    service.stop();
}
