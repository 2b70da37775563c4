//! Evaluation of rule tables on the outcomes that a clinic recorded.

use crate::app::{App, Result, progress::Progress};
use crate::domain::evaluation::clinic::{ClinicOutcome, ClinicSample};
use crate::domain::evaluation::predictor::Predictors;
use crate::domain::ids::ClinicId;
use crate::store::evaluation::Subjects;

/// Scores the first submission of each subject of a clinic, and finds the outcome that was recorded after it. It reads one
/// snapshot of the database and changes nothing. Of each subject only scores and the outcome are kept.
pub async fn of_clinic(
    app: &App,
    clinic_id: ClinicId,
    predictors: &Predictors,
    outcome: ClinicOutcome,
    mut progress: impl FnMut(Progress),
) -> Result<ClinicSample> {
    let mut subjects = Subjects::begin(&app.store, clinic_id).await?;
    let (mut done, total) = (0, subjects.count().await?);
    let mut sample = ClinicSample::new(predictors, outcome);
    while let Some(chunk) = subjects.next().await? {
        for record in &chunk.records {
            sample.add(record);
        }
        done += chunk.read;
        progress(Progress { done, total });
    }
    Ok(sample)
}
