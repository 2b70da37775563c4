//! Failed sign-ins are on record in the system's part of the trail: the first at once, the rest of its minute together.

use std::time::{Duration, Instant};

use sarcoscreen::app::failed_sign_ins::{tell_all, tell_due};
use uuid::Uuid;

use super::{Entry, entries_of_the_system};
use crate::world::World;

/// Waits until the system's chain has so many entries; nobody is told when that is.
async fn when_there_are(world: &World, count: usize) -> Vec<Entry> {
    let begun = Instant::now();
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    loop {
        pace.tick().await;
        let entries = entries_of_the_system(world).await;
        if entries.len() >= count {
            assert_eq!(entries.len(), count, "{entries:?}");
            return entries;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "{entries:?}");
    }
}

#[tokio::test]
async fn failed_sign_ins_are_counted_by_credential_and_hold_nothing_of_the_key() {
    let world = World::new().await;
    // The minute that failures are counted for ends when the test says so.
    world.clock.hold();
    let clinic = world.clinic("One").await;
    let real = clinic.staff.key.clone().unwrap();
    let forged = |letter: &str| world.holder(Some(&format!("{}{}", &real[..17], letter.repeat(43))));
    for letter in ["A", "B", "C", "D", "E"] {
        forged(letter).get("/v1/follow-ups").await.expect(401);
    }
    world.holder(Some("garbage")).get("/v1/follow-ups").await.expect(401);
    world.holder(None).get("/v1/follow-ups").await.expect(401);
    let entries = when_there_are(&world, 2).await;
    let sql = "select credential_id from credentials where prefix = $1";
    let prefix = real.split('_').nth(1).unwrap();
    let staff: Uuid = sqlx::query_scalar(sql).bind(prefix).fetch_one(&mut world.connect().await).await.unwrap();
    let count = |entries: &[Entry], resource: Uuid| -> Vec<i32> {
        entries.iter().filter(|entry| entry.resource == resource).map(|entry| entry.occurrences).collect()
    };
    assert_eq!((count(&entries, staff), count(&entries, Uuid::nil())), (vec![1], vec![1]));
    assert!(entries.iter().all(|entry| entry.action == "sign_in_failed" && entry.outcome == "refused"));
    // Within the minute nothing more is told; after it, what was counted.
    tell_due(&world.app).await;
    assert_eq!(entries_of_the_system(&world).await.len(), 2);
    world.clock.advance(61);
    tell_due(&world.app).await;
    let entries = entries_of_the_system(&world).await;
    assert_eq!((count(&entries, staff), count(&entries, Uuid::nil())), (vec![1, 4], vec![1, 1]));
    // The next minute begins anew, and the end of the service does not wait for it to end.
    forged("F").get("/v1/follow-ups").await.expect(401);
    forged("G").get("/v1/follow-ups").await.expect(401);
    when_there_are(&world, 5).await;
    tell_all(&world.app).await;
    // The clock stands, so the last three are of one moment and have no order.
    let mut of_staff = count(&entries_of_the_system(&world).await, staff);
    of_staff.sort_unstable();
    assert_eq!(of_staff, [1, 1, 1, 4]);
    // No key, and no address, in any column.
    let sql = "select count(*) from audit_entries e where e::text like '%127.0.0.1%' or e::text like '%sk\\_%'";
    assert_eq!(world.count(sql).await, 0);
}
