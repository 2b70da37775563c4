//! Lists the audit log for the admins of a clinic.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::audit::{AuditAction, AuditEntry, AuditFilter, AuditOutcome, NamedEntry};
use crate::domain::ids::{AuditEntryId, ClinicId, CredentialId, SubjectId};
use crate::domain::page::{Page, PageRequest};
use crate::store::database::page::{Key, Scope};
use crate::store::database::{Store, at, bound, known};
use crate::store::error::Result;

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
    let rows = sqlx::query_as!(
        Row,
        r#"select e.audit_entry_id, e.at as "at: jiff_sqlx::Timestamp", e.credential_id, e.action, e.outcome,
                  e.resource_id, e.resource_ids, e.subject_id, e.subject_ids, e.occurrences, e.request_id,
                  c.display_name as "display_name?"
           from audit_entries e
           left join credentials c on c.clinic_id = e.clinic_id and c.credential_id = e.credential_id
           where e.clinic_id = $1
             and ($2::text is null or e.action = $2)
             and ($3::text is null or e.outcome = $3)
             and ($4::uuid is null or e.credential_id = $4)
             and ($5::uuid is null or e.subject_id = $5 or $5 = any (e.subject_ids))
             and ($6::uuid is null or e.resource_id = $6 or $6 = any (e.resource_ids))
             and ($7::uuid is null or e.request_id = $7)
             and ($8::timestamptz is null or e.at >= $8)
             and ($9::timestamptz is null or e.at < $9)
             and (e.at, e.audit_entry_id) < (
                 coalesce($10::timestamptz, 'infinity'),
                 coalesce($11::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
             )
           order by e.at desc, e.audit_entry_id desc limit $12"#,
        clinic_id.0,
        filter.action.map(AuditAction::as_str),
        filter.outcome.map(AuditOutcome::as_str),
        filter.credential_id.map(|id| id.0),
        filter.subject_id.map(|id| id.0),
        filter.resource_id,
        filter.request_id,
        filter.from.map(bound) as _,
        filter.to.map(bound) as _,
        after.map(|key| at(key.at)) as _,
        after.map(|key| key.id),
        i64::from(page.limit) + 1,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    let entries = rows.into_iter().map(|row| row.read(clinic_id)).collect::<Result<Vec<_>, _>>()?;
    Ok(scope.page(&store.keys, page.limit, now, entries, |last| Key::new(last.entry.at, last.entry.audit_entry_id.0)))
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
