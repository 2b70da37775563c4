//! Whether the service may take submissions.

use std::sync::atomic::Ordering;
use std::time::Duration;

use moka::future::Cache as Moka;

use super::App;
use crate::store::{self, ReplicaFigures};

/// How long an answer of the database serves everybody who asks.
const FRESH: Duration = Duration::from_secs(1);

/// What keeps the service from being ready.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one answer to one question")]
pub struct Readiness {
    /// Whether the database answers.
    pub database: bool,
    /// Whether every migration is applied.
    pub migrations: bool,
    /// Whether the database itself keeps clinics apart.
    pub row_security: bool,
    /// Whether the service signs in to the database as a role that can neither pass by row security nor change the schema.
    pub unprivileged: bool,
    /// Whether the master key and the rule tables were found to be those of this database.
    pub prepared: bool,
    /// Whether what the database acknowledges is on disk, or the operator accepted that it may not be.
    pub durable_settings: bool,
    /// Whether the disk of the database has room.
    pub disk: bool,
    /// What is wrong with the tables of the database and what to do, for the operator.
    pub schema_fault: Option<String>,
    /// That the database is of a newer program, for the operator. It keeps the service from nothing.
    pub schema_warning: Option<String>,
}

impl Readiness {
    /// Whether nothing keeps it.
    #[must_use]
    pub const fn ready(&self) -> bool {
        self.database
            && self.migrations
            && self.row_security
            && self.unprivileged
            && self.prepared
            && self.durable_settings
            && self.disk
    }
}

/// What the database said last.
pub(crate) type Cache = Moka<(), Readiness>;

pub(crate) fn cache() -> Cache {
    Moka::builder().time_to_live(FRESH).build()
}

/// Whether it is ready, as the database said at most a second ago. It is asked once, however many wait.
pub async fn recent(app: &App) -> Readiness {
    app.readiness.get_with((), readiness(app)).await
}

/// Asks the database.
///
/// # Errors
/// None that it reports: a database that is away is an answer.
pub async fn readiness(app: &App) -> Readiness {
    match store::health::check(&app.store).await {
        Ok(health) => {
            let accepted = &app.policy.accepted_unsafe_settings;
            let refused: Vec<_> = health.unsafe_settings.iter().filter(|name| !accepted.contains(name)).collect();
            if !refused.is_empty() {
                tracing::warn!(settings = ?refused, "an acknowledged submission could be lost under these settings");
            }
            if !health.disk {
                tracing::warn!("the disk of the database is full");
            }
            let schema_fault = health.fault();
            if let Some(fault) = &schema_fault {
                tracing::warn!("{fault}");
            }
            if !health.unprivileged {
                tracing::warn!(
                    "DATABASE_URL signs in as the owner of the database, a superuser or another privileged role; \
                     `sarcoscreen migrate` makes the role that the service is meant to sign in as"
                );
            }
            Readiness {
                database: true,
                migrations: health.migrations.fault().is_none(),
                row_security: health.row_security && health.lacking_rights.is_empty(),
                unprivileged: health.unprivileged,
                prepared: app.prepared.load(Ordering::Acquire),
                durable_settings: refused.is_empty(),
                disk: health.disk,
                schema_fault,
                schema_warning: health.migrations.warning(),
            }
        }
        Err(error) => {
            tracing::warn!(%error, "not ready");
            Readiness {
                database: false,
                migrations: false,
                row_security: false,
                unprivileged: false,
                prepared: false,
                durable_settings: false,
                disk: false,
                schema_fault: None,
                schema_warning: None,
            }
        }
    }
}

/// How the replica stands, and how reads were shared out; `None` where there is none. It keeps nobody from being ready.
#[must_use]
pub fn replica(app: &App) -> Option<ReplicaFigures> {
    app.store.replica_figures()
}

/// Waits until every connection is closed.
pub async fn close(app: &App) {
    app.store.close().await;
}
