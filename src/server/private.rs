//! The private PostgreSQL of the data folder: started by this process, or shared with the service that runs it.

use std::path::{Path, PathBuf};

use super::{ServerError, master_key};
use crate::app::ambient::System;
use crate::config::Settings;
use crate::store::database::ConnectOptions;
use crate::store::database::keys::Keys;
use crate::store::private_postgres;
use crate::store::private_postgres::{Access, Attached, Claim, Embedded, Watched};

/// The private PostgreSQL and its relation to this process.
pub(super) enum Private {
    /// Started by this process, for the duration of a command or a start.
    Own(Box<Embedded>),
    /// Started by this process, and restarted while the service runs.
    Watched(Box<Watched>),
    /// Started by another process, a service on the same data folder.
    Attached(Box<Attached>),
}

impl Private {
    /// Locks the data folder and starts the server, or adopts one that an earlier process left running.
    ///
    /// # Errors
    /// Fails when the folder is in use, the master key is missing, or the server does not start.
    pub(super) async fn start(settings: &Settings, say: &dyn Fn(&str)) -> Result<(Self, Keys), ServerError> {
        Self::claimed(settings, private_postgres::claim(&embedded_settings(settings)?)?, say).await
    }

    /// Like [`Self::start`], but attaches to the server of a service that runs on the data folder.
    ///
    /// # Errors
    /// Fails when another command keeps using the folder, the master key is missing, or the server does not start or
    /// answer.
    pub(super) async fn start_or_attach(settings: &Settings, say: &dyn Fn(&str)) -> Result<(Self, Keys), ServerError> {
        match private_postgres::claim_or_attach(&embedded_settings(settings)?, say).await? {
            Access::Claimed(claim) => Self::claimed(settings, claim, say).await,
            Access::Attached(attached) => {
                let keys = keys(settings, attached.data_dir(), true)?;
                Ok((Self::Attached(Box::new(attached)), keys))
            }
        }
    }

    /// The connect options of the owner.
    pub(super) fn owner(&self) -> ConnectOptions {
        match self {
            Self::Own(embedded) => embedded.connect_options(),
            Self::Watched(watched) => watched.connect_options(),
            Self::Attached(attached) => attached.connect_options(),
        }
    }

    pub(super) fn data_dir(&self) -> &Path {
        match self {
            Self::Own(embedded) => embedded.data_dir(),
            Self::Watched(watched) => watched.data_dir(),
            Self::Attached(attached) => attached.data_dir(),
        }
    }

    /// Whether this process started the server, and therefore migrates it.
    pub(super) const fn is_ours(&self) -> bool {
        !matches!(self, Self::Attached(_))
    }

    /// Restarts the server from now on whenever it ends, and lets commands attach.
    pub(super) fn watched(self) -> Self {
        match self {
            Self::Own(embedded) => Self::Watched(Box::new(embedded.watched())),
            other => other,
        }
    }

    /// Stops the server if this process started it.
    ///
    /// # Errors
    /// Fails when the server does not stop.
    pub(super) async fn stop(self) -> Result<(), ServerError> {
        match self {
            Self::Own(embedded) => Ok(embedded.stop().await?),
            Self::Watched(watched) => Ok(watched.stop().await?),
            Self::Attached(_) => Ok(()),
        }
    }

    async fn claimed(settings: &Settings, claim: Claim, say: &dyn Fn(&str)) -> Result<(Self, Keys), ServerError> {
        let keys = keys(settings, claim.data_dir(), claim.holds_a_cluster())?;
        Ok((Self::Own(Box::new(claim.start(say).await?)), keys))
    }
}

fn keys(settings: &Settings, data_dir: &Path, cluster: bool) -> Result<Keys, ServerError> {
    match &settings.database.master_key_file {
        Some(path) => master_key::read(path),
        None => master_key::read_or_make(data_dir, cluster, &System),
    }
}

fn embedded_settings(settings: &Settings) -> Result<private_postgres::Settings, ServerError> {
    let folder: PathBuf = settings.folder.path().ok_or(ServerError::NoDataFolder)?;
    Ok(private_postgres::Settings {
        postgres_bin: settings.folder.postgres_bin.clone(),
        ..private_postgres::Settings::new(folder)
    })
}
