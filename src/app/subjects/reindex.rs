//! Re-index: subjects of an earlier version, of an earlier folding, or from before the clinic's country changed are found like
//! new ones afterwards.

use uuid::Uuid;

use crate::app::{App, Result, clinics, progress::Progress};
use crate::domain::clinics::Clinic;
use crate::domain::ids::{ClinicId, SubjectId};
use crate::store::subjects::reindex::{self, Twins};

/// How often locked subjects are tried again.
const ROUNDS: usize = 10;

/// What a re-index leaves.
pub struct Remainder {
    /// Subjects that are not indexed, because other transactions kept them locked.
    pub left: u64,
    /// Subjects whose references differ only in their Unicode form.
    pub twins: Vec<Twins>,
}

/// Indexes the subjects of all clinics, or of one, that are not indexed as new ones are. After an interruption the next run
/// continues. Fails when a value does not decrypt.
pub async fn run(app: &App, only: Option<ClinicId>, mut progress: impl FnMut(Progress)) -> Result<Remainder> {
    let mut clinics = clinics::list(app).await?;
    clinics.retain(|clinic| only.is_none_or(|only| only == clinic.clinic_id));
    let (mut done, total) = (0, count(app, &clinics).await?);
    let mut remainder = Remainder { left: total, twins: Vec::new() };
    for _ in 0..ROUNDS {
        if remainder.left == 0 {
            break;
        }
        remainder.twins.clear();
        for clinic in &clinics {
            let mut after = SubjectId(Uuid::nil());
            while let Some(batch) = reindex::next(&app.store, clinic, after).await? {
                remainder.twins.extend(batch.twins);
                after = batch.last;
                // A subject with a twin is read in each round.
                done = total.min(done + batch.rows);
                progress(Progress { done, total });
            }
        }
        let twins = u64::try_from(remainder.twins.len()).unwrap_or(u64::MAX);
        remainder.left = count(app, &clinics).await?.saturating_sub(twins);
    }
    Ok(remainder)
}

async fn count(app: &App, clinics: &[Clinic]) -> Result<u64> {
    let mut count = 0;
    for clinic in clinics {
        count += reindex::count(&app.store, clinic).await?;
    }
    Ok(count)
}
