//! Opening the database: the one that `DATABASE_URL` names, or the private one of the data folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{ServerError, master_key, migration, private_file};
use crate::app::ambient::System;
use crate::app::{App, Policy, health};
use crate::config::{Intake, Settings};
use crate::rules::Releases;
use crate::store::embedded::{self, Claim, Embedded};
use crate::store::keys::Keys;
use crate::store::writer::Grouping;
use crate::store::{ConnectOptions, LOGIN, Sizes, Store, connect_options, schema};

/// How long connections may take to close.
const CLOSE: Duration = Duration::from_secs(5);

/// The name of the erasure log in the data folder.
const ERASURE_LOG: &str = "erasures.log";

/// The use cases on an open database, and the private PostgreSQL under them if there is one.
pub struct Opened {
    /// The use cases.
    pub app: App,
    embedded: Option<Embedded>,
}

impl Opened {
    /// Opens the database. The private one is started, migrated, and knows the rule tables; the other is not touched.
    ///
    /// # Errors
    /// When the settings do not suffice, or the private PostgreSQL cannot be started.
    pub async fn open(settings: &Settings, say: &dyn Fn(&str)) -> Result<Self, ServerError> {
        match &settings.database.url {
            Some(url) => {
                let password = settings.database.password_file.as_deref().map(password).transpose()?;
                let options = connect_options(url.reveal(), password.as_ref().map(|text| text.as_str()))?;
                migration::warn_of_unverified(&options, "DATABASE_URL");
                Self::given(settings, options)
            }
            None => Self::private(settings, Embedded::service_options, say).await,
        }
    }

    /// Opens the database as its owner, for what the service itself may not do. Never to be served from.
    ///
    /// # Errors
    /// When the settings do not suffice, or the private PostgreSQL cannot be started.
    pub async fn as_owner(settings: &Settings, say: &dyn Fn(&str)) -> Result<Self, ServerError> {
        match &settings.database.url {
            Some(_) => Self::given(settings, migration::owner(settings)?),
            None => Self::private(settings, Embedded::connect_options, say).await,
        }
    }

    /// The data folder of the private PostgreSQL.
    #[must_use]
    pub fn data_dir(&self) -> Option<&Path> {
        self.embedded.as_ref().map(Embedded::data_dir)
    }

    /// Closes every connection, then stops the private PostgreSQL.
    ///
    /// # Errors
    /// When the private PostgreSQL does not stop.
    pub async fn close(self) -> Result<(), ServerError> {
        if tokio::time::timeout(CLOSE, health::close(&self.app)).await.is_err() {
            tracing::warn!("connections to the database did not close in time");
        }
        match self.embedded {
            Some(embedded) => Ok(embedded.stop().await?),
            None => Ok(()),
        }
    }

    fn given(settings: &Settings, options: ConnectOptions) -> Result<Self, ServerError> {
        let keys = master_key::read(settings.database.master_key_file.as_ref().ok_or(ServerError::NoMasterKey)?)?;
        let store = Store::open(options, sizes(settings), keys);
        let log = settings.database.erasure_log.clone();
        Ok(Self { app: app(settings, store, Releases::load()?, log), embedded: None })
    }

    async fn private(
        settings: &Settings,
        options: fn(&Embedded) -> ConnectOptions,
        say: &dyn Fn(&str),
    ) -> Result<Self, ServerError> {
        let releases = Releases::load()?;
        let claim = embedded::claim(&embedded_settings(settings)?)?;
        let keys = private_keys(settings, &claim)?;
        let embedded = claim.start(say).await?;
        let owner = embedded.connect_options();
        let store = Store::open(options(&embedded), sizes(settings), keys);
        let log = settings.database.erasure_log.clone().unwrap_or_else(|| embedded.data_dir().join(ERASURE_LOG));
        let opened = Self { app: app(settings, store, releases, Some(log)), embedded: Some(embedded) };
        match prepare(&opened.app, &owner).await {
            Ok(()) => Ok(opened),
            Err(error) => {
                opened.abandon().await;
                Err(error)
            }
        }
    }

    /// Closes after a failure that is more worth telling than one of closing.
    pub(super) async fn abandon(self) {
        if let Err(error) = self.close().await {
            tracing::warn!(%error, "after a failed start");
        }
    }
}

/// Brings the private database up to this program: its schema, the login role, which needs no password on a socket that only
/// its account reaches, its key and the text of every rule table.
async fn prepare(app: &App, owner: &ConnectOptions) -> Result<(), ServerError> {
    schema::migrate(owner, LOGIN, None).await?;
    Ok(app.prepare().await?)
}

fn app(settings: &Settings, store: Store, releases: Releases, erasure_log: Option<PathBuf>) -> App {
    let policy = Policy {
        idempotency_lifetime: Duration::from_hours(settings.http.idempotency_hours),
        accepted_unsafe_settings: settings.database.allow_unsafe_durability.clone(),
        erasure_log,
    };
    App::new(store, releases, Arc::new(System), policy)
}

fn sizes(settings: &Settings) -> Sizes {
    let Intake { intake_batch, intake_writers } = settings.intake;
    Sizes {
        connections: settings.database.connections,
        deadline: Duration::from_millis(settings.database.deadline_ms.into()),
        accepted_unsafe_settings: settings.database.allow_unsafe_durability.clone(),
        intake: Grouping { batch: intake_batch.into(), writers: intake_writers.into(), ..Grouping::default() },
    }
}

fn private_keys(settings: &Settings, claim: &Claim) -> Result<Keys, ServerError> {
    match &settings.database.master_key_file {
        Some(path) => master_key::read(path),
        None => master_key::read_or_make(claim.data_dir(), claim.holds_a_cluster(), &System),
    }
}

fn embedded_settings(settings: &Settings) -> Result<embedded::Settings, ServerError> {
    let folder: PathBuf = settings.folder.path().ok_or(ServerError::NoDataFolder)?;
    Ok(embedded::Settings {
        postgres_bin: settings.folder.postgres_bin.clone(),
        search_system: !settings.folder.ignore_installed_postgres,
        ..embedded::Settings::new(folder)
    })
}

/// Reads a password's file.
pub(super) fn password(path: &Path) -> Result<Zeroizing<String>, ServerError> {
    let text = Zeroizing::new(fs::read_to_string(path).map_err(private_file::failed("read", path))?);
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
