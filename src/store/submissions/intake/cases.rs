//! Opens a follow-up for each flagged submission of a batch, or joins the open one of the subject.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::Resolved;
use crate::domain::follow_ups::{FollowUpState, OpenOrJoin, Urgency};
use crate::domain::ids::FollowUpId;
use crate::domain::stored::FollowUpLink;
use crate::store::StoreError;
use crate::store::database::connection::Connection;
use crate::store::database::row::{at, known};
use crate::store::screening::scan::array_text;

/// Opens or joins the follow-up of each flagged submission. Two references may belong to one subject: the first submission
/// then opens the follow-up, and the second joins it.
pub(super) async fn open_or_join(connection: &mut Connection, resolved: &mut [Resolved<'_>]) -> Result<(), StoreError> {
    let intent = |one: &Resolved<'_>| one.intake.accepted.follow_up;
    let mut waiting: Vec<(&mut Resolved<'_>, OpenOrJoin)> =
        resolved.iter_mut().filter_map(|one| intent(one).map(|intent| (one, intent))).collect();
    while !waiting.is_empty() {
        let mut persons = HashSet::new();
        let (now, later) =
            waiting.into_iter().partition(|(one, _)| persons.insert((one.intake.clinic(), one.subject_id)));
        insert(connection, now).await?;
        waiting = later;
    }
    Ok(())
}

/// Writes the follow-ups, and links each submission to its own.
async fn insert(
    connection: &mut Connection,
    mut flagged: Vec<(&mut Resolved<'_>, OpenOrJoin)>,
) -> Result<(), StoreError> {
    let mut cases = HashMap::new();
    for row in upsert(connection, &Columns::of(&flagged)).await? {
        let state = known(FollowUpState::parse(&row.state), "follow_ups", "state")?;
        let urgency = known(Urgency::from_rank(row.urgency), "follow_ups", "urgency")?;
        cases.insert((row.clinic_id, row.subject_id), (FollowUpId(row.follow_up_id), state, urgency));
    }
    for (one, intent) in &mut flagged {
        let case = cases.get(&(one.intake.clinic(), one.subject_id.0)).copied();
        let (follow_up_id, state, urgency) = known(case, "follow_ups", "neither opened nor joined")?;
        let joined = follow_up_id != intent.follow_up_id;
        one.follow_up = Some(FollowUpLink { follow_up_id, state, urgency, joined });
    }
    Ok(())
}

/// The columns of the follow-ups to open or join.
struct Columns {
    clinics: Vec<Uuid>,
    ids: Vec<Uuid>,
    subjects: Vec<Uuid>,
    urgencies: Vec<i16>,
    times: Vec<jiff_sqlx::Timestamp>,
    due: Vec<jiff_sqlx::Timestamp>,
    bands: Vec<String>,
    findings: Vec<String>,
    positive: Vec<String>,
    credentials: Vec<Uuid>,
    submissions: Vec<Uuid>,
}

impl Columns {
    fn of(flagged: &[(&mut Resolved<'_>, OpenOrJoin)]) -> Self {
        let accepted = || flagged.iter().map(|(one, _)| &one.intake.accepted);
        let columns = || flagged.iter().map(|(one, _)| &one.intake.documents.columns);
        Self {
            clinics: flagged.iter().map(|(one, _)| one.intake.clinic()).collect(),
            ids: flagged.iter().map(|(_, intent)| intent.follow_up_id.0).collect(),
            subjects: flagged.iter().map(|(one, _)| one.subject_id.0).collect(),
            urgencies: flagged.iter().map(|(_, intent)| intent.urgency.rank()).collect(),
            times: accepted().map(|accepted| at(accepted.received_at)).collect(),
            due: flagged.iter().map(|(_, intent)| at(intent.due_at)).collect(),
            bands: columns().map(|columns| columns.bands[0].clone()).collect(),
            findings: columns().map(|columns| array_text(&columns.findings)).collect(),
            positive: columns().map(|columns| array_text(&columns.positive_instruments)).collect(),
            credentials: accepted().map(|accepted| accepted.actor.credential_id.0).collect(),
            submissions: accepted().map(|accepted| accepted.submission_id.0).collect(),
        }
    }
}

/// A follow-up that was opened or joined.
struct Row {
    clinic_id: Uuid,
    subject_id: Uuid,
    follow_up_id: Uuid,
    state: String,
    urgency: i16,
}

/// A joined follow-up gets the higher urgency, and the higher band, findings and positive instruments of both. If its
/// urgency rises, it gets the earlier due time. The partial unique index decides concurrent inserts. Each version is added
/// to the history and to the deliveries of the clinic's subscribed webhooks.
async fn upsert(connection: &mut Connection, columns: &Columns) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"with input as (
               select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], $5::timestamptz[],
                                    $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::uuid[], $11::uuid[])
                   as i (clinic_id, follow_up_id, subject_id, urgency, at, due_at, band, findings, positive_instruments,
                         credential_id, submission_id)
           ), kept as (
               insert into follow_ups as f (clinic_id, follow_up_id, subject_id, state, urgency, flagged_at, updated_at,
                   due_at, last_received_at, band, findings, positive_instruments)
               select clinic_id, follow_up_id, subject_id, 'open', urgency, at, at, due_at, at, band, findings::text[],
                      positive_instruments::text[]
               from input order by clinic_id, subject_id
               on conflict (clinic_id, subject_id) where state <> 'closed' do update set
                   urgency = least(f.urgency, excluded.urgency), row_version = f.row_version + 1,
                   due_at = case when excluded.urgency < f.urgency then least(f.due_at, excluded.due_at) else f.due_at end,
                   last_received_at = greatest(f.last_received_at, excluded.last_received_at), band =
                       case when 'high' in (f.band, excluded.band) then 'high'
                            when 'moderate' in (f.band, excluded.band) then 'moderate' else 'low' end,
                   findings = array(select distinct unnest(f.findings || excluded.findings) order by 1),
                   positive_instruments =
                       array(select distinct unnest(f.positive_instruments || excluded.positive_instruments) order by 1),
                   updated_at = excluded.updated_at
               returning clinic_id, follow_up_id, subject_id, state, urgency, assignee, attempts, missed_appointments,
                   due_at, appointment_at, last_received_at, band, positive_instruments, row_version
           ), event as (
               insert into follow_up_events (clinic_id, follow_up_id, version, at, credential_id, command, submission_id,
                   subject_id, state, urgency, assignee, attempts, missed_appointments, due_at, appointment_at,
                   last_received_at, band, positive_instruments)
               select k.clinic_id, k.follow_up_id, k.row_version, i.at, i.credential_id,
                   case k.follow_up_id when i.follow_up_id then 'open' else 'join' end, i.submission_id, k.subject_id, k.state, k.urgency,
                   k.assignee, k.attempts, k.missed_appointments, k.due_at, k.appointment_at, k.last_received_at, k.band,
                   k.positive_instruments
               from kept k join input i on i.clinic_id = k.clinic_id and i.subject_id = k.subject_id
           ), told as (
               insert into webhook_deliveries (clinic_id, webhook_id, event_id, event, at, subject_id, data, due_at)
               select clinic_id, w.webhook_id, i.submission_id, 'submission.flagged', i.at, subject_id, jsonb_build_object(
                   'submission_id', i.submission_id, 'subject_id', subject_id, 'follow_up_id', k.follow_up_id, 'state', k.state,
                   'urgency', (array['today', 'this_week', 'routine'])[k.urgency]), i.at
               from kept k join input i using (clinic_id, subject_id) join webhook_endpoints w using (clinic_id)
               where w.disabled_at is null and 'submission.flagged' = any (w.events)
           )
           select clinic_id, subject_id, follow_up_id, state, urgency from kept"#,
        &columns.clinics,
        &columns.ids,
        &columns.subjects,
        &columns.urgencies,
        &columns.times as _,
        &columns.due as _,
        &columns.bands,
        &columns.findings,
        &columns.positive,
        &columns.credentials,
        &columns.submissions,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}
