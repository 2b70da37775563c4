//! What the worklist shows of follow-ups besides their rows: from their subjects, their assignees and their submissions.

use std::collections::HashMap;

use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::follow_ups::FollowUp;
use crate::domain::ids::{ClinicId, SubjectId};
use crate::domain::submissions::worklist::{Cause, Entry};
use crate::store::database::Store;
use crate::store::error::Result;
use crate::store::subjects::row::{open_contact, open_reference};

struct Row {
    follow_up_id: Uuid,
    subject_id: Uuid,
    reference_hash: Option<Vec<u8>>,
    reference_sealed: Option<Vec<u8>>,
    contact_allowed: bool,
    contact_sealed: Option<Vec<u8>>,
    assignee_name: Option<String>,
    causes: Option<Json<Vec<Cause>>>,
}

/// The entries of these follow-ups, in their order. A follow-up that was erased in between is left out. Contact data is
/// decrypted only with consent. Submissions that a submission of the same follow-up corrects are left out. Of a follow-up with
/// more than 200 submissions, the latest 200 are read.
pub async fn entries(store: &Store, clinic_id: ClinicId, follow_ups: Vec<FollowUp>) -> Result<Vec<Entry>> {
    let ids: Vec<Uuid> = follow_ups.iter().map(|follow_up| follow_up.follow_up_id.0).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"select f.follow_up_id, f.subject_id, s.reference_hash, s.reference_sealed,
                  coalesce(s.consent_to_contact, false) as "contact_allowed!",
                  case when s.consent_to_contact then s.contact_sealed end as contact_sealed,
                  c.display_name as "assignee_name?",
                  (select jsonb_agg(cause) from (
                       select jsonb_build_object('rule_table', rule_table, 'origin', origin, 'language', language,
                                                 'care_level', care_level, 'age', answers -> 'age',
                                                 'reasons', assessment -> 'flag_reasons') as cause
                       from submissions s
                       where clinic_id = f.clinic_id and follow_up_id = f.follow_up_id
                         and not exists (select from submissions later
                                         where later.clinic_id = f.clinic_id and later.supersedes = s.submission_id
                                           and later.follow_up_id = f.follow_up_id)
                       order by received_at desc, submission_id desc limit 200
                   ) latest) as "causes: Json<Vec<Cause>>"
           from follow_ups f
           join subjects s on s.clinic_id = f.clinic_id and s.subject_id = f.subject_id
           left join credentials c on c.clinic_id = f.clinic_id and c.credential_id = f.assignee
           where f.clinic_id = $1 and f.follow_up_id = any($2)"#,
        clinic_id.0,
        &ids,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    let mut rows: HashMap<Uuid, Row> = rows.into_iter().map(|row| (row.follow_up_id, row)).collect();
    let mut entries = Vec::with_capacity(follow_ups.len());
    for follow_up in follow_ups {
        let Some(row) = rows.remove(&follow_up.follow_up_id.0) else { continue };
        // A merge in between moves the follow-up. The entry shows, and the audit log names, the subject read last.
        let subject_id = SubjectId(row.subject_id);
        let contact = || open_contact(&store.keys, clinic_id, subject_id, row.contact_sealed.as_deref());
        entries.push(Entry {
            reference: open_reference(&store.keys, clinic_id, row.reference_hash.zip(row.reference_sealed))?,
            contact: row.contact_allowed.then(contact).transpose()?,
            assignee_name: row.assignee_name,
            causes: row.causes.map(|causes| causes.0).unwrap_or_default(),
            follow_up: FollowUp { subject_id, ..follow_up },
        });
    }
    Ok(entries)
}
