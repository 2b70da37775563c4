//! Rotation of the master key: everything sealed with an earlier key is sealed with the current one.

use uuid::Uuid;

use super::ambient::{Ambient, random};
use super::scan::Progress;
use super::{App, AppError, clinics, sealing};
use crate::domain::ids::ClinicId;
use crate::store;
use crate::store::keys::SealNonce;
use crate::store::rotation::{Dependents, SEALS, Sealed, dependents};

/// How often rows that somebody was working on are tried again.
const ROUNDS: usize = 10;

/// Seals and hashes anew, in bounded batches, whatever was made with an earlier key, and tells what still depends on one.
/// Being ended in the middle loses nothing: the next run goes on with what is left.
///
/// # Errors
/// When a value does not open, or the database is away.
pub async fn rotate(app: &App, mut progress: impl FnMut(Progress)) -> Result<Dependents, AppError> {
    let mut left = left_over(app).await?;
    let (mut done, total) = (0, left.rows);
    for _ in 0..ROUNDS {
        if left.rows == 0 {
            break;
        }
        for clinic in clinics::list(app).await? {
            for sealed in Sealed::ALL {
                done =
                    one(app, clinic.clinic_id, sealed, |rows| progress(Progress { done: rows, total }), done).await?;
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

/// What depends on an earlier key in every clinic, and in the system's own part of the trail.
async fn left_over(app: &App) -> Result<Dependents, AppError> {
    let now = app.ambient.now();
    let mut whole = dependents(&app.store, ClinicId(Uuid::nil()), now).await?;
    for clinic in clinics::list(app).await? {
        whole += dependents(&app.store, clinic.clinic_id, now).await?;
    }
    Ok(whole)
}

async fn one(
    app: &App,
    clinic_id: ClinicId,
    sealed: Sealed,
    mut progress: impl FnMut(u64),
    mut done: u64,
) -> Result<u64, AppError> {
    let mut after = (Uuid::nil(), 0);
    loop {
        let nonces = nonces(&*app.ambient)?;
        let Some((rows, last)) = store::rotation::rotate(&app.store, clinic_id, sealed, after, &nonces).await? else {
            return Ok(done);
        };
        done += rows;
        progress(done);
        after = last;
    }
}

fn nonces(ambient: &dyn Ambient) -> Result<Box<[SealNonce; SEALS]>, AppError> {
    let mut nonces = Box::new([SealNonce::default(); SEALS]);
    for nonce in nonces.iter_mut() {
        *nonce = random(ambient)?;
    }
    Ok(nonces)
}
