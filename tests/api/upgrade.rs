//! Migrations of existing rows.

use std::path::PathBuf;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _};

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
