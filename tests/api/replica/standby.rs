//! A primary and a second PostgreSQL that follows it by streaming replication.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use sarcoscreen::store::private_postgres::Embedded;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Executor as _};

use crate::embedded::place::Place;

/// The standby; stopped when the test ends.
pub(crate) struct Standby {
    pub(crate) options: PgConnectOptions,
    running: Option<Embedded>,
    place: Place,
}

/// The command that copies a running cluster into the data folder of a place.
pub(crate) async fn base_backup(from: &PgConnectOptions, cluster: &Path, place: &Place, flags: &[&str]) -> Command {
    let into = place.data().join("cluster");
    fs::create_dir(place.data()).unwrap();
    fs::set_permissions(place.data(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    DirBuilder::new().mode(0o700).create(&into).unwrap();
    let programs: String = sqlx::query_scalar("select setting from pg_config where name = 'BINDIR'")
        .fetch_one(&mut from.connect().await.unwrap())
        .await
        .unwrap();
    let mut copy = Command::new(format!("{programs}/pg_basebackup"));
    if geteuid().is_root() {
        let owner = fs::metadata(cluster).unwrap();
        chown(&into, Some(owner.uid()), Some(owner.gid())).unwrap();
        copy.uid(owner.uid()).gid(owner.gid());
    }
    let source =
        format!("host={} port={} user={}", from.get_socket().unwrap().display(), from.get_port(), from.get_username());
    copy.current_dir("/").env("HOME", "/").arg("-D").arg(&into).args(["-d", &source, "--checkpoint=fast"]).args(flags);
    copy
}

impl Standby {
    /// Copies a running primary and follows it.
    pub(crate) async fn of(primary: &Embedded) -> Self {
        let place = Place::new();
        let options = primary.connect_options();
        let cluster = primary.data_dir().join("cluster");
        let mut copy = base_backup(&options, &cluster, &place, &["--write-recovery-conf", "--no-sync"]).await;
        let done = copy.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let running = place.start().await.unwrap();
        Self { options: running.connect_options(), running: Some(running), place }
    }

    /// A connection as the superuser.
    pub(crate) async fn connect(&self) -> PgConnection {
        self.options.connect().await.unwrap()
    }

    /// Pauses replay: it receives changes but does not show them.
    pub(crate) async fn pause(&self) {
        let mut connection = self.connect().await;
        connection.execute("select pg_wal_replay_pause()").await.unwrap();
        until("replay is paused", async || {
            let state = "select pg_get_wal_replay_pause_state() = 'paused'";
            sqlx::query_scalar(state).fetch_one(&mut connection).await.unwrap()
        })
        .await;
    }

    /// Resumes replay.
    pub(crate) async fn resume(&self) {
        self.connect().await.execute("select pg_wal_replay_resume()").await.unwrap();
    }

    /// Waits until the standby shows everything that the primary has written.
    pub(crate) async fn catch_up(&self, primary: &PgConnectOptions) {
        let written = "select (pg_current_wal_flush_lsn() - '0/0')::bigint";
        let written: i64 = sqlx::query_scalar(written).fetch_one(&mut primary.connect().await.unwrap()).await.unwrap();
        let mut connection = self.connect().await;
        until("the standby has caught up", async || {
            let replayed = "select (pg_last_wal_replay_lsn() - '0/0')::bigint";
            sqlx::query_scalar::<_, i64>(replayed).fetch_one(&mut connection).await.unwrap() >= written
        })
        .await;
    }

    /// Stops it at once, with all its connections.
    pub(crate) async fn kill(&mut self) {
        let running = self.running.take().unwrap();
        kill(Pid::from_raw(running.server_pid()), Signal::SIGQUIT).unwrap();
        running.stop().await.unwrap();
    }

    /// Restarts it.
    pub(crate) async fn start(&mut self) {
        self.running = Some(self.place.start().await.unwrap());
    }
}

/// Polls until a condition holds; fails after a minute.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut polls = tokio::time::interval(Duration::from_millis(20));
    loop {
        polls.tick().await;
        if holds().await {
            return;
        }
        assert!(Instant::now() < deadline, "{what}: not within a minute");
    }
}
