//! The service is killed repeatedly while it delivers: every acknowledged event arrives.

use std::time::Duration;

use serde_json::{Value, json};

use super::receiver::{Manner, Receiver};
use crate::embedded::place::Place;
use crate::program::{announced, base, command, stop};
use crate::world::frail;

const KILLS: usize = 20;
const EACH: usize = 20;

#[tokio::test]
async fn every_acknowledged_event_arrives_although_the_service_is_killed_twenty_times() {
    let place = Place::new();
    let receiver = Receiver::start(Manner::Takes).await;
    let (http, mut secret, mut wanted) = (crate::world::http(), String::new(), Vec::new());
    for round in 0..=KILLS {
        let mut start = command(&place, &[]);
        start.env("SARCOSCREEN_WEBHOOK_ALLOW", "127.0.0.1").env("SARCOSCREEN_LOG", "error");
        let (mut service, said) = announced(start);
        let keys = std::fs::read_to_string(place.data().join("demo-credentials.json")).unwrap();
        let keys: Value = serde_json::from_str(&keys).unwrap();
        let post = async |role: &str, path: &str, body: Value| {
            let request = http.post(format!("{}{path}", base(&said))).bearer_auth(keys[role].as_str().unwrap());
            let answer = request.json(&body).send().await.ok()?;
            assert_eq!(answer.status(), 201);
            answer.json::<Value>().await.ok()
        };
        if round == 0 {
            let body = json!({"url": receiver.url, "events": ["submission.flagged"]});
            post("admin", "/v1/webhooks", body).await.unwrap()["secret"].as_str().unwrap().clone_into(&mut secret);
        }
        if round < KILLS {
            for number in 0..EACH {
                if number == 3 + round % (EACH - 3) {
                    // Kills it while deliveries of acknowledged submissions are in progress.
                    service.kill().unwrap();
                }
                let Some(receipt) = post("intake", "/v1/submissions", json!({"answers": frail()})).await else { break };
                wanted.push(format!("evt_{}", receipt["id"].as_str().unwrap()));
            }
            let _ = service.kill();
            service.wait().unwrap();
            continue;
        }
        let deadline = tokio::time::Instant::now() + Duration::from_secs(100);
        while !wanted.iter().all(|id| receiver.accepted().contains(id)) {
            assert!(tokio::time::Instant::now() < deadline, "lost: {}", wanted.len() - receiver.accepted().len());
            // A lease of a killed instance expires without an event, so the test polls.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        stop(service);
        break;
    }
    let taken = receiver.taken.lock().unwrap().clone();
    assert!(taken.iter().all(|one| one.signed_by(&secret)));
    let (distinct, attempts) = (receiver.accepted().len(), taken.len());
    println!(
        "{} acknowledged through {KILLS} kills, {distinct} distinct arrived, {attempts} attempts, 0 lost",
        wanted.len()
    );
    assert!(wanted.len() > KILLS);
}
