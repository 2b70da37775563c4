//! Soak test: half of the capacity for an hour, with bounded growth of memory, descriptors, connections, dead rows and
//! queues. `SARCOSCREEN_SOAK_MINUTES` sets another duration.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::Row as _;

use crate::service::Service;
use crate::support::ledger::{Ledger, Persons};
use crate::support::load::Load;
use crate::support::open_load::{Offered, offer};
use crate::support::site::Site;
use crate::support::{quantile, until};

const MINUTES: usize = 60;
const MINUTE: Duration = Duration::from_mins(1);
/// Clients that measure the capacity, and connections of the load. At half of the capacity few of them are busy at once.
const CONNECTIONS: usize = 256;
/// How long submissions are stored while the capacity is measured.
const MEASURED: Duration = Duration::from_secs(30);
/// Memory, descriptors and connections are compared with the values after this many minutes, when every pool and cache is
/// filled.
const FILLED: usize = 5;
/// Allowed growth of memory after that, MB.
const MEMORY: f64 = 64.0;
/// Allowed growth of descriptors and connections.
const MORE: usize = 40;
/// Allowed dead rows for each hundred live rows, plus a constant for every table.
const DEAD: i64 = 30;
const SOME_DEAD: i64 = 100_000;
/// All clients of this machine share one address; addresses of trusted proxies have no connection limit.
const SETTINGS: [(&str, &str); 1] = [("SARCOSCREEN_TRUSTED_PROXIES", "127.0.0.1")];
/// Maximum length of the queue of deliveries, in seconds of work.
const WAITING: f64 = 60.0;

/// Measurements at the end of a minute.
struct Figures {
    memory: f64,
    descriptors: usize,
    connections: i64,
    live: i64,
    dead: i64,
    deliveries: i64,
    /// Audit entries that are unsealed after two sealing periods. The number of newer ones only depends on the time since the
    /// last sealing.
    unsealed: i64,
    size: i64,
}

const DATABASE: &str = "
    select (select count(*) from pg_stat_activity where application_name = 'sarcoscreen') as connections,
           (select sum(n_live_tup)::bigint from pg_stat_user_tables) as live,
           (select sum(n_dead_tup)::bigint from pg_stat_user_tables) as dead,
           (select count(*) from webhook_deliveries where state = 'pending') as deliveries,
           (select count(*) from audit_pending join audit_entries using (clinic_id, audit_entry_id)
            where at < now() - interval '20 s') as unsealed,
           pg_database_size(current_database()) / 1024 / 1024 as size";

impl Figures {
    async fn of(site: &Site, service: &Service) -> Self {
        let row = sqlx::query(DATABASE).fetch_one(&mut site.cluster.connect().await).await.unwrap();
        Self {
            memory: service.resident(),
            descriptors: std::fs::read_dir(format!("/proc/{}/fd", service.process())).unwrap().count(),
            connections: row.get("connections"),
            live: row.get("live"),
            dead: row.get("dead"),
            deliveries: row.get("deliveries"),
            unsealed: row.get("unsealed"),
            size: row.get("size"),
        }
    }

    /// The measurements that exceed their bounds, compared with an earlier minute.
    fn broken(&self, filled: &Self, rate: f64) -> Vec<&'static str> {
        #[expect(clippy::cast_possible_truncation, reason = "far below where it is")]
        let waiting = (rate * WAITING) as i64;
        let held = [
            ("memory", self.memory <= filled.memory + MEMORY),
            ("descriptors", self.descriptors <= filled.descriptors + MORE),
            ("connections", self.connections <= filled.connections + i64::try_from(MORE).unwrap()),
            ("dead rows", self.dead <= self.live * DEAD / 100 + SOME_DEAD),
            ("deliveries", self.deliveries <= waiting),
            ("unsealed entries", self.unsealed == 0),
        ];
        held.into_iter().filter(|(_, held)| !held).map(|(name, _)| name).collect()
    }
}

/// Submissions per second that the service stores and whose events it sends. Without the events, the queue of deliveries
/// would grow at this rate.
async fn capacity(site: &Site) -> f64 {
    let service = site.serve(&SETTINGS);
    let (load, start) = (Load::start(site.clinics, service.address(), CONNECTIONS), Instant::now());
    // The test prescribes the duration; there is no event to wait for.
    tokio::time::sleep(MEASURED).await;
    let stored = load.finish().await.count();
    let mut connection = site.cluster.connect().await;
    let sent = async || {
        let pending = sqlx::query_scalar("select count(*) from webhook_deliveries where state = 'pending'");
        pending.fetch_one(&mut connection).await.unwrap_or(1_i64) == 0
    };
    until("all events are sent", Duration::from_mins(5), sent).await;
    #[expect(clippy::cast_precision_loss, reason = "far below where precision is lost")]
    let rate = stored as f64 / start.elapsed().as_secs_f64();
    service.stop();
    rate
}

#[expect(clippy::disallowed_methods, reason = "a test reads its own environment")]
fn minutes() -> usize {
    std::env::var("SARCOSCREEN_SOAK_MINUTES").map_or(MINUTES, |text| text.parse().expect("a number of minutes"))
}

fn row(minute: usize, offered: &mut Offered, figures: &Figures) {
    let p99 = quantile(&mut offered.accepted, 990);
    let Figures { memory, descriptors, connections, live, dead, deliveries, unsealed, size } = figures;
    println!(
        "| {minute} | {} | {} | {:?} | {p99:.1?} | {memory:.0} MB | {descriptors} | {connections} | {live} | {dead} | {deliveries} \
         | {unsealed} | {size} MB |",
        offered.accepted.len(),
        offered.refused.len(),
        offered.others,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes an hour"]
async fn no_resource_grows_in_an_hour_of_half_load() {
    let rate = capacity(&Site::new().await).await / 2.0;
    println!("{rate:.0} submissions a second");
    println!(
        "| minute | stored | refused | other | p99 | memory | descriptors | connections | live rows | dead rows | deliveries | \
         unsealed after 20 s | database |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    );
    let site = Site::new().await;
    let service = site.serve(&SETTINGS);
    let (mut stored, mut errors, mut filled, mut broken) = (0, 0, None, Vec::new());
    for minute in 1..=minutes() {
        // One ledger per minute: a ledger of an hour would fill the memory of this process.
        let ledger = Arc::new(Ledger::new(site.clinics, Persons::Few));
        let mut offered = offer(&ledger, service.address(), CONNECTIONS, rate, MINUTE).await;
        let figures = Figures::of(&site, &service).await;
        row(minute, &mut offered, &figures);
        stored += offered.accepted.len();
        errors += offered.refused.len() + offered.others.values().sum::<usize>() + offered.left_out;
        let (count, texts) = ledger.all_broken();
        broken.extend(texts);
        errors += count;
        if minute >= FILLED {
            let filled = filled.get_or_insert(Figures { ..figures });
            let found = figures.broken(filled, rate);
            broken.extend(found.into_iter().map(|name| format!("minute {minute}: {name}")));
        }
    }
    let count = sqlx::query_scalar("select count(*) from submissions");
    let there: i64 = count.fetch_one(&mut site.cluster.connect().await).await.unwrap();
    println!("{stored} acknowledged, {there} in the database, {errors} errors");
    assert_eq!((i64::try_from(stored).unwrap(), errors), (there, 0));
    assert!(broken.is_empty(), "{broken:#?}");
    service.stop();
}
