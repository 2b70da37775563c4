//! Submissions: stored through the writers of [`intake`], found and listed.

pub mod exports;
pub mod history;
pub(super) mod intake;
pub mod records;
pub mod statistics;

use serde_json::Value;
use uuid::Uuid;

use super::database::Store;
use super::database::page::{Key, Scope, cut};
use super::database::row::{answers, at, band, bound, care_level, known, language};
use super::database::writer::Writer;
use super::error::StoreError;
use crate::domain::follow_ups::StateName;
use crate::domain::ids::{ClinicId, CredentialId, FollowUpId, SubjectId, SubmissionId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::screening::assessment::Score;
use crate::domain::screening::pathway::PathwayId;
use crate::domain::screening::rule_table::Band;
use crate::domain::screening::urgency::Urgency;
use crate::domain::submissions::stored::{FollowUpLink, Stored, StoredSubmission, SubmissionFilter, SubmissionSummary};
use crate::domain::submissions::{Accepted, ExternalSource, Origin};
use intake::{Intake, Outcome};

/// Maximum attempts to store a submission when the submission of its idempotency key is erased in between.
const ATTEMPTS: usize = 3;

/// See [`Writers::store_submission`](super::writers::Writers::store_submission).
pub(super) async fn commit(store: &Store, writer: &Writer<Intake>, accepted: Accepted) -> Result<Stored, StoreError> {
    let clinic_id = accepted.actor.clinic_id;
    let mut intake = Intake::new(&store.keys, accepted)?;
    for _ in 0..ATTEMPTS {
        let (written, outcome) = writer.write(intake).await?;
        match outcome {
            Outcome::Stored(subject_id, follow_up) => {
                return Ok(Stored::Created(Box::new(written.stored(subject_id, follow_up))));
            }
            Outcome::Replay(submission_id) => {
                if let Some(done) = find(store, clinic_id, submission_id).await? {
                    return Ok(Stored::Replayed(Box::new(done)));
                }
            }
            Outcome::KeyReused => return Ok(Stored::KeyReused),
        }
        // The submission of the key was erased in between, and the key with it.
        intake = written;
    }
    Err(StoreError::Inconsistent { table: "idempotency_keys", what: "names a submission that does not exist" })
}

/// # Errors
/// Fails when the database is unavailable, or when the row violates an invariant.
pub async fn find(
    store: &Store,
    clinic_id: ClinicId,
    submission_id: SubmissionId,
) -> Result<Option<StoredSubmission>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select submission_id, subject_id, credential_id, origin, language, source_system, source_id, pathway,
                  supersedes, imported, answers, assessment, follow_up_id, follow_up_state, follow_up_urgency, follow_up_joined,
                  (select later.submission_id from submissions later
                   where later.clinic_id = submissions.clinic_id and later.supersedes = submissions.submission_id
                   order by later.received_at desc, later.submission_id desc limit 1) as superseded_by,
                  received_at as "received_at: jiff_sqlx::Timestamp",
                  answered_at as "answered_at: jiff_sqlx::Timestamp"
           from submissions where clinic_id = $1 and submission_id = $2"#,
        clinic_id.0,
        submission_id.0,
    )
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?;
    row.map(StoredSubmission::try_from).transpose()
}

