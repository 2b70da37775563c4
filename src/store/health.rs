//! Whether the database can be trusted with a submission.

use super::{MIGRATOR, Store, StoreError};

/// What the database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseHealth {
    /// Whether every migration of this binary is applied.
    pub migrated: bool,
    /// Settings under which an acknowledged submission could be lost.
    pub unsafe_settings: Vec<String>,
}

/// Asks the database.
///
/// # Errors
/// When it is away.
pub async fn check(store: &Store) -> Result<DatabaseHealth, StoreError> {
    let settings = sqlx::query!(
        r#"select name as "name!", setting as "setting!" from pg_settings
           where name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name"#
    )
    .fetch_all(&store.pool)
    .await?;
    let unsafe_settings = settings.into_iter().filter(|row| row.setting == "off").map(|row| row.name).collect();
    Ok(DatabaseHealth { migrated: migrated(store).await?, unsafe_settings })
}

async fn migrated(store: &Store) -> Result<bool, StoreError> {
    let exists = sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "exists!""#)
        .fetch_one(&store.pool)
        .await?;
    if !exists {
        return Ok(false);
    }
    let applied = sqlx::query_scalar::<_, i64>("select version from _sqlx_migrations where success")
        .fetch_all(&store.pool)
        .await?;
    Ok(MIGRATOR.iter().all(|migration| applied.contains(&migration.version)))
}
