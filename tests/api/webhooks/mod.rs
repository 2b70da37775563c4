//! Webhooks: sent after the commit, signed, retried until they arrive, and never to internal addresses.

mod addresses;
mod events;
mod instances;
mod kills;
mod management;
mod many;
pub(crate) mod receiver;

use std::sync::Arc;
use std::time::Duration;

use sarcoscreen::app::{Addresses, App, Receivers, SystemNames};
use sarcoscreen::jobs::deliveries;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::world::{Clinic, World};

/// The delivery job of one instance.
pub(crate) struct Delivering {
    stopping: watch::Sender<bool>,
    job: JoinHandle<()>,
}

impl Delivering {
    pub(crate) fn start(app: &App) -> Self {
        let (stopping, stops) = watch::channel(false);
        Self { stopping, job: tokio::spawn(deliveries::run(app.clone(), stops)) }
    }

    pub(crate) async fn stop(self) {
        self.stopping.send(true).unwrap();
        self.job.await.unwrap();
    }
}

/// A world whose webhooks may target this machine, with one second per attempt.
pub(crate) async fn world() -> World {
    world_with(Duration::from_secs(1)).await
}

/// The same with another limit per attempt.
async fn world_with(limit: Duration) -> World {
    World::built(|_| {}, |app| app.with_receivers(receivers(limit))).await
}

fn receivers(limit: Duration) -> Receivers {
    let addresses = Addresses::new(vec!["127.0.0.1/32".parse().unwrap()]);
    Receivers::new(addresses, Arc::new(SystemNames), limit)
}

/// Registers a webhook and returns its path and its secret.
pub(crate) async fn register(clinic: &Clinic, url: &str, events: &[&str]) -> (String, String) {
    let made = clinic.admin.post("/v1/webhooks", &json!({"url": url, "events": events})).await.expect(201);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (format!("/v1/webhooks/{}", text("id")), text("secret"))
}

/// The deliveries of a webhook, newest first.
async fn log(clinic: &Clinic, webhook: &str) -> Vec<Value> {
    let page = clinic.admin.get(&format!("{webhook}/deliveries?limit=200")).await.expect(200);
    page["items"].as_array().unwrap().clone()
}

/// Waits until a condition holds, up to a deadline.
async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !reached().await {
            // A job sends no event when it has written, so the test polls.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_mins(3), looking).await.is_ok(), "never: {what}");
}

/// Number of deliveries in a state.
async fn count(world: &World, state: &str) -> i64 {
    let sql = match state {
        "pending" => "select count(*) from webhook_deliveries where state = 'pending'",
        "failed" => "select count(*) from webhook_deliveries where state = 'failed'",
        _ => "select count(*) from webhook_deliveries where state = 'delivered'",
    };
    world.count(sql).await
}
