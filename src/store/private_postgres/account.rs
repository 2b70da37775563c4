//! The account that runs the PostgreSQL programs. Never root.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::unistd::{Gid, Uid, User, getegid, geteuid};
use tokio::process::Command;

use super::error::{EmbeddedError, Result, if_present};

/// Accounts that root switches to, in this order.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];
/// User id of the unprivileged system account where the system lists none.
const UNPRIVILEGED_ID: u32 = 65_534;
/// Environment variables passed to the programs. `PG*` variables would change their behaviour, and others may hold secrets.
const KEPT_ENVIRONMENT: [&str; 2] = ["PATH", "LD_LIBRARY_PATH"];

#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) uid: u32,
    gid: u32,
    pub(super) name: String,
    /// Whether it differs from the account of this process.
    pub(super) dropped: bool,
}

impl Account {
    /// The account of this process. For root: the owner of the cluster, or an unprivileged account.
    pub(super) fn for_cluster(cluster: &Path) -> Result<Self> {
        let owner = if_present(fs::symlink_metadata(cluster)).map_err(EmbeddedError::io("inspect", cluster))?;
        let account = match &owner {
            _ if !geteuid().is_root() => Self::new(geteuid(), getegid(), false),
            // The account chosen by the first start stays, even if `postgres` was added since.
            Some(owner) => Self::new(Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()), true),
            None => Self::unprivileged(),
        };
        match owner {
            Some(owner) if owner.uid() != account.uid || account.uid == 0 => {
                Err(EmbeddedError::unfit(cluster, format!("belongs to the account {}", name_of(owner.uid()))))
            }
            _ => Ok(account),
        }
    }

    pub(super) fn own_path(&self, path: &Path) -> Result<()> {
        if !self.dropped {
            return Ok(());
        }
        lchown(path, Some(self.uid), Some(self.gid)).map_err(EmbeddedError::io("change the owner of", path))
    }

    /// The first folder on the path to `path`, including `path`, that the account cannot enter. Checks owner and mode
    /// only. `None` if the account is that of this process.
    pub(super) fn barred_at(&self, path: &Path) -> Option<PathBuf> {
        if !self.dropped {
            return None;
        }
        let closed = |folder: &&Path| fs::metadata(folder).is_ok_and(|at| !self.may_enter(&at));
        path.ancestors().filter(closed).last().map(Path::to_owned)
    }

    /// A command that runs `program` as this account in a new process group.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", "/").env("LC_ALL", "C").env("TZ", "UTC");
        for name in KEPT_ENVIRONMENT {
            #[expect(clippy::disallowed_methods, reason = "passed to the child process, not read as a setting")]
            let value = std::env::var_os(name);
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        // In its own process group the server does not receive Ctrl-C from the terminal. The service stops it last.
        command.current_dir("/").stdin(Stdio::null()).process_group(0);
        if self.dropped {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    fn new(uid: Uid, gid: Gid, dropped: bool) -> Self {
        Self { uid: uid.as_raw(), gid: gid.as_raw(), name: name_of(uid.as_raw()), dropped }
    }

    fn unprivileged() -> Self {
        let known = UNPRIVILEGED.iter().find_map(|name| User::from_name(name).ok().flatten());
        let unlisted = (Uid::from_raw(UNPRIVILEGED_ID), Gid::from_raw(UNPRIVILEGED_ID));
        let (uid, gid) = known.map_or(unlisted, |user| (user.uid, user.gid));
        Self::new(uid, gid, true)
    }

    fn may_enter(&self, folder: &Metadata) -> bool {
        let bit = if folder.uid() == self.uid {
            0o100
        } else if folder.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        folder.mode() & bit != 0
    }
}

/// The name of the user `uid`, or its number.
pub(super) fn name_of(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
}
