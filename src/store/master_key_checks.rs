//! Whether the master key is the one that this database was written with.

use jiff::Timestamp;

use super::keys::FIELD_KEY_VERSION;
use super::row::at;
use super::{Store, StoreError};

/// Keeps the check value of the key at first use; afterwards compares.
///
/// # Errors
/// When the database was written with another key, or is away.
pub async fn record(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let value = store.keys.check_value();
    let mut connection = store.common().await?;
    sqlx::query!(
        "insert into master_key_checks (key_version, check_value, recorded_at) values ($1, $2, $3)
         on conflict (key_version) do nothing",
        i16::from(FIELD_KEY_VERSION),
        value.as_slice(),
        at(now) as _,
    )
    .execute(&mut *connection)
    .await?;
    let version = i16::from(FIELD_KEY_VERSION);
    let kept = sqlx::query_scalar!("select check_value from master_key_checks where key_version = $1", version)
        .fetch_one(&mut *connection)
        .await?;
    if kept == value { Ok(()) } else { Err(StoreError::OtherMasterKey) }
}
