//! Texts of the rule tables that were used. Insert only.

use jiff::Timestamp;

use crate::domain::screening::rule_table::RuleFiles;
use crate::store::database::{Store, at, known};
use crate::store::error::{Result, StoreError};

/// Stores the text of a version, unless it is already stored. Fails when the database holds a different text under the same
/// version.
pub async fn record(store: &Store, version: &str, digest: &str, files: &RuleFiles, now: Timestamp) -> Result<()> {
    let mut connection = store.common_rows().await?;
    sqlx::query!(
        "insert into rule_tables (version, digest, files, recorded_at) values ($1, $2, $3, $4)
         on conflict (version) do nothing",
        version,
        digest,
        serde_json::json!(files),
        at(now) as _,
    )
    .execute(&mut *connection)
    .await?;
    let kept = sqlx::query_scalar!("select digest from rule_tables where version = $1", version)
        .fetch_one(&mut *connection)
        .await?;
    connection.keep().await?;
    if kept == digest { Ok(()) } else { Err(StoreError::RuleTableDiffers { version: version.to_owned() }) }
}

/// The text of a version that this binary does not contain.
pub async fn find(store: &Store, version: &str) -> Result<Option<RuleFiles>> {
    let stored = sqlx::query_scalar!("select files from rule_tables where version = $1", version)
        .fetch_optional(&mut *store.common().await?)
        .await?;
    stored.map(|files| known(serde_json::from_value(files).ok(), "rule_tables", "files")).transpose()
}

/// Every version that a submission may have been scored with.
pub async fn versions(store: &Store) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!("select version from rule_tables").fetch_all(&mut *store.common().await?).await?)
}
