//! Checks that the database was written with this master key, and finds the version of each key of the file.

use jiff::Timestamp;

use super::{Store, at};
use crate::store::error::{Result, StoreError};

/// Maximum attempts when other instances add versions at the same time.
const ATTEMPTS: usize = 8;

/// Stores the check value of the key at first use; later, finds the version of every key of the file. An unknown key
/// becomes the next version if another key of the file is known. Fails when the database was written with another key.
pub async fn record(store: &Store, now: Timestamp) -> Result<()> {
    let mut connection = store.common_rows().await?;
    let own = store.keys.check_values();
    for _ in 0..ATTEMPTS {
        let kept = sqlx::query!("select key_version, check_value from master_key_checks order by key_version")
            .fetch_all(&mut *connection)
            .await?;
        let version = |value: &[u8; 32]| Some(kept.iter().find(|row| row.check_value == value)?.key_version);
        let versions: Vec<Option<i16>> = own.iter().map(version).collect();
        if !kept.is_empty() && versions.iter().all(Option::is_none) {
            return Err(StoreError::OtherMasterKey);
        }
        let Some(new) = versions.iter().position(Option::is_none) else {
            connection.keep().await?;
            let versions = versions.into_iter().flatten().map(u8::try_from).collect::<Result<_, _>>();
            store.keys.set_versions(versions.map_err(|_| StoreError::OtherMasterKey)?);
            return Ok(());
        };
        let next = kept.last().map_or(1, |last| last.key_version.saturating_add(1));
        sqlx::query!(
            "insert into master_key_checks (key_version, check_value, recorded_at) values ($1, $2, $3)
             on conflict (key_version) do nothing",
            next,
            own[new].as_slice(),
            at(now) as _,
        )
        .execute(&mut *connection)
        .await?;
    }
    Err(StoreError::Unavailable("other instances keep adding master keys".into()))
}
