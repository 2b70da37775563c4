//! Inserts millions of rows with SQL as the owner. This is fast, and the rows have answers, assessments and sealed references
//! that the service created.

use sarcoscreen::domain::ids::ClinicId;
use sarcoscreen::domain::subjects::LookUp;
use sarcoscreen::store::database::keys::{Keys, Place};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _};
use uuid::Uuid;

/// The number of rows of a clinic.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) submissions: u32,
    pub(crate) open: u32,
    pub(crate) closed: u32,
}

/// Inserts the rows of a clinic, received over the last three years; `number` distinguishes its ids from those of other
/// clinics. The submissions of clinic `pattern` serve as templates.
pub(crate) async fn fill(
    connection: &mut PgConnection,
    keys: Option<&Keys>,
    clinic: Uuid,
    pattern: Uuid,
    number: u32,
    size: Size,
) {
    let cases = size.open + size.closed;
    assert!(2 * cases <= size.submissions);
    // Twice as many subjects as follow-ups; the first ones have one each.
    if let Some(keys) = keys {
        people_with_references(connection, keys, clinic, number, 2 * cases).await;
    } else {
        let sql = format!(
            "insert into subjects (clinic_id, subject_id, created_at, updated_at)
             select '{clinic}', {subject}, now(), now() from generate_series(1, {people}) i",
            subject = id(number, 0, "i"),
            people = 2 * cases
        );
        run(connection, sql).await;
    }
    let received = format!("now() - interval '1095 days' * (1 - i / {}::float8)", size.submissions);
    run(connection, follow_ups(clinic, number, size)).await;
    run(connection, submissions(clinic, pattern, number, size, &received)).await;
}

/// The audit entries and the history for the rows of [`fill`]: an audit entry for each submission, a version of each
/// follow-up.
pub(crate) async fn fill_audit_log(connection: &mut PgConnection, clinic: Uuid, number: u32, size: Size) {
    let rows =
        |kind| format!("between {} and {}", id(number, kind, "1"), id(number, kind, &size.submissions.to_string()));
    let entries = format!(
        "insert into audit_entries (clinic_id, audit_entry_id, at, credential_id, action, resource_id, subject_id)
         select clinic_id, overlay(submission_id::text placing '7003' from 15 for 4)::uuid, received_at, credential_id,
                'submission_created', submission_id, subject_id
         from submissions where clinic_id = '{clinic}' and submission_id {}",
        rows(2)
    );
    run(connection, entries).await;
    let events = format!(
        "insert into follow_up_events (clinic_id, follow_up_id, version, at, command, after)
         select clinic_id, follow_up_id, row_version, updated_at, 'open', jsonb_build_object(
             'follow_up_id', follow_up_id, 'subject_id', subject_id,
             'state', jsonb_build_object('name', state) || case state
                 when 'open' then '{{}}'
                 when 'booked' then jsonb_build_object('assignee', assignee, 'appointment_at', appointment_at)
                 when 'closed' then jsonb_build_object(
                     'assignee', assignee, 'appointment_at', appointment_at, 'closed_at', closed_at,
                     'closing', jsonb_build_object(
                         'outcome', outcome, 'reason', not_needed_reason, 'diagnosis', diagnosis,
                         'grip_strength_kg', null, 'five_chair_stands_s', null))
                 else jsonb_build_object('assignee', assignee)
             end,
             'urgency', (array['today', 'this_week', 'routine'])[urgency], 'attempts', attempts,
             'missed_appointments', missed_appointments, 'flagged_at', flagged_at, 'due_at', due_at,
             'last_received_at', last_received_at, 'band', band, 'findings', findings,
             'positive_instruments', positive_instruments, 'version', row_version)
         from follow_ups where clinic_id = '{clinic}' and follow_up_id {}",
        rows(1)
    );
    run(connection, events).await;
}

/// The reference of a subject, by its index in the clinic.
pub(crate) fn reference(number: u32, index: u32) -> String {
    format!("MRN-{number}-{index:07}")
}

/// The id of the follow-up of a subject, by its index.
pub(crate) fn case_id(number: u32, index: u32) -> Uuid {
    format!("{number:08x}-0000-7001-8000-{index:012x}").parse().unwrap()
}

/// The id of a subject, by its index.
pub(crate) fn subject_id(number: u32, index: u32) -> Uuid {
    format!("{number:08x}-0000-7000-8000-{index:012x}").parse().unwrap()
}

/// The id of a row of one kind and clinic; ids ascend with the index.
fn id(number: u32, kind: u8, index: &str) -> String {
    format!("('{number:08x}-0000-7{kind:03x}-8000-' || lpad(to_hex({index}), 12, '0'))::uuid")
}

