//! A scan over stored submissions: chunk after chunk, all of one moment, in a transaction that cannot write.

use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::row::{answers_in, known};
use super::{Store, StoreError};
use crate::domain::answers::Answers;
use crate::domain::assessment::Assessment;
use crate::domain::ids::{ClinicId, SubmissionId};
use crate::domain::submission::PathwayId;

/// Rows of a chunk: enough that a round trip does not count, few enough that chunks under way stay small.
const CHUNK: i64 = 1_000;

/// Where a scan stands. Chunks are read by key, so that no statement runs longer than the session allows, however many
/// rows there are.
pub struct Scan {
    transaction: Transaction<'static, Postgres>,
    after: (Uuid, Uuid),
    last_clinic: Uuid,
}

/// A stored submission as it came from the database. Reading it is left to whoever works on the chunk.
pub struct Scanned {
    /// The clinic.
    pub clinic_id: ClinicId,
    /// The submission.
    pub submission_id: SubmissionId,
    /// The version of the rule table that it was scored with.
    pub rule_table: String,
    pathway: Option<String>,
    answers: String,
    assessment: String,
}

impl Scan {
    /// Begins a scan over the submissions of a clinic, or of all.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn begin(store: &Store, clinic_id: Option<ClinicId>) -> Result<Self, StoreError> {
        let transaction = store.pool.begin_with("begin isolation level repeatable read read only").await?;
        let first = clinic_id.map_or(Uuid::nil(), |id| id.0);
        let last_clinic = clinic_id.map_or(Uuid::max(), |id| id.0);
        Ok(Self { transaction, after: (first, Uuid::nil()), last_clinic })
    }

    /// How many rows are still to come.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn count(&mut self) -> Result<u64, StoreError> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from submissions
               where (clinic_id, submission_id) > ($1, $2) and clinic_id <= $3"#,
            self.after.0,
            self.after.1,
            self.last_clinic,
        )
        .fetch_one(&mut *self.transaction)
        .await?;
        Ok(count.unsigned_abs())
    }

    /// The next rows, in the order of their keys; none at the end.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn next(&mut self) -> Result<Vec<Scanned>, StoreError> {
        let rows = sqlx::query!(
            r#"select clinic_id, submission_id, rule_table, pathway, answers::text as "answers!", assessment::text as "assessment!"
               from submissions
               where (clinic_id, submission_id) > ($1, $2) and clinic_id <= $3
               order by clinic_id, submission_id limit $4"#,
            self.after.0,
            self.after.1,
            self.last_clinic,
            CHUNK,
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        if let Some(last) = rows.last() {
            self.after = (last.clinic_id, last.submission_id);
        }
        let scanned = rows.into_iter().map(|row| Scanned {
            clinic_id: ClinicId(row.clinic_id),
            submission_id: SubmissionId(row.submission_id),
            rule_table: row.rule_table,
            pathway: row.pathway,
            answers: row.answers,
            assessment: row.assessment,
        });
        Ok(scanned.collect())
    }
}

impl Scanned {
    /// The answers.
    ///
    /// # Errors
    /// When they are not what a writer of ours writes.
    pub fn answers(&self) -> Result<Answers, StoreError> {
        answers_in(&self.answers)
    }

    /// The pathway that was asked for by name.
    ///
    /// # Errors
    /// When it is not what a writer of ours writes.
    pub fn pathway(&self) -> Result<Option<PathwayId>, StoreError> {
        let pathway = |name: &String| known(PathwayId::parse(name), "submissions", "pathway");
        self.pathway.as_ref().map(pathway).transpose()
    }

    /// The assessment as it was stored.
    ///
    /// # Errors
    /// When it is not what a writer of ours writes.
    pub fn assessment(&self) -> Result<Assessment, StoreError> {
        known(serde_json::from_str(&self.assessment).ok(), "submissions", "assessment")
    }
}
