//! Follow-ups: commands of staff under concurrency, the history, the worklist and its pages.

mod changes;
mod commands;
mod intake;
mod model;
mod next;
mod plans;
mod races;
mod refusals;
pub(crate) mod replay;
mod retries;
mod rows;
mod together;
mod walk;
mod worklist;

use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::world::{Answer, Clinic, User, World, frail};

/// A member of staff with the id of the credential.
pub(crate) struct Colleague {
    pub(crate) user: User,
    pub(crate) id: String,
}

impl Colleague {
    pub(crate) async fn of(world: &World, clinic: &Clinic) -> Self {
        let role = sarcoscreen::domain::access::actor::Role::Staff;
        let (user, id) = world.user_with_id(clinic.id, role, None).await;
        Self { user, id: id.to_string() }
    }
}

/// Opens a follow-up for a new subject; returns its path.
pub(crate) async fn open(clinic: &Clinic) -> String {
    let receipt = clinic.browser.submit(&json!({"answers": frail()})).await.expect(201);
    format!("/v1/follow-ups/{}", receipt["follow_up"]["id"].as_str().unwrap())
}

/// Sends a command for the version that was seen.
pub(crate) async fn act(user: &User, case: &str, command: &str, version: i64, body: &Value) -> Answer {
    let request = user.request("POST", &format!("{case}/{command}")).header("if-match", format!("\"{version}\""));
    user.send(request.json(body)).await
}

/// The same with an idempotency key.
pub(crate) async fn act_once(user: &User, case: &str, command: &str, version: i64, body: &Value, key: &str) -> Answer {
    let request = user.request("POST", &format!("{case}/{command}")).header("if-match", format!("\"{version}\""));
    user.send(request.header("idempotency-key", key).json(body)).await
}

/// The text of a time some hours after the world's clock.
pub(crate) fn hours_ahead(world: &World, hours: i64) -> String {
    use sarcoscreen::app::ambient::Ambient as _;
    (world.clock.now() + jiff::SignedDuration::from_hours(hours)).to_string()
}

/// Inserts open follow-ups of different subjects directly into the database, with mixed urgency, flagged a second apart; a
/// third is due.
pub(crate) async fn seed(world: &World, clinic: &Clinic, count: usize) {
    let clinic_id = clinic.id;
    let sql = format!(
        "with person as (
             insert into subjects (clinic_id, subject_id, created_at, updated_at)
             select '{clinic_id}', gen_random_uuid(), now(), now() from generate_series(1, {count})
             returning clinic_id, subject_id
         ), numbered as (select *, row_number() over () as n from person)
         insert into follow_ups (clinic_id, follow_up_id, subject_id, state, urgency, flagged_at, updated_at, due_at,
             last_received_at, band, findings, positive_instruments)
         select clinic_id, gen_random_uuid(), subject_id, 'open', 1 + n % 3, '2026-01-01'::timestamptz + n * interval '1 s',
             now(), now() + (n % 3 - 1) * interval '1 day', now(), 'high', '{{age_80_and_over}}', '{{sarc_f}}'
         from numbered"
    );
    let mut beside = world.connect().await;
    beside.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    beside.execute("analyze follow_ups").await.unwrap();
}
