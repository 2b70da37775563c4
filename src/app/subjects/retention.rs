//! Retention: removes data past a clinic's retention period, and expired idempotency keys, sessions, sign-ins and deliveries,
//! in bounded batches.

use std::ops::ControlFlow;

use jiff::{SignedDuration, Timestamp};

use crate::app::{App, Result, audit::operator_entry, clinics, progress::Progress};
use crate::domain::{audit::AuditAction, ids::ClinicId};
use crate::store::{self, subjects::retention::Retired};

/// How long webhook deliveries are kept, days, whatever their state.
const DELIVERY_DAYS: u32 = 30;

/// Removes all data that is due, clinic by clinic. Each batch is a transaction, so an interruption loses nothing.
/// Instances never work on one clinic at the same time. The progress callback may end the run. Fails when the erasure
/// log cannot be written.
pub async fn run(app: &App, mut progress: impl FnMut(Progress) -> ControlFlow<()>) -> Result<Retired> {
    let now = app.ambient.now();
    let mut whole = Retired::default();
    while store::access::begun_sign_ins::forget(&app.store, now).await? > 0 {}
    for clinic in clinics::list(app).await? {
        while store::subjects::retention::forget_keys(&app.store, clinic.clinic_id, now).await? > 0 {}
        while store::access::used_tokens::forget(&app.store, clinic.clinic_id, now).await? > 0 {}
        while store::access::sessions::forget(&app.store, clinic.clinic_id, now).await? > 0 {}
        if let Some(before) = days_before(now, DELIVERY_DAYS) {
            while store::webhooks::log::forget(&app.store, clinic.clinic_id, before).await? > 0 {}
        }
        let Some(before) = clinic.retention_days.and_then(|days| days_before(now, days)) else { continue };
        let total = store::subjects::retention::count(&app.store, clinic.clinic_id, before).await?;
        let mut done = 0;
        while let Some(batch) = batch(app, clinic.clinic_id, before).await?.filter(|batch| batch.submissions > 0) {
            whole.submissions += batch.submissions;
            whole.subjects += batch.subjects;
            done += batch.submissions;
            if progress(Progress { done, total }).is_break() {
                return Ok(whole);
            }
        }
    }
    Ok(whole)
}

async fn batch(app: &App, clinic_id: ClinicId, before: Timestamp) -> Result<Option<Retired>> {
    let of_submissions = operator_entry(app, clinic_id, AuditAction::SubmissionRetired, clinic_id.0)?;
    let of_subjects = operator_entry(app, clinic_id, AuditAction::SubjectRetired, clinic_id.0)?;
    let log = app.policy.erasure_log.as_deref();
    Ok(store::subjects::retention::retire(&app.store, before, log, &of_submissions, &of_subjects).await?)
}

fn days_before(now: Timestamp, days: u32) -> Option<Timestamp> {
    now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).ok()
}
