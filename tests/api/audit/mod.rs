//! The audit log: one entry for every read, change and attempt, and detection of tampering.

mod attacks;
mod coverage;
mod folding;
mod pruning;
mod reading;
mod roles;
mod sign_ins;
mod under_kills;
pub(crate) mod verification;

use sarcoscreen::app::ambient::{Ambient as _, System};
use sarcoscreen::app::audit::verification::{Verified, verify};
use sarcoscreen::domain::audit::seal::{Break, Head};
use sarcoscreen::domain::ids::ClinicId;
use sqlx::Row as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::world::World;

/// An audit entry as stored in the database.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) action: String,
    pub(crate) outcome: String,
    pub(crate) resource: Uuid,
    /// The subjects of the entry, from its single column or its list.
    pub(crate) subjects: Vec<Uuid>,
    pub(crate) occurrences: i32,
}

/// The entries of a request.
pub(crate) async fn entries_of(connection: &mut PgConnection, request: Uuid) -> Vec<Entry> {
    let sql = "select * from audit_entries where request_id = $1 order by at, audit_entry_id";
    let rows = sqlx::query(sql).bind(request).fetch_all(connection).await.unwrap();
    rows.iter().map(entry).collect()
}

/// The system's entries, oldest first.
pub(crate) async fn entries_of_the_system(world: &World) -> Vec<Entry> {
    let sql = "select * from audit_entries where clinic_id = $1 order by at, audit_entry_id";
    let rows = sqlx::query(sql).bind(Uuid::nil()).fetch_all(&mut world.connect().await).await.unwrap();
    rows.iter().map(entry).collect()
}

fn entry(row: &sqlx::postgres::PgRow) -> Entry {
    let one: Option<Uuid> = row.get("subject_id");
    let many: Vec<Uuid> = row.get("subject_ids");
    Entry {
        action: row.get("action"),
        outcome: row.get("outcome"),
        resource: row.get("resource_id"),
        subjects: one.into_iter().chain(many).collect(),
        occurrences: row.get("occurrences"),
    }
}

/// A new request id, as a client generates it.
pub(crate) fn fresh_id() -> Uuid {
    sarcoscreen::app::ambient::new_id(&System, System.now()).unwrap()
}

/// Verifies the audit logs of all clinics.
pub(crate) async fn verified(world: &World, heads: &[Head]) -> (Verified, Vec<(ClinicId, Break)>) {
    let mut found = Vec::new();
    let tell = |clinic_id, broken| found.push((clinic_id, broken));
    let verified = verify(&world.app, None, heads.iter().copied(), tell, |_| ()).await.unwrap();
    assert_eq!(verified.breaks, found.len() as u64);
    (verified, found)
}
