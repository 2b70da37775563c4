//! Folding of refusals: the first of a kind is written before its response, further ones are counted and written together.

use std::sync::Arc;

use futures_util::future::join_all;
use sarcoscreen::app::access::limits::Rates;
use sarcoscreen::app::ambient::System;
use sarcoscreen::app::audit::folding::{tell_all, tell_due};
use sqlx::{Executor as _, Row as _};
use uuid::Uuid;

use super::{Entry, entries_of, fresh_id, verified};
use crate::world::{User, World, app, serve};

/// The refusals in the audit log of every clinic, oldest first, each with the resource ids that it lists.
async fn refusals(world: &World) -> Vec<(Entry, Vec<Uuid>)> {
    let sql = "select * from audit_entries where outcome <> 'success' and credential_id is not null
               order by at, audit_entry_id";
    let rows = sqlx::query(sql).fetch_all(&mut world.connect().await).await.unwrap();
    rows.iter().map(|row| (super::entry(row), row.get("resource_ids"))).collect()
}

fn occurrences(refusals: &[(Entry, Vec<Uuid>)]) -> Vec<i32> {
    refusals.iter().map(|(entry, _)| entry.occurrences).collect()
}

async fn absent(user: &User, number: u128) {
    user.get(&format!("/v1/subjects/{}", Uuid::from_u128(number))).await.expect(404);
}

#[tokio::test]
async fn the_first_refusal_is_written_before_its_response_and_later_ones_are_folded() {
    let world = World::new().await;
    world.clock.hold();
    let clinic = world.clinic("One").await;
    let request = fresh_id();
    let first = clinic.staff.request("GET", &format!("/v1/subjects/{}", Uuid::from_u128(1)));
    clinic.staff.send(first.header("x-request-id", request.to_string())).await.expect(404);
    assert_eq!(entries_of(&mut world.connect().await, request).await.len(), 1);
    for number in 1..=120 {
        absent(&clinic.staff, number).await;
    }
    absent(&clinic.admin, 1).await;
    clinic.staff.get("/v1/audit-entries").await.expect(403);
    // Another credential, or another action, is another kind.
    assert_eq!(occurrences(&refusals(&world).await), [1, 1, 1]);
    world.clock.advance(59);
    tell_due(&world.app).await;
    assert_eq!(refusals(&world).await.len(), 3, "the minute has not ended");
    world.clock.advance(1);
    tell_due(&world.app).await;
    let found = refusals(&world).await;
    assert_eq!(occurrences(&found), [1, 1, 1, 120]);
    let (entry, named) = &found[3];
    assert_eq!((&*entry.action, &*entry.outcome, entry.resource), ("subject_read", "not_found", Uuid::nil()));
    let fifty: Vec<Uuid> = (1..=50).map(Uuid::from_u128).collect();
    assert_eq!((named, &entry.subjects), (&fifty, &fifty));

    // Within a minute after that entry, refusals are counted for the next entry: one entry per kind and minute.
    absent(&clinic.staff, 7).await;
    assert_eq!(refusals(&world).await.len(), 4);
    world.clock.advance(60);
    tell_due(&world.app).await;
    assert_eq!(occurrences(&refusals(&world).await), [1, 1, 1, 120, 1]);
    // After a minute without refusals, the next one is written at once.
    world.clock.advance(60);
    absent(&clinic.staff, 8).await;
    let found = refusals(&world).await;
    assert_eq!((found.len(), found[5].0.resource, found[5].1.len()), (6, Uuid::from_u128(8), 0));
    check_search_by_listed_ids(&clinic.admin).await;
    sarcoscreen::app::audit::sealing::seal(&world.app).await.unwrap();
    assert_eq!(verified(&world, &[]).await.1, []);
}

/// An admin finds folded refusals by each resource and each subject that they list.
async fn check_search_by_listed_ids(admin: &User) {
    for (filter, number, entries) in
        [("resource_id", 30, 1), ("subject_id", 30, 1), ("resource_id", 51, 0), ("resource_id", 8, 2)]
    {
        let path = format!("/v1/audit-entries?{filter}={}", Uuid::from_u128(number));
        let page = admin.get(&path).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert_eq!(items.len(), entries, "{filter} {number}: {page}");
        assert!(entries != 1 || (items[0]["occurrences"] == 120 && items[0]["resource_ids"][49].is_string()));
    }
}

#[tokio::test]
async fn a_refusal_that_cannot_be_audited_is_not_returned_even_under_concurrency() {
    let world = World::new().await;
    world.clock.hold();
    let clinic = world.clinic("One").await;
    // Authenticates first, so that only the audit log fails.
    clinic.staff.get("/v1/follow-ups").await.expect(200);
    let mut owner = world.connect().await;
    owner.execute("alter table audit_entries add constraint audit_entries_full check (false) not valid").await.unwrap();
    let at_once = join_all((0..40).map(|_| clinic.staff.get("/v1/audit-entries"))).await;
    assert!(at_once.iter().all(|answer| answer.status == 503));
    owner.execute("alter table audit_entries drop constraint audit_entries_full").await.unwrap();
    let at_once = join_all((0..40).map(|_| clinic.staff.get("/v1/audit-entries"))).await;
    assert!(at_once.iter().all(|answer| answer.status == 403));
    assert_eq!(occurrences(&refusals(&world).await), [1]);

    // Counted refusals that cannot be written when their minute ends are kept, and further requests of the kind fail
    // meanwhile.
    owner.execute("alter table audit_entries add constraint audit_entries_full check (false) not valid").await.unwrap();
    world.clock.advance(60);
    tell_due(&world.app).await;
    assert_eq!(clinic.staff.get("/v1/audit-entries").await.status, 503);
    owner.execute("alter table audit_entries drop constraint audit_entries_full").await.unwrap();
    tell_due(&world.app).await;
    assert_eq!(clinic.staff.get("/v1/audit-entries").await.status, 403);
    world.clock.advance(1);
    tell_all(&world.app).await;
    assert_eq!(occurrences(&refusals(&world).await), [1, 39, 1]);
}

#[tokio::test]
async fn two_instances_count_every_refusal_once() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let other = app(&world.database, Arc::new(System), &[7], None);
    other.prepare().await.unwrap();
    let (base, _) = serve(other.clone());
    let both = [clinic.browser.clone(), clinic.browser.at(&base)];
    let answers = join_all((0..200).map(|index| both[index % 2].get("/v1/follow-ups"))).await;
    assert!(answers.iter().all(|answer| answer.status == 403));
    assert_eq!(occurrences(&refusals(&world).await), [1, 1], "one for each instance");
    tell_all(&world.app).await;
    tell_all(&other).await;
    assert_eq!(occurrences(&refusals(&world).await), [1, 1, 99, 99]);
    sarcoscreen::app::audit::sealing::seal(&world.app).await.unwrap();
    assert_eq!(verified(&world, &[]).await.1, []);
}

#[tokio::test]
async fn rate_limited_browser_requests_are_not_audited_and_others_are_folded() {
    let rates = Rates { per_credential: 5, ..Rates::default() };
    let world = World::built(|_| {}, |app| app.with_rates(rates)).await;
    let clinic = world.clinic("One").await;
    for user in [&clinic.browser, &clinic.staff] {
        for asked in 0..30 {
            let status = user.get("/v1/follow-ups").await.status;
            assert!(asked < 5 || status == 429, "{asked}: {status}");
        }
    }
    tell_all(&world.app).await;
    // Five of the browser key with 403, and 25 of staff with 429.
    let mut counts = occurrences(&refusals(&world).await);
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 4, 24]);
}
