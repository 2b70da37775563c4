//! The submissions of a batch.

use std::collections::HashSet;

use serde::Serialize;
use uuid::Uuid;

use super::Resolved;
use crate::domain::{screening::pathway::PathwayId, submissions::Accepted};
use crate::store::database::{Connection, array_text, at, known};
use crate::store::error::Result;
use crate::store::screening::scan::Columns;

/// The documents of a submission in their stored form, with the columns that lists filter by.
pub(super) struct Documents {
    answers: String,
    assessment: String,
    warnings: String,
    columns: Columns,
}

impl Documents {
    pub(super) fn new(accepted: &Accepted) -> Result<Self> {
        let (answers, assessment) = (json(&accepted.draft.answers)?, json(&accepted.assessment)?);
        let warnings = accepted.draft.warnings.iter().map(|warning| warning.as_str()).collect::<Vec<_>>();
        Ok(Self { answers, assessment, warnings: array_text(&warnings), columns: Columns::new(&accepted.assessment) })
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    known(serde_json::to_string(value).ok(), "submissions", "cannot be written as JSON")
}

/// Adds the submissions of a batch. A receipt code that is taken in the clinic, or by an earlier one of the batch, moves on to the
/// next code until it is free, so no submission is lost to it.
pub(super) async fn insert(connection: &mut Connection, resolved: &mut [Resolved<'_>]) -> Result<()> {
    let mut left: Vec<&mut Resolved<'_>> = resolved.iter_mut().collect();
    while !left.is_empty() {
        let stored = insert_free(connection, &left).await?;
        left.retain(|one| !stored.contains(&one.intake.accepted.submission_id.0));
        for one in &mut left {
            one.receipt_code = one.receipt_code.successor();
        }
    }
    Ok(())
}

/// Adds the submissions whose receipt codes are free, and returns their ids. Each locks the submission that it corrects, so they
/// are inserted in the order of `supersedes`.
async fn insert_free(connection: &mut Connection, left: &[&mut Resolved<'_>]) -> Result<HashSet<Uuid>> {
    let accepted = || left.iter().map(|one| &one.intake.accepted);
    let documents = || left.iter().map(|one| &one.intake.documents);
    let columns = || documents().map(|one| &one.columns);
    let stored = sqlx::query_scalar!(
        "insert into submissions (clinic_id, submission_id, subject_id, credential_id, origin, received_at, answered_at, language,
             source_system, source_id, pathway, supersedes, rule_table, answers, assessment, score_total, score_lower, score_upper,
             band_at_least, band_at_most, care_level, flagged, findings, positive_instruments, follow_up_id, follow_up_state,
             follow_up_urgency, follow_up_joined, imported, test, warnings, form_version, answered_on, receipt_number)
         select clinic_id, submission_id, subject_id, credential_id, origin, received_at, answered_at, language, source_system,
                source_id, pathway, supersedes, rule_table, answers::json, assessment::json, score_total, score_lower, score_upper,
                band_at_least, band_at_most, care_level, flagged, findings::text[], positive::text[], follow_up_id, follow_up_state,
                follow_up_urgency, follow_up_joined, imported, test, warnings::text[], form_version, answered_on, receipt
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::text[],
                     $9::text[], $10::text[], $11::text[], $12::uuid[], $13::text[], $14::text[], $15::text[], $16::smallint[],
                     $17::smallint[], $18::smallint[], $19::text[], $20::text[], $21::text[], $22::boolean[], $23::text[],
                     $24::text[], $25::uuid[], $26::text[], $27::smallint[], $28::boolean[], $29::boolean[], $30::boolean[],
                     $31::text[], $32::text[], $33::text[], $34::bigint[])
             as i (clinic_id, submission_id, subject_id, credential_id, origin, received_at, answered_at, language, source_system,
                   source_id, pathway, supersedes, rule_table, answers, assessment, score_total, score_lower, score_upper,
                   band_at_least, band_at_most, care_level, flagged, findings, positive, follow_up_id, follow_up_state,
                   follow_up_urgency, follow_up_joined, imported, test, warnings, form_version, answered_on, receipt)
         order by supersedes on conflict (clinic_id, receipt_number) do nothing returning submission_id",
        &accepted().map(|one| one.actor.clinic_id.0).collect::<Vec<_>>(),
        &accepted().map(|one| one.submission_id.0).collect::<Vec<_>>(),
        &left.iter().map(|one| one.subject_id.0).collect::<Vec<_>>(),
        &accepted().map(|one| one.actor.credential_id.0).collect::<Vec<_>>(),
        &accepted().map(|one| one.origin.as_str().to_owned()).collect::<Vec<_>>(),
        &accepted().map(|one| at(one.received_at)).collect::<Vec<_>>() as _,
        &accepted().map(|one| one.draft.answered_at.map(at)).collect::<Vec<_>>() as _,
        &accepted().map(|one| one.draft.language.as_str().to_owned()).collect::<Vec<_>>(),
        &accepted().map(|one| one.draft.source.as_ref().map(|source| source.system.clone())).collect::<Vec<_>>() as _,
        &accepted().map(|one| one.draft.source.as_ref().map(|source| source.id.clone())).collect::<Vec<_>>() as _,
        &accepted().map(|one| one.draft.pathway.map(PathwayId::as_str)).collect::<Vec<_>>() as _,
        &accepted().map(|one| one.draft.supersedes.map(|id| id.0)).collect::<Vec<_>>() as _,
        &accepted().map(|one| one.assessment.rule_table.to_string()).collect::<Vec<_>>(),
        &documents().map(|one| one.answers.clone()).collect::<Vec<_>>(),
        &documents().map(|one| one.assessment.clone()).collect::<Vec<_>>(),
        &scores(left, 0),
        &scores(left, 1),
        &scores(left, 2),
        &bands(left, 0),
        &bands(left, 1),
        &columns().map(|one| one.care_level.clone()).collect::<Vec<_>>() as _,
        &columns().map(|one| one.flagged).collect::<Vec<_>>(),
        &columns().map(|one| array_text(&one.findings)).collect::<Vec<_>>(),
        &columns().map(|one| array_text(&one.positive_instruments)).collect::<Vec<_>>(),
        &left.iter().map(|one| one.follow_up.map(|link| link.follow_up_id.0)).collect::<Vec<_>>() as _,
        &left.iter().map(|one| one.follow_up.map(|link| link.state.as_str())).collect::<Vec<_>>() as _,
        &left.iter().map(|one| one.follow_up.map(|link| link.urgency.rank())).collect::<Vec<_>>() as _,
        &left.iter().map(|one| one.follow_up.map(|link| link.joined)).collect::<Vec<_>>() as _,
        &accepted().map(|one| one.draft.imported).collect::<Vec<_>>(),
        &accepted().map(|one| one.draft.test).collect::<Vec<_>>(),
        &documents().map(|one| one.warnings.clone()).collect::<Vec<_>>(),
        &accepted().map(|one| one.draft.stated.form_version.clone()).collect::<Vec<_>>() as _,
        &accepted().map(|one| one.draft.stated.answered_on.clone()).collect::<Vec<_>>() as _,
        &left.iter().map(|one| one.receipt_code.number()).collect::<Vec<_>>(),
    );
    Ok(stored.fetch_all(connection).await?.into_iter().collect())
}

fn scores(left: &[&mut Resolved<'_>], which: usize) -> Vec<i16> {
    left.iter().map(|one| one.intake.documents.columns.score[which]).collect()
}

fn bands(left: &[&mut Resolved<'_>], which: usize) -> Vec<String> {
    left.iter().map(|one| one.intake.documents.columns.bands[which].clone()).collect()
}
