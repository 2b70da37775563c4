//! The subjects that a sender or a reference identifies.

use uuid::Uuid;

use crate::domain::ids::{ClinicId, SenderId, SubjectId, SubmissionId};
use crate::domain::subjects::Reference;
use crate::store::database::Store;
use crate::store::error::Result;
use crate::store::submissions::intake::hashes_of;

/// The subjects with a reference, as a submission would find them. A merged subject counts as the one that it was merged into.
/// `own` are the systems whose references are the clinic's own.
pub async fn with_reference(
    store: &Store,
    clinic_id: ClinicId,
    reference: &Reference,
    own: &[String],
) -> Result<Vec<SubjectId>> {
    let hashes = hashes_of(&store.keys, clinic_id, reference, own)?;
    let ids = sqlx::query_scalar!(
        r#"select distinct coalesce(merged_into, subject_id) as "id!" from subjects
           where clinic_id = $1 and reference_hash = any($2)"#,
        clinic_id.0,
        &hashes,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    Ok(ids.into_iter().map(SubjectId).collect())
}

/// Those of these subjects that a sender submitted answers for.
pub async fn of_sender(
    store: &Store,
    (clinic_id, sender_id): (ClinicId, SenderId),
    ids: &[SubjectId],
) -> Result<Vec<SubjectId>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let ids = sqlx::query_scalar!(
        r#"select distinct s.subject_id as "id!"
           from submissions s join credentials c on c.clinic_id = s.clinic_id and c.credential_id = s.credential_id
           where s.clinic_id = $1 and s.subject_id = any($2) and c.sender_id = $3"#,
        clinic_id.0,
        &ids,
        sender_id.0,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    Ok(ids.into_iter().map(SubjectId).collect())
}

/// The subject of a submission; `None` if the submission does not exist.
pub async fn of_submission(
    store: &Store,
    clinic_id: ClinicId,
    submission_id: SubmissionId,
) -> Result<Option<SubjectId>> {
    let id = sqlx::query_scalar!(
        "select subject_id from submissions where clinic_id = $1 and submission_id = $2",
        clinic_id.0,
        submission_id.0,
    )
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?;
    Ok(id.map(SubjectId))
}
