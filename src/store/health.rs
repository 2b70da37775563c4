//! Whether the database can be trusted with a submission.

use sqlx::postgres::PgConnectOptions;

use super::connection::Connection;
use super::migrations::Migrations;
use super::pool::session_options;
use super::{Store, StoreError, migrations, rights};

/// What the database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseHealth {
    /// Which migrations it has, compared with those of this program.
    pub migrations: Migrations,
    /// Grants and policies that its tables lack.
    pub lacking_rights: Vec<String>,
    /// Whether every table with a clinic's rows is forced behind row security, and the service works as roles that do not
    /// pass by it. Citus is taken without: there a session's clinic does not travel to where the rows are.
    pub row_security: bool,
    /// Whether the role that signed in can neither pass by row security nor change the schema, nor become one that can.
    pub unprivileged: bool,
    /// Settings under which an acknowledged submission could be lost.
    pub unsafe_settings: Vec<String>,
    /// Whether the disk had room, when that was last found out.
    pub disk: bool,
}

impl DatabaseHealth {
    /// What is wrong with the tables and what to do; `None` where the service can work with them.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        self.migrations.fault().or_else(|| rights::fault(&self.lacking_rights))
    }
}

/// Asks the database.
///
/// # Errors
/// Fails when the database is unavailable.
pub async fn check(store: &Store) -> Result<DatabaseHealth, StoreError> {
    if store.pool.disk_full()
        && let Err(error) = take_a_row(store).await
    {
        tracing::warn!(%error, "the database takes no row");
    }
    Ok(DatabaseHealth { disk: !store.pool.disk_full(), ..look(&mut *store.account().await?).await? })
}

/// Finds out whether the disk has room again: adds a row that fills a page of its own, and takes it back.
async fn take_a_row(store: &Store) -> Result<(), StoreError> {
    let mut transaction = store.begin_probe().await?;
    sqlx::query!("insert into write_probes (filler) values (repeat('x', 7000))").execute(&mut *transaction).await?;
    store.pool.has_room();
    Ok(())
}

/// Asks the database over a connection that is made for it.
///
/// # Errors
/// When the server refuses these options or cannot be reached.
pub async fn check_once(options: &PgConnectOptions) -> Result<DatabaseHealth, StoreError> {
    look(&mut Connection::of_its_own(session_options(options.clone())).await?).await
}

async fn look(connection: &mut Connection) -> Result<DatabaseHealth, StoreError> {
    // What the configuration says; each session sets `synchronous_commit` by itself.
    let settings = sqlx::query!(
        r#"select name as "name!", reset_val as "setting!" from pg_settings
           where name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name"#
    )
    .fetch_all(&mut *connection)
    .await?;
    let unsafe_settings = settings.into_iter().filter(|row| row.setting == "off").map(|row| row.name).collect();
    let (row_security, unprivileged) = (row_security(connection).await?, unprivileged(connection).await?);
    let migrations = migrations::compare(connection).await?;
    let lacking_rights = rights::lacking(connection).await?;
    Ok(DatabaseHealth { migrations, lacking_rights, row_security, unprivileged, unsafe_settings, disk: true })
}

async fn row_security(connection: &mut Connection) -> Result<bool, StoreError> {
    let held = sqlx::query_scalar!(
        r#"select count(*) = 4 and bool_and(not rolsuper and not rolbypassrls and pg_has_role(oid, 'member'))
                  and current_schema() is not null
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

/// Predefined roles (`pg_...`) read the server's files, run its programs, or read and write every table.
async fn unprivileged(connection: &mut Connection) -> Result<bool, StoreError> {
    let held = sqlx::query_scalar!(
        r#"select coalesce(not has_schema_privilege(current_schema(), 'create'), false) and not exists (
                      select from pg_roles r where pg_has_role(r.oid, 'member') and (
                          r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication
                          or starts_with(r.rolname, 'pg_')
                          or exists (select from pg_class t where t.relowner = r.oid
                                     and t.relnamespace = current_schema()::regnamespace)
                      )
                  ) as "held!""#
    )
    .fetch_one(connection)
    .await?;
    Ok(held)
}
