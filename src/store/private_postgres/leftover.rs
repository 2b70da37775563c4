//! Handles what an earlier process left on the cluster: a running server, backends that are ending, or a stale file.
//!
//! Called under the lock of the data folder, so no other process starts a server at the same time.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::postgres::PgConnectOptions;
use tokio::time::{Instant, sleep};

use super::cluster::Cluster;
use super::error::{EmbeddedError, Result, if_present};
use super::folder::PORT;
use super::server::{self, Probe, Server};

/// A running server that does not respond for this long is stopped and restarted.
const SILENCE: Duration = Duration::from_secs(3);
/// How long the processes of a killed server may take to end.
const ORPHANS: Duration = Duration::from_secs(30);
/// When the processes of a killed server are signalled, and with which signal. A backend in a long statement does not
/// notice that its server has ended. PostgreSQL treats either signal as a crash, and recovers as after the end of the
/// server.
const ENDINGS: [(Duration, Signal); 2] =
    [(Duration::from_secs(1), Signal::SIGQUIT), (Duration::from_secs(2), Signal::SIGKILL)];
const PAUSE: Duration = Duration::from_millis(25);

/// Adopts a server that runs on the cluster, or makes sure that none runs. Fails when processes of a killed server do not
/// end, or when a server that does not respond cannot be stopped.
pub(super) async fn adopt_or_clear(cluster: &Cluster, options: &PgConnectOptions) -> Result<Option<Server>> {
    let file = cluster.path.join("postmaster.pid");
    let Some(pid) = recorded(&file)? else { return Ok(None) };
    let mut left = occupants(&cluster.path, pid);
    if left.contains(&pid) {
        let mut server = Server::adopt(pid, &cluster.path);
        if answers(&server, options).await? {
            return Ok(Some(server));
        }
        server.stop().await?;
        left = occupants(&cluster.path, pid);
    }
    end_orphans(&cluster.path, pid, left).await?;
    clear(&file)?;
    Ok(None)
}

/// Removes the lock file of a socket whose server has ended. Its process id may have been reused, and the next server
/// would then refuse to start.
pub(super) fn clear_socket(folder: &Path) -> Result<()> {
    clear(&folder.join(format!(".s.PGSQL.{PORT}.lock")))
}

pub(super) fn runs_on(cluster: &Path, pid: Pid) -> bool {
    match fs::metadata(cluster) {
        Ok(at) if proc_is_there() => is_postgres_in(pid, &at),
        _ => kill(pid, None).is_ok(),
    }
}

/// Waits for the database to respond. `false` when the server ended or does not respond.
async fn answers(server: &Server, options: &PgConnectOptions) -> Result<bool> {
    let mut deadline = Instant::now() + SILENCE;
    while server.runs() && Instant::now() < deadline {
        match server::probe(options).await? {
            Probe::Ready => return Ok(true),
            Probe::Starting => deadline = Instant::now() + SILENCE,
            Probe::Silent => {}
        }
        // The server sends no event when it is ready, so it is polled.
        sleep(PAUSE).await;
    }
    Ok(false)
}

/// Ends the backends of a killed postmaster. They run until they notice its end, and block the next start.
async fn end_orphans(cluster: &Path, postmaster: Pid, mut left: Vec<Pid>) -> Result<()> {
    let begun = Instant::now();
    // Without `/proc`, the recorded id may belong to any process.
    let mut endings = ENDINGS.into_iter().filter(|_| proc_is_there()).peekable();
    while let Some(orphan) = left.first() {
        if begun.elapsed() > ORPHANS {
            let reason = "a process of a killed server is still running".to_owned();
            return Err(EmbeddedError::NotStopped { pid: orphan.as_raw(), reason });
        }
        if let Some((_, signal)) = endings.next_if(|(after, _)| begun.elapsed() > *after) {
            tracing::warn!(processes = left.len(), %signal, "ending the remaining processes of a killed PostgreSQL");
            for pid in &left {
                // An error means that the process has ended already.
                let _ = kill(*pid, signal);
            }
        }
        // These processes are not children, so their end must be polled.
        sleep(PAUSE).await;
        left = occupants(cluster, postmaster);
    }
    Ok(())
}

/// The process id in `postmaster.pid`. `None` if the file does not exist.
fn recorded(file: &Path) -> Result<Option<Pid>> {
    let text = if_present(fs::read_to_string(file)).map_err(EmbeddedError::io("read", file))?;
    Ok(text.map(|text| {
        let pid = text.lines().next().and_then(|line| line.trim().parse::<i32>().ok());
        // A truncated file gives process id 0, which is never a server.
        Pid::from_raw(pid.filter(|pid| *pid > 0).unwrap_or(0))
    }))
}

/// The PostgreSQL processes of the cluster. All of them have its folder as their working directory. A process id alone
/// proves nothing: after a restart of the machine or container it may belong to any process, and PostgreSQL would
/// refuse to start because of it.
fn occupants(cluster: &Path, recorded: Pid) -> Vec<Pid> {
    let (Ok(at), Ok(processes)) = (fs::metadata(cluster), fs::read_dir("/proc")) else {
        let alive = recorded.as_raw() > 0 && kill(recorded, None).is_ok();
        return alive.then_some(recorded).into_iter().collect();
    };
    let pid = |name: &str| name.parse().ok().map(Pid::from_raw);
    let pids = processes.flatten().filter_map(|entry| pid(entry.file_name().to_str()?));
    pids.filter(|pid| is_postgres_in(*pid, &at)).collect()
}

fn is_postgres_in(pid: Pid, cluster: &Metadata) -> bool {
    let home = format!("/proc/{pid}");
    let there = |at: Metadata| (at.dev(), at.ino()) == (cluster.dev(), cluster.ino());
    // The name distinguishes a server from a shell with this working directory.
    fs::metadata(format!("{home}/cwd")).is_ok_and(there)
        && fs::read_to_string(format!("{home}/comm")).is_ok_and(|name| name.starts_with("post"))
}

fn proc_is_there() -> bool {
    Path::new("/proc/self/cwd").exists()
}

fn clear(file: &Path) -> Result<()> {
    if_present(fs::remove_file(file)).map(drop).map_err(EmbeddedError::io("remove", file))
}
