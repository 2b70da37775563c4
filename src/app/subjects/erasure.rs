//! Erasure of a subject, export of all data about a subject, and replay of all erasures over a restored backup.

use std::path::PathBuf;

use uuid::Uuid;

use super::merges;
use crate::app::audit::{audited_read, entry, operator_entry};
use crate::app::{App, AppError, Result, clinics, progress::Progress};
use crate::domain::clinics::Clinic;
use crate::domain::ids::{ClinicId, SubjectId, SubmissionId};
use crate::domain::{access::actor::Actor, audit::AuditAction, subjects::history::SubjectExport};
use crate::store::{self, subjects::erasure::Listed, subjects::erasure_log::Erased, submissions::erasure::Entries};

/// All data stored about a subject, decrypted. It is the person's own copy, so it contains contact data regardless of consent.
pub async fn export(app: &App, actor: &Actor, subject_id: SubjectId) -> Result<SubjectExport> {
    let export = store::subjects::export::export(&app.store, actor.clinic_id, subject_id).await?;
    audited_read(app, actor, AuditAction::SubjectExported, subject_id.0, &export.subject_ids).await?;
    Ok(export)
}

/// Erases a subject and all data stored about it. The erasure is written to the erasure log outside the database first.
/// Fails when there is no erasure log, or the subject was merged into another.
pub async fn erase(app: &App, actor: &Actor, subject_id: SubjectId) -> Result<()> {
    let log = app.policy.erasure_log.as_deref().ok_or(AppError::NoErasureLog)?;
    let entry = entry(app, actor, AuditAction::SubjectErased, subject_id.0, &[subject_id])?;
    store::subjects::erasure::erase(&app.store, subject_id, Some(log), &entry).await?;
    app.deliveries.notify_one();
    Ok(())
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Subjects in the logs.
    pub named: usize,
    /// Lines that are not valid entries.
    pub unreadable: u64,
    /// Subjects that were found and erased.
    pub erased: u64,
    /// Single submissions in the logs.
    pub named_submissions: usize,
    /// Single submissions that were found and erased.
    pub erased_submissions: u64,
}

/// Erases again the subjects and single submissions in the logs that the database, restored from a backup, still holds. What is
/// already erased stays erased. Fails when a log cannot be read.
pub async fn replay(app: &App, logs: &[PathBuf], mut progress: impl FnMut(Progress)) -> Result<Replayed> {
    let erased = Erased::read(logs)?;
    let mut replayed = Replayed {
        named: erased.count(),
        unreadable: erased.unreadable,
        named_submissions: erased.submissions(),
        ..Replayed::default()
    };
    let clinics = clinics::list(app).await?;
    let (mut done, mut total) = (0, 0);
    for clinic in &clinics {
        total += store::subjects::erasure::count(&app.store, clinic.clinic_id).await?;
        if erased.submissions() > 0 {
            total += store::submissions::erasure::count(&app.store, clinic.clinic_id).await?;
        }
    }
    for clinic in &clinics {
        let mut after = SubjectId(Uuid::nil());
        loop {
            let chunk = store::subjects::erasure::next(&app.store, clinic.clinic_id, after, &erased).await?;
            let Some(next) = chunk.next else { break };
            for listed in chunk.listed {
                replayed.erased += 1;
                again(app, clinic.clinic_id, listed).await?;
            }
            done += chunk.rows;
            progress(Progress { done, total });
            after = next;
        }
    }
    for clinic in clinics.iter().filter(|_| erased.submissions() > 0) {
        let mut after = SubmissionId(Uuid::nil());
        loop {
            let chunk = store::submissions::erasure::next(&app.store, clinic.clinic_id, after, &erased).await?;
            let Some(next) = chunk.next else { break };
            for submission_id in chunk.listed {
                replayed.erased_submissions += 1;
                submission_again(app, clinic, submission_id).await?;
            }
            done += chunk.rows;
            progress(Progress { done, total });
            after = next;
        }
    }
    Ok(replayed)
}

async fn submission_again(app: &App, clinic: &Clinic, submission_id: SubmissionId) -> Result<()> {
    let entry = |action, resource_id| operator_entry(app, clinic.clinic_id, action, resource_id);
    let entries = Entries {
        of_submission: entry(AuditAction::SubmissionErased, submission_id.0)?,
        of_subject: entry(AuditAction::SubjectErased, Uuid::nil())?,
        of_follow_up: entry(AuditAction::FollowUpReopened, Uuid::nil())?,
    };
    Ok(store::submissions::erasure::erase(&app.store, submission_id, None, &entries, clinic.due).await?)
}

async fn again(app: &App, clinic_id: ClinicId, listed: Listed) -> Result<()> {
    let Listed { subject_id, merged_into, with_another } = listed;
    if with_another {
        return Ok(());
    }
    if merged_into.is_some() {
        // In the backup the two subjects are still merged; the other one stays.
        merges::undo_of(app, clinic_id, subject_id).await?;
    }
    let entry = operator_entry(app, clinic_id, AuditAction::SubjectErased, subject_id.0)?;
    Ok(store::subjects::erasure::erase(&app.store, subject_id, None, &entry).await?)
}
