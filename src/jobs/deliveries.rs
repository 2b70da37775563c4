//! Delivers webhooks: woken when this instance wrote an event, and every few seconds for what other instances wrote or what
//! is due again. An endpoint that hangs holds up no other: each has places of its own.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::app::deliveries::{self, Due};
use crate::app::{App, AppError};
use crate::domain::ids::WebhookId;

/// How often it is looked what is due, if nothing wakes it.
const EVERY: Duration = Duration::from_secs(2);
/// A look is followed by the next one after this at the earliest, so that many events are found by one.
const PACE: Duration = Duration::from_millis(20);
/// Attempts under way at one endpoint; one, while it fails.
const AT_ONE: usize = 16;
/// Attempts under way at all endpoints.
const AT_ALL: usize = 256;
/// How long attempts under way may take to end at a stop. What does not is sent again when its lease is over.
const ENDING: Duration = Duration::from_secs(3);

/// Attempts under way.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<WebhookId>,
    at: HashMap<WebhookId, usize>,
}

/// Delivers until the service stops.
pub async fn run(app: App, mut stopping: watch::Receiver<bool>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = UnderWay::default();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.delivery_waits() => {}
            Some(ended) = under_way.tasks.join_next() => under_way.ended(ended),
            _ = stopping.changed() => break,
        }
        while let Some(ended) = under_way.tasks.try_join_next() {
            under_way.ended(ended);
        }
        if app.prepared()
            && let Err(error) = start(&app, &mut under_way).await
        {
            tracing::warn!(%error, "webhooks could not be delivered; what waits stays waiting");
        }
        sleep(PACE).await;
    }
    let _ = timeout(ENDING, async { while under_way.tasks.join_next().await.is_some() {} }).await;
}

/// Leases what is due as far as there are places for it, and begins to send it.
async fn start(app: &App, under_way: &mut UnderWay) -> Result<(), AppError> {
    for due in deliveries::due(app).await? {
        let places = under_way.places(due);
        if places == 0 {
            continue;
        }
        for leased in deliveries::lease(app, due, places).await? {
            *under_way.at.entry(due.webhook_id).or_default() += 1;
            let app = app.clone();
            under_way.tasks.spawn(async move {
                if let Err(error) = deliveries::deliver(&app, leased).await {
                    tracing::warn!(%error, "what came of a delivery could not be written down; it is sent again");
                }
                due.webhook_id
            });
        }
    }
    Ok(())
}

impl UnderWay {
    fn places(&self, due: Due) -> usize {
        let own = if due.failing { 1 } else { AT_ONE };
        let taken = self.at.get(&due.webhook_id).copied().unwrap_or_default();
        own.saturating_sub(taken).min(AT_ALL.saturating_sub(self.tasks.len()))
    }

    fn ended(&mut self, ended: Result<WebhookId, tokio::task::JoinError>) {
        match ended {
            Ok(webhook_id) => {
                if let Some(count) = self.at.get_mut(&webhook_id) {
                    *count = count.saturating_sub(1);
                }
                self.at.retain(|_, count| *count > 0);
            }
            Err(error) => {
                tracing::error!(%error, "a delivery ended by a panic");
                // Whose it was is not known; places are counted anew, and leases keep anything from being sent twice at once.
                self.at.clear();
            }
        }
    }
}
