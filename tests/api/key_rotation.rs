//! Rotation of the master key during submissions: no subject is duplicated or lost, and the old key can be removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream::{self, StreamExt as _};
use sarcoscreen::app::ambient::{Ambient, System, after};
use sarcoscreen::app::rotation::rotate;
use sarcoscreen::app::{App, health};
use sarcoscreen::domain::access::actor::Role;
use sarcoscreen::store::database::rotation::Dependents;
use serde_json::{Value, json};

use crate::senders::credential;
use crate::world::{User, World, app, fit, serve};

const PERSONS: usize = 300;

fn person(index: usize, name: &str) -> Value {
    json!({"answers": fit(), "subject": {"reference": format!("R-{index}"),
        "contact": {"name": format!("{name} {index}"), "telephone": format!("+34 600 {index:06}")},
        "consent": {"to_contact": true, "text_version": "1", "given_at": "2026-01-02T03:04:05Z"}}})
}

/// An instance with these keys, each 32 repetitions of a byte.
async fn instance(world: &World, bytes: &[u8]) -> (App, String) {
    let app = app(&world.database, Arc::clone(&world.clock) as Arc<dyn Ambient>, bytes, None);
    app.prepare().await.unwrap();
    let (base, _) = serve(app.clone());
    (app, base)
}

async fn found(staff: &User, by: &str, text: &str) -> Vec<Value> {
    let page = staff.post("/v1/subjects/search", &json!({by: text})).await.expect(200);
    page["items"].as_array().unwrap().clone()
}

async fn submit_all(user: &User, name: &str) {
    let submit = async |index| user.submit(&person(index, name)).await.expect(201);
    stream::iter(0..PERSONS).map(submit).buffer_unordered(8).collect::<Vec<_>>().await;
}

#[tokio::test]
async fn the_master_key_is_rotated_during_submissions_without_duplicating_subjects() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    submit_all(&clinic.intake, "Ana").await;
    // One more version of each, so that the history holds sealed data.
    submit_all(&clinic.intake, "Eva").await;
    assert_eq!(world.count("select count(*) from subject_changes").await, 300);

    let (rotating, base) = instance(&world, &[8, 7]).await;
    let (intake, staff) = (clinic.intake.at(&base), clinic.staff.at(&base));
    assert_eq!(found(&staff, "name", "eva 17").await.len(), 1);
    let done = AtomicBool::new(false);
    let searching = async {
        let mut searches = 0;
        while !done.load(Ordering::SeqCst) {
            let items = found(&staff, "reference", &format!("R-{}", searches % PERSONS)).await;
            assert_eq!(items.len(), 1, "R-{searches}");
            searches += 1;
        }
        searches
    };
    let working = async {
        let (left, ()) = tokio::join!(rotate(&rotating, |_| ()), submit_all(&intake, "Ida"));
        done.store(true, Ordering::SeqCst);
        left.unwrap()
    };
    let (searches, _) = tokio::join!(searching, working);
    assert!(searches > 0);
    let left = rotate(&rotating, |_| ()).await.unwrap();
    // The browser and admin keys were not used since.
    assert_eq!((left.rows, left.credentials), (0, 2));
    assert_eq!(world.count("select count(*) from subjects").await, 300);
    let old =
        "select count(*) from subjects where get_byte(reference_sealed, 0) = 1 or get_byte(contact_sealed, 0) = 1";
    assert_eq!(world.count(old).await, 0);

    // With the new key alone, all data can be decrypted and found.
    let (alone, base) = instance(&world, &[8]).await;
    let staff = clinic.staff.at(&base);
    for index in 0..PERSONS {
        let items = found(&staff, "reference", &format!("R-{index}")).await;
        assert_eq!((items.len(), &items[0]["contact"]["name"]), (1, &json!(format!("Ida {index}"))));
        assert_eq!(found(&staff, "telephone", &format!("34600{index:06}")).await.len(), 1);
        let id = items[0]["id"].as_str().unwrap();
        let history = staff.get(&format!("/v1/subjects/{id}/history")).await.expect(200);
        let before: Vec<_> =
            history["items"].as_array().unwrap().iter().map(|item| item["contact_before"]["name"].clone()).collect();
        assert_eq!(before, [json!(format!("Eva {index}")), json!(format!("Ana {index}"))]);
    }
    // A credential that was not used during the rotation is unknown under the new master key alone.
    clinic.admin.at(&base).get("/v1/follow-ups").await.expect(401);
    // The old key alone no longer works, and a foreign key never works.
    let strange = app(&world.database, Arc::new(System), &[9], None);
    assert!(strange.prepare().await.is_err());
    for app in [rotating, alone] {
        health::close(&app).await;
    }
}

/// Number of keys that still depend on the earlier master key, after everything else was converted to the new one.
async fn keys_left(rotating: &App) -> u64 {
    let Dependents { rows, credentials, waiting, .. } = rotate(rotating, |_| ()).await.unwrap();
    assert_eq!((rows, waiting), (0, 0));
    credentials
}

