//! All submissions of one subject.

use super::Row;
use crate::domain::ids::{ClinicId, SubjectId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::submissions::stored::StoredSubmission;
use crate::store::database::Store;
use crate::store::database::page::{Key, Scope, cut};
use crate::store::database::row::at;
use crate::store::error::StoreError;

/// One page of a subject's submissions, latest answered first, and the submission that precedes the last one of the page in
/// time. That row is read anyway to determine whether a next page exists.
///
/// # Errors
/// Fails when the cursor is not from this list, or when the database is unavailable.
pub async fn list(
    store: &Store,
    clinic_id: ClinicId,
    subject_id: SubjectId,
    page: &PageRequest,
) -> Result<(Page<StoredSubmission>, Option<StoredSubmission>), StoreError> {
    let scope = Scope { clinic_id, list: "submissions of a subject by answered_at", filter: subject_id.to_string() };
    let after = page.cursor.as_deref().map(|cursor| scope.open(&store.keys, cursor)).transpose()?;
    let rows = sqlx::query_as!(
        Row,
        r#"select submission_id, subject_id, credential_id, origin, language, source_system, source_id, pathway,
                  supersedes, imported, answers, assessment, follow_up_id, follow_up_state, follow_up_urgency, follow_up_joined,
                  (select later.submission_id from submissions later
                   where later.clinic_id = submissions.clinic_id and later.supersedes = submissions.submission_id
                   order by later.received_at desc, later.submission_id desc limit 1) as superseded_by,
                  received_at as "received_at: jiff_sqlx::Timestamp",
                  answered_at as "answered_at: jiff_sqlx::Timestamp"
           from submissions
           where clinic_id = $1 and subject_id = $2
             and (coalesce(answered_at, received_at), submission_id) < (
                 coalesce($3::timestamptz, 'infinity'),
                 coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
             )
           order by coalesce(answered_at, received_at) desc, submission_id desc limit $5"#,
        clinic_id.0,
        subject_id.0,
        after.map(|key| at(key.at)) as _,
        after.map(|key| key.id),
        i64::from(page.limit) + 1,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    let stored = rows.into_iter().map(StoredSubmission::try_from).collect::<Result<Vec<_>, _>>()?;
    let before = stored.get(usize::from(page.limit)).cloned();
    let (items, next_cursor) = cut(stored, page.limit, |last| {
        scope.seal(&store.keys, Key { rank: 0, at: last.answered(), id: last.submission_id.0 })
    });
    Ok((Page { items, next_cursor }, before))
}
