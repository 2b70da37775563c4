//! The writer of the audit log. Entries of many requests share one durable transaction.

use crate::domain::{audit::AuditEntry, ids::ClinicId};
use crate::store::audit;
use crate::store::database::{Store, writer::Work};
use crate::store::error::Result;

pub(in crate::store) struct AuditedRead(pub AuditEntry);

impl Work for AuditedRead {
    const QUEUE_NAME: &'static str = "trail";
    type Touched = ();
    type Outcome = ();

    fn clinic_id(&self) -> ClinicId {
        self.0.clinic_id
    }

    async fn commit(store: &Store, part: &[Self]) -> Result<Vec<()>> {
        let entries: Vec<AuditEntry> = part.iter().map(|read| read.0.clone()).collect();
        let mut transaction = store.begin_writer(&[]).await?;
        audit::insert_all(&store.keys, &mut transaction, &entries).await?;
        transaction.commit().await?;
        Ok(vec![(); part.len()])
    }
}