/// Rotates the key of a credential.
async fn rotated(world: &World, admin: &User, of: &User, overlap_hours: u16) -> User {
    let path = format!("/v1/credentials/{}/rotate", credential(admin, of).await);
    let rotated = admin.post(&path, &json!({"overlap_hours": overlap_hours})).await.expect(200);
    world.holder(rotated["key"].as_str())
}

#[tokio::test]
async fn after_credentials_are_rotated_the_earlier_master_key_can_be_removed() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let soon = after(world.clock.now(), std::time::Duration::from_mins(30));
    let (expiring, _) = world.user_with_id(clinic.id, Role::Staff, Some(soon)).await;
    let (overlapping, unused) =
        (world.user(clinic.id, Role::Staff, None).await, world.user(clinic.id, Role::Staff, None).await);
    let (rotating, base) = instance(&world, &[8, 7]).await;
    assert_eq!(keys_left(&rotating).await, 7);
    let admin = clinic.admin.at(&base);
    let staff = rotated(&world, &admin, &clinic.staff, 0).await;
    let intake = rotated(&world, &admin, &clinic.intake, 24).await;
    rotated(&world, &admin, &overlapping, 2).await;
    // The admin's key is converted when it is used, and the new keys depend on no earlier master key. Five remain: the
    // browser's key, the expiring one, the unused one, and two old keys in their overlap period.
    assert_eq!(keys_left(&rotating).await, 5);
    clinic.browser.at(&base).post("/v1/scores", &json!({"answers": fit()})).await.expect(200);
    let path = format!("/v1/credentials/{}", credential(&admin, &unused).await);
    admin.send(admin.request("DELETE", &path)).await.expect(204);
    // A key in its overlap period is converted too when it is used.
    clinic.intake.at(&base).submit(&json!({"answers": fit()})).await.expect(201);
    assert_eq!(keys_left(&rotating).await, 2);
    world.clock.advance(3 * 3600);
    assert_eq!(keys_left(&rotating).await, 0);

    let (alone, base) = instance(&world, &[8]).await;
    for key in [&intake, &clinic.intake, &staff, &clinic.admin, &clinic.browser] {
        key.at(&base).submit(&json!({"answers": fit()})).await.expect(201);
    }
    for key in [&clinic.staff, &overlapping, &unused, &expiring] {
        key.at(&base).submit(&json!({"answers": fit()})).await.expect(401);
    }
    for app in [rotating, alone] {
        health::close(&app).await;
    }
}

/// Columns with data derived from a master key, and how the rotation treats each.
const MADE_WITH_A_MASTER_KEY: [(&str, &str); 30] = [
    ("audit_pending.key_version", "sealed at once"),
    ("audit_pending.mac", "sealed at once"),
    ("audit_seals.entry_macs", "kept for ever: `audit verify` needs the earlier key"),
    ("audit_seals.key_version", "kept for ever"),
    ("audit_seals.mac", "kept for ever"),
    ("audit_seals.previous_mac", "kept for ever"),
    ("audit_tombstones.key_version", "kept for ever"),
    ("audit_tombstones.last_mac", "kept for ever"),
    ("audit_tombstones.mac", "kept for ever: `audit verify` needs the earlier key"),
    ("audit_tombstones.previous_mac", "kept for ever"),
    ("credentials.issuer_subject_hash", "made anew from the sealed text"),
    ("credentials.issuer_subject_sealed", "sealed anew"),
    ("credentials.key_hash", "made anew when the key is used"),
    ("credentials.key_version", "follows the hash"),
    ("credentials.previous_key_hash", "made anew when the key is used, until the overlap ends"),
    ("credentials.previous_key_version", "follows the hash"),
    ("follow_up_events.note_sealed", "sealed anew"),
    ("master_key_checks.key_version", "says which keys there were"),
    ("subject_changes.before_sealed", "sealed anew"),
    ("subject_search_terms.term_hash", "made anew with the contact data"),
    ("subjects.contact_sealed", "sealed anew"),
    ("subjects.email_hash", "cleared: the terms replace it"),
    ("subjects.name_hash", "cleared: the terms replace it"),
    ("subjects.reference_hash", "made anew from the sealed text"),
    ("subjects.reference_sealed", "sealed anew"),
    ("subjects.reference_value_hash", "made anew with the reference"),
    ("subjects.telephone_hash", "cleared: the terms replace it"),
    ("used_tokens.token_hash", "one for each key of the file, until the token is refused for its age"),
    ("webhook_endpoints.previous_secret_sealed", "sealed anew"),
    ("webhook_endpoints.secret_sealed", "sealed anew"),
];

#[tokio::test]
async fn the_rotation_covers_every_column_derived_from_a_master_key() {
    let world = World::new().await;
    let sql = "select table_name || '.' || column_name from information_schema.columns
               where table_schema = 'public' and column_name ~ '(_sealed|_hash|key_version|macs?)$' order by 1";
    let found: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut world.connect().await).await.unwrap();
    assert_eq!(found, MADE_WITH_A_MASTER_KEY.map(|(column, _)| column));
}
