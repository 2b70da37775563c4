//! Reads of an evaluation: each subject's first submission and what was recorded after it, from one snapshot.

use uuid::Uuid;

use crate::domain::screening::questionnaire::Item;
use crate::domain::{evaluation::clinic::SubjectRecord, follow_ups::Diagnosis, ids::ClinicId};
use crate::store::database::{Store, known, role::tie_to, row::answers, session::Session};
use crate::store::error::Result;

/// The items that state an outcome in a later submission.
const MEASURED: [Item; 3] = [Item::GripStrengthKg, Item::GaitSpeedMS, Item::TestsUnable];

/// Subjects per chunk.
const CHUNK: i64 = 500;

/// The position of a read. Subjects are read by key, so that each statement stays within the session's time limit.
pub struct Subjects {
    transaction: Session,
    clinic_id: ClinicId,
    after: Uuid,
}

/// Some subjects, by id.
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
        let count =
            sqlx::query_scalar!(r#"select count(*) as "count!" from subjects where clinic_id = $1"#, self.clinic_id.0,)
                .fetch_one(&mut *self.transaction)
                .await?;
        Ok(count.unsigned_abs())
    }

    /// The next subjects; `None` at the end. Tests are not read. A corrected submission has the answers of its last correction
    /// and the time of its own answers, so that what was measured between the two still comes after them.
    pub async fn next(&mut self) -> Result<Option<Chunk>> {
        let measured = MEASURED.map(|item| item.id().to_owned());
        let rows = sqlx::query!(
            r#"with recursive people as (
                   select subject_id from subjects where clinic_id = $1 and subject_id > $2 order by subject_id limit $3
               ), corrected as (
                   select p.subject_id, s.submission_id, s.at, 0 as corrections
                   from people p left join lateral (
                       select submission_id, coalesce(answered_at, received_at) as at from submissions one
                       where clinic_id = $1 and subject_id = p.subject_id and not test
                         and not exists (select from submissions o where o.clinic_id = $1 and o.submission_id = one.supersedes
                                         and o.subject_id = one.subject_id)
                       order by coalesce(answered_at, received_at), submission_id limit 1
                   ) s on true
                   union all
                   select c.subject_id, s.submission_id, c.at, c.corrections + 1
                   from corrected c join submissions s
                     on s.clinic_id = $1 and s.supersedes = c.submission_id and s.subject_id = c.subject_id and not s.test
               ), chosen as (
                   select distinct on (subject_id) subject_id, submission_id, at
                   from corrected order by subject_id, corrections desc, submission_id
               )
               select f.subject_id as "subject_id!", s.answers::text as "first?",
                      array(select l.answers::text from submissions l
                            where l.clinic_id = $1 and l.subject_id = f.subject_id and not l.test
                              and l.submission_id <> f.submission_id and l.answers::jsonb ?| $4
                              and coalesce(l.answered_at, l.received_at) > f.at
                              and not exists (select from submissions c
                                              where c.clinic_id = $1 and c.supersedes = l.submission_id)
                            order by coalesce(l.answered_at, l.received_at), l.submission_id) as "later!",
                      (select c.grip_strength_g from follow_ups c
                       where c.clinic_id = $1 and c.subject_id = f.subject_id and c.closed_at > f.at
                         and c.grip_strength_g is not null order by c.closed_at limit 1) as "grip_g?",
                      (select c.diagnosis from follow_ups c
                       where c.clinic_id = $1 and c.subject_id = f.subject_id and c.closed_at > f.at
                         and c.diagnosis is not null order by c.closed_at limit 1) as "diagnosis?"
               from chosen f left join submissions s on s.clinic_id = $1 and s.submission_id = f.submission_id
               order by f.subject_id"#,
            self.clinic_id.0,
            self.after,
            CHUNK,
            &measured[..],
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        let Some(last) = rows.last() else { return Ok(None) };
        self.after = last.subject_id;
        let read = rows.len() as u64;
        let known_first = rows.into_iter().filter_map(|row| Some((row.first?, row.later, row.grip_g, row.diagnosis)));
        Ok(Some(Chunk { read, records: known_first.map(record).collect::<Result<_>>()? }))
    }
}

/// The record of a subject: the first answers, the later ones, grip strength and diagnosis.
fn record(
    (first, later, grip_g, diagnosis): (String, Vec<String>, Option<i32>, Option<String>),
) -> Result<SubjectRecord> {
    let diagnosis = diagnosis.map(|name| known(Diagnosis::parse(&name), "follow_ups", "diagnosis"));
    Ok(SubjectRecord {
        first: answers(&first)?,
        later: later.iter().map(|text| answers(text)).collect::<Result<_>>()?,
        grip_g,
        diagnosis: diagnosis.transpose()?,
    })
}