/// One page of a clinic's submissions, newest first.
///
/// # Errors
/// Fails when the cursor is not from this list, or when the database is unavailable.
pub async fn list(
    store: &Store,
    clinic_id: ClinicId,
    filter: &SubmissionFilter,
    page: &PageRequest,
) -> Result<Page<SubmissionSummary>, StoreError> {
    let scope = Scope { clinic_id, list: "submissions by received_at", filter: format!("{filter:?}") };
    let after = page.cursor.as_deref().map(|cursor| scope.open(&store.keys, cursor)).transpose()?;
    let rows = sqlx::query_as!(
        SummaryRow,
        r#"select submission_id, subject_id, origin, imported, rule_table, score_total, score_lower, score_upper, band_at_least,
                  band_at_most, care_level, flagged, follow_up_id,
                  received_at as "received_at: jiff_sqlx::Timestamp"
           from submissions
           where clinic_id = $1
             and ($2::boolean is null or flagged = $2)
             and ($3::text is null or (band_at_least = $3 and band_at_most = $3))
             and ($4::smallint is null or score_total >= $4)
             and ($5::text is null or findings @> array[$5])
             and ($6::text is null or positive_instruments @> array[$6])
             and ($7::timestamptz is null or received_at >= $7)
             and ($8::timestamptz is null or received_at < $8)
             and ($9::uuid is null or subject_id = $9)
             and ($13::boolean is null or imported = $13)
             and (received_at, submission_id) < (
                 coalesce($10::timestamptz, 'infinity'),
                 coalesce($11::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
             )
           order by received_at desc, submission_id desc limit $12"#,
        clinic_id.0,
        filter.flagged,
        filter.band.map(Band::as_str),
        filter.min_score,
        filter.finding.as_deref(),
        filter.instrument_positive.as_deref(),
        filter.received_from.map(bound) as _,
        filter.received_to.map(bound) as _,
        filter.subject_id.map(|id| id.0),
        after.map(|key| at(key.at)) as _,
        after.map(|key| key.id),
        i64::from(page.limit) + 1,
        filter.imported,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    let summaries = rows.into_iter().map(SubmissionSummary::try_from).collect::<Result<Vec<_>, _>>()?;
    let (items, next_cursor) = cut(summaries, page.limit, |last| {
        scope.seal(&store.keys, Key { rank: 0, at: last.received_at, id: last.submission_id.0 })
    });
    Ok(Page { items, next_cursor })
}

/// The submissions of a follow-up, oldest first.
///
/// # Errors
/// Fails when the database is unavailable.
pub async fn of_follow_up(
    store: &Store,
    clinic_id: ClinicId,
    follow_up_id: FollowUpId,
) -> Result<Vec<SubmissionSummary>, StoreError> {
    let rows = sqlx::query_as!(
        SummaryRow,
        r#"select submission_id, subject_id, origin, imported, rule_table, score_total, score_lower, score_upper, band_at_least,
                  band_at_most, care_level, flagged, follow_up_id,
                  received_at as "received_at: jiff_sqlx::Timestamp"
           from submissions where clinic_id = $1 and follow_up_id = $2
           order by received_at, submission_id limit 200"#,
        clinic_id.0,
        follow_up_id.0,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    rows.into_iter().map(SubmissionSummary::try_from).collect()
}

/// The columns of a submission.
pub(super) struct Row {
    pub submission_id: Uuid,
    pub subject_id: Uuid,
    pub credential_id: Uuid,
    pub origin: String,
    pub received_at: jiff_sqlx::Timestamp,
    pub answered_at: Option<jiff_sqlx::Timestamp>,
    pub language: String,
    pub source_system: Option<String>,
    pub source_id: Option<String>,
    pub pathway: Option<String>,
    pub supersedes: Option<Uuid>,
    pub superseded_by: Option<Uuid>,
    pub imported: bool,
    pub answers: Value,
    pub assessment: Value,
    pub follow_up_id: Option<Uuid>,
    pub follow_up_state: Option<String>,
    pub follow_up_urgency: Option<i16>,
    pub follow_up_joined: Option<bool>,
}

impl TryFrom<Row> for StoredSubmission {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let broken = |what| StoreError::Inconsistent { table: "submissions", what };
        let pathway = row.pathway.map(|name| PathwayId::parse(&name).ok_or_else(|| broken("pathway")));
        let link = (row.follow_up_id, row.follow_up_state, row.follow_up_urgency, row.follow_up_joined);
        Ok(Self {
            submission_id: SubmissionId(row.submission_id),
            subject_id: SubjectId(row.subject_id),
            credential_id: CredentialId(row.credential_id),
            origin: Origin::parse(&row.origin).ok_or_else(|| broken("origin"))?,
            received_at: row.received_at.to_jiff(),
            answered_at: row.answered_at.map(jiff_sqlx::Timestamp::to_jiff),
            language: language(&row.language, "submissions")?,
            source: row.source_system.zip(row.source_id).map(|(system, id)| ExternalSource { system, id }),
            pathway: pathway.transpose()?,
            supersedes: row.supersedes.map(SubmissionId),
            superseded_by: row.superseded_by.map(SubmissionId),
            imported: row.imported,
            answers: answers(&row.answers)?,
            assessment: serde_json::from_value(row.assessment).map_err(|_| broken("assessment"))?,
            follow_up: match link {
                (Some(id), Some(state), Some(rank), Some(joined)) => Some(FollowUpLink {
                    follow_up_id: FollowUpId(id),
                    state: StateName::parse(&state).ok_or_else(|| broken("follow_up_state"))?,
                    urgency: Urgency::from_rank(rank).ok_or_else(|| broken("follow_up_urgency"))?,
                    joined,
                }),
                _ => None,
            },
        })
    }
}

#[derive(sqlx::FromRow)]
struct SummaryRow {
    submission_id: Uuid,
    subject_id: Uuid,
    origin: String,
    received_at: jiff_sqlx::Timestamp,
    imported: bool,
    rule_table: String,
    score_total: i16,
    score_lower: i16,
    score_upper: i16,
    band_at_least: String,
    band_at_most: String,
    care_level: Option<String>,
    flagged: bool,
    follow_up_id: Option<Uuid>,
}

impl TryFrom<SummaryRow> for SubmissionSummary {
    type Error = StoreError;

    fn try_from(row: SummaryRow) -> Result<Self, StoreError> {
        Ok(Self {
            submission_id: SubmissionId(row.submission_id),
            subject_id: SubjectId(row.subject_id),
            origin: known(Origin::parse(&row.origin), "submissions", "origin")?,
            received_at: row.received_at.to_jiff(),
            imported: row.imported,
            rule_table: row.rule_table,
            score: Score {
                total: row.score_total.into(),
                lower: row.score_lower.into(),
                upper: row.score_upper.into(),
            },
            band_at_least: band(&row.band_at_least)?,
            band_at_most: band(&row.band_at_most)?,
            care_level: care_level(row.care_level.as_deref())?,
            flagged: row.flagged,
            follow_up_id: row.follow_up_id.map(FollowUpId),
        })
    }
}
