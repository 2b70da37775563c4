//! Follow-ups: the worklist, one follow-up, its history.

pub mod commands;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::audit::{audited_read, distinct_subjects};
use super::screening::rule_tables;
use super::{App, AppError, Result};
use crate::domain::follow_ups::worklist::{Changes, FollowUpFilter, FollowUpOrder};
use crate::domain::follow_ups::{Dated, FollowUp, FollowUpEvent};
use crate::domain::page::{Page, PageRequest};
use crate::domain::submissions::{stored::SubmissionSummary, worklist::Entry};
use crate::domain::{access::actor::Actor, audit::AuditAction, ids::FollowUpId, subjects::Contact};
use crate::rules::Release;
use crate::store;

/// A page of the worklist.
pub struct Worklist {
    pub page: Page<Entry>,
    /// The rule tables of the submissions, by version.
    pub rule_tables: BTreeMap<String, Arc<Release>>,
    /// The estimated number of follow-ups that match the filter, if requested and known.
    pub estimated_total: Option<u64>,
    /// When the page was read.
    pub at: Timestamp,
}

pub struct Detail {
    pub follow_up: FollowUp,
    /// Its submissions, oldest first.
    pub submissions: Vec<SubmissionSummary>,
    /// The subject's contact data; `None` without consent to contact.
    pub contact: Option<Contact>,
    pub at: Timestamp,
}

/// One page of the worklist in the requested order, with an estimated total if requested.
pub async fn worklist(
    app: &App,
    actor: &Actor,
    filter: &FollowUpFilter,
    order: FollowUpOrder,
    page: &PageRequest,
    estimate: bool,
) -> Result<Worklist> {
    let (clinic_id, at) = (actor.clinic_id, app.ambient.now());
    let Page { items, next_cursor } =
        store::follow_ups::worklist::list(&app.store, clinic_id, filter, order, page, at).await?;
    let items = store::submissions::worklist::entries(&app.store, clinic_id, items).await?;
    let mut rule_tables = BTreeMap::new();
    for cause in items.iter().flat_map(|entry| &entry.causes) {
        if !rule_tables.contains_key(&cause.rule_table) {
            rule_tables.insert(cause.rule_table.clone(), rule_tables::get(app, &cause.rule_table).await?);
        }
    }
    let mut estimated_total = None;
    if estimate {
        estimated_total = store::follow_ups::worklist::estimate(&app.store, clinic_id, filter, at).await?;
    }
    let shown = distinct_subjects(items.iter().map(|entry| entry.follow_up.subject_id));
    audited_read(app, actor, AuditAction::FollowUpsListed, Uuid::nil(), &shown).await?;
    Ok(Worklist { page: Page { items, next_cursor }, rule_tables, estimated_total, at })
}

/// One page of follow-ups in the requested order, without what the worklist adds.
pub async fn list(
    app: &App,
    actor: &Actor,
    filter: &FollowUpFilter,
    order: FollowUpOrder,
    page: &PageRequest,
) -> Result<Page<Dated>> {
    let now = app.ambient.now();
    let page = store::follow_ups::worklist::list_dated(&app.store, actor.clinic_id, filter, order, page, now).await?;
    let shown = distinct_subjects(page.items.iter().map(|one| one.follow_up.subject_id));
    audited_read(app, actor, AuditAction::FollowUpsListed, Uuid::nil(), &shown).await?;
    Ok(page)
}

/// The number of follow-ups that match a filter; `None` if there are more than `most`. Audited as a list if it is `alone`, without a
/// list of the same request.
pub async fn count(app: &App, actor: &Actor, filter: &FollowUpFilter, most: u32, alone: bool) -> Result<Option<u32>> {
    let now = app.ambient.now();
    let found = store::follow_ups::worklist::count(&app.store, actor.clinic_id, filter, most, now).await?;
    if alone {
        audited_read(app, actor, AuditAction::FollowUpsListed, Uuid::nil(), &[]).await?;
    }
    Ok(found)
}

/// How many follow-ups changed at or after a time. Not audited, because it shows no data of a subject.
pub async fn changes(app: &App, actor: &Actor, since: Timestamp) -> Result<Changes> {
    Ok(store::follow_ups::worklist::changes(&app.store, actor.clinic_id, since).await?)
}

/// One follow-up with its submissions and, with consent to contact, the contact data.
pub async fn get(app: &App, actor: &Actor, follow_up_id: FollowUpId) -> Result<Detail> {
    let clinic_id = actor.clinic_id;
    let follow_up = find(app, actor, follow_up_id).await?;
    let submissions = store::submissions::of_follow_up(&app.store, clinic_id, follow_up_id).await?;
    let contact = store::subjects::contact(&app.store, clinic_id, follow_up.subject_id).await?;
    audited_read(app, actor, AuditAction::FollowUpRead, follow_up_id.0, &[follow_up.subject_id]).await?;
    Ok(Detail { follow_up, submissions, contact, at: app.ambient.now() })
}

/// One follow-up by itself. Audited as a read.
pub async fn read(app: &App, actor: &Actor, follow_up_id: FollowUpId) -> Result<Dated> {
    let found = store::follow_ups::find_dated(&app.store, actor.clinic_id, follow_up_id).await?;
    let found = found.ok_or(AppError::NotFound)?;
    audited_read(app, actor, AuditAction::FollowUpRead, follow_up_id.0, &[found.follow_up.subject_id]).await?;
    Ok(found)
}

/// One version of a follow-up, with the time that it was made.
pub async fn version(app: &App, actor: &Actor, follow_up_id: FollowUpId, version: i32) -> Result<Dated> {
    let found = store::follow_ups::events::find(&app.store, actor.clinic_id, follow_up_id, version).await?;
    let FollowUpEvent { at, after, .. } = found.ok_or(AppError::NotFound)?;
    audited_read(app, actor, AuditAction::FollowUpHistoryRead, follow_up_id.0, &[after.subject_id]).await?;
    Ok(Dated { follow_up: after, changed_at: at })
}

/// All versions of a follow-up, oldest first.
pub async fn history(app: &App, actor: &Actor, follow_up_id: FollowUpId) -> Result<Vec<FollowUpEvent>> {
    let follow_up = find(app, actor, follow_up_id).await?;
    let events = store::follow_ups::events::list(&app.store, actor.clinic_id, follow_up_id).await?;
    // After a merge, earlier versions are about the merged subject.
    let shown = distinct_subjects(events.iter().map(|event| event.after.subject_id).chain([follow_up.subject_id]));
    audited_read(app, actor, AuditAction::FollowUpHistoryRead, follow_up_id.0, &shown).await?;
    Ok(events)
}

async fn find(app: &App, actor: &Actor, follow_up_id: FollowUpId) -> Result<FollowUp> {
    let found = store::follow_ups::find(&app.store, actor.clinic_id, follow_up_id).await?;
    found.ok_or(AppError::NotFound)
}
