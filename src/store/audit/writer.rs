//! The writer of the audit log. Entries of many requests share one durable transaction.

use crate::domain::audit::AuditEntry;
use crate::domain::ids::ClinicId;
use crate::store::audit;
use crate::store::database::Store;
use crate::store::database::writer::{Work, Writer};
use crate::store::error::StoreError;

/// An entry in the queue.
pub(in crate::store) struct AuditedRead(AuditEntry);

/// Adds an entry to the audit log. When this returns, the entry is on disk.
///
/// # Errors
/// Fails when the database is unavailable, or when too many entries are queued.
pub(in crate::store) async fn write(writer: &Writer<AuditedRead>, entry: AuditEntry) -> Result<(), StoreError> {
    let away = |error: StoreError| StoreError::Unavailable(format!("the audit log cannot be written: {error}"));
    writer.write(AuditedRead(entry)).await.map(drop).map_err(away)
}

impl Work for AuditedRead {
    const QUEUE_NAME: &'static str = "trail";
    type Touched = ();
    type Outcome = ();

    fn clinic_id(&self) -> ClinicId {
        self.0.clinic_id
    }

    fn touched(&self) -> Vec<()> {
        Vec::new()
    }

    async fn commit(store: &Store, part: &[Self]) -> Result<Vec<()>, StoreError> {
        let entries: Vec<AuditEntry> = part.iter().map(|read| read.0.clone()).collect();
        let mut transaction = store.begin_writer(&[]).await?;
        audit::insert_all(&store.keys, &mut transaction, &entries).await?;
        transaction.commit().await?;
        Ok(vec![(); part.len()])
    }
}
