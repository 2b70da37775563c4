//! `audit`: seals, prunes and verifies the audit log.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::database::{clinic_id, find_clinic, on_database, on_opened};
use super::output::{print, tell};
use super::progress::shown;
use crate::app::App;
use crate::app::audit::pruning::{Pruning, prune};
use crate::app::audit::sealing;
use crate::app::audit::verification::{Verified, verify};
use crate::config::{Audit, Settings};
use crate::domain::audit::seal::{Break, Head, Tombstone};
use crate::domain::ids::ClinicId;
use crate::server::Opened;

/// Breaks beyond this number are counted but not listed.
const LISTED: usize = 1_000;

pub(super) async fn run(settings: &Settings, command: &Audit) -> anyhow::Result<ExitCode> {
    match command {
        Audit::Seal => {
            let heads = on_database(settings, async |app| Ok(sealing::seal(app).await?)).await?;
            for head in heads {
                print(&format!("head={head}\n"))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Audit::Prune { clinic, dry_run } => run_prune(settings, clinic.as_deref(), *dry_run).await,
        Audit::Verify { clinic, heads, json } => run_verify(settings, clinic.as_deref(), heads, *json).await,
    }
}

async fn run_prune(settings: &Settings, clinic: Option<&str>, dry_run: bool) -> anyhow::Result<ExitCode> {
    let (mut lines, mut refused) = (Vec::new(), false);
    let pruned = on_opened(Opened::as_owner(settings, &tell).await?, async |app| {
        let clinic_id = match clinic {
            Some(clinic) => Some(pruned_clinic(app, clinic).await?),
            None => None,
        };
        let found = |clinic_id, pruning| {
            refused |= matches!(pruning, Pruning::Refused(_));
            lines.push(pruning_in_words(clinic_id, &pruning, dry_run));
        };
        Ok(prune(app, clinic_id, dry_run, found).await?)
    });
    let pruned = pruned.await;
    // What was removed before a failure stays removed, so it is always reported.
    print(&lines.concat())?;
    pruned?;
    if lines.is_empty() {
        print("no entry is past its retention period\n")?;
    }
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn pruned_clinic(app: &App, clinic: &str) -> anyhow::Result<ClinicId> {
    let clinic = find_clinic(app, clinic).await?;
    if clinic.audit_retention_years.is_none() {
        bail!("this clinic keeps its audit log forever; `clinics set --audit-retention-years` sets a retention period");
    }
    Ok(clinic.clinic_id)
}

fn pruning_in_words(clinic_id: ClinicId, pruning: &Pruning, dry_run: bool) -> String {
    let name = name(clinic_id);
    match pruning {
        Pruning::Removed(Tombstone { first_seal, last_seal, entries, first_at, last_at, .. }) => {
            let done = if dry_run { "would be removed" } else { "removed" };
            format!("{name}: seals {first_seal} to {last_seal}, {entries} entries of {first_at} to {last_at} {done}\n")
        }
        Pruning::Refused(broken) => {
            let listed = broken.iter().take(LISTED).map(|broken| format!("{name}: {broken}\n"));
            let refused = format!("{name}: nothing removed, because the oldest entries do not verify\n");
            listed.chain([refused]).collect()
        }
    }
}

async fn run_verify(
    settings: &Settings,
    clinic: Option<&str>,
    heads: &[PathBuf],
    json: bool,
) -> anyhow::Result<ExitCode> {
    let mut heads = Heads::open(heads)?;
    let mut listed = Vec::new();
    let verified = on_database(settings, async |app| {
        let clinic_id = clinic_id(app, clinic).await?;
        let found = |clinic_id, broken| {
            if listed.len() < LISTED {
                listed.push((clinic_id, broken));
            }
        };
        shown(async |shown| verify(app, clinic_id, heads.by_ref(), found, |now| shown.at(now)).await).await
    });
    let verified = verified.await?;
    if let Some(error) = heads.failed {
        return Err(error).context("cannot read a file of heads completely");
    }
    print(&if json { in_json(&verified, &listed)? } else { in_words(&verified, &listed)? })?;
    Ok(if verified.breaks == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The heads in files, read line by line.
struct Heads {
    files: Vec<BufReader<File>>,
    line: Vec<Head>,
    failed: Option<io::Error>,
}

impl Heads {
    fn open(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let open = |path: &PathBuf| {
            File::open(path).map(BufReader::new).with_context(|| format!("cannot read {}", path.display()))
        };
        Ok(Self { files: paths.iter().map(open).collect::<Result<_, _>>()?, line: Vec::new(), failed: None })
    }
}

impl Iterator for Heads {
    type Item = Head;

    fn next(&mut self) -> Option<Head> {
        while self.line.is_empty() {
            let mut bytes = Vec::new();
            match self.files.last_mut()?.read_until(b'\n', &mut bytes) {
                Ok(0) => {
                    self.files.pop();
                }
                Ok(_) => self.line = Head::all_in(&String::from_utf8_lossy(&bytes)).collect(),
                Err(error) => {
                    self.failed = Some(error);
                    return None;
                }
            }
        }
        self.line.pop()
    }
}

fn name(clinic_id: ClinicId) -> String {
    if clinic_id.0.is_nil() { "the system".to_owned() } else { format!("clinic {clinic_id}") }
}

fn in_words(verified: &Verified, listed: &[(ClinicId, Break)]) -> Result<String, fmt::Error> {
    let Verified { chains, entries, seals, waiting, tombstones, pruned_entries, pruned_seals, heads, breaks } =
        verified;
    let mut text = String::new();
    for (clinic_id, broken) in listed {
        writeln!(text, "{}: {broken}", name(*clinic_id))?;
    }
    let left_out = breaks - listed.len() as u64;
    if left_out > 0 {
        writeln!(text, "and {left_out} more")?;
    }
    write!(text, "{entries} entries in {chains} chains of {seals} seals, {waiting} wait for a seal; ")?;
    if *tombstones > 0 {
        write!(text, "{pruned_entries} entries in {pruned_seals} seals were pruned, by {tombstones} tombstones; ")?;
    }
    writeln!(text, "{heads} known heads; {breaks} breaks")?;
    Ok(text)
}

fn in_json(verified: &Verified, listed: &[(ClinicId, Break)]) -> anyhow::Result<String> {
    let document = json!({
        "chains": verified.chains,
        "entries": verified.entries,
        "seals": verified.seals,
        "waiting": verified.waiting,
        "pruned_entries": verified.pruned_entries,
        "pruned_seals": verified.pruned_seals,
        "tombstones": verified.tombstones,
        "heads": verified.heads,
        "breaks": verified.breaks,
        "first": listed.iter().map(|(clinic_id, broken)| one_in_json(*clinic_id, broken)).collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn one_in_json(clinic_id: ClinicId, broken: &Break) -> Value {
    let mut row = json!({"clinic_id": clinic_id, "kind": broken.kind()});
    match *broken {
        Break::EntryChanged(id) | Break::EntryMissing(id) | Break::EntryAdded(id) | Break::EntrySealedTwice(id) => {
            row["audit_entry_id"] = json!(id);
        }
        Break::SealsMissing { first, last } => {
            row["first"] = json!(first);
            row["last"] = json!(last);
        }
        Break::SealChanged(number)
        | Break::SealOutOfOrder(number)
        | Break::SealReplaced(number)
        | Break::SealNotPruned(number) => row["seal_number"] = json!(number),
        Break::TombstoneChanged(first) | Break::TombstoneOutOfOrder(first) => row["first_seal"] = json!(first),
        Break::ChainCut { known, last } => {
            row["known"] = json!(known);
            row["last"] = json!(last);
        }
    }
    row
}
