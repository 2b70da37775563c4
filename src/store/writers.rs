//! The writers of the service: queues of work that is done in groups.

use super::access::credentials::{ByPrefix, LOOK_UPS, LookUp};
use super::audit::writer::AuditedRead;
use super::database::Store;
pub use super::database::shares::Held;
use super::database::shares::Places;
use super::database::writer::{Grouping, Writer, shed};
use super::error::{Result, StoreError};
use super::submissions::{self, intake::Intake};
use crate::domain::{audit::AuditEntry, ids::ClinicId, submissions::Accepted, submissions::stored::Stored};

/// Maximum number of submissions in progress, from the head of the request to its response. It exceeds the size of a
/// transaction. With many more, each turn of an HTTP worker takes longer, and requests wait in the worker, where no queue
/// counts them.
pub const PLACES: usize = 384;

/// Queues of work that is done in groups: many requests share a transaction or a query. Cheap to clone.
#[derive(Clone)]
pub struct Writers {
    trail: Writer<AuditedRead>,
    intake: Writer<Intake>,
    submissions: Places,
    look_ups: Writer<LookUp>,
}

impl Writers {
    /// Starts the writers, with this grouping of submissions. Must be called in a runtime that lives as long as the service.
    pub fn start(store: &Store, intake: Grouping) -> Self {
        // Waiting takes at most a third of the deadline, and the transaction at most the deadline.
        let patience = store.deadline / 3;
        Self {
            trail: Writer::start(store, Grouping::default(), patience),
            intake: Writer::start(store, intake, patience),
            submissions: Places::new(PLACES),
            look_ups: Writer::start(store, LOOK_UPS, patience),
        }
    }

    /// A place for a submission; hold it until the response is made. Fails when too many submissions are in progress, or when
    /// this one would wait too long to be stored, or when `limit` are in progress and the clinic has its share of them.
    pub fn admit_submission(&self, clinic_id: ClinicId, limit: usize) -> Result<Held> {
        self.intake.admit(clinic_id)?;
        self.submissions.take(clinic_id, limit).ok_or_else(shed::<Intake>)
    }

    /// Adds an entry to the audit log. When this returns, the entry is on disk. Fails when too many entries are queued. The
    /// caller must then not return the data that the entry is about.
    pub async fn write_audit_entry(&self, entry: AuditEntry) -> Result<()> {
        let away = |error: StoreError| StoreError::Unavailable(format!("the audit log cannot be written: {error}"));
        self.trail.write(AuditedRead(entry)).await.map(drop).map_err(away)
    }

    pub async fn find_key(&self, prefix: &str) -> Result<Option<ByPrefix>> {
        Ok(self.look_ups.write(LookUp(prefix.to_owned())).await?.1)
    }

    /// Stores an accepted submission with its subject, follow-up, audit entry and idempotency key: all of it or nothing.
    /// When this returns `Created`, the submission is on disk. Fails when the submission to be corrected does not exist, or
    /// when the queue is full. Nothing was written then, unless the connection broke during the commit; a retry with the
    /// same key resolves that.
    pub async fn store_submission(&self, store: &Store, accepted: Accepted) -> Result<Stored> {
        submissions::commit(store, &self.intake, accepted).await
    }

    /// Waits until all queued submissions and audit entries are written.
    pub async fn drained(&self) {
        self.intake.drained().await;
        self.trail.drained().await;
    }
}
