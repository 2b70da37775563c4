//! An open load: each request has a planned time, which does not depend on the responses to others. Response times
//! count from the planned time.
//!
//! One thread with a runtime of its own sends all requests: client, service and database share the cores, so the client
//! must cost little. Its locks are never contended.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::client::{Answer, Failure, Line};
use super::ledger::{Ledger, What};

/// The clock step: planned requests are sent at its end.
const STEP: Duration = Duration::from_millis(1);
/// A request waits for a free connection for at most this time after its planned time. Then it is left out and counted.
const LATE: Duration = Duration::from_secs(2);

/// Results of the requests.
#[derive(Default)]
pub(crate) struct Offered {
    /// Response times of 201.
    pub(crate) accepted: Vec<Duration>,
    /// Response times of 429 and 503.
    pub(crate) refused: Vec<Duration>,
    /// Every other result.
    pub(crate) others: BTreeMap<String, usize>,
    /// Delay between the planned time of each request and its sending.
    pub(crate) lag: Vec<Duration>,
    /// Requests that were not sent because no connection was free in time.
    pub(crate) left_out: usize,
}

/// The plan of all requests, and their results.
struct Plan {
    ledger: Arc<Ledger>,
    start: Instant,
    /// Time between two requests, and of all requests.
    gap: Duration,
    time: Duration,
    /// One permit for each request whose planned time has come. Connections wait in turn.
    due: Semaphore,
    /// Number of the next request.
    next: AtomicU32,
    offered: Mutex<Offered>,
}

/// Offers submissions at a rate (per second) for a time on a number of connections, each with at most one request in
/// progress. Waits for all responses.
pub(crate) async fn offer(
    ledger: &Arc<Ledger>,
    address: SocketAddr,
    connections: usize,
    rate: f64,
    time: Duration,
) -> Offered {
    let (ledger, gap) = (Arc::clone(ledger), Duration::from_secs_f64(1.0 / rate));
    let sending = async move {
        let mut lines = Vec::new();
        for _ in 0..connections {
            lines.push(Line::open(address).await.unwrap());
        }
        let (due, next, offered) = (Semaphore::new(0), AtomicU32::new(0), Mutex::default());
        let plan = Arc::new(Plan { ledger, start: Instant::now(), gap, time, due, next, offered });
        let mut senders: JoinSet<()> = lines.into_iter().map(|line| Arc::clone(&plan).send(line)).collect();
        plan.pace(connections).await;
        while let Some(ended) = senders.join_next().await {
            ended.unwrap();
        }
        std::mem::take(&mut *plan.offered.lock().unwrap())
    };
    let thread = || Builder::new_current_thread().enable_all().build().unwrap().block_on(sending);
    tokio::task::spawn_blocking(thread).await.unwrap()
}

impl Plan {
    /// Gives a permit for each request at its planned time, and then one to each connection, which ends it.
    async fn pace(&self, connections: usize) {
        let mut planned = 0;
        while self.gap * planned < self.time {
            tokio::time::sleep(STEP).await;
            let until = self.start.elapsed().min(self.time);
            while self.gap * planned < until {
                self.due.add_permits(1);
                planned += 1;
            }
        }
        self.due.add_permits(connections);
    }

    /// Sends the next planned request on a connection, as long as there is one.
    async fn send(self: Arc<Self>, mut line: Line) {
        loop {
            self.due.acquire().await.unwrap().forget();
            let planned = self.gap * self.next.fetch_add(1, Ordering::Relaxed);
            if planned >= self.time {
                return;
            }
            let due = self.start + planned;
            if due.elapsed() > LATE {
                self.offered.lock().unwrap().left_out += 1;
                continue;
            }
            let (submission, sent) = (self.ledger.next(), Instant::now());
            let result = line.ask(submission.request.as_bytes()).await;
            let time = due.elapsed();
            self.ledger.note(What::Submit, sent, &result, Some(&submission));
            self.offered.lock().unwrap().note(sent - due, time, &result);
        }
    }
}

impl Offered {
    fn note(&mut self, lag: Duration, time: Duration, result: &Result<Answer, Failure>) {
        self.lag.push(lag);
        match result {
            Ok(answer) if answer.status == 201 => self.accepted.push(time),
            Ok(answer) if [429, 503].contains(&answer.status) => self.refused.push(time),
            Ok(answer) => *self.others.entry(answer.status.to_string()).or_default() += 1,
            Err(failure) => *self.others.entry(format!("{failure:?}")).or_default() += 1,
        }
    }
}
