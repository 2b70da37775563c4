//! Scans stored submissions: chunk by chunk, from one snapshot, in a read-only transaction.

use std::collections::VecDeque;

use uuid::Uuid;

use crate::domain::ids::{ClinicId, SubmissionId};
use crate::domain::{
    screening::answers::Answers, screening::assessment::Assessment, screening::pathway::PathwayId,
    submissions::stored::StoredSubmission,
};
use crate::store::database::{Store, known, role::tie_to, row::answers, session::Session};
use crate::store::error::Result;

/// Rows per chunk: enough to make round trips negligible, few enough to keep chunks small.
const CHUNK: i64 = 1_000;

/// The position of a scan. Chunks are read by key, so that each statement stays within the session's time limit, however
/// many rows there are.
pub struct Scan {
    transaction: Session,
    clinics: VecDeque<ClinicId>,
    after: Uuid,
}

/// A stored submission, not parsed yet. The consumer of the chunk parses it.
pub struct Scanned {
    pub clinic_id: ClinicId,
    pub submission_id: SubmissionId,
    /// The version of the rule table that the submission was scored with.
    pub rule_table: String,
    /// Whether the submission is a test.
    pub test: bool,
    pathway: Option<String>,
    answers: String,
    assessment: String,
    columns: Columns,
}

/// The values of an assessment that lists and filters read, stored in separate columns.
#[derive(PartialEq, Eq)]
pub(in crate::store) struct Columns {
    /// Total, lower and upper bound, in points.
    pub score: [i16; 3],
    /// The band of the lower and of the upper bound.
    pub bands: [String; 2],
    pub care_level: Option<String>,
    pub flagged: bool,
    pub findings: Vec<String>,
    pub positive_instruments: Vec<String>,
}

impl Columns {
    pub fn new(assessment: &Assessment) -> Self {
        let points = |points: i32| i16::try_from(points).unwrap_or(i16::MAX);
        let score = assessment.score;
        Self {
            score: [score.total, score.lower, score.upper].map(points),
            bands: [assessment.band_at_least, assessment.band_at_most].map(|band| band.as_str().to_owned()),
            care_level: assessment.care_level.map(|level| level.as_str().to_owned()),
            flagged: assessment.flagged(),
            findings: assessment.findings.iter().map(|finding| finding.rule.to_string()).collect(),
            positive_instruments: StoredSubmission::positive_instruments(assessment).map(str::to_owned).collect(),
        }
    }
}

impl Scan {
    pub async fn begin(store: &Store, clinic_id: Option<ClinicId>) -> Result<Self> {
        let mut transaction = store.begin_snapshot().await?;
        let clinics = match clinic_id {
            Some(clinic_id) => VecDeque::from([clinic_id]),
            None => sqlx::query_scalar!("select clinic_id from clinics order by clinic_id")
                .fetch_all(&mut *transaction)
                .await?
                .into_iter()
                .map(ClinicId)
                .collect(),
        };
        Ok(Self { transaction, clinics, after: Uuid::nil() })
    }

    /// The number of remaining rows.
    pub async fn count(&mut self) -> Result<u64> {
        let mut count = 0;
        for clinic_id in &self.clinics {
            tie_to(&mut self.transaction, *clinic_id).await?;
            count += sqlx::query_scalar!(
                r#"select count(*) as "count!" from submissions where clinic_id = $1 and submission_id > $2"#,
                clinic_id.0,
                self.after,
            )
            .fetch_one(&mut *self.transaction)
            .await?;
        }
        Ok(count.unsigned_abs())
    }

    /// The next rows, ordered by id. Empty at the end.
    pub async fn next(&mut self) -> Result<Vec<Scanned>> {
        while let Some(clinic_id) = self.clinics.front().copied() {
            let rows = self.next_of(clinic_id).await?;
            if !rows.is_empty() {
                return Ok(rows);
            }
            self.clinics.pop_front();
            self.after = Uuid::nil();
        }
        Ok(Vec::new())
    }

    async fn next_of(&mut self, clinic_id: ClinicId) -> Result<Vec<Scanned>> {
        tie_to(&mut self.transaction, clinic_id).await?;
        let rows = sqlx::query!(
            r#"select submission_id, rule_table, test, pathway, answers::text as "answers!", assessment::text as "assessment!",
                      score_total, score_lower, score_upper, band_at_least, band_at_most, care_level, flagged, findings,
                      positive_instruments
               from submissions
               where clinic_id = $1 and submission_id > $2 order by submission_id limit $3"#,
            clinic_id.0,
            self.after,
            CHUNK,
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        if let Some(last) = rows.last() {
            self.after = last.submission_id;
        }
        let scanned = rows.into_iter().map(|row| Scanned {
            clinic_id,
            submission_id: SubmissionId(row.submission_id),
            rule_table: row.rule_table,
            test: row.test,
            pathway: row.pathway,
            answers: row.answers,
            assessment: row.assessment,
            columns: Columns {
                score: [row.score_total, row.score_lower, row.score_upper],
                bands: [row.band_at_least, row.band_at_most],
                care_level: row.care_level,
                flagged: row.flagged,
                findings: row.findings,
                positive_instruments: row.positive_instruments,
            },
        });
        Ok(scanned.collect())
    }
}

impl Scanned {
    pub fn answers(&self) -> Result<Answers> {
        answers(&self.answers)
    }

    /// The pathway that was requested by name.
    pub fn pathway(&self) -> Result<Option<PathwayId>> {
        let pathway = |name: &String| known(PathwayId::parse(name), "submissions", "pathway");
        self.pathway.as_ref().map(pathway).transpose()
    }

    /// The names of the columns that differ from those of an assessment.
    pub fn differing_columns(&self, assessment: &Assessment) -> Vec<&'static str> {
        let (own, other) = (&self.columns, Columns::new(assessment));
        let checks = [
            ("score", own.score == other.score),
            ("band", own.bands == other.bands),
            ("care_level", own.care_level == other.care_level),
            ("flagged", own.flagged == other.flagged),
            ("findings", own.findings == other.findings),
            ("positive_instruments", own.positive_instruments == other.positive_instruments),
        ];
        checks.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }

    pub fn assessment(&self) -> Result<Assessment> {
        known(serde_json::from_str(&self.assessment).ok(), "submissions", "assessment")
    }
}
