//! Failed authentications are audited in the system's part of the log: the first at once, the rest of its minute together.

use std::time::{Duration, Instant};

use sarcoscreen::app::audit::folding::{tell_all, tell_due};
use uuid::Uuid;

use super::{Entry, entries_of_the_system};
use crate::world::World;

/// Waits until the system's chain has this many entries; there is no event to wait for. Runs the job that repeats a failed
/// write.
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
        tell_due(&world.app).await;
    }
}

#[tokio::test]
async fn failed_sign_ins_are_counted_by_credential_without_key_material() {
    let world = World::new().await;
    // The held clock decides when the minute of counted failures ends.
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
    // A failed first write is repeated together with the failures counted since then.
    let split = |resource: Uuid, all: i32| -> Vec<i32> {
        let [first] = count(&entries, resource)[..] else { panic!("{entries:?}") };
        [first, all - first].into_iter().filter(|count| *count > 0).collect()
    };
    let (five, two) = (split(staff, 5), split(Uuid::nil(), 2));
    assert!(entries.iter().all(|entry| entry.action == "sign_in_failed" && entry.outcome == "refused"));
    // Within the minute nothing more is written; afterwards the counted failures are.
    tell_due(&world.app).await;
    assert_eq!(entries_of_the_system(&world).await.len(), 2);
    world.clock.advance(61);
    tell_due(&world.app).await;
    let entries = entries_of_the_system(&world).await;
    assert_eq!((count(&entries, staff), count(&entries, Uuid::nil())), (five.clone(), two));
    // Within a minute after that entry failures are counted again, and shutdown does not wait for the minute to end.
    forged("F").get("/v1/follow-ups").await.expect(401);
    forged("G").get("/v1/follow-ups").await.expect(401);
    world.clock.advance(1);
    tell_all(&world.app).await;
    let seven = [&five[..], &[2]].concat();
    assert_eq!(count(&entries_of_the_system(&world).await, staff), seven);
    // After a minute without failures, the next one is written at once.
    world.clock.advance(61);
    forged("H").get("/v1/follow-ups").await.expect(401);
    let entries = when_there_are(&world, entries.len() + 2).await;
    assert_eq!(count(&entries, staff), [&seven[..], &[1]].concat());
    // No column contains a key or an address.
    let sql = "select count(*) from audit_entries e where e::text like '%127.0.0.1%' or e::text like '%sk\\_%'";
    assert_eq!(world.count(sql).await, 0);
}
