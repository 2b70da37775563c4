//! The roles of sessions, and the statements that set a session's role and clinic.

use sqlx::AssertSqlSafe;

use super::Connection;
use crate::domain::ids::ClinicId;
use crate::store::error::Result;

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
    /// Has the rights of `App`. Writes submissions of one clinic on Citus, where a transaction has one role from its beginning
    /// to its end.
    OneClinicWriter,
}

/// Switches a transaction to another clinic.
pub(in crate::store) async fn tie_to(connection: &mut Connection, clinic_id: ClinicId) -> Result<()> {
    // Citus passes `set local` on to the workers, but not `set_config`.
    sqlx::raw_sql(AssertSqlSafe(format!("set local sarcoscreen.clinic_id = '{clinic_id}'")))
        .execute(connection)
        .await?;
    Ok(())
}

/// Switches the rest of a transaction to another role, in one clinic. The writer keeps the clinics it began with. On
/// Citus the transaction keeps its role, because a worker refuses a second role in one transaction; that role has the
/// rights for the rest too.
pub(in crate::store) async fn switch_to(
    connection: &mut Connection,
    role: Role,
    clinic_id: Option<ClinicId>,
) -> Result<()> {
    if !connection.citus {
        sqlx::raw_sql(AssertSqlSafe(tie("set local", role, clinic_id, false))).execute(connection).await?;
    }
    Ok(())
}

/// The statements that set a session's role and clinic. The only variable text is a clinic id, which consists of
/// hexadecimal digits and hyphens. Citus finds the node of a statement by its values, so it cannot use one plan for all.
pub(in crate::store) fn tie(set: &str, role: Role, clinic_id: Option<ClinicId>, citus: bool) -> String {
    let (role, plans) = match role {
        Role::App | Role::Report | Role::OneClinicWriter => ("sarcoscreen_app", "auto"),
        Role::Page => ("sarcoscreen_app", "force_generic_plan"),
        Role::Auth => ("sarcoscreen_auth", "auto"),
        Role::Jobs => ("sarcoscreen_jobs", "auto"),
        Role::Writer => ("sarcoscreen_writer", "force_generic_plan"),
    };
    let plans = if citus { "auto" } else { plans };
    let clinic = clinic_id.map(|id| id.to_string()).unwrap_or_default();
    format!("{set} role {role}; {set} sarcoscreen.clinic_id = '{clinic}'; {set} plan_cache_mode = {plans}")
}
