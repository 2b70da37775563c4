//! An open load: requests are sent at a fixed rate and never wait for the response to another.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::client::{Answer, Failure, Line};
use super::ledger::{Ledger, What};

/// The clock step: requests of one step are due at its start.
const STEP: Duration = Duration::from_millis(1);
/// Maximum number of requests in progress; further ones are left out and counted.
const UNDER_WAY: usize = 4_000;

/// Results of the requests.
#[derive(Default)]
pub(crate) struct Offered {
    /// Response times of 201.
    pub(crate) accepted: Vec<Duration>,
    /// Response times of 429 and 503.
    pub(crate) refused: Vec<Duration>,
    /// Every other result.
    pub(crate) others: BTreeMap<String, usize>,
    /// Delay between the due time of each request and its sending.
    pub(crate) lag: Vec<Duration>,
    /// Requests that were not sent because too many were in progress.
    pub(crate) left_out: usize,
}

/// State shared by the requests.
struct Shared {
    ledger: Arc<Ledger>,
    address: SocketAddr,
    idle: Mutex<Vec<Line>>,
    offered: Mutex<Offered>,
}

/// Offers submissions at a rate (per second) for a time, and waits for all responses.
pub(crate) async fn offer(ledger: &Arc<Ledger>, address: SocketAddr, rate: f64, time: Duration) -> Offered {
    let (ledger, idle, offered) = (Arc::clone(ledger), Mutex::default(), Mutex::default());
    let shared = Arc::new(Shared { ledger, address, idle, offered });
    let mut due = pace(rate, time);
    let mut under_way = JoinSet::new();
    while let Some(at) = due.recv().await {
        while under_way.try_join_next().is_some() {}
        if under_way.len() >= UNDER_WAY {
            shared.offered.lock().unwrap().left_out += 1;
            continue;
        }
        under_way.spawn(Arc::clone(&shared).send(at));
    }
    while under_way.join_next().await.is_some() {}
    let mut offered = shared.offered.lock().unwrap();
    std::mem::take(&mut *offered)
}

impl Shared {
    async fn send(self: Arc<Self>, due: Instant) {
        let idle = self.idle.lock().unwrap().pop();
        let mut line = idle.unwrap_or_else(|| Line::new(self.address));
        let submission = self.ledger.next();
        let sent = Instant::now();
        let result = line.ask(submission.request.as_bytes()).await;
        let time = sent.elapsed();
        self.ledger.note(What::Submit, sent, &result, Some(&submission));
        self.idle.lock().unwrap().push(line);
        self.offered.lock().unwrap().note(sent - due, time, &result);
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

/// A thread that reports when requests are due: the timers of the runtime are too coarse.
fn pace(rate: f64, time: Duration) -> mpsc::UnboundedReceiver<Instant> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let (start, mut sent) = (Instant::now(), 0.0);
        for step in 0_u32.. {
            let at = start + STEP * step;
            if at >= start + time {
                return;
            }
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            while sent < rate * (STEP * (step + 1)).as_secs_f64() {
                if sender.send(at).is_err() {
                    return;
                }
                sent += 1.0;
            }
        }
    });
    receiver
}
