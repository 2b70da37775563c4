//! Submissions in batches, compared with single submissions.

use std::time::{Duration, Instant};

use reqwest::Client;
use serde::Deserialize;
use uuid::Uuid;

use crate::progress;
use crate::table::Table;
use crate::world::World;

/// Concurrent batches.
const AT_ONCE: usize = 2;
/// Submissions per batch.
const ITEMS: usize = 500;

#[derive(Deserialize)]
struct Results {
    items: Vec<OneResult>,
}

#[derive(Deserialize)]
struct OneResult {
    status: u16,
    submission: Option<Receipt>,
}

#[derive(Deserialize)]
struct Receipt {
    id: Uuid,
}

/// One round: batches for the duration of a measurement; every result must be 201.
pub(crate) async fn round(world: &World, table: &mut Table, alone: f64) {
    world.settle().await;
    let (http, start) = (Client::new(), Instant::now());
    let until = start + Duration::from_secs(world.options.seconds);
    let senders = (0..AT_ONCE).map(|_| async {
        let mut stored = 0;
        while Instant::now() < until {
            stored += send(world, &http).await;
        }
        stored
    });
    let stored: usize = futures_util::future::join_all(senders).await.into_iter().sum();
    let rate = stored as f64 / start.elapsed().as_secs_f64();
    table.note(&format!("submissions, {AT_ONCE} batches of {ITEMS} at once: stored"), "/s", "", rate);
    table.note("submissions in batches, of those one by one", "", "0.8", rate / alone);
    progress(&format!("in batches {rate:.0}/s"));
}

async fn send(world: &World, http: &Client) -> usize {
    let (clinic, body) = world.submissions.batch(ITEMS);
    let address = format!("http://{}/v1/submissions/batch", world.service.address());
    // Short results, so that reading them is not measured: the load generator shares the cores.
    let request = http.post(address).bearer_auth(&world.clinics[clinic].intake);
    let response = request.header("content-type", "application/json").body(body).send().await.unwrap();
    let results: Results = response.json().await.unwrap();
    assert!(results.items.iter().all(|result| result.status == 201), "not every item was stored");
    let ids: Vec<Uuid> = results.items.iter().filter_map(|result| Some(result.submission.as_ref()?.id)).collect();
    world.keep_ids(&ids);
    ids.len()
}
