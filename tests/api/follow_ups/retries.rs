//! Retries: one key and one request have one effect and one response, whatever the current version.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Colleague, act, act_once, hours_ahead, open};
use crate::world::{World, frail};

#[tokio::test]
async fn a_retry_of_any_command_gets_the_response_of_its_version() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let nurse = Colleague::of(&world, &clinic).await;
    let person = json!({"answers": frail(), "subject": {"reference": "R-1"}});
    let receipt = clinic.intake.submit(&person).await.expect(201);
    let case = format!("/v1/follow-ups/{}", receipt["follow_up"]["id"].as_str().unwrap());
    let steps: Vec<(&str, Value)> = vec![
        ("claim", json!({})),
        ("contact", json!({"reached": true})),
        ("book", json!({"appointment_at": hours_ahead(&world, 1)})),
        ("did-not-attend", json!({})),
        ("book", json!({"appointment_at": hours_ahead(&world, 9)})),
        ("unbook", json!({})),
        ("notes", json!({"note": "n"})),
        ("close", json!({"outcome": "attended", "diagnosis": "none"})),
        ("reopen", json!({})),
        ("reassign", json!({"to": nurse.id})),
        ("release", json!({})),
    ];
    let mut first = Vec::new();
    for (seen, (command, body)) in (1..).zip(&steps) {
        if *command == "did-not-attend" {
            world.clock.advance(2 * 3600);
        }
        let answer = act_once(&nurse.user, &case, command, seen, body, &format!("key-{seen}")).await;
        assert_eq!(answer.status, 200, "{command}: {}", answer.text);
        assert_eq!(answer.header("idempotent-replayed"), "");
        first.push(answer);
    }
    // A submission joins the follow-up, which changes the collected data.
    clinic.intake.submit(&person).await.expect(201);
    // The keys of the first three steps have expired.
    for (seen, ((command, body), earlier)) in (1..).zip(steps.iter().zip(&first)).skip(3) {
        let key = format!("key-{seen}");
        // The version in the retry is ignored: the response is the first one.
        for version in [seen, 1, 99] {
            let again = act_once(&nurse.user, &case, command, version, body, &key).await;
            assert_eq!((again.status, &again.text), (200, &earlier.text), "{command}");
            assert_eq!((again.header("etag"), again.header("idempotent-replayed")), (earlier.header("etag"), "true"));
        }
        let mut another = body.clone();
        another["note"] = json!("another body");
        let reused = act_once(&nurse.user, &case, command, seen, &another, &key).await.expect(422);
        assert_eq!(reused["type"], "/docs/problems#idempotency_key_reused");
        // The key of another member of staff is a different key.
        act_once(&clinic.staff, &case, command, seen, body, &key).await.expect(412);
    }
    assert_eq!(clinic.staff.get(&case).await.expect(200)["version"], steps.len() + 2);
    // An expired key has no effect.
    world.clock.advance(3601);
    act_once(&nurse.user, &case, "reopen", 1, &json!({}), "key-9").await.expect(412);
}

#[tokio::test]
async fn concurrent_copies_of_one_command_change_the_follow_up_once() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for round in 0..10 {
        let case = open(&clinic).await;
        let (key, body) = (format!("round-{round}"), json!({"note": "one"}));
        let copies = (0..16).map(|_| act_once(&clinic.staff, &case, "claim", 1, &body, &key));
        let answers = join_all(copies).await;
        for answer in &answers {
            assert_eq!((answer.status, &answer.text), (200, &answers[0].text));
        }
        assert_eq!(clinic.staff.get(&case).await.expect(200)["version"], 2);
    }
}

#[tokio::test]
async fn a_refused_command_stores_nothing_under_its_key() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let case = open(&clinic).await;
    act_once(&clinic.staff, &case, "unbook", 1, &json!({}), "k").await.expect(409);
    act_once(&clinic.staff, &case, "claim", 2, &json!({}), "k").await.expect(412);
    act_once(&clinic.staff, &case, "claim", 1, &json!({"note": 1}), "k").await.expect(422);
    act_once(&clinic.staff, &case, "claim", 1, &json!({}), "k").await.expect(200);
    // A missing body and an empty one are equal.
    let bare = clinic.staff.request("POST", &format!("{case}/claim")).header("if-match", "\"1\"");
    clinic.staff.send(bare.header("idempotency-key", "\"k\"")).await.expect(200);
    act(&clinic.staff, &case, "claim", 1, &json!({})).await.expect(412);
}
