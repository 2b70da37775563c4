//! Reads what counts of the submissions of a follow-up.

use crate::domain::follow_ups::{Content, Counting, FollowUp, Part};
use crate::domain::ids::{ClinicId, SubmissionId};
use crate::domain::screening::urgency::Urgency;
use crate::store::database::{Connection, at, known, row::band};
use crate::store::error::Result;

/// What the submissions of a follow-up contribute, with those of the follow-ups that a merge of subjects closed in its
/// favour. A submission of another subject, which versions before 0050 accepted as a correction, takes nothing from the
/// follow-up. While the subject is locked, no correction is stored.
pub(in crate::store) async fn read(
    connection: &mut Connection,
    clinic_id: ClinicId,
    case: &FollowUp,
) -> Result<Counting> {
    let rows = sqlx::query!(
        r#"select s.submission_id as "submission_id!", s.supersedes,
                  s.received_at as "received_at!: jiff_sqlx::Timestamp", s.assessment ->> 'urgency' as urgency,
                  s.band_at_least as "band_at_least!", s.findings as "findings!",
                  s.positive_instruments as "positive_instruments!",
                  coalesce(s.follow_up_id = $3 or (f.not_needed_reason = 'merged' and s.received_at >= $4), false)
                      as "belongs!"
           from submissions s
           left join follow_ups f on f.clinic_id = s.clinic_id and f.follow_up_id = s.follow_up_id
           where s.clinic_id = $1 and s.subject_id = $2
             and (s.follow_up_id = $3 or (f.not_needed_reason = 'merged' and s.received_at >= $4)
                  or s.supersedes is not null)"#,
        clinic_id.0,
        case.subject_id.0,
        case.follow_up_id.0,
        at(case.flagged_at) as _,
    )
    .fetch_all(connection)
    .await?;
    let urgency = |name: String| known(Urgency::parse(&name), "submissions", "assessment");
    let parts = rows.into_iter().map(|row| {
        let content = Content {
            submission_id: SubmissionId(row.submission_id),
            urgency: row.urgency.map(urgency).transpose()?,
            band: band(&row.band_at_least)?,
            findings: row.findings,
            positive_instruments: row.positive_instruments,
        };
        let (supersedes, received_at) = (row.supersedes.map(SubmissionId), row.received_at.to_jiff());
        Ok(Part { belongs: row.belongs, supersedes, received_at, content })
    });
    Ok(Counting::new(parts.collect::<Result<_>>()?))
}
