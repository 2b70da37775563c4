//! Migrations of existing rows.

use std::path::PathBuf;

use sarcoscreen::domain::follow_ups::FollowUp;
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::follow_ups::replay::{columns, spelled};
use crate::world::World;

/// Rows as the version before 0037 wrote them: three credentials, and the idempotency keys of their requests.
const BEFORE_0037: &str = "
    insert into clinics (clinic_id, name, booking_url, emergency_number, language, created_at)
    values ('00000000-0000-0000-0000-0000000000c1', 'One', 'https://clinic.example', '112', 'en', now());
    insert into credentials (clinic_id, credential_id, role, display_name, prefix, key_hash, created_at)
    select '00000000-0000-0000-0000-0000000000c1', id, role, role, id::text, sha256(id::text::bytea), now()
    from (values ('00000000-0000-0000-0000-0000000000a1'::uuid, 'intake'), ('00000000-0000-0000-0000-0000000000a2', 'intake'),
                 ('00000000-0000-0000-0000-0000000000a3', 'staff')) as v (id, role);
    insert into rule_tables values ('t', repeat('0', 64), '{}', now());
    insert into subjects (clinic_id, subject_id, created_at, updated_at)
    select '00000000-0000-0000-0000-0000000000c1', ('00000000-0000-0000-0000-0000000000b' || n)::uuid, now(), now() from generate_series(1, 2) n;
    insert into submissions (clinic_id, submission_id, subject_id, credential_id, origin, received_at, language, rule_table, answers,
        assessment, score_total, score_lower, score_upper, band_at_least, band_at_most, flagged, findings, positive_instruments)
    select '00000000-0000-0000-0000-0000000000c1', ('00000000-0000-0000-0000-0000000000e' || n)::uuid, '00000000-0000-0000-0000-0000000000b1',
           ('00000000-0000-0000-0000-0000000000a' || n)::uuid, 'system', now(), 'en', 't', '{}', '{}', 0, 0, 0, 'low', 'low', false, '{}', '{}'
    from generate_series(1, 2) n;
    insert into follow_ups (clinic_id, follow_up_id, subject_id, state, urgency, flagged_at, updated_at, due_at, last_received_at, band)
    values ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000b1', 'open', 1,
            now(), now(), now(), now(), 'low');
    insert into follow_up_events (clinic_id, follow_up_id, version, at, credential_id, command, subject_id, state, urgency, attempts,
        missed_appointments, due_at, last_received_at, band, positive_instruments)
    values ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000f1', 2, now(), '00000000-0000-0000-0000-0000000000a3',
            'claim', '00000000-0000-0000-0000-0000000000b1', 'open', 1, 0, 0, now(), now(), 'low', '{}');
    insert into subject_merges (clinic_id, merge_id, kept, merged, merged_at, merged_by, submission_ids, follow_up_ids)
    values ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000d1', '00000000-0000-0000-0000-0000000000b1',
            '00000000-0000-0000-0000-0000000000b2', now(), '00000000-0000-0000-0000-0000000000a3', '{}', '{}');
    insert into idempotency_keys (clinic_id, origin, idempotency_key, fingerprint, submission_id, resource_id, resource_version, expires_at)
    select '00000000-0000-0000-0000-0000000000c1', origin, key, sha256(key::bytea), submission::uuid, resource::uuid, version, now()
    from (values ('system', 'k1', '00000000-0000-0000-0000-0000000000e1', null, null),
                 ('record', 'k2', '00000000-0000-0000-0000-0000000000e2', null, null),
                 ('staff', 'k3', null, '00000000-0000-0000-0000-0000000000f1', 2),
                 ('staff', 'k4', null, '00000000-0000-0000-0000-0000000000d1', 1),
                 ('staff', 'k5', null, '00000000-0000-0000-0000-0000000000f1', 9),
                 ('staff', 'k1', '00000000-0000-0000-0000-0000000000e1', null, null)) as v (origin, key, submission, resource, version);
";

/// Applies the migrations of a range of numbers in order.
async fn migrate(owner: &mut PgConnection, numbers: std::ops::RangeInclusive<u32>) {
    let files = std::fs::read_dir("migrations").unwrap().map(|entry| entry.unwrap().path());
    let number = |path: &PathBuf| path.file_name()?.to_str()?.split_once('_')?.0.parse::<u32>().ok();
    let mut files: Vec<PathBuf> = files.filter(|path| number(path).is_some_and(|one| numbers.contains(&one))).collect();
    files.sort();
    for file in files {
        let text = format!("begin; {}; commit", std::fs::read_to_string(&file).unwrap());
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *owner).await.unwrap();
    }
}

#[tokio::test]
async fn idempotency_keys_move_to_the_sender_of_their_request() {
    let world = World::new().await;
    let mut owner = world.connect().await;
    // A second schema, besides that of the world.
    owner.execute("create schema earlier; set search_path to earlier").await.unwrap();
    migrate(&mut owner, 1..=36).await;
    sqlx::raw_sql(BEFORE_0037).execute(&mut owner).await.unwrap();
    migrate(&mut owner, 37..=37).await;
    let kept = "select idempotency_key || ' ' || right(sender_id::text, 3) || ' ' || of_record from idempotency_keys order by 1";
    let kept: Vec<String> = sqlx::query_scalar(kept).fetch_all(&mut owner).await.unwrap();
    assert_eq!(kept, ["k1 0a1 false", "k2 0a2 true", "k3 0a3 false", "k4 0a3 false"]);
    let alone = "select count(*) from credentials where sender_id = credential_id";
    assert_eq!(sqlx::query_scalar::<_, i64>(alone).fetch_one(&mut owner).await.unwrap(), 3);
}

