//! Shared by all scenarios of a run: a stopped cluster with clinics, keys and endpoints, which each scenario copies, and
//! the lock that lets one scenario run at a time, because they measure times on the same cores.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex as Held;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::sync::{Mutex, OnceCell};

use super::until;
use crate::service::Place;

/// Names of the clinics, and their numbers of endpoints.
const CLINICS: [(&str, usize); 3] = [("One", 1), ("Two", 2), ("Three", 0)];

/// A clinic and its keys.
#[derive(Clone)]
pub(crate) struct Clinic {
    pub(crate) id: uuid::Uuid,
    pub(crate) intake: String,
    pub(crate) staff: String,
    pub(crate) admin: String,
    /// Number of endpoints that subscribe to its flagged submissions.
    pub(crate) endpoints: i64,
}

/// Created once per run.
pub(crate) struct Run {
    /// The parent folder of all scenarios.
    pub(super) folder: PathBuf,
    /// Data folder of the stopped cluster.
    pub(super) cluster: PathBuf,
    /// The folder of the PostgreSQL programs.
    pub(super) programs: PathBuf,
    pub(crate) clinics: Vec<Clinic>,
}

/// Held by the running scenario.
pub(super) static TURN: Mutex<()> = Mutex::const_new(());
/// Kept until the process ends: it holds the pipe.
static GUARD: Held<Option<std::process::Child>> = Held::new(None);

/// The shared state, created on first use.
pub(crate) async fn run() -> &'static Run {
    static RUN: OnceCell<Run> = OnceCell::const_new();
    RUN.get_or_init(prepare).await
}

async fn prepare() -> Run {
    let folder = tempfile::Builder::new().prefix("sarcoscreen-faults-").tempdir().unwrap().keep();
    // Under root the server runs as another account, which needs access to its folder.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o711)).unwrap();
    clean_up_with_this_process(&folder);
    let place = Place::new().await;
    place.run(&["migrate"]);
    let clinics = clinics(&place).await;
    let server = Pid::from_raw(place.postgres().try_into().unwrap());
    let program = std::fs::read_link(format!("/proc/{server}/exe")).unwrap();
    let shown = sqlx::query_scalar("show data_directory");
    let original: String = shown.fetch_one(&mut place.connect().await).await.unwrap();
    kill(server, Signal::SIGINT).unwrap();
    let running = Path::new(&original).join("postmaster.pid");
    until("PostgreSQL stops", Duration::from_secs(30), async || !running.exists()).await;
    let cluster = folder.join("original");
    let copied = Command::new("cp").arg("-a").arg(original).arg(&cluster).status().unwrap();
    assert!(copied.success(), "the cluster is not copied");
    Run { folder, cluster, programs: program.parent().unwrap().to_owned(), clinics }
}

async fn clinics(place: &Place) -> Vec<Clinic> {
    let mut clinics = Vec::new();
    for (name, endpoints) in CLINICS {
        let fields = ["--name", name, "--booking-url", "https://clinic.example/book", "--emergency-number", "112"];
        let id = place.run(&[&["clinics", "create"], &fields[..]].concat());
        let mint = |role| place.run(&["keys", "mint", "--clinic", &id, "--role", role, "--name", role]);
        let [intake, staff, admin] = ["intake", "staff", "admin"].map(mint);
        let endpoints = i64::try_from(endpoints).unwrap();
        clinics.push(Clinic { id: id.parse().unwrap(), intake, staff, admin, endpoints });
    }
    let receiver = receiver();
    let service = place.serve_with(&[("SARCOSCREEN_WEBHOOK_ALLOW", "127.0.0.1")]);
    for clinic in &clinics {
        for number in 0..clinic.endpoints {
            let body = json!({"url": format!("http://{receiver}/{number}"), "events": ["submission.flagged"]});
            let http = reqwest::Client::new().post(format!("http://{}/v1/webhooks", service.address()));
            let answer = http.bearer_auth(&clinic.admin).json(&body).send().await.unwrap();
            assert_eq!(answer.status(), 201);
        }
    }
    service.stop();
    clinics
}

/// Starts a receiver of webhooks that accepts everything until this process ends.
fn receiver() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // Head and body are small and arrive at once.
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let _ = stream.read(&mut [0; 8192]);
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
        }
    });
    address
}

/// Ends what scenarios started and removes their folder when this process ends, even by a signal: the shell reads until the
/// pipe closes, and only this process holds the pipe.
fn clean_up_with_this_process(folder: &Path) {
    let script = r#"cat > /dev/null
        for file in "$0"/*/service-*.pid; do [ -f "$file" ] && kill -KILL "$(cat "$file")"; done
        for file in "$0"/*/cluster/postmaster.pid "$0"/*/*/cluster/postmaster.pid "$0"/*/*/*/cluster/postmaster.pid; do
            [ -f "$file" ] || continue
            server=$(head -n 1 "$file")
            kill -QUIT "$server" && while kill -0 "$server"; do sleep 0.1; done
        done
        for mounted in "$0"/*/small; do [ -d "$mounted" ] && umount "$mounted"; done
        rm -rf -- "$0""#;
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(script).arg(folder).stdin(Stdio::piped()).process_group(0);
    let child = shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    *GUARD.lock().unwrap() = Some(child);
}
