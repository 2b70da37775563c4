//! Checks whether the database can safely store submissions.

use sqlx::postgres::PgConnectOptions;

use super::{Connection, Store, migrations, migrations::Migrations, pool::session_options, rights};
use crate::domain::causes::with_causes;
use crate::store::error::{Result, StoreError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseHealth {
    /// Its migrations, compared with those of this program.
    pub migrations: Migrations,
    /// Grants and policies missing on its tables.
    pub lacking_rights: Vec<String>,
    /// Whether row security is forced on every table with a clinic's rows, and the working roles of the service cannot
    /// bypass it.
    pub row_security: bool,
    /// Whether the login role can neither bypass row security nor change the schema, nor become a role that can.
    pub unprivileged: bool,
    /// Settings that could lose an acknowledged submission, on any node.
    pub unsafe_settings: Vec<String>,
    /// The nodes of a Citus cluster that do not respond, with the reason. Only their clinics cannot be served.
    pub silent_nodes: Vec<String>,
    /// Whether the disk had room at the last check.
    pub disk: bool,
}

impl DatabaseHealth {
    /// What is wrong with the tables, and what to do. `None` if the service can work with them.
    pub fn fault(&self) -> Option<String> {
        self.migrations.fault().or_else(|| rights::fault(&self.lacking_rights))
    }
}

/// Checks the database over a pooled connection.
pub async fn check(store: &Store) -> Result<DatabaseHealth> {
    if store.pool.disk_full()
        && let Err(error) = take_a_row(store).await
    {
        tracing::warn!(error = %with_causes(&error), "the database does not accept rows");
    }
    Ok(DatabaseHealth { disk: !store.pool.disk_full(), ..read_health(&mut *store.account().await?).await? })
}

/// Checks whether the disk has room again: inserts a row that fills a page of its own, and rolls back.
async fn take_a_row(store: &Store) -> Result<()> {
    let mut transaction = store.begin_probe().await?;
    sqlx::query!("insert into write_probes (filler) values (repeat('x', 7000))").execute(&mut *transaction).await?;
    store.pool.has_room();
    Ok(())
}

/// Checks the database over a new connection.
pub async fn check_once(options: &PgConnectOptions) -> Result<DatabaseHealth> {
    read_health(&mut Connection::of_its_own(session_options(options.clone())).await?).await
}

async fn read_health(connection: &mut Connection) -> Result<DatabaseHealth> {
    // Reads the configured values, because each session sets its own `synchronous_commit`.
    let settings = sqlx::query!(
        r#"select name as "name!", reset_val as "setting!" from pg_settings
           where name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name"#
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut unsafe_settings: Vec<String> =
        settings.into_iter().filter(|row| row.setting == "off").map(|row| row.name).collect();
    let mut silent_nodes = Vec::new();
    if connection.citus {
        for node in nodes(connection).await? {
            match node.off {
                Ok(off) => unsafe_settings.extend(off.split_whitespace().map(str::to_owned)),
                Err(reason) => silent_nodes.push(format!("{}: {reason}", node.name)),
            }
        }
        unsafe_settings.sort_unstable();
        unsafe_settings.dedup();
    }
    Ok(DatabaseHealth {
        row_security: row_security(connection).await?,
        unprivileged: unprivileged(connection).await?,
        migrations: migrations::compare(connection).await?,
        lacking_rights: rights::lacking(connection).await?,
        unsafe_settings,
        silent_nodes,
        disk: true,
    })
}

/// A node of a Citus cluster.
struct Node {
    name: String,
    /// The settings that are off and could lose an acknowledged submission, or why the node does not respond.
    off: Result<String, String>,
}

/// The responses of all nodes of a Citus cluster. Fails when some nodes hold rows and none of them responds. Not a
/// checked query, because plain PostgreSQL has no such function.
async fn nodes(connection: &mut Connection) -> Result<Vec<Node>> {
    let rows = sqlx::query_as::<_, (String, bool, bool, String)>(
        r"select concat(n.nodename, ':', n.nodeport), n.shouldhaveshards, c.success, c.result
          from run_command_on_all_nodes($$
              select coalesce(string_agg(name, ' '), '') from pg_settings
              where name in ('fsync', 'full_page_writes', 'synchronous_commit') and reset_val = 'off'
          $$) c join pg_dist_node n using (nodeid)
          order by 1",
    )
    .fetch_all(connection)
    .await?;
    let mut holders = rows.iter().filter(|(_, holds_rows, ..)| *holds_rows).peekable();
    if holders.peek().is_some() && !holders.any(|(_, _, answers, _)| *answers) {
        return Err(StoreError::Unavailable("no node with rows of clinics answers".to_owned()));
    }
    let node = |(name, _, answers, text)| Node { name, off: if answers { Ok(text) } else { Err(text) } };
    Ok(rows.into_iter().map(node).collect())
}

async fn row_security(connection: &mut Connection) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) = 4 and bool_and(not rolsuper and not rolbypassrls and pg_has_role(oid, 'member'))
                  and current_schema() is not null
                  and not exists (
                      select from pg_attribute a join pg_class t on t.oid = a.attrelid
                      where t.relnamespace = current_schema()::regnamespace and t.relkind = 'r'
                        and a.attname = 'clinic_id' and not t.relforcerowsecurity
                  ) as "held!"
           from pg_roles
           where rolname in ('sarcoscreen_app', 'sarcoscreen_writer', 'sarcoscreen_auth', 'sarcoscreen_jobs')"#
    )
    .fetch_one(connection)
    .await?)
}

/// Predefined roles (`pg_...`) count as privileged: they may read the server's files, run its programs, or read and write
/// every table.
async fn unprivileged(connection: &mut Connection) -> Result<bool> {
    Ok(sqlx::query_scalar!(
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
    .await?)
}