/// Follow-ups in every state.
const BEFORE_0042: &str = "
    insert into clinics (clinic_id, name, booking_url, emergency_number, language, created_at)
    values ('00000000-0000-0000-0000-0000000000c1', 'One', 'https://clinic.example', '112', 'en', now());
    insert into credentials (clinic_id, credential_id, sender_id, role, display_name, prefix, key_hash, created_at)
    values ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000a1',
            'staff', 'staff', 'p', sha256(''), now());
    insert into subjects (clinic_id, subject_id, created_at, updated_at)
    select '00000000-0000-0000-0000-0000000000c1', ('00000000-0000-0000-0000-0000000000b' || n)::uuid, now(), now() from generate_series(1, 7) n;
    insert into follow_ups (clinic_id, follow_up_id, subject_id, state, urgency, assignee, attempts, missed_appointments, appointment_at,
        outcome, not_needed_reason, diagnosis, grip_strength_g, five_chair_stands_ms, closed_at, band, findings, positive_instruments,
        flagged_at, updated_at, due_at, last_received_at, row_version)
    select '00000000-0000-0000-0000-0000000000c1', ('00000000-0000-0000-0000-0000000000f' || n)::uuid,
           ('00000000-0000-0000-0000-0000000000b' || n)::uuid, state, 1 + n % 3, case when by then '00000000-0000-0000-0000-0000000000a1'::uuid end,
           n, 1, at::timestamptz, outcome, reason, diagnosis, grip, stands, case when state = 'closed' then now() end, 'high',
           '{age_80_and_over}', '{sarc_f,ishii}', '2026-01-02T03:04:05.000006Z', now(), now() + interval '1 day', now(), 2
    from (values (1, 'open', false, null, null, null, null, null, null),
                 (2, 'assigned', true, null, null, null, null, null, null),
                 (3, 'contacted', true, null, null, null, null, null, null),
                 (4, 'booked', true, '2026-05-06T07:08:09.5Z', null, null, null, null, null),
                 (5, 'closed', true, '2026-05-06T07:08:09Z', 'attended', null, 'probable', 24543, 15250),
                 (6, 'closed', false, null, 'not_needed', 'merged', null, null, null),
                 (7, 'closed', true, null, 'declined', null, null, null, null))
        as v (n, state, by, at, outcome, reason, diagnosis, grip, stands);
";

/// A version of each follow-up, as the version before 0042 wrote it.
const VERSIONS: &str = "
    insert into follow_up_events (clinic_id, follow_up_id, version, at, credential_id, command, subject_id, state, urgency, assignee,
        attempts, missed_appointments, due_at, appointment_at, outcome, not_needed_reason, diagnosis, grip_strength_g, five_chair_stands_ms,
        closed_at, last_received_at, band, positive_instruments)
    select clinic_id, follow_up_id, v.version, updated_at, '00000000-0000-0000-0000-0000000000a1', 'note', subject_id, state, urgency,
        assignee, attempts, missed_appointments, due_at, appointment_at, outcome, not_needed_reason, diagnosis, grip_strength_g,
        five_chair_stands_ms, closed_at, last_received_at, band, positive_instruments
    from follow_ups, generate_series(row_version - 1, row_version) as v (version)";

#[tokio::test]
async fn the_history_becomes_documents_and_refuses_the_writes_of_the_version_before() {
    let world = World::new().await;
    let mut owner = world.connect().await;
    owner.execute("create schema earlier; set search_path to earlier").await.unwrap();
    migrate(&mut owner, 1..=41).await;
    sqlx::raw_sql(BEFORE_0042).execute(&mut owner).await.unwrap();
    owner.execute(VERSIONS).await.unwrap();
    migrate(&mut owner, 42..=42).await;

    // The columns of 0050 are missing here.
    let sql = "select to_jsonb(f) - array['clinic_id', 'updated_at'] || jsonb_build_object('flagged', true, 'corrected_at', null),
                      l.after, e.after
               from follow_ups f join follow_up_events e using (clinic_id, follow_up_id)
               join follow_up_events l using (clinic_id, follow_up_id) where e.version = 1 and l.version = 2";
    let rows: Vec<(Value, Value, Value)> = sqlx::query_as(sql).fetch_all(&mut owner).await.unwrap();
    assert_eq!(rows.len(), 7);
    for (row, latest, earlier) in rows {
        let [latest, earlier] = [latest, earlier].map(|after| serde_json::from_value::<FollowUp>(after).unwrap());
        assert_eq!(spelled(columns(&latest)), spelled(row));
        // The history did not hold findings.
        assert_eq!(earlier, FollowUp { findings: Vec::new(), version: 1, ..latest });
    }
    owner.execute("update follow_ups set row_version = 4").await.unwrap();
    let refused = owner.execute(VERSIONS).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42703", "undefined column: {refused}");
}
