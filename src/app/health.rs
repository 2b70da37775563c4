//! Readiness: whether the service may take submissions.

use std::sync::atomic::Ordering;
use std::time::Duration;

use moka::future::Cache as Moka;

use super::App;
use crate::domain::causes::with_causes;
use crate::store::{self, ReplicaFigures};

/// How long a readiness result is cached for all callers.
const FRESH: Duration = Duration::from_secs(1);

/// The conditions of readiness.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent condition")]
pub struct Readiness {
    /// Whether the database answers.
    pub database: bool,
    /// Whether every migration is applied.
    pub migrations: bool,
    /// Whether row security is active in the database.
    pub row_security: bool,
    /// Whether the service signs in to the database as a role that can neither bypass row security nor change the schema.
    pub unprivileged: bool,
    /// Whether the master key and the rule tables were found to belong to this database.
    pub prepared: bool,
    /// Whether acknowledged data is on disk, or the operator accepted that it may not be.
    pub durable_settings: bool,
    /// Whether the disk of the database has free space.
    pub disk: bool,
    /// What is wrong with the tables of the database and what to do, for the operator.
    pub schema_fault: Option<String>,
    /// A warning for the operator that the database is of a newer program. It does not affect readiness.
    pub schema_warning: Option<String>,
}

impl Readiness {
    /// Whether all conditions hold.
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

/// The last result.
pub(crate) type Cache = Moka<(), Readiness>;

pub(crate) fn cache() -> Cache {
    Moka::builder().time_to_live(FRESH).build()
}

/// The readiness, at most a second old. Concurrent callers share one check.
pub async fn recent(app: &App) -> Readiness {
    app.readiness.get_with((), readiness(app)).await
}

/// Checks the database.
///
/// # Errors
/// None: an unavailable database is a result.
pub async fn readiness(app: &App) -> Readiness {
    match store::database::health::check(&app.store).await {
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
                     `sarcoscreen migrate` creates the role that the service must sign in as"
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
            tracing::warn!(error = %with_causes(&error), "not ready");
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

/// The state of the replica and the distribution of reads; `None` without a replica. It does not affect readiness.
#[must_use]
pub fn replica(app: &App) -> Option<ReplicaFigures> {
    app.reports.replica_figures()
}

pub async fn close(app: &App) {
    app.writers.drained().await;
    app.store.close();
    app.reports.close();
}
