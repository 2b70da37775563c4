//! The issuer's keys: rotation, outages, and invalid documents.

use serde_json::json;

use super::Trusting;
use super::issuer::{Reply, Signer};

#[tokio::test]
async fn the_keys_are_fetched_once_and_then_kept() {
    let here = Trusting::new().await;
    assert_eq!(here.issuer.asked(), 0);
    let tokens: Vec<String> = (0..20).map(|n| here.signer.token(&here.with("sub", json!(format!("n-{n}"))))).collect();
    let all = tokens.iter().map(|token| here.status(token));
    assert_eq!(futures_util::future::join_all(all).await, [200; 20]);
    assert_eq!(here.issuer.asked(), 1, "simultaneous requests share one fetch");
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_a_withdrawn_one_is_dropped() {
    let here = Trusting::new().await;
    assert_eq!(here.status(&here.signer.token(&here.claims())).await, 200);
    let second = Signer::p256("second");
    here.issuer.publish(&[&second]);
    here.world.clock.advance(11);
    let now = here.claims();
    assert_eq!(here.status(&second.token(&now)).await, 200);
    assert_eq!(here.issuer.asked(), 2);
    assert_eq!(here.status(&here.signer.token(&now)).await, 401, "the issuer has withdrawn the first key");
}

#[tokio::test]
async fn unknown_keys_trigger_a_fetch_at_most_every_ten_seconds() {
    let here = Trusting::new().await;
    assert_eq!(here.status(&here.signer.token(&here.claims())).await, 200);
    here.world.clock.advance(11);
    let stranger = Signer::ed("stranger");
    for _ in 0..3 {
        let tokens: Vec<_> = (0..10).map(|n| stranger.token(&here.with("sub", json!(format!("n-{n}"))))).collect();
        let all = tokens.iter().map(|token| here.status(token));
        assert_eq!(futures_util::future::join_all(all).await, [401; 10]);
    }
    assert_eq!(here.issuer.asked(), 2);
    here.world.clock.advance(10);
    assert_eq!(here.status(&stranger.token(&here.claims())).await, 401);
    assert_eq!(here.issuer.asked(), 3);
}

#[tokio::test]
async fn old_keys_are_refreshed_while_they_remain_in_use() {
    let here = Trusting::new().await;
    assert_eq!(here.status(&here.signer.token(&here.claims())).await, 200);
    here.issuer.answer(Reply::Silence);
    here.world.clock.advance(301);
    // The issuer does not respond, and no request waits for it.
    let asked = std::time::Instant::now();
    assert_eq!(here.status(&here.signer.token(&here.claims())).await, 200);
    assert!(asked.elapsed() < std::time::Duration::from_secs(4), "a known key must not wait for the issuer");
    let mut pace = tokio::time::interval(std::time::Duration::from_millis(20));
    while here.issuer.asked() < 2 {
        pace.tick().await;
        assert!(asked.elapsed() < std::time::Duration::from_mins(1), "the keys were not asked for again");
    }
}

#[tokio::test]
async fn keys_remain_valid_for_one_hour_of_an_issuer_outage() {
    let here = Trusting::new().await;
    assert_eq!(here.status(&here.signer.token(&here.claims())).await, 200);
    here.issuer.answer(Reply::Away);
    here.world.clock.advance(300 + 3599);
    assert_eq!(here.status(&here.signer.token(&here.claims())).await, 200);
    here.world.clock.advance(12);
    let answer = here.holder(&here.signer.token(&here.claims())).get("/v1/follow-ups").await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(answer.header("retry-after"), "1");
    here.issuer.publish(&[&here.signer]);
    here.world.clock.advance(11);
    assert_eq!(here.status(&here.signer.token(&here.claims())).await, 200);
}

#[tokio::test]
async fn before_the_first_key_fetch_tokens_get_503_and_api_keys_work() {
    let here = Trusting::new().await;
    here.issuer.answer(Reply::Away);
    assert_eq!(here.status(&here.signer.token(&here.claims())).await, 503);
    here.world.clinic("Two").await.staff.get("/v1/follow-ups").await.expect(200);
}

#[tokio::test]
async fn invalid_key_documents_change_nothing_and_invalid_parts_are_ignored() {
    let here = Trusting::new().await;
    assert_eq!(here.status(&here.signer.token(&here.claims())).await, 200);
    let elsewhere = Signer::ed("second");
    let place = super::issuer::Issuer::start(&[&elsewhere]);
    let useless = [
        Reply::Text("<html>".into()),
        Reply::Text("{}".into()),
        Reply::Text(format!("{{\"keys\": [], \"padding\": \"{}\"}}", "x".repeat(300_000))),
        Reply::Elsewhere(format!("{}/keys", place.name)),
    ];
    for reply in useless {
        here.issuer.answer(reply);
        here.world.clock.advance(11);
        // An unknown key triggers a fetch; the result must neither add a key nor remove the current one.
        assert_eq!(here.status(&elsewhere.token(&here.claims())).await, 401);
        assert_eq!(here.status(&here.signer.token(&here.claims())).await, 200);
    }
    assert_eq!(place.asked(), 0, "a redirection is not followed");
    let garbage = json!({"keys": [
        null, 7, {"kty": "RSA", "kid": "second"}, {"kty": "oct", "kid": "second", "k": "AAAA"},
        elsewhere.public(), here.signer.public(), here.signer.public(),
    ]});
    here.issuer.answer(Reply::Text(garbage.to_string()));
    here.world.clock.advance(11);
    assert_eq!(here.status(&elsewhere.token(&here.claims())).await, 200);
    assert_eq!(here.status(&here.signer.token(&here.claims())).await, 200, "a repetition is harmless");
    let twin = Signer::ed("second");
    here.issuer.publish(&[&elsewhere, &twin, &Signer::ed("third")]);
    here.world.clock.advance(11);
    assert_eq!(here.status(&Signer::ed("fourth").token(&here.claims())).await, 401);
    assert_eq!(
        here.status(&elsewhere.token(&here.with("sub", json!("n-2")))).await,
        401,
        "one name of two keys means neither"
    );
    assert_eq!(here.status(&twin.token(&here.with("sub", json!("n-2")))).await, 401);
}
