//! Rotation of the master key while submissions run: nobody becomes two, nobody is lost, and the old key can go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream::{self, StreamExt as _};
use sarcoscreen::app::ambient::System;
use sarcoscreen::app::rotation::rotate;
use sarcoscreen::app::{App, health};
use serde_json::{Value, json};

use crate::world::{User, World, app, fit, serve};

const PERSONS: usize = 300;

fn person(index: usize, name: &str) -> Value {
    json!({"answers": fit(), "subject": {"reference": format!("R-{index}"),
        "contact": {"name": format!("{name} {index}"), "telephone": format!("+34 600 {index:06}")},
        "consent": {"to_contact": true, "text_version": "1", "given_at": "2026-01-02T03:04:05Z"}}})
}

/// An instance under these keys, each a byte again and again.
async fn instance(world: &World, bytes: &[u8]) -> (App, String) {
    let app = app(&world.database, Arc::new(System), bytes, None);
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
async fn the_master_key_is_rotated_while_submissions_run_and_nobody_becomes_two() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    submit_all(&clinic.intake, "Ana").await;
    // One more version of each, so that the history holds something sealed.
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
    // The keys of browser and admin were not used since.
    assert_eq!((left.rows, left.credentials), (0, 2));
    assert_eq!(world.count("select count(*) from subjects").await, 300);
    let old =
        "select count(*) from subjects where get_byte(reference_sealed, 0) = 1 or get_byte(contact_sealed, 0) = 1";
    assert_eq!(world.count(old).await, 0);

    // The new key alone opens and finds everything.
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
    // A key that nobody used under both is not known to the new one alone.
    clinic.admin.at(&base).get("/v1/follow-ups").await.expect(401);
    // The old key alone is not enough any more, and a key that nobody knows never is.
    let strange = app(&world.database, Arc::new(System), &[9], None);
    assert!(strange.prepare().await.is_err());
    for app in [rotating, alone] {
        health::close(&app).await;
    }
}
