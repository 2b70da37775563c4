//! Whether the database can be trusted with a submission.

use sqlx::PgConnection;

use super::{MIGRATOR, Store, StoreError};

/// What the database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseHealth {
    /// Whether every migration of this binary is applied.
    pub migrated: bool,
    /// Whether every table with a clinic's rows is forced behind row security, and the service works as roles that do not
    /// pass by it. Citus is taken without: there a session's clinic does not travel to where the rows are.
    pub row_security: bool,
    /// Settings under which an acknowledged submission could be lost.
    pub unsafe_settings: Vec<String>,
}

/// Asks the database.
///
/// # Errors
/// When it is away.
pub async fn check(store: &Store) -> Result<DatabaseHealth, StoreError> {
    let mut connection = store.account().await?;
    let settings = sqlx::query!(
        r#"select name as "name!", setting as "setting!" from pg_settings
           where name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name"#
    )
    .fetch_all(&mut *connection)
    .await?;
    let unsafe_settings = settings.into_iter().filter(|row| row.setting == "off").map(|row| row.name).collect();
    let row_security = row_security(&mut connection).await?;
    Ok(DatabaseHealth { migrated: migrated(&mut connection).await?, row_security, unsafe_settings })
}

async fn migrated(connection: &mut PgConnection) -> Result<bool, StoreError> {
    let exists = sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "exists!""#)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(false);
    }
    let applied = sqlx::query_scalar::<_, i64>("select version from _sqlx_migrations where success")
        .fetch_all(connection)
        .await?;
    Ok(MIGRATOR.iter().all(|migration| applied.contains(&migration.version)))
}

async fn row_security(connection: &mut PgConnection) -> Result<bool, StoreError> {
    let held = sqlx::query_scalar!(
        r#"select count(*) = 4 and bool_and(not rolsuper and not rolbypassrls and pg_has_role(oid, 'member'))
                  and (to_regclass('pg_catalog.pg_dist_partition') is not null or not exists (
                      select from pg_attribute a join pg_class t on t.oid = a.attrelid
                      where t.relnamespace = current_schema()::regnamespace and t.relkind = 'r'
                        and a.attname = 'clinic_id' and not t.relforcerowsecurity
                  )) as "held!"
           from pg_roles
           where rolname in ('sarcoscreen_app', 'sarcoscreen_writer', 'sarcoscreen_auth', 'sarcoscreen_jobs')"#
    )
    .fetch_one(connection)
    .await?;
    Ok(held)
}
