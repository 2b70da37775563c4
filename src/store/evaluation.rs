//! Reads of an evaluation: each subject's first submission and what was recorded after it, from one snapshot.

use uuid::Uuid;

use crate::domain::{evaluation::clinic::SubjectRecord, follow_ups::Diagnosis, ids::ClinicId};
use crate::store::database::{Store, known, role::tie_to, row::answers, session::Session};
use crate::store::error::Result;

/// Subjects per chunk.
const CHUNK: i64 = 500;

/// The position of a read. Subjects are read by key, so that each statement stays within the session's time limit.
pub struct Subjects {
    transaction: Session,
    clinic_id: ClinicId,
    after: Uuid,
}

/// Some subjects.
pub struct Chunk {
    /// How many subjects were read, with those without a submission.
    pub read: u64,
    pub records: Vec<SubjectRecord>,
}

impl Subjects {
    pub async fn begin(store: &Store, clinic_id: ClinicId) -> Result<Self> {
        let mut transaction = store.begin_snapshot().await?;
        tie_to(&mut transaction, clinic_id).await?;
        Ok(Self { transaction, clinic_id, after: Uuid::nil() })
    }

    /// The number of subjects.
    pub async fn count(&mut self) -> Result<u64> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from subjects where clinic_id = $1"#,
            self.clinic_id.0,
        )
        .fetch_one(&mut *self.transaction)
        .await?;
        Ok(count.unsigned_abs())
    }

    /// The next subjects; `None` at the end. A submission that another corrects is not read: the correction is.
    pub async fn next(&mut self) -> Result<Option<Chunk>> {
        let rows = sqlx::query!(
            r#"select n.subject_id as "subject_id!", f.answers::text as "first?",
                      array(select l.answers::text from submissions l
                            where l.clinic_id = $1 and l.subject_id = n.subject_id
                              and coalesce(l.answered_at, l.received_at) > f.at
                              and not exists (select from submissions c
                                              where c.clinic_id = $1 and c.supersedes = l.submission_id)
                            order by coalesce(l.answered_at, l.received_at), l.submission_id) as "later!: Vec<String>",
                      (select c.grip_strength_g from follow_ups c
                       where c.clinic_id = $1 and c.subject_id = n.subject_id and c.closed_at > f.at
                         and c.grip_strength_g is not null order by c.closed_at limit 1) as "grip_g?",
                      (select c.diagnosis from follow_ups c
                       where c.clinic_id = $1 and c.subject_id = n.subject_id and c.closed_at > f.at
                         and c.diagnosis is not null order by c.closed_at limit 1) as "diagnosis?"
               from (select subject_id from subjects where clinic_id = $1 and subject_id > $2
                     order by subject_id limit $3) n
               left join lateral (
                   select s.answers, coalesce(s.answered_at, s.received_at) as at from submissions s
                   where s.clinic_id = $1 and s.subject_id = n.subject_id
                     and not exists (select from submissions c
                                     where c.clinic_id = $1 and c.supersedes = s.submission_id)
                   order by coalesce(s.answered_at, s.received_at), s.submission_id limit 1
               ) f on true
               order by n.subject_id"#,
            self.clinic_id.0,
            self.after,
            CHUNK,
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        let Some(last) = rows.last() else { return Ok(None) };
        self.after = last.subject_id;
        let mut chunk = Chunk { read: rows.len() as u64, records: Vec::new() };
        for row in rows {
            let Some(first) = row.first else { continue };
            let diagnosis = row.diagnosis.map(|name| known(Diagnosis::parse(&name), "follow_ups", "diagnosis"));
            chunk.records.push(SubjectRecord {
                first: answers(&first)?,
                later: row.later.iter().map(|text| answers(text)).collect::<Result<_>>()?,
                grip_g: row.grip_g,
                diagnosis: diagnosis.transpose()?,
            });
        }
        Ok(Some(chunk))
    }
}
