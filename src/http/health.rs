//! Liveness, and readiness to accept submissions.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::kernel::state::State;
use crate::app::health;

/// Liveness of the process.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Liveness)]
pub struct LivenessBody {
    /// Always `live`.
    pub status: &'static str,
}

/// Readiness of the service to accept submissions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Readiness)]
#[expect(clippy::struct_excessive_bools, reason = "each flag is the result of one check")]
pub struct ReadinessBody {
    /// `ready` or `not_ready`.
    pub status: &'static str,
    /// Whether the database responds.
    pub database: bool,
    /// Whether every migration is applied.
    pub migrations: bool,
    /// Whether the database separates clinics by row security.
    pub row_security: bool,
    /// Whether the service connects to the database with a role that can neither bypass row security nor change the schema.
    pub unprivileged: bool,
    /// Whether the master key and the rule tables were verified to match this database.
    pub prepared: bool,
    /// Whether the database settings guarantee that acknowledged data is on disk.
    pub durable_settings: bool,
    /// Whether the disk of the database has free space.
    pub disk: bool,
    /// Whether the service is running; false once it was asked to stop.
    pub running: bool,
}

/// Get liveness
///
/// Responds as long as the process runs, regardless of the database.
#[utoipa::path(
    tag = "health",
    responses((status = 200, description = "The process is running", body = LivenessBody)),
    security(())
)]
#[get("/health/live")]
pub async fn get_liveness() -> HttpResponse {
    HttpResponse::Ok().json(LivenessBody { status: "live" })
}

/// Get readiness
///
/// Ready means: the database responds, all migrations are applied, row security separates the clinics, the service connects
/// with a role that cannot bypass it, the database settings keep acknowledged data, the disk has free space, and the service
/// was not asked to stop.
#[utoipa::path(
    tag = "health",
    responses(
        (status = 200, description = "Ready", body = ReadinessBody),
        (status = 503, description = "Not ready", body = ReadinessBody),
    ),
    security(())
)]
#[get("/health/ready")]
pub async fn get_readiness(state: web::Data<State>) -> HttpResponse {
    let readiness = health::recent(&state.app).await;
    let running = !state.app.stopping();
    let ready = readiness.ready() && running;
    let body = ReadinessBody {
        status: if ready { "ready" } else { "not_ready" },
        database: readiness.database,
        migrations: readiness.migrations,
        row_security: readiness.row_security,
        unprivileged: readiness.unprivileged,
        prepared: readiness.prepared,
        durable_settings: readiness.durable_settings,
        disk: readiness.disk,
        running,
    };
    if ready {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable().insert_header(("retry-after", "1")).json(body)
    }
}
