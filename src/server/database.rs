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
use crate::store::database::writer::Grouping;
use crate::store::database::{ConnectOptions, Sizes, Store, schema};
use crate::store::writers::Writers;
use crate::store::{LOGIN, connect_options};

/// How long closing the connections may take.
const CLOSE: Duration = Duration::from_secs(5);

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
    /// `DATABASE_URL` is not changed. Fails when settings are missing, the data folder is in use, or the private
    /// PostgreSQL cannot be started.
    pub async fn open(settings: &Settings, say: &dyn Fn(&str)) -> Result<Self, ServerError> {
        match &settings.database.url {
            Some(url) => Self::given(settings, service(settings, url.reveal())?),
            None => Self::private(settings, Private::start(settings, say), as_service).await,
        }
    }

    /// Opens the database for a command. Like [`Self::open`], but if a service is running on the data folder, its
    /// PostgreSQL is used as it is.
    pub async fn beside(settings: &Settings, say: &dyn Fn(&str)) -> Result<Self, ServerError> {
        match &settings.database.url {
            Some(_) => Self::open(settings, say).await,
            None => Self::private(settings, Private::start_or_attach(settings, say), as_service).await,
        }
    }

    /// Like [`Self::beside`], but as the owner, for operations that the service role may not do. Never serve requests
    /// from it.
    pub async fn as_owner(settings: &Settings, say: &dyn Fn(&str)) -> Result<Self, ServerError> {
        match &settings.database.url {
            Some(_) => Self::given(settings, migration::owner(settings)?),
            None => Self::private(settings, Private::start_or_attach(settings, say), identity).await,
        }
    }

    pub fn data_dir(&self) -> Option<&Path> {
        self.private.as_ref().map(|private| &*private.data_dir)
    }

    /// From now on, the private PostgreSQL is restarted whenever it ends, and commands may attach to it.
    pub(super) fn watch(&mut self) {
        self.private = self.private.take().map(Private::watched);
    }

    /// Closes all connections, then stops the private PostgreSQL. Fails when it does not stop.
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
        starting: impl Future<Output = Result<(Private, Keys), ServerError>>,
        login: Login,
    ) -> Result<Self, ServerError> {
        let releases = Releases::load()?;
        let (private, keys) = starting.await?;
        let owner = private.owner.clone();
        let store = Store::open(login(owner.clone()), sizes(settings), keys);
        let log = settings.database.erasure_log.clone().unwrap_or_else(|| private.data_dir.join(ERASURE_LOG));
        let ours = private.is_ours();
        let opened = Self { app: app(settings, store, releases, Some(log)), private: Some(private) };
        if ours && let Err(error) = prepare(&opened.app, &owner).await {
            return Err(opened.abandon(error).await);
        }
        Ok(opened)
    }

    /// Closes after a failed start, and returns the error of the start. Only logs a failure to close, because the first
    /// error is more important.
    pub(super) async fn abandon(self, failed: ServerError) -> ServerError {
        if let Err(error) = self.close().await {
            tracing::warn!(error = %with_causes(&error), "cannot close the database after a failed start");
        }
        failed
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

pub(super) fn password(path: &Path) -> Result<Zeroizing<String>, ServerError> {
    let text = Zeroizing::new(fs::read_to_string(path).map_err(private_file::failed("read", path))?);
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
