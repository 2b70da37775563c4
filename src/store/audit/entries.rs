//! Lists the audit log for the admins of a clinic.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::audit::{AuditAction, AuditEntry, AuditFilter, AuditOutcome, NamedEntry};
use crate::domain::ids::{AuditEntryId, ClinicId, CredentialId, SubjectId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::times::Span;
use crate::store::database::page::{Key, Scope};
use crate::store::database::{Store, at, bound, known};
use crate::store::error::Result;

/// 3000-01-01, after every entry.
const LATEST: Timestamp = Timestamp::constant(32_503_680_000, 0);

/// One page of a clinic's audit log, newest first. Each entry has the display name of its credential.
pub async fn list(
    store: &Store,
    clinic_id: ClinicId,
    filter: &AuditFilter,
    page: &PageRequest,
    now: Timestamp,
) -> Result<Page<NamedEntry>> {
    let scope = Scope { clinic_id, list: "audit entries by at", filter: format!("{filter:?}") };
    let after = scope.after(&store.keys, page, now)?;
    let times = filter.at.as_ref().map(|at| at.spans().iter().map(|span| ends(*span)).unzip());
    let (from, to): (Option<Vec<_>>, Option<Vec<_>>) = times.unzip();
    let actions = names(filter.actions.as_deref(), AuditAction::as_str);
    let outcomes = names(filter.outcomes.as_deref(), AuditOutcome::as_str);
    let credentials = ids(filter.credential_ids.as_deref(), |id| id.0);
    let subjects = ids(filter.subject_ids.as_deref(), |id| id.0);
    let entries = ids(filter.ids.as_deref(), |id| id.0);
    let rows = sqlx::query_as!(
        Row,
        r#"select e.audit_entry_id, e.at as "at: jiff_sqlx::Timestamp", e.credential_id, e.action, e.outcome,
                  e.resource_id, e.resource_ids, e.subject_id, e.subject_ids, e.occurrences, e.request_id,
                  c.display_name as "display_name?"
           from audit_entries e
           left join credentials c on c.clinic_id = e.clinic_id and c.credential_id = e.credential_id
           where e.clinic_id = $1
             and ($2::text[] is null or e.action = any ($2))
             and ($3::text[] is null or e.outcome = any ($3))
             and ($4::uuid[] is null or e.credential_id = any ($4))
             and ($5::uuid[] is null or e.subject_id = any ($5) or e.subject_ids && $5)
             and ($6::uuid[] is null or e.resource_id = any ($6) or e.resource_ids && $6)
             and ($7::uuid is null or e.request_id = $7)
             and ($8::timestamptz[] is null or exists (
                 select from unnest($8::timestamptz[], $9::timestamptz[]) as span (start, finish)
                 where e.at >= start and e.at < finish))
             and ($13::uuid[] is null or e.audit_entry_id = any ($13))
             and (e.at, e.audit_entry_id) < (
                 coalesce($10::timestamptz, 'infinity'),
                 coalesce($11::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
             )
           order by e.at desc, e.audit_entry_id desc limit $12"#,
        clinic_id.0,
        actions.as_deref(),
        outcomes.as_deref(),
        credentials.as_deref(),
        subjects.as_deref(),
        filter.resource_ids.as_deref(),
        filter.request_id,
        from as _,
        to as _,
        after.map(|key| at(key.at)) as _,
        after.map(|key| key.id),
        i64::from(page.limit) + 1,
        entries.as_deref(),
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    let found = rows.into_iter().map(|row| row.read(clinic_id)).collect::<Result<Vec<_>, _>>()?;
    Ok(scope.page(&store.keys, page.limit, now, found, |last| Key::new(last.entry.at, last.entry.audit_entry_id.0)))
}

/// The ends of a span for the driver. Nothing was audited before 1970, and the last time is after every entry.
fn ends((start, end): Span) -> (jiff_sqlx::Timestamp, jiff_sqlx::Timestamp) {
    (bound(start.unwrap_or(Timestamp::UNIX_EPOCH)), bound(end.unwrap_or(LATEST)))
}

fn names<T: Copy>(choice: Option<&[T]>, name: fn(T) -> &'static str) -> Option<Vec<String>> {
    choice.map(|choice| choice.iter().map(|one| name(*one).to_owned()).collect())
}

fn ids<T: Copy>(choice: Option<&[T]>, id: fn(T) -> Uuid) -> Option<Vec<Uuid>> {
    choice.map(|choice| choice.iter().map(|one| id(*one)).collect())
}

struct Row {
    audit_entry_id: Uuid,
    at: jiff_sqlx::Timestamp,
    credential_id: Option<Uuid>,
    action: String,
    outcome: String,
    resource_id: Uuid,
    resource_ids: Vec<Uuid>,
    subject_id: Option<Uuid>,
    subject_ids: Vec<Uuid>,
    occurrences: i32,
    request_id: Option<Uuid>,
    display_name: Option<String>,
}

impl Row {
    fn read(self, clinic_id: ClinicId) -> Result<NamedEntry> {
        let entry = AuditEntry {
            audit_entry_id: AuditEntryId(self.audit_entry_id),
            clinic_id,
            at: self.at.to_jiff(),
            credential_id: self.credential_id.map(CredentialId),
            action: known(AuditAction::parse(&self.action), "audit_entries", "action")?,
            outcome: known(AuditOutcome::parse(&self.outcome), "audit_entries", "outcome")?,
            resource_id: self.resource_id,
            resource_ids: self.resource_ids,
            subject_id: self.subject_id.map(SubjectId),
            subject_ids: self.subject_ids.into_iter().map(SubjectId).collect(),
            occurrences: self.occurrences,
            request_id: self.request_id,
        };
        Ok(NamedEntry { entry, display_name: self.display_name })
    }
}
