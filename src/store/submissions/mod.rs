//! Submissions: stored through the writers of [`intake`], found and listed.

pub mod corrections;
mod counting_again;
pub mod erasure;
pub mod exports;
pub(super) mod intake;
pub mod persons;
pub mod records;
pub mod statistics;
pub mod worklist;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::database::page::{Key, Scope};
use super::database::row::{answers, band, language, receipt_code};
use super::database::{Store, at, bound, known, writer::Writer};
use super::error::{Result, StoreError};
use crate::domain::access::actor::Origin;
use crate::domain::ids::{ClinicId, CredentialId, FollowUpId, SubjectId, SubmissionId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::subjects::contact::ContactWarning;
use crate::domain::submissions::stored::{FollowUpLink, Stored, StoredSubmission, SubmissionFilter, SubmissionSummary};
use crate::domain::submissions::{Accepted, ExternalSource, Stated};
use crate::domain::{
    follow_ups::StateName, screening::assessment::Score, screening::pathway::PathwayId, screening::red_flag::CareLevel,
    screening::rule_table::Band, screening::urgency::Urgency,
};
pub use intake::is_of_subject;
use intake::{Intake, Outcome};

/// Maximum attempts to store a submission when the submission of its idempotency key is erased in between.
const ATTEMPTS: usize = 3;

/// See [`Writers::store_submission`](super::writers::Writers::store_submission).
pub(super) async fn commit(store: &Store, writer: &Writer<Intake>, accepted: Accepted) -> Result<Stored> {
    let clinic_id = accepted.actor.clinic_id;
    let mut intake = Intake::new(&store.keys, accepted)?;
    for _ in 0..ATTEMPTS {
        let (written, outcome) = writer.write(intake).await?;
        match outcome {
            Outcome::Stored(subject_id, follow_up, receipt_code) => {
                return Ok(Stored::Created(Box::new(written.stored(subject_id, follow_up, receipt_code))));
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

pub async fn find(store: &Store, clinic_id: ClinicId, submission_id: SubmissionId) -> Result<Option<StoredSubmission>> {
    let row = sqlx::query_as!(
        Row,
        r#"select submission_id, receipt_number, subject_id, credential_id, origin, language, source_system, source_id, pathway,
                  supersedes, imported, test, answers, assessment, follow_up_id, follow_up_state, follow_up_urgency,
                  follow_up_joined, warnings, form_version, answered_on,
                  (select later.submission_id from submissions later
                   where later.clinic_id = submissions.clinic_id and later.supersedes = submissions.submission_id
                   order by later.received_at desc, later.submission_id desc limit 1) as superseded_by,
                  (select max(later.received_at) from submissions later
                   where later.clinic_id = submissions.clinic_id
                     and later.supersedes = submissions.submission_id) as "superseded_at: jiff_sqlx::Timestamp",
                  received_at as "received_at: jiff_sqlx::Timestamp",
                  answered_at as "answered_at: jiff_sqlx::Timestamp"
           from submissions where clinic_id = $1 and submission_id = $2"#,
        clinic_id.0,
        submission_id.0,
    )
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?;
    row.map(Row::read).transpose()
}

/// One page of a clinic's submissions, newest first.
pub async fn list(
    store: &Store,
    clinic_id: ClinicId,
    filter: &SubmissionFilter,
    page: &PageRequest,
    now: Timestamp,
) -> Result<Page<SubmissionSummary>> {
    let scope = Scope { clinic_id, list: "submissions by received_at", filter: format!("{filter:?}") };
    let after = scope.after(&store.keys, page, now)?;
    let rows = sqlx::query_as!(
        SummaryRow,
        r#"select submission_id, receipt_number, subject_id, origin, imported, test, rule_table, score_total, score_lower,
                  score_upper, band_at_least, band_at_most, care_level, flagged, follow_up_id, supersedes,
                  (select later.submission_id from submissions later
                   where later.clinic_id = submissions.clinic_id and later.supersedes = submissions.submission_id
                   order by later.received_at desc, later.submission_id desc limit 1) as superseded_by,
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
             and ($15::boolean is null or test = $15)
             and (not $14 or submission_id in (
                 select submission_id from submissions
                 where clinic_id = $1 and ((answers ->> 'grip_strength_kg')::numeric < 1
                                           or (answers ->> 'five_chair_stands_s')::numeric < 3)))
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
        filter.below_floor,
        filter.test,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    let summaries = rows.into_iter().map(SummaryRow::read).collect::<Result<Vec<_>, _>>()?;
    Ok(scope.page(&store.keys, page.limit, now, summaries, |last| Key::new(last.received_at, last.submission_id.0)))
}

/// One page of a subject's submissions, latest answered first, and the submission that precedes the last one of the page in
/// time and is no test. That row is read anyway to determine whether a next page exists, unless it is a test.
pub async fn of_subject(
    store: &Store,
    clinic_id: ClinicId,
    subject_id: SubjectId,
    page: &PageRequest,
    now: Timestamp,
) -> Result<(Page<StoredSubmission>, Option<StoredSubmission>)> {
    let scope = Scope { clinic_id, list: "submissions of a subject by answered_at", filter: subject_id.to_string() };
    let after = scope.after(&store.keys, page, now)?;
    let stored = answered_before(store, clinic_id, subject_id, after, i64::from(page.limit) + 1, false).await?;
    let key = |last: &StoredSubmission| Key::new(last.answered(), last.submission_id.0);
    let mut before = stored.get(usize::from(page.limit)).cloned();
    if let Some(test) = before.as_ref().filter(|one| one.test) {
        before = answered_before(store, clinic_id, subject_id, Some(key(test)), 1, true).await?.pop();
    }
    Ok((scope.page(&store.keys, page.limit, now, stored, key), before))
}

/// At most `limit` submissions of a subject, latest answered first, from those before a row, and without tests if
/// `no_tests` is set.
async fn answered_before(
    store: &Store,
    clinic_id: ClinicId,
    subject_id: SubjectId,
    before: Option<Key>,
    limit: i64,
    no_tests: bool,
) -> Result<Vec<StoredSubmission>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select submission_id, receipt_number, subject_id, credential_id, origin, language, source_system, source_id, pathway,
                  supersedes, imported, test, answers, assessment, follow_up_id, follow_up_state, follow_up_urgency,
                  follow_up_joined, warnings, form_version, answered_on,
                  (select later.submission_id from submissions later
                   where later.clinic_id = submissions.clinic_id and later.supersedes = submissions.submission_id
                   order by later.received_at desc, later.submission_id desc limit 1) as superseded_by,
                  (select max(later.received_at) from submissions later
                   where later.clinic_id = submissions.clinic_id
                     and later.supersedes = submissions.submission_id) as "superseded_at: jiff_sqlx::Timestamp",
                  received_at as "received_at: jiff_sqlx::Timestamp",
                  answered_at as "answered_at: jiff_sqlx::Timestamp"
           from submissions
           where clinic_id = $1 and subject_id = $2
             and (coalesce(answered_at, received_at), submission_id) < (
                 coalesce($3::timestamptz, 'infinity'),
                 coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
             )
             and not ($6 and test)
           order by coalesce(answered_at, received_at) desc, submission_id desc limit $5"#,
        clinic_id.0,
        subject_id.0,
        before.map(|key| at(key.at)) as _,
        before.map(|key| key.id),
        limit,
        no_tests,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// The submissions of a follow-up, oldest first.
pub async fn of_follow_up(
    store: &Store,
    clinic_id: ClinicId,
    follow_up_id: FollowUpId,
) -> Result<Vec<SubmissionSummary>> {
    let rows = sqlx::query_as!(
        SummaryRow,
        r#"select submission_id, receipt_number, subject_id, origin, imported, test, rule_table, score_total, score_lower,
                  score_upper, band_at_least, band_at_most, care_level, flagged, follow_up_id, supersedes,
                  (select later.submission_id from submissions later
                   where later.clinic_id = submissions.clinic_id and later.supersedes = submissions.submission_id
                   order by later.received_at desc, later.submission_id desc limit 1) as superseded_by,
                  received_at as "received_at: jiff_sqlx::Timestamp"
           from submissions where clinic_id = $1 and follow_up_id = $2
           order by received_at, submission_id limit 200"#,
        clinic_id.0,
        follow_up_id.0,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    rows.into_iter().map(SummaryRow::read).collect()
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub submission_id: Uuid,
    pub receipt_number: i64,
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
    pub superseded_at: Option<jiff_sqlx::Timestamp>,
    pub imported: bool,
    pub test: bool,
    pub answers: Value,
    pub assessment: Value,
    pub follow_up_id: Option<Uuid>,
    pub follow_up_state: Option<String>,
    pub follow_up_urgency: Option<i16>,
    pub follow_up_joined: Option<bool>,
    pub warnings: Vec<String>,
    pub form_version: Option<String>,
    pub answered_on: Option<String>,
}

impl Row {
    pub(in crate::store) fn read(self) -> Result<StoredSubmission> {
        const TABLE: &str = "submissions";
        let pathway = self.pathway.map(|name| known(PathwayId::parse(&name), TABLE, "pathway"));
        let warnings = self.warnings.iter().map(|code| known(ContactWarning::parse(code), TABLE, "warnings"));
        Ok(StoredSubmission {
            submission_id: SubmissionId(self.submission_id),
            receipt_code: receipt_code(self.receipt_number)?,
            subject_id: SubjectId(self.subject_id),
            credential_id: CredentialId(self.credential_id),
            origin: known(Origin::parse(&self.origin), TABLE, "origin")?,
            received_at: self.received_at.to_jiff(),
            answered_at: self.answered_at.map(jiff_sqlx::Timestamp::to_jiff),
            stated: Stated { form_version: self.form_version, answered_on: self.answered_on },
            language: language(&self.language, "submissions")?,
            source: self.source_system.zip(self.source_id).map(|(system, id)| ExternalSource { system, id }),
            pathway: pathway.transpose()?,
            supersedes: self.supersedes.map(SubmissionId),
            superseded_by: self.superseded_by.map(SubmissionId),
            superseded_at: self.superseded_at.map(jiff_sqlx::Timestamp::to_jiff),
            imported: self.imported,
            test: self.test,
            answers: answers(&self.answers.to_string())?,
            assessment: known(serde_json::from_value(self.assessment).ok(), TABLE, "assessment")?,
            follow_up: match (self.follow_up_id, self.follow_up_state, self.follow_up_urgency, self.follow_up_joined) {
                (Some(id), Some(state), Some(rank), Some(joined)) => Some(FollowUpLink {
                    follow_up_id: FollowUpId(id),
                    state: known(StateName::parse(&state), TABLE, "follow_up_state")?,
                    urgency: known(Urgency::from_rank(rank), TABLE, "follow_up_urgency")?,
                    joined,
                }),
                _ => None,
            },
            warnings: warnings.collect::<Result<_>>()?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct SummaryRow {
    submission_id: Uuid,
    receipt_number: i64,
    subject_id: Uuid,
    origin: String,
    received_at: jiff_sqlx::Timestamp,
    imported: bool,
    test: bool,
    rule_table: String,
    score_total: i16,
    score_lower: i16,
    score_upper: i16,
    band_at_least: String,
    band_at_most: String,
    care_level: Option<String>,
    flagged: bool,
    follow_up_id: Option<Uuid>,
    supersedes: Option<Uuid>,
    superseded_by: Option<Uuid>,
}

impl SummaryRow {
    pub(in crate::store) fn read(self) -> Result<SubmissionSummary> {
        Ok(SubmissionSummary {
            submission_id: SubmissionId(self.submission_id),
            receipt_code: receipt_code(self.receipt_number)?,
            subject_id: SubjectId(self.subject_id),
            origin: known(Origin::parse(&self.origin), "submissions", "origin")?,
            received_at: self.received_at.to_jiff(),
            imported: self.imported,
            test: self.test,
            rule_table: self.rule_table,
            score: Score {
                total: self.score_total.into(),
                lower: self.score_lower.into(),
                upper: self.score_upper.into(),
            },
            band_at_least: band(&self.band_at_least)?,
            band_at_most: band(&self.band_at_most)?,
            care_level: self
                .care_level
                .map(|name| known(CareLevel::parse(&name), "submissions", "care_level"))
                .transpose()?,
            flagged: self.flagged,
            follow_up_id: self.follow_up_id.map(FollowUpId),
            supersedes: self.supersedes.map(SubmissionId),
            superseded_by: self.superseded_by.map(SubmissionId),
        })
    }
}
