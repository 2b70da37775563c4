//! The default run, which manages a PostgreSQL of its own and restarts it when it ends.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use uuid::Uuid;

use crate::service::Service;
use crate::support::check::{Report, check, present};
use crate::support::cluster::kill_all;
use crate::support::ledger::{Ledger, What};
use crate::support::load::Load;
use crate::support::run::Clinic;
use crate::support::site::{Folder, ready};
use crate::support::until;

const CLIENTS: usize = 16;
const KILLS: usize = 3;
/// Submissions that are acknowledged before each kill.
const SUBMISSIONS: usize = 50;
/// Maximum time until submissions are accepted again: PostgreSQL has to start and to recover.
const RESTARTED: Duration = Duration::from_secs(10);

/// A running service and its data folder.
pub(crate) struct DefaultRun {
    pub(crate) service: Service,
    data: PathBuf,
    /// Only the demo clinic.
    pub(crate) clinics: &'static [Clinic],
    /// Ids of the submissions that the demo clinic already has.
    before: Vec<Uuid>,
}

impl DefaultRun {
    /// Starts the service on a data folder that it creates.
    pub(crate) async fn start(folder: &Folder, data: &Path) -> Self {
        let mut command = Command::new(crate::program());
        command.env_remove("DATABASE_URL").env_remove("SARCOSCREEN_MASTER_KEY_FILE");
        let service = folder.start(command.env("SARCOSCREEN_DATA_DIR", data));
        let keys: Value = serde_json::from_slice(&std::fs::read(data.join("demo-credentials.json")).unwrap()).unwrap();
        let key = |role: &str| keys[role].as_str().unwrap().to_owned();
        let mut owner = connect(data).await;
        let id = sqlx::query_scalar("select clinic_id from clinics").fetch_one(&mut owner).await.unwrap();
        let clinic = Clinic { id, intake: key("intake"), staff: key("staff"), admin: key("admin"), endpoints: 0 };
        let before = present(&mut owner).await;
        Self { service, data: data.to_owned(), clinics: Vec::leak(vec![clinic]), before }
    }

    /// A connection to its PostgreSQL as the owner.
    pub(crate) async fn owner(&self) -> PgConnection {
        connect(&self.data).await
    }

    /// Checks everything that was acknowledged.
    pub(crate) async fn check(&self, ledger: &Ledger) -> Report {
        check(&mut self.owner().await, &self.before, self.service.address(), ledger).await
    }
}

async fn connect(data: &Path) -> PgConnection {
    let text = std::fs::read_to_string(data.join("cluster/postmaster.pid")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let options = PgConnectOptions::new_without_pgpass().socket(lines[4]).port(lines[3].parse().unwrap());
    options.username("sarcoscreen").database("sarcoscreen").connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_default_run_restarts_its_postgres() {
    let folder = Folder::new().await;
    let run = DefaultRun::start(&folder, &folder.path().join("data")).await;
    let load = Load::start(run.clinics, run.service.address(), CLIENTS);
    for kill in 0..KILLS {
        load.more(SUBMISSIONS).await;
        kill_all(&run.data.join("cluster")).await;
        let killed = Instant::now();
        let taken = async || load.ledger.first(What::Submit, 201, killed).is_some();
        let taken = until("submissions are accepted", RESTARTED, taken).await;
        println!("kill {kill}: accepted after {taken:.2?}");
        ready(run.service.address()).await;
    }
    let ledger = load.finish().await;
    run.check(&ledger).await.must_be_whole();
    assert_eq!(ledger.all_broken(), (0, Vec::new()));
    run.service.stop();
}
