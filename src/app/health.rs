//! Checks the readiness of the service, and closes the database.

use std::sync::atomic::Ordering;

use super::{App, readiness::Readiness};
use crate::domain::causes::with_causes;
use crate::store::{self, ReplicaFigures};

/// The readiness, at most a second old. Concurrent callers share one check.
pub async fn recent(app: &App) -> Readiness {
    app.readiness.get_with((), readiness(app)).await
}

pub async fn readiness(app: &App) -> Readiness {
    match store::database::health::check(&app.store).await {
        Ok(health) => {
            let accepted = &app.policy.accepted_unsafe_settings;
            let refused: Vec<_> = health.unsafe_settings.iter().filter(|name| !accepted.contains(name)).collect();
            if !refused.is_empty() {
                tracing::warn!(settings = ?refused, "an acknowledged submission could be lost under these settings");
            }
            if !health.silent_nodes.is_empty() {
                tracing::warn!(nodes = ?health.silent_nodes, "nodes of the database do not answer; their clinics get 503");
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
            Readiness::default()
        }
    }
}

/// The state of the replica and the distribution of reads; `None` without a replica. It does not affect readiness.
pub fn replica(app: &App) -> Option<ReplicaFigures> {
    app.reports.replica_figures()
}

pub async fn close(app: &App) {
    app.writers.drained().await;
    app.store.close();
    app.reports.close();
}
