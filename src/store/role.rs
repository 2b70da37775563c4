//! The roles that sessions work as, and the statements that tie a session to its role and clinic.

use sqlx::AssertSqlSafe;

use super::StoreError;
use super::connection::Connection;
use crate::domain::ids::ClinicId;

/// What a session is for: a role of migration 0022 or 0023, and how its statements are planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Requests of a signed-in caller, in one clinic.
    App,
    /// The same, for pages that follow one index whatever is asked: planning one would take longer than reading it.
    Page,
    /// The same, for reads that may take long.
    Report,
    /// Finding out who signs in, over all clinics.
    Auth,
    /// The operator and background work, in the clinic it is tied to; lists every clinic.
    Jobs,
    /// Writing submissions of the clinics it is tied to, and adding to the trail of every clinic; with one plan for every
    /// batch.
    Writer,
}

/// Ties a transaction to another clinic.
///
/// # Errors
/// Fails when the database is unavailable.
pub(super) async fn tie_to(connection: &mut Connection, clinic_id: ClinicId) -> Result<(), StoreError> {
    sqlx::query("select set_config('sarcoscreen.clinic_id', $1, true)")
        .bind(clinic_id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Switches the rest of a transaction to the role of a signed-in caller, in one clinic.
///
/// # Errors
/// Fails when the database is unavailable.
pub(super) async fn become_app(connection: &mut Connection, clinic_id: ClinicId) -> Result<(), StoreError> {
    sqlx::raw_sql(AssertSqlSafe(tie("set local", Role::App, Some(clinic_id)))).execute(connection).await?;
    Ok(())
}

/// Makes the rest of a transaction that of the operator, in one clinic.
///
/// # Errors
/// Fails when the database is unavailable.
pub(super) async fn become_jobs(connection: &mut Connection, clinic_id: ClinicId) -> Result<(), StoreError> {
    sqlx::raw_sql(AssertSqlSafe(tie("set local", Role::Jobs, Some(clinic_id)))).execute(connection).await?;
    Ok(())
}

/// Makes the rest of a transaction that of the writer again, in the clinics it began with.
///
/// # Errors
/// Fails when the database is unavailable.
pub(super) async fn become_writer(connection: &mut Connection) -> Result<(), StoreError> {
    sqlx::raw_sql(AssertSqlSafe(tie("set local", Role::Writer, None))).execute(connection).await?;
    Ok(())
}

/// The statements that tie a session: ours but for an id, which is digits and hyphens.
pub(super) fn tie(set: &str, role: Role, clinic_id: Option<ClinicId>) -> String {
    let (role, plans) = match role {
        Role::App | Role::Report => ("sarcoscreen_app", "auto"),
        Role::Page => ("sarcoscreen_app", "force_generic_plan"),
        Role::Auth => ("sarcoscreen_auth", "auto"),
        Role::Jobs => ("sarcoscreen_jobs", "auto"),
        Role::Writer => ("sarcoscreen_writer", "force_generic_plan"),
    };
    let clinic = clinic_id.map(|id| id.to_string()).unwrap_or_default();
    format!("{set} role {role}; {set} sarcoscreen.clinic_id = '{clinic}'; {set} plan_cache_mode = {plans}")
}
