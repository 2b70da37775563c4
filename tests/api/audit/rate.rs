//! What a look costs, measured by hand in a release build:
//! `cargo test --release --test api what_a_look_costs -- --ignored --nocapture`

use std::time::{Duration, Instant};

use sarcoscreen::app::audit::look;
use sarcoscreen::domain::actor::{Actor, Role};
use sarcoscreen::domain::audit::AuditAction;
use sarcoscreen::domain::ids::{ClinicId, CredentialId};
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use super::fresh_id;
use crate::world::World;

const CALLERS: usize = 32;
const FOR: Duration = Duration::from_secs(5);

/// How often a second all callers together get something done.
async fn rate<F: Future<Output = ()>>(work: impl Fn() -> F) -> u64 {
    let begun = Instant::now();
    let caller = || async {
        let mut done = 0_u64;
        while begun.elapsed() < FOR {
            work().await;
            done += 1;
        }
        done
    };
    let done: u64 = futures_util::future::join_all((0..CALLERS).map(|_| caller())).await.iter().sum();
    done * 1_000 / u64::try_from(begun.elapsed().as_millis()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a check"]
async fn what_a_look_costs() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let actor = Actor {
        clinic_id: ClinicId(clinic.id),
        credential_id: CredentialId(fresh_id()),
        role: Role::Staff,
        request_id: Some(fresh_id()),
    };
    let written = rate(|| async {
        look(&world.app, &actor, AuditAction::FollowUpsListed, Uuid::nil(), &[]).await.unwrap();
    });
    let written = written.await;
    // What the same entries cost when each is a transaction of its own, on as many connections as the service has.
    let pool = PgPoolOptions::new().max_connections(16).connect_with(world.database.clone()).await.unwrap();
    let alone = rate(|| async {
        let sql = "with entry as (insert into audit_entries
                       (clinic_id, audit_entry_id, at, action, resource_id, request_id)
                       values ($1, $2, now(), 'follow_ups_listed', $3, $2))
                   insert into audit_pending (clinic_id, audit_entry_id) values ($1, $2)";
        let id = fresh_id();
        sqlx::query(sql).bind(clinic.id).bind(id).bind(Uuid::nil()).execute(&pool).await.unwrap();
    });
    let alone = alone.await;
    println!("{CALLERS} callers: {written} looks/s through the writer, {alone}/s each in a transaction of its own");
    assert!(written > 0 && alone > 0);
    pool.close().await;
}
