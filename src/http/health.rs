//! Whether the process lives and whether it may take submissions.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use crate::app::health;

/// That the process lives.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Liveness)]
pub struct LivenessBody {
    /// Always `live`.
    pub status: &'static str,
}

/// Whether the service may take submissions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Readiness)]
#[expect(clippy::struct_excessive_bools, reason = "each is one answer to one question")]
pub struct ReadinessBody {
    /// `ready` or `not_ready`.
    pub status: &'static str,
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
    /// Whether what the database acknowledges is on disk.
    pub durable_settings: bool,
    /// Whether the disk of the database has room.
    pub disk: bool,
    /// Whether the service goes on; false once it was asked to stop.
    pub running: bool,
}

/// Get liveness
///
/// Answers as long as the process lives, whatever its database does.
#[utoipa::path(
    tag = "health",
    operation_id = "get_liveness",
    responses((status = 200, description = "The process lives", body = LivenessBody)),
    security(())
)]
#[get("/health/live")]
pub async fn get_liveness() -> HttpResponse {
    HttpResponse::Ok().json(LivenessBody { status: "live" })
}

/// Get readiness
///
/// Ready means: the database answers, every migration is applied, it keeps clinics
/// apart, the service signs in to it as a role that cannot pass by that, its
/// settings keep what it acknowledges, its disk has room, and the service was not
/// asked to stop.
#[utoipa::path(
    tag = "health",
    operation_id = "get_readiness",
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
