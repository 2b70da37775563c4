//! Row-level security: for any query, a session sees only the rows that its role and its clinic permit.

use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use crate::world::{Clinic, World, frail};

pub(crate) const ROLES: [&str; 4] = ["sarcoscreen_app", "sarcoscreen_writer", "sarcoscreen_auth", "sarcoscreen_jobs"];

/// Tables that must be visible across clinics: for authentication, for the list of clinics, and for finding clinics with
/// pending work.
pub(crate) const ACROSS: [(&str, &str); 6] = [
    ("sarcoscreen_auth", "credentials"),
    ("sarcoscreen_auth", "clinics"),
    ("sarcoscreen_jobs", "clinics"),
    ("sarcoscreen_jobs", "audit_pending"),
    ("sarcoscreen_jobs", "webhook_endpoints"),
    ("sarcoscreen_jobs", "webhook_deliveries"),
];

/// Creates rows of a clinic in every table that requests write to.
pub(crate) async fn fill(world: &World, clinic: &Clinic) {
    let body = json!({"answers": frail(), "subject": {"reference": "R-1", "contact": {"name": "Ana"}}});
    clinic.intake.submit_once("once", &body).await.expect(201);
    let (id, mut owner) = (clinic.id, world.connect().await);
    let rows = [
        format!(
            "insert into webhook_endpoints (clinic_id, webhook_id, url, events, secret_sealed, created_at) \
             values ('{id}', '{id}', 'https://clinic.example/hooks', '{{ping}}', 'x', now())"
        ),
        format!(
            "insert into webhook_deliveries (clinic_id, webhook_id, event_id, event, at, data, due_at) \
             values ('{id}', '{id}', '{id}', 'ping', now(), '{{}}', now())"
        ),
        format!("insert into used_tokens values ('{id}', sha256(''), now())"),
        format!("insert into webhook_attempts values ('{id}', '{id}', '{id}', 1, now(), 200, null, 1)"),
        format!("insert into daily_counts values ('{id}', '2026-01-01', 'submissions', '', 1)"),
        format!(
            "insert into audit_seals select '{id}', 1, 1, now(), sha256(''), array[audit_entry_id], '0123456789abcdef', sha256('') \
             from audit_entries where clinic_id = '{id}' limit 1"
        ),
        format!(
            "insert into audit_tombstones values ('{id}', 1, 1, 1, now(), now(), sha256(''), sha256(''), now(), 1, sha256(''))"
        ),
        format!(
            "insert into subjects (clinic_id, subject_id, created_at, updated_at) values ('{id}', '{id}', now(), now())"
        ),
        format!(
            "insert into subject_changes select '{id}', '{id}', 2, now(), null, 'contact', null, null \
             where not exists (select from subject_changes where clinic_id = '{id}')"
        ),
        format!(
            "insert into subject_merges select '{id}', '{id}', subject_id, '{id}', now(), '{id}', '{{}}', '{{}}' \
             from subjects where clinic_id = '{id}' and subject_id <> '{id}' limit 1"
        ),
    ];
    for row in rows {
        owner.execute(AssertSqlSafe(row)).await.unwrap();
    }
}

/// Every table whose rows belong to clinics.
pub(crate) async fn tables(owner: &mut PgConnection) -> Vec<String> {
    let sql = "select table_name::text from information_schema.columns c join pg_tables t on t.tablename = c.table_name
               where c.table_schema = 'public' and c.column_name = 'clinic_id' order by 1";
    sqlx::query_scalar(sql).fetch_all(owner).await.unwrap()
}

/// The number of rows that a statement of a role sees or changes; `None` if permission is denied.
async fn attempt(owner: &mut PgConnection, role: &str, clinic: &str, sql: String) -> Option<u64> {
    let mut transaction = owner.begin().await.unwrap();
    let tie = format!(
        "set local role {role}; set local sarcoscreen.clinic_id = '{clinic}'; \
         set local sarcoscreen.clinic_ids = '{{{clinic}}}'"
    );
    sqlx::raw_sql(AssertSqlSafe(tie)).execute(&mut *transaction).await.unwrap();
    let touched = match transaction.execute(AssertSqlSafe(sql)).await {
        Ok(done) => Some(done.rows_affected()),
        Err(error) => {
            let code = error.as_database_error().unwrap().code().unwrap().into_owned();
            // Permission denied, or a row that violates the policy.
            assert_eq!(code, "42501", "{error}");
            None
        }
    };
    transaction.rollback().await.unwrap();
    touched
}

