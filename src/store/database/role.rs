//! The roles of sessions, and the statements that set a session's role and clinic.

use sqlx::AssertSqlSafe;

use super::connection::Connection;
use crate::domain::ids::ClinicId;
use crate::store::error::StoreError;

/// The purpose of a session: a role of migration 0022 or 0023, and how its statements are planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Role {
    /// Requests of a signed-in caller, in one clinic.
    App,
    /// As `App`, for pages that always use the same index. Planning such a statement would take longer than running it.
    Page,
    /// As `App`, for reads that may take long.
    Report,
    /// Authentication, over all clinics.
    Auth,
    /// The operator and background jobs, in one clinic. May list every clinic.
    Jobs,
    /// Writes submissions of the session's clinics, and audit entries of every clinic. Uses one plan for every batch.
    Writer,
}

/// Switches a transaction to another clinic.
///
/// # Errors
/// Fails when the database is unavailable.
pub(in crate::store) async fn tie_to(connection: &mut Connection, clinic_id: ClinicId) -> Result<(), StoreError> {
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
pub(in crate::store) async fn become_app(connection: &mut Connection, clinic_id: ClinicId) -> Result<(), StoreError> {
    sqlx::raw_sql(AssertSqlSafe(tie("set local", Role::App, Some(clinic_id)))).execute(connection).await?;
    Ok(())
}

/// Switches the rest of a transaction to the role of the operator, in one clinic.
///
/// # Errors
/// Fails when the database is unavailable.
pub(in crate::store) async fn become_jobs(connection: &mut Connection, clinic_id: ClinicId) -> Result<(), StoreError> {
    sqlx::raw_sql(AssertSqlSafe(tie("set local", Role::Jobs, Some(clinic_id)))).execute(connection).await?;
    Ok(())
}

/// Switches the rest of a transaction back to the role of the writer, with the clinics it began with.
///
/// # Errors
/// Fails when the database is unavailable.
pub(in crate::store) async fn become_writer(connection: &mut Connection) -> Result<(), StoreError> {
    sqlx::raw_sql(AssertSqlSafe(tie("set local", Role::Writer, None))).execute(connection).await?;
    Ok(())
}

/// The statements that set a session's role and clinic. The only variable text is a clinic id, which consists of
/// hexadecimal digits and hyphens.
pub(in crate::store) fn tie(set: &str, role: Role, clinic_id: Option<ClinicId>) -> String {
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
