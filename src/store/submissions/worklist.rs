//! What the worklist shows of follow-ups besides their rows: from their subjects, their assignees and their submissions.

use std::collections::HashMap;

use serde::Deserialize;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::access::actor::Origin;
use crate::domain::follow_ups::FollowUp;
use crate::domain::ids::{ClinicId, SubjectId};
use crate::domain::screening::assessment::FlagReason;
use crate::domain::screening::red_flag::CareLevel;
use crate::domain::submissions::worklist::{Cause, Entry};
use crate::store::database::row::language;
use crate::store::database::{Store, known};
use crate::store::error::Result;
use crate::store::subjects::row::{open_contact, open_reference};

const TABLE: &str = "submissions";

/// A follow-up with one of its submissions, or with none.
struct Row {
    follow_up_id: Uuid,
    subject_id: Uuid,
    reference_hash: Option<Vec<u8>>,
    reference_sealed: Option<Vec<u8>>,
    contact_allowed: bool,
    contact_sealed: Option<Vec<u8>>,
    assignee_name: Option<String>,
    rule_table: Option<String>,
    origin: Option<String>,
    language: Option<String>,
    care_level: Option<String>,
    answers: Option<Json<Answered>>,
    assessment: Option<Json<Assessed>>,
}

#[derive(Deserialize)]
struct Answered {
    age: Option<i32>,
}

#[derive(Deserialize)]
struct Assessed {
    flag_reasons: Vec<FlagReason>,
}

impl Row {
    fn cause(&mut self) -> Result<Option<Cause>> {
        let Some(rule_table) = self.rule_table.take() else { return Ok(None) };
        let origin = self.origin.as_deref().and_then(Origin::parse);
        let care_level = |name: &str| known(CareLevel::parse(name), TABLE, "care_level");
        Ok(Some(Cause {
            rule_table,
            origin: known(origin, TABLE, "origin")?,
            language: language(self.language.as_deref().unwrap_or_default(), TABLE)?,
            care_level: self.care_level.as_deref().map(care_level).transpose()?,
            age: self.answers.take().and_then(|answers| answers.age),
            reasons: known(self.assessment.take(), TABLE, "assessment")?.0.flag_reasons,
        }))
    }
}

/// The entries of these follow-ups, in their order. A follow-up that was erased in between is left out. Contact data is
/// decrypted only with consent. Submissions that a submission of the same follow-up corrects are left out. Of a follow-up with
/// more than 200 submissions, the latest 200 are read. The documents are parsed here: PostgreSQL would take several times as long.
pub async fn entries(store: &Store, clinic_id: ClinicId, follow_ups: Vec<FollowUp>) -> Result<Vec<Entry>> {
    let ids: Vec<Uuid> = follow_ups.iter().map(|follow_up| follow_up.follow_up_id.0).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"select f.follow_up_id, f.subject_id, s.reference_hash, s.reference_sealed,
                  coalesce(s.consent_to_contact, false) as "contact_allowed!",
                  case when s.consent_to_contact then s.contact_sealed end as contact_sealed,
                  c.display_name as "assignee_name?", latest.rule_table as "rule_table?", latest.origin as "origin?",
                  latest.language as "language?", latest.care_level as "care_level?",
                  latest.answers as "answers?: Json<Answered>", latest.assessment as "assessment?: Json<Assessed>"
           from follow_ups f
           join subjects s on s.clinic_id = f.clinic_id and s.subject_id = f.subject_id
           left join credentials c on c.clinic_id = f.clinic_id and c.credential_id = f.assignee
           left join lateral (
               select * from submissions i
               where i.clinic_id = f.clinic_id and i.follow_up_id = f.follow_up_id
                 and not exists (select from submissions later
                                 where later.clinic_id = f.clinic_id and later.supersedes = i.submission_id
                                   and later.follow_up_id = f.follow_up_id)
               order by i.received_at desc, i.submission_id desc limit 200
           ) latest on true
           where f.clinic_id = $1 and f.follow_up_id = any($2)
           order by latest.received_at desc, latest.submission_id desc"#,
        clinic_id.0,
        &ids,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    let mut found: HashMap<Uuid, (Row, Vec<Cause>)> = HashMap::with_capacity(follow_ups.len());
    for mut row in rows {
        let cause = row.cause()?;
        found.entry(row.follow_up_id).or_insert((row, Vec::new())).1.extend(cause);
    }
    let mut entries = Vec::with_capacity(follow_ups.len());
    for follow_up in follow_ups {
        let Some((row, causes)) = found.remove(&follow_up.follow_up_id.0) else { continue };
        // A merge in between moves the follow-up. The entry shows, and the audit log names, the subject read last.
        let subject_id = SubjectId(row.subject_id);
        let contact = || open_contact(&store.keys, clinic_id, subject_id, row.contact_sealed.as_deref());
        entries.push(Entry {
            reference: open_reference(&store.keys, clinic_id, row.reference_hash.zip(row.reference_sealed))?,
            contact: row.contact_allowed.then(contact).transpose()?,
            assignee_name: row.assignee_name,
            causes,
            follow_up: FollowUp { subject_id, ..follow_up },
        });
    }
    Ok(entries)
}
