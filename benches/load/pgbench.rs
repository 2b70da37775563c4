//! The limit of the database: pgbench with the rows of one submission as one statement.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use hdrhistogram::Histogram;
use tokio::process::Command;

use crate::place::Place;
use crate::requests::{KNOWN_PEOPLE, OF_KNOWN_PEOPLE};
use crate::usage::{family, of_ended_children};
use crate::world::Clinic;

const SCRIPT: &str = include_str!("../pgbench/submission.sql");

/// pgbench, ready to run.
pub(crate) struct Pgbench {
    program: PathBuf,
    folder: tempfile::TempDir,
    patterns: usize,
}

/// The result of a run.
pub(crate) struct Ran {
    /// Transactions per second.
    pub(crate) rate: f64,
    /// Latencies, microseconds.
    pub(crate) latencies: Histogram<u64>,
    /// CPU seconds of PostgreSQL.
    pub(crate) postgres: f64,
    /// CPU seconds of pgbench.
    pub(crate) pgbench: f64,
}

impl Pgbench {
    pub(crate) fn new(place: &Place, patterns: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("submission.sql"), SCRIPT).unwrap();
        // Debian's `pgbench` in the search path is a script that searches for this program.
        let debian = PathBuf::from(format!("/usr/lib/postgresql/{}/bin/pgbench", place.version()));
        let program = if debian.exists() { debian } else { PathBuf::from("pgbench") };
        Self { program, folder, patterns }
    }

    /// Runs the given number of clients for each clinic. A session belongs to one clinic, so each clinic has its own
    /// process.
    pub(crate) async fn run(&self, place: &Place, clinics: &[Clinic], clients: usize, seconds: u64) -> Ran {
        let before = (family(place.postgres()), of_ended_children());
        let running = clinics.iter().enumerate().map(|(number, clinic)| {
            let log = self.folder.path().join(format!("log-{number}"));
            self.one(place, clinic, clients, seconds, log)
        });
        let outputs = futures_util::future::join_all(running).await;
        let after = (family(place.postgres()), of_ended_children());
        Ran {
            rate: outputs.iter().map(|output| figure(output, "tps = ")).sum(),
            latencies: self.latencies(),
            postgres: after.0 - before.0,
            pgbench: after.1 - before.1,
        }
    }

    async fn one(&self, place: &Place, clinic: &Clinic, clients: usize, seconds: u64, log: PathBuf) -> String {
        let (socket, user, database) = place.coordinates();
        let mut command = Command::new(&self.program);
        command.args(["--no-vacuum", "--protocol=prepared", "--jobs=1", "--log"]);
        command.args([format!("--client={clients}"), format!("--time={seconds}")]);
        command.arg(format!("--log-prefix={}", log.display()));
        for (name, value) in [
            ("clinic", clinic.id.to_string()),
            ("credential", clinic.pgbench.to_string()),
            ("patterns", self.patterns.to_string()),
            ("people", KNOWN_PEOPLE.to_string()),
            ("of_known_people", OF_KNOWN_PEOPLE.to_string()),
        ] {
            command.arg(format!("--define={name}={value}"));
        }
        command.arg("--file").arg(self.folder.path().join("submission.sql"));
        command.arg(format!("--host={}", socket.display())).arg(format!("--username={user}")).arg(database);
        command.env("PGOPTIONS", format!("-c role=sarcoscreen_writer -c sarcoscreen.clinic_ids={{{}}}", clinic.id));
        let output = command.stdin(Stdio::null()).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let failed = figure(&text, "number of failed transactions: ");
        assert!(output.status.success() && failed == 0.0, "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    /// Reads the latencies from the logs and removes the logs.
    fn latencies(&self) -> Histogram<u64> {
        let mut all = Histogram::new_with_bounds(1, 60_000_000, 3).unwrap();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path: &Path = &entry.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with("log-") {
                for line in std::fs::read_to_string(path).unwrap().lines() {
                    all.saturating_record(line.split(' ').nth(2).unwrap().parse().unwrap());
                }
                std::fs::remove_file(path).unwrap();
            }
        }
        all
    }
}

fn figure(output: &str, after: &str) -> f64 {
    let rest = output.split(after).nth(1).unwrap_or_else(|| panic!("no {after:?} in {output}"));
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].parse().unwrap()
}
