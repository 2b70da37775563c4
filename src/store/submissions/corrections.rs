//! Submissions to be corrected.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::ids::{ClinicId, SenderId, SubjectId, SubmissionId};
use crate::domain::submissions::correction::{Corrected, Kind};
use crate::store::database::{Connection, Store};
use crate::store::error::Result;

pub async fn find(store: &Store, clinic_id: ClinicId, submission_id: SubmissionId) -> Result<Option<Corrected>> {
    let mut connection = store.clinic(clinic_id).await?;
    Ok(read(&mut connection, clinic_id, &[submission_id.0]).await?.remove(&submission_id.0))
}

/// The submissions that exist, by id.
pub(super) async fn read(
    connection: &mut Connection,
    clinic_id: ClinicId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Corrected>> {
    let rows = sqlx::query!(
        r#"select s.submission_id, s.subject_id, s.imported, s.test, c.sender_id,
                  exists (select from submissions later
                          where later.clinic_id = s.clinic_id and later.supersedes = s.submission_id) as "superseded!"
           from submissions s join credentials c on c.clinic_id = s.clinic_id and c.credential_id = s.credential_id
           where s.clinic_id = $1 and s.submission_id = any($2)"#,
        clinic_id.0,
        ids,
    )
    .fetch_all(connection)
    .await?;
    let corrected = rows.into_iter().map(|row| {
        let (subject_id, sender_id) = (SubjectId(row.subject_id), SenderId(row.sender_id));
        let kind = Kind { imported: row.imported, test: row.test };
        let corrected = Corrected { subject_id, sender_id, kind, superseded: row.superseded };
        (row.submission_id, corrected)
    });
    Ok(corrected.collect())
}
