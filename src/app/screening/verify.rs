//! Verification: checks that every stored assessment equals its recomputation under its own rule table.

use super::{rule_tables, scan};
use crate::app::{App, Result, progress::Progress};
use crate::domain::screening::verification::{Differing, Verification, differing_fields};
use crate::domain::{ids::ClinicId, screening::replay::rescore};
use crate::store::screening::scan::Scanned;

/// Recomputes the assessments of a clinic, or of all clinics, and returns which fields differ in which. Changes nothing.
pub async fn verify(app: &App, clinic_id: Option<ClinicId>, progress: impl FnMut(Progress)) -> Result<Verification> {
    let releases = rule_tables::every(app).await?;
    let fields = move |row: &Scanned| {
        let unusable = |field: &str| vec![field.to_owned()];
        let Some(release) = releases.get(&row.rule_table) else { return unusable("rule_table") };
        let Ok(answers) = row.answers() else { return unusable("answers") };
        let Ok(stored) = row.assessment() else { return unusable("assessment") };
        let recomputed = rescore(&release.table, &answers, &stored, &[]);
        let mut fields = differing_fields(&stored, &recomputed);
        fields.extend(row.differing_columns(&recomputed).into_iter().map(|column| format!("column {column}")));
        fields
    };
    let one = move |row: &Scanned, verification: &mut Verification| {
        verification.add(Differing {
            clinic_id: row.clinic_id,
            submission_id: row.submission_id,
            rule_table: row.rule_table.clone(),
            fields: fields(row),
        });
    };
    scan::fold(app, clinic_id, one, Verification::merge, progress).await
}
