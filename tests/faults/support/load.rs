//! Clients that submit without a pause, each as soon as it has its response. Unacknowledged submissions are retried with
//! the same key until they are acknowledged.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::client::{self, Line};
use super::ledger::{Ledger, Persons, What};
use super::run::Clinic;
use super::until;

/// The pause before a refused or broken request is retried.
const AGAIN: Duration = Duration::from_millis(50);
/// How long unacknowledged submissions are retried after the end of the load.
const RESOLVED: Duration = Duration::from_mins(1);

const RUNS: u8 = 0;
/// No new submissions; retries continue.
const ENDS: u8 = 1;
/// No new submissions and no retries.
const ENDED: u8 = 2;

/// The address of the service, and the phase of the load.
struct Control {
    address: Mutex<SocketAddr>,
    phase: AtomicU8,
}

impl Control {
    fn address(&self) -> SocketAddr {
        *self.address.lock().unwrap()
    }

    fn phase(&self) -> u8 {
        self.phase.load(Ordering::Relaxed)
    }
}

pub(crate) struct Load {
    pub(crate) ledger: Arc<Ledger>,
    control: Arc<Control>,
    clients: JoinSet<()>,
}

impl Load {
    pub(crate) fn start(clinics: &'static [Clinic], address: SocketAddr, clients: usize) -> Self {
        Self::of(Persons::Few, clinics, address, clients)
    }

    /// Starts clients that submit for these subjects.
    pub(crate) fn of(persons: Persons, clinics: &'static [Clinic], address: SocketAddr, clients: usize) -> Self {
        let control = Control { address: Mutex::new(address), phase: AtomicU8::new(RUNS) };
        let ledger = Arc::new(Ledger::new(clinics, persons));
        let mut load = Self { ledger, control: Arc::new(control), clients: JoinSet::new() };
        load.add(clients);
        load
    }

    /// Adds clients that use the same ledger.
    pub(crate) fn add(&mut self, clients: usize) {
        for _ in 0..clients {
            self.clients.spawn(submit(Arc::clone(&self.ledger), Arc::clone(&self.control)));
        }
    }

    /// Adds a client that reads the worklist and one that reads readiness, each on new connections.
    pub(crate) fn add_readers(&mut self) {
        let key = self.ledger.clinics()[0].staff.clone();
        for (what, request) in [
            (What::Worklist, client::get(&key, "/v1/follow-ups?limit=5")),
            (What::Ready, client::get("", "/health/ready")),
        ] {
            self.clients.spawn(read(Arc::clone(&self.ledger), Arc::clone(&self.control), what, request));
        }
    }

    /// Sends further requests to another address.
    pub(crate) fn move_to(&self, address: SocketAddr) {
        *self.control.address.lock().unwrap() = address;
    }

    /// Waits until `count` more submissions are acknowledged.
    pub(crate) async fn more(&self, count: usize) {
        let wanted = self.ledger.count() + count;
        until("submissions are acknowledged", Duration::from_mins(2), async || self.ledger.count() >= wanted).await;
    }

    /// Ends the load after every submission is acknowledged.
    pub(crate) async fn finish(mut self) -> Arc<Ledger> {
        self.control.phase.store(ENDS, Ordering::Relaxed);
        let all = async { while self.clients.join_next().await.is_some_and(|ended| ended.is_ok()) {} };
        let resolved = tokio::time::timeout(RESOLVED, all).await;
        assert!(resolved.is_ok(), "some are not acknowledged: {:?}", self.ledger.ends());
        self.ledger
    }

    /// Ends the load without retrying unacknowledged submissions.
    pub(crate) async fn abandon(mut self) -> Arc<Ledger> {
        self.control.phase.store(ENDED, Ordering::Relaxed);
        self.clients.shutdown().await;
        self.ledger
    }
}

/// Submits sequentially.
async fn submit(ledger: Arc<Ledger>, control: Arc<Control>) {
    let mut at = control.address();
    let mut line = Line::new(at);
    while control.phase() == RUNS {
        let submission = ledger.next();
        loop {
            if at != control.address() {
                at = control.address();
                line = Line::new(at);
            }
            let sent = Instant::now();
            let result = line.ask(submission.request.as_bytes()).await;
            if ledger.note(What::Submit, sent, &result, Some(&submission)) || control.phase() == ENDED {
                break;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Reads repeatedly, each time on a new connection.
async fn read(ledger: Arc<Ledger>, control: Arc<Control>, what: What, request: String) {
    while control.phase() == RUNS {
        let sent = Instant::now();
        let result = Line::new(control.address()).ask(request.as_bytes()).await;
        ledger.note(what, sent, &result, None);
        tokio::time::sleep(AGAIN / 5).await;
    }
}
