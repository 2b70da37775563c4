//! The load generator: keep-alive connections in one thread, because it shares the cores with the service.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinHandle, spawn_local};
use uuid::Uuid;

use crate::answer::Answer;
use crate::usage::Usage;

/// The clock step of a fixed rate: the requests of a step are due at its start.
const STEP: Duration = Duration::from_millis(1);

/// A source of requests.
pub(crate) trait Source {
    /// Writes the next request; `false` if there are no more.
    fn next(&self, request: &mut Vec<u8>) -> bool;
}

/// The kind of load.
#[derive(Clone, Copy)]
pub(crate) enum Load {
    /// Every connection sends its next request as soon as it has a response.
    Maximum,
    /// Requests per second, independent of the responses.
    Fixed(f64),
}

/// A planned measurement.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) load: Load,
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
}

/// The result of a measurement.
pub(crate) struct Found {
    /// Responses within the measured time, per second.
    pub(crate) rate: f64,
    /// Latencies within the measured time, microseconds.
    pub(crate) latencies: Histogram<u64>,
    /// All responses, including the warm-up's, by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// All acknowledged ids, including the warm-up's.
    pub(crate) ids: Vec<Uuid>,
    /// CPU time within the measured time.
    pub(crate) used: Usage,
}

/// The state that the connections share.
struct Shared<S> {
    source: Rc<S>,
    from: Instant,
    until: Instant,
    latencies: RefCell<Histogram<u64>>,
    statuses: RefCell<BTreeMap<u16, u64>>,
    ids: RefCell<Vec<Uuid>>,
    answered: Cell<u64>,
}

/// When requests are due, in order of time.
type Due = Rc<Mutex<mpsc::UnboundedReceiver<Instant>>>;

/// Puts a load on a server. `usage` is called at the start and at the end of the measured time.
pub(crate) async fn run<S: Source + 'static>(plan: Plan, source: &Rc<S>, usage: impl Fn() -> Usage) -> Found {
    let streams = connect(plan.address, plan.connections).await;
    let from = Instant::now() + plan.warm_up;
    let shared = Rc::new(Shared::new(source, from, from + plan.time));
    let due = match plan.load {
        Load::Maximum => None,
        Load::Fixed(rate) => Some(Rc::new(Mutex::new(pace(rate, shared.until)))),
    };
    let clients = start(&shared, streams, due.as_ref());
    tokio::time::sleep_until(from.into()).await;
    let before = usage();
    tokio::time::sleep_until(shared.until.into()).await;
    let used = usage().since(&before);
    end(clients).await;
    Rc::into_inner(shared).unwrap().found(plan.time, used)
}

/// Sends all requests of a source as fast as possible.
pub(crate) async fn drain<S: Source + 'static>(address: SocketAddr, connections: usize, source: &Rc<S>) -> Found {
    let streams = connect(address, connections).await;
    let from = Instant::now();
    let shared = Rc::new(Shared::new(source, from, from + Duration::from_hours(1)));
    end(start(&shared, streams, None)).await;
    Rc::into_inner(shared).unwrap().found(from.elapsed(), Usage::default())
}

/// Sends one request and returns the status and body of the response.
pub(crate) async fn ask(address: SocketAddr, request: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = connect(address, 1).await.remove(0);
    stream.write_all(request).await.unwrap();
    let mut buffer = Vec::new();
    let answer = Answer::read(&mut stream, &mut buffer).await.unwrap();
    (answer.status, answer.body(&buffer).to_vec())
}

async fn connect(address: SocketAddr, connections: usize) -> Vec<TcpStream> {
    let mut streams = Vec::with_capacity(connections);
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        streams.push(stream);
    }
    streams
}

fn start<S: Source + 'static>(
    shared: &Rc<Shared<S>>,
    streams: Vec<TcpStream>,
    due: Option<&Due>,
) -> Vec<JoinHandle<()>> {
    streams.into_iter().map(|stream| spawn_local(client(Rc::clone(shared), stream, due.cloned()))).collect()
}

async fn end(clients: Vec<JoinHandle<()>>) {
    for client in clients {
        client.await.unwrap();
    }
}

/// One connection, until the time is over or the source is empty.
async fn client<S: Source>(shared: Rc<Shared<S>>, mut stream: TcpStream, due: Option<Due>) {
    let (mut request, mut buffer) = (Vec::with_capacity(8_192), Vec::with_capacity(32_768));
    loop {
        // With a fixed rate, latency counts from the time when the request was due, not from when a connection was free.
        let start = match &due {
            None => Instant::now(),
            Some(due) => match due.lock().await.recv().await {
                Some(at) => at,
                None => return,
            },
        };
        request.clear();
        if start >= shared.until || !shared.source.next(&mut request) {
            return;
        }
        stream.write_all(&request).await.unwrap();
        let answer = Answer::read(&mut stream, &mut buffer).await.unwrap();
        shared.note(start, &answer);
    }
}

/// A thread that reports when requests are due: the timers of the runtime are too coarse.
fn pace(rate: f64, until: Instant) -> mpsc::UnboundedReceiver<Instant> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let (start, mut sent) = (Instant::now(), 0_u64);
        for step in 0_u32.. {
            let at = start + STEP * step;
            if at >= until {
                return;
            }
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            while (sent as f64) < rate * (STEP * (step + 1)).as_secs_f64() {
                if sender.send(at).is_err() {
                    return;
                }
                sent += 1;
            }
        }
    });
    receiver
}

impl<S> Shared<S> {
    fn new(source: &Rc<S>, from: Instant, until: Instant) -> Self {
        Self {
            source: Rc::clone(source),
            from,
            until,
            latencies: RefCell::new(Histogram::new_with_bounds(1, 60_000_000, 3).unwrap()),
            statuses: RefCell::default(),
            ids: RefCell::default(),
            answered: Cell::new(0),
        }
    }

    fn note(&self, start: Instant, answer: &Answer) {
        let now = Instant::now();
        if (self.from..self.until).contains(&now) {
            self.answered.set(self.answered.get() + 1);
            self.latencies.borrow_mut().saturating_record((now - start).as_micros() as u64);
        }
        *self.statuses.borrow_mut().entry(answer.status).or_default() += 1;
        if let (201, Some(id)) = (answer.status, answer.id) {
            self.ids.borrow_mut().push(id);
        }
    }

    fn found(self, time: Duration, used: Usage) -> Found {
        Found {
            rate: self.answered.get() as f64 / time.as_secs_f64(),
            latencies: self.latencies.into_inner(),
            statuses: self.statuses.into_inner(),
            ids: self.ids.into_inner(),
            used,
        }
    }
}

impl Found {
    /// A quantile of the latencies, milliseconds.
    pub(crate) fn quantile(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1e3
    }

    /// Fails unless every response has this status.
    pub(crate) fn only(&self, status: u16) {
        assert!(self.statuses.keys().all(|found| *found == status), "responses by status: {:?}", self.statuses);
    }

    /// Responses within the measured time.
    pub(crate) fn answered(&self) -> f64 {
        self.latencies.len() as f64
    }
}