#[tokio::test]
async fn no_role_sees_or_touches_a_row_of_another_clinic_or_of_any_without_one() {
    let world = World::new().await;
    let (one, two) = (world.clinic("One").await, world.clinic("Two").await);
    fill(&world, &one).await;
    fill(&world, &two).await;
    let mut owner = world.connect().await;
    let (mine, foreign) = (one.id.to_string(), two.id.to_string());
    let (mut tried, mut denied, mut seen_across) = (0, 0, Vec::new());
    for table in tables(&mut owner).await {
        let there = format!("select from {table} where clinic_id = '{foreign}'");
        let rows = owner.execute(AssertSqlSafe(there.clone())).await.unwrap().rows_affected();
        assert!(rows > 0, "{table} has no rows to test with");
        let statements = [
            there,
            format!("select from {table} where clinic_id <> '{mine}'"),
            format!("update {table} set clinic_id = clinic_id where clinic_id = '{foreign}'"),
            format!("delete from {table} where clinic_id = '{foreign}'"),
            format!(
                "insert into {table} select (jsonb_populate_record(null::{table}, to_jsonb(t))).* from {table} t \
                     where clinic_id = '{foreign}'"
            ),
        ];
        for role in ROLES {
            for context in [mine.as_str(), ""] {
                for sql in &statements {
                    tried += 1;
                    match attempt(&mut owner, role, context, sql.clone()).await {
                        None => denied += 1,
                        Some(0) => {}
                        Some(_) => seen_across.push((role, table.clone(), sql.clone())),
                    }
                }
            }
        }
    }
    let foreign_rows: Vec<_> = seen_across
        .iter()
        .filter(|(role, table, sql)| !(sql.starts_with("select") && ACROSS.contains(&(*role, table.as_str()))))
        .collect();
    println!(
        "{tried} statements as {} roles, {denied} denied outright, foreign rows seen {}",
        ROLES.len(),
        foreign_rows.len()
    );
    assert!(foreign_rows.is_empty(), "{foreign_rows:?}");
    // Exactly the expected tables are visible across clinics.
    for across in ACROSS {
        assert!(seen_across.iter().any(|(role, table, _)| (*role, table.as_str()) == across), "{across:?}");
    }
}

#[tokio::test]
async fn each_role_sees_the_rows_of_its_clinic_that_its_work_needs() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    fill(&world, &clinic).await;
    let mut owner = world.connect().await;
    let id = clinic.id.to_string();
    for table in tables(&mut owner).await {
        let own = format!("select from {table} where clinic_id = '{id}'");
        let app = attempt(&mut owner, "sarcoscreen_app", &id, own.clone()).await;
        let jobs = attempt(&mut owner, "sarcoscreen_jobs", &id, own.clone()).await;
        assert!(jobs.is_some_and(|rows| rows > 0), "{table}: {jobs:?}");
        // Only background work and operators read these tables.
        let of_jobs = ["audit_pending", "audit_tombstones"].contains(&table.as_str());
        assert!(app.is_some_and(|rows| rows > 0) != of_jobs, "{table}: {app:?}");
        let finds = WRITER_FINDS.contains(&table.as_str());
        let writer = attempt(&mut owner, "sarcoscreen_writer", &id, own).await;
        assert_eq!(writer.is_some_and(|rows| rows > 0), finds, "{table}: {writer:?}");
    }
}

/// Tables that the writer of submissions reads for a batch.
const WRITER_FINDS: [&str; 4] = ["follow_ups", "idempotency_keys", "subjects", "webhook_endpoints"];

#[tokio::test]
async fn the_writer_of_submissions_cannot_read_sealed_data_or_answers() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    fill(&world, &clinic).await;
    let mut owner = world.connect().await;
    let id = clinic.id.to_string();
    let secret = [
        "submissions.answers",
        "submissions.assessment",
        "subjects.reference_sealed",
        "subjects.contact_sealed",
        "subjects.name_hash",
        "subject_search_terms.term_hash",
        "subjects.consent_to_contact",
        "follow_up_events.note_sealed",
        "audit_entries.action",
        "webhook_endpoints.url",
        "webhook_endpoints.secret_sealed",
        "webhook_endpoints.description",
        "webhook_deliveries.data",
    ];
    for column in secret {
        let (table, column) = column.split_once('.').unwrap();
        let sql = format!("select {column} from {table} where clinic_id = '{id}'");
        assert_eq!(attempt(&mut owner, "sarcoscreen_writer", &id, sql).await, None, "{table}.{column}");
    }
}

#[tokio::test]
async fn the_writer_of_submissions_sees_no_closed_follow_up_and_closes_none() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    fill(&world, &clinic).await;
    let mut owner = world.connect().await;
    let id = clinic.id.to_string();
    // Only closed follow-ups have results of examinations (constraint follow_ups_findings_whole).
    let results = format!("select diagnosis, grip_strength_g, closed_at from follow_ups where clinic_id = '{id}'");
    let close = format!(
        "update follow_ups set state = 'closed', outcome = 'attended', diagnosis = 'probable', closed_at = now() \
         where clinic_id = '{id}'"
    );
    assert_eq!(attempt(&mut owner, "sarcoscreen_writer", &id, results.clone()).await, Some(1));
    assert_eq!(attempt(&mut owner, "sarcoscreen_writer", &id, close.clone()).await, None);
    owner.execute(AssertSqlSafe(close)).await.unwrap();
    assert_eq!(attempt(&mut owner, "sarcoscreen_writer", &id, results).await, Some(0));
}
