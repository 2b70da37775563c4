//! Opens the database: the one in `DATABASE_URL`, or the private one of the data folder.

use std::convert::identity;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::private::Private;
use super::{ServerError, master_key, migration, private_file};
use crate::app::ambient::System;
use crate::app::{App, Policy, health};
use crate::config::{Intake, Settings};
use crate::domain::causes::with_causes;
use crate::rules::Releases;
use crate::store::database::keys::Keys;
use crate::store::database::schema;
use crate::store::database::writer::Grouping;
use crate::store::database::{ConnectOptions, Sizes, Store};
use crate::store::writers::Writers;
use crate::store::{LOGIN, connect_options};

/// How long closing the connections may take.
const CLOSE: Duration = Duration::from_secs(5);

/// The name of the erasure log in the data folder.
const ERASURE_LOG: &str = "erasures.log";

/// The use cases with an open database, and the private PostgreSQL if there is one.
pub struct Opened {
    pub app: App,
    private: Option<Private>,
}

/// Turns the connect options of the owner into those of this process.
type Login = fn(ConnectOptions) -> ConnectOptions;

impl Opened {
    /// Opens the database for a service. The private one is started and migrated, and gets the rule tables. The one in
    /// `DATABASE_URL` is not changed.
    ///
    /// # Errors
    /// Fails when settings are missing, the data folder is in use, or the private PostgreSQL cannot be started.
    pub async fn open(settings: &Settings, say: &dyn Fn(&str)) -> Result<Self, ServerError> {
        if let Some(url) = &settings.database.url {
            return Self::given(settings, service(settings, url.reveal())?);
        }
        let releases = Releases::load()?;
        Self::private(settings, releases, Private::start(settings, say).await?, as_service).await
    }

    /// Opens the database for a command. Like [`Self::open`], but if a service is running on the data folder, its
    /// PostgreSQL is used as it is.
    ///
    /// # Errors
    /// Fails when settings are missing, or the private PostgreSQL cannot be started and does not answer.
    pub async fn beside(settings: &Settings, say: &dyn Fn(&str)) -> Result<Self, ServerError> {
        if settings.database.url.is_some() {
            return Self::open(settings, say).await;
        }
        let releases = Releases::load()?;
        Self::private(settings, releases, Private::start_or_attach(settings, say).await?, as_service).await
    }

    /// Opens the database as its owner, for operations that the service role may not do. Never serve requests from it.
    ///
    /// # Errors
    /// Fails when settings are missing, or the private PostgreSQL cannot be started and does not answer.
    pub async fn as_owner(settings: &Settings, say: &dyn Fn(&str)) -> Result<Self, ServerError> {
        if settings.database.url.is_some() {
            return Self::given(settings, migration::owner(settings)?);
        }
        let releases = Releases::load()?;
        Self::private(settings, releases, Private::start_or_attach(settings, say).await?, identity).await
    }

    /// The data folder of the private PostgreSQL.
    #[must_use]
    pub fn data_dir(&self) -> Option<&Path> {
        self.private.as_ref().map(Private::data_dir)
    }

    /// From now on the private PostgreSQL is restarted whenever it ends, and commands may attach to it.
    pub(super) fn watch(&mut self) {
        self.private = self.private.take().map(Private::watched);
    }

    /// Closes all connections, then stops the private PostgreSQL.
    ///
    /// # Errors
    /// Fails when the private PostgreSQL does not stop.
    pub async fn close(self) -> Result<(), ServerError> {
        if tokio::time::timeout(CLOSE, health::close(&self.app)).await.is_err() {
            tracing::warn!("database connections did not close in time");
        }
        match self.private {
            Some(private) => private.stop().await,
            None => Ok(()),
        }
    }

    fn given(settings: &Settings, options: ConnectOptions) -> Result<Self, ServerError> {
        let keys = master_key::read(settings.database.master_key_file.as_ref().ok_or(ServerError::NoMasterKey)?)?;
        let store = Store::open(options, sizes(settings), keys);
        let log = settings.database.erasure_log.clone();
        Ok(Self { app: app(settings, store, Releases::load()?, log), private: None })
    }

    async fn private(
        settings: &Settings,
        releases: Releases,
        (private, keys): (Private, Keys),
        login: Login,
    ) -> Result<Self, ServerError> {
        let owner = private.owner();
        let store = Store::open(login(owner.clone()), sizes(settings), keys);
        let log = settings.database.erasure_log.clone().unwrap_or_else(|| private.data_dir().join(ERASURE_LOG));
        let ours = private.is_ours();
        let opened = Self { app: app(settings, store, releases, Some(log)), private: Some(private) };
        if !ours {
            return Ok(opened);
        }
        match prepare(&opened.app, &owner).await {
            Ok(()) => Ok(opened),
            Err(error) => {
                opened.abandon().await;
                Err(error)
            }
        }
    }

    /// Closes after a failed start. Only logs a failure to close, because the first error is more important.
    pub(super) async fn abandon(self) {
        if let Err(error) = self.close().await {
            tracing::warn!(error = %with_causes(&error), "cannot close the database after a failed start");
        }
    }
}

/// Prepares the private database for this program: the schema, the login role (which needs no password on a socket that
/// only this account can reach), the check of its key, and the text of every rule table.
async fn prepare(app: &App, owner: &ConnectOptions) -> Result<(), ServerError> {
    schema::migrate_or_keep(owner, LOGIN).await?;
    Ok(app.prepare().await?)
}

fn app(settings: &Settings, store: Store, releases: Releases, erasure_log: Option<PathBuf>) -> App {
    let policy = Policy {
        idempotency_lifetime: Duration::from_hours(settings.http.idempotency_hours),
        accepted_unsafe_settings: settings.database.allow_unsafe_durability.clone(),
        erasure_log,
    };
    let Intake { intake_batch, intake_writers } = settings.intake;
    let intake = Grouping { batch: intake_batch.into(), writers: intake_writers.into(), ..Grouping::default() };
    let writers = Writers::start(&store, intake);
    App::new(store, writers, releases, Arc::new(System), policy)
}

fn sizes(settings: &Settings) -> Sizes {
    Sizes {
        connections: settings.database.connections,
        deadline: Duration::from_millis(settings.database.deadline_ms.into()),
        accepted_unsafe_settings: settings.database.allow_unsafe_durability.clone(),
    }
}

/// The connect options of the service for `DATABASE_URL`.
fn service(settings: &Settings, url: &str) -> Result<ConnectOptions, ServerError> {
    let password = settings.database.password_file.as_deref().map(password).transpose()?;
    let options = connect_options(url, password.as_ref().map(|text| text.as_str()))?;
    migration::warn_of_unverified(&options, "DATABASE_URL");
    Ok(options)
}

fn as_service(owner: ConnectOptions) -> ConnectOptions {
    owner.username(LOGIN)
}

/// Reads a password file.
pub(super) fn password(path: &Path) -> Result<Zeroizing<String>, ServerError> {
    let text = Zeroizing::new(fs::read_to_string(path).map_err(private_file::failed("read", path))?);
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
