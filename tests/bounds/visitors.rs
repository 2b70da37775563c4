//! Browser keys are public: one visitor with such a key cannot exhaust the limits of other visitors or fill the worklist.

use std::time::Instant;

use serde_json::json;

use crate::people::{clinic, mint};
use crate::service::{Place, Service};

/// Number of accepted submissions out of a burst from one address, each of which would open a follow-up due today.
async fn accepted(service: &Service, key: &str, from: &str, submissions: usize) -> u64 {
    let client = reqwest::Client::new();
    let answers = json!({"age": 82, "activity": "inactive", "falls_past_year": 4, "stair_difficulty": "a_lot_or_unable",
        "medications": ["systemic_corticosteroid_3_weeks"], "dark_urine": true, "muscle_pain": true});
    let mut accepted = 0;
    for _ in 0..submissions {
        let request = client.post(format!("http://{}/v1/submissions", service.address())).bearer_auth(key);
        let answer = request.header("x-forwarded-for", from).json(&json!({"answers": answers})).send().await.unwrap();
        let status = answer.status().as_u16();
        assert!([201, 429].contains(&status), "{}", answer.text().await.unwrap());
        accepted += u64::from(status == 201);
    }
    accepted
}

#[tokio::test]
async fn one_visitor_is_limited_and_the_site_stays_available_to_others() {
    let place = Place::new().await;
    place.run(&["migrate"]);
    clinic(&place, "One");
    let key = mint(&place, "One", "browser");
    let factors = ("SARCOSCREEN_RATE_ADDRESS_FACTORS", "203.0.113.7=3");
    let service = place.serve_with(&[("SARCOSCREEN_TRUSTED_PROXIES", "127.0.0.1"), factors]);
    let begun = Instant::now();
    let one = accepted(&service, &key, "192.0.2.1", 300).await;
    // The allowance refills by one every two seconds.
    let most = 31 + begun.elapsed().as_secs() / 2;
    println!("one visitor: {one} of 300 submissions stored");
    assert!((30..=most).contains(&one), "{one}");
    let (other, kiosks) =
        (accepted(&service, &key, "192.0.2.2", 30).await, accepted(&service, &key, "203.0.113.7", 90).await);
    println!("another visitor: {other} of 30; a waiting room with a factor of 3: {kiosks} of 90");
    assert_eq!((other, kiosks), (30, 90));
}