async fn people_with_references(connection: &mut PgConnection, keys: &Keys, clinic: Uuid, number: u32, people: u32) {
    let all: Vec<u32> = (1..=people).collect();
    for part in all.chunks(20_000) {
        let (mut ids, mut hashes, mut seals) = (Vec::new(), Vec::new(), Vec::new());
        for index in part {
            let reference = reference(number, *index);
            let hash = keys.blind_index(clinic, LookUp::Reference, &reference);
            let place = Place::reference(ClinicId(clinic), &hash);
            ids.push(subject_id(number, *index));
            hashes.push(hash.to_vec());
            seals.push(keys.seal(place, &reference).unwrap());
        }
        let sql =
            "insert into subjects (clinic_id, subject_id, reference_hash, reference_sealed, created_at, updated_at)
                   select $1, n.*, now(), now() from unnest($2::uuid[], $3::bytea[], $4::bytea[]) n";
        sqlx::query(sql).bind(clinic).bind(ids).bind(hashes).bind(seals).execute(&mut *connection).await.unwrap();
    }
}

/// The first follow-ups are closed and were flagged over the last three years; the last ones are open and were flagged over
/// the last ninety days.
fn follow_ups(clinic: Uuid, number: u32, Size { open, closed, .. }: Size) -> String {
    format!(
        "insert into follow_ups (clinic_id, follow_up_id, subject_id, state, urgency, flagged_at, updated_at, assignee,
             due_at, appointment_at, outcome, not_needed_reason, diagnosis, closed_at, last_received_at, band, findings,
             positive_instruments)
         select '{clinic}', {case}, {subject}, c.state, 1 + i % 3, c.flagged_at, c.flagged_at,
                case when c.state in ('assigned', 'contacted', 'booked') then p.credential_id end,
                c.flagged_at + interval '7 days', case when c.state = 'booked' then now() end,
                c.outcome, case when c.outcome = 'not_needed' then 'other' end,
                case when c.outcome = 'attended' then (array['none', 'possible', 'probable', 'confirmed'])[1 + i / 7 % 4] end,
                case when c.state = 'closed' then c.flagged_at + interval '5 days' end, c.flagged_at,
                'high', p.findings, p.positive_instruments
         from generate_series(1, {cases}) i,
              lateral (select case when i > {closed}
                           then now() - interval '90 days' * (1 - (i - {closed}) / {open}::float8)
                           else now() - interval '1000 days' * (1 - i / {closed}::float8) - interval '90 days' end as flagged_at,
                       case when i <= {closed} then 'closed'
                           else (array['open', 'open', 'open', 'open', 'open', 'open', 'open', 'assigned', 'contacted', 'booked'])
                                [1 + i % 10] end as state,
                       case when i <= {closed}
                           then (array['attended', 'attended', 'declined', 'unreachable', 'not_needed'])[1 + i % 5] end as outcome) c,
              (select credential_id, findings, positive_instruments from submissions where flagged limit 1) p",
        case = id(number, 1, "i"),
        subject = id(number, 0, "i"),
        cases = open + closed,
    )
}

/// The first submission of every follow-up is flagged, and so is a second one of every other follow-up; all others are not.
/// The flagged ones are spread evenly over the time.
fn submissions(clinic: Uuid, pattern: Uuid, number: u32, size: Size, received: &str) -> String {
    let (cases, all) = (size.open + size.closed, size.submissions);
    let flagged = cases + cases / 2;
    // The number of flagged submissions up to the i-th one.
    let upto = |i: &str| format!("({i})::bigint * {flagged} / {all}");
    let (now, before) = (upto("i"), upto("i - 1"));
    format!(
        "with patterns as (
             select *, row_number() over (partition by flagged order by submission_id) as n,
                    count(*) over (partition by flagged) as kinds
             from submissions where clinic_id = '{pattern}' and submission_id::text not like '0000%')
         insert into submissions
         select '{clinic}', {submission}, {subject}, p.credential_id, p.origin, {received}, null, p.language,
                'intake', 'record-' || i, p.pathway, null, p.rule_table, p.answers, p.assessment, p.score_total,
                p.score_lower, p.score_upper, p.band_at_least, p.band_at_most, p.care_level, p.flagged, p.findings,
                p.positive_instruments, case when p.flagged then {case} end,
                case when p.flagged then 'open' end, case when p.flagged then 2 end,
                case when p.flagged then {now} > {cases} end, false, '{{}}'::text[], false,
                {number} / 1000 * 100000000::bigint + i
         from generate_series(1, {all}) i
         join patterns p on p.flagged = ({now} > {before}) and p.n = 1 + i / 10 % p.kinds",
        submission = id(number, 2, "i"),
        subject =
            id(number, 0, &format!("(1 + case when p.flagged then {before} % {cases} else {cases} + i % {cases} end)")),
        case = id(number, 1, &format!("(1 + {before} % {cases})")),
    )
}

async fn run(connection: &mut PgConnection, sql: String) {
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
}
