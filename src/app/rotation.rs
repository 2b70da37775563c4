//! Rotation of the master key: re-encrypts everything under an earlier key with the current one.

use uuid::Uuid;

use super::{App, Result, audit::sealing, clinics, progress::Progress};
use crate::domain::ids::ClinicId;
use crate::store::database::rotation::{self, Dependents, SealedTable, dependents};

/// How often locked rows are tried again.
const ROUNDS: usize = 10;

/// Re-encrypts and rehashes, in bounded batches, all data under an earlier key, and returns what still depends on one.
/// After an interruption the next run continues. Fails when a value does not decrypt.
pub async fn rotate(app: &App, mut progress: impl FnMut(Progress)) -> Result<Dependents> {
    let mut left = left_over(app).await?;
    let (mut done, total) = (0, left.rows);
    for _ in 0..ROUNDS {
        if left.rows == 0 {
            break;
        }
        for clinic in clinics::list(app).await? {
            for sealed in SealedTable::ALL {
                let mut after = (Uuid::nil(), 0);
                while let Some((rows, last)) = rotation::rotate(&app.store, &clinic, sealed, after).await? {
                    done += rows;
                    progress(Progress { done, total });
                    after = last;
                }
            }
        }
        left = left_over(app).await?;
    }
    if left.waiting > 0 {
        sealing::seal(app).await?;
        left = left_over(app).await?;
    }
    Ok(left)
}

/// What depends on an earlier key in every clinic, and in the system's audit log.
async fn left_over(app: &App) -> Result<Dependents> {
    let now = app.ambient.now();
    let mut whole = dependents(&app.store, ClinicId(Uuid::nil()), now).await?;
    for clinic in clinics::list(app).await? {
        whole += dependents(&app.store, clinic.clinic_id, now).await?;
    }
    Ok(whole)
}
