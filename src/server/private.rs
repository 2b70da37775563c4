//! The private PostgreSQL of the data folder: started by this process, or shared with the service that runs it.

use std::path::{Path, PathBuf};

use super::{ServerError, master_key};
use crate::app::ambient::System;
use crate::config::Settings;
use crate::store::database::ConnectOptions;
use crate::store::database::keys::Keys;
use crate::store::private_postgres::{self, Access, Claim, Embedded, Watched};

pub(super) struct Private {
    /// The connect options of the owner.
    pub(super) owner: ConnectOptions,
    pub(super) data_dir: PathBuf,
    process: Process,
}

/// The server process and its relation to this process.
enum Process {
    /// Started by this process, for the duration of a command or a start.
    Own(Box<Embedded>),
    /// Started by this process, and restarted while the service runs.
    Watched(Watched),
    /// Started by another process, a service on the same data folder.
    Other,
}

impl Private {
    /// Locks the data folder and starts the server, or adopts one that an earlier process left running. Fails when the
    /// folder is in use, the master key is missing, or the server does not start.
    pub(super) async fn start(settings: &Settings, say: &dyn Fn(&str)) -> Result<(Self, Keys), ServerError> {
        Self::claimed(settings, private_postgres::claim(&embedded_settings(settings)?)?, say).await
    }

    /// Like [`Self::start`], but attaches to the server of a service that runs on the data folder. Also fails when
    /// another command keeps using the folder, or the server of the service does not respond.
    pub(super) async fn start_or_attach(settings: &Settings, say: &dyn Fn(&str)) -> Result<(Self, Keys), ServerError> {
        match private_postgres::claim_or_attach(&embedded_settings(settings)?, say).await? {
            Access::Claimed(claim) => Self::claimed(settings, claim, say).await,
            Access::Attached(attached) => {
                let (owner, data_dir) = (attached.connect_options(), attached.data_dir().to_owned());
                let keys = keys(settings, &data_dir, true)?;
                Ok((Self { owner, data_dir, process: Process::Other }, keys))
            }
        }
    }

    /// Whether this process started the server, and therefore migrates it.
    pub(super) const fn is_ours(&self) -> bool {
        !matches!(self.process, Process::Other)
    }

    /// Restarts the server from now on whenever it ends, and lets commands attach.
    pub(super) fn watched(self) -> Self {
        let process = match self.process {
            Process::Own(embedded) => Process::Watched(embedded.watched()),
            other => other,
        };
        Self { process, ..self }
    }

    /// Stops the server if this process started it. Fails when it does not stop.
    pub(super) async fn stop(self) -> Result<(), ServerError> {
        match self.process {
            Process::Own(embedded) => embedded.stop().await?,
            Process::Watched(watched) => watched.stop().await?,
            Process::Other => {}
        }
        Ok(())
    }

    async fn claimed(settings: &Settings, claim: Claim, say: &dyn Fn(&str)) -> Result<(Self, Keys), ServerError> {
        let keys = keys(settings, claim.data_dir(), claim.holds_a_cluster())?;
        let embedded = claim.start(say).await?;
        let (owner, data_dir) = (embedded.connect_options(), embedded.data_dir().to_owned());
        Ok((Self { owner, data_dir, process: Process::Own(Box::new(embedded)) }, keys))
    }
}

fn keys(settings: &Settings, data_dir: &Path, cluster: bool) -> Result<Keys, ServerError> {
    match &settings.database.master_key_file {
        Some(path) => master_key::read(path),
        None => master_key::read_or_make(data_dir, cluster, &System),
    }
}

fn embedded_settings(settings: &Settings) -> Result<private_postgres::Settings, ServerError> {
    let folder = settings.folder.path().ok_or(ServerError::NoDataFolder)?;
    let postgres_bin = settings.folder.postgres_bin.clone();
    Ok(private_postgres::Settings { postgres_bin, ..private_postgres::Settings::new(folder) })
}
