//! The load: keep-alive connections in one thread, since the load shares the cores with what it loads.

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

/// The step of the clock of a fixed rate: requests of one step are due at its beginning.
const STEP: Duration = Duration::from_millis(1);

/// Where requests come from.
pub(crate) trait Source {
    /// Writes the next request; `false` when there is none left.
    fn next(&self, request: &mut Vec<u8>) -> bool;
}

/// How the load comes.
#[derive(Clone, Copy)]
pub(crate) enum Load {
    /// Every connection asks again as soon as it has its answer.
    Maximum,
    /// So many requests a second, whether the answers keep up or not.
    Fixed(f64),
}

/// A measurement to make.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) load: Load,
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
}

/// What was found.
pub(crate) struct Found {
    /// Answers within the time, per second.
    pub(crate) rate: f64,
    /// Latencies within the time, microseconds.
    pub(crate) latencies: Histogram<u64>,
    /// All answers, the warm-up's too, by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// All ids that were acknowledged, the warm-up's too.
    pub(crate) ids: Vec<Uuid>,
    /// CPU within the time.
    pub(crate) used: Usage,
}

/// What the connections share.
struct Shared<S> {
    source: Rc<S>,
    from: Instant,
    until: Instant,
    latencies: RefCell<Histogram<u64>>,
    statuses: RefCell<BTreeMap<u16, u64>>,
    ids: RefCell<Vec<Uuid>>,
    answered: Cell<u64>,
}

/// When requests are due, in the order of time.
type Due = Rc<Mutex<mpsc::UnboundedReceiver<Instant>>>;

/// Puts a load on a server. `usage` is asked at the beginning and at the end of the time that counts.
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

/// Sends all that a source has, as fast as it goes.
pub(crate) async fn drain<S: Source + 'static>(address: SocketAddr, connections: usize, source: &Rc<S>) -> Found {
    let streams = connect(address, connections).await;
    let from = Instant::now();
    let shared = Rc::new(Shared::new(source, from, from + Duration::from_hours(1)));
    end(start(&shared, streams, None)).await;
    Rc::into_inner(shared).unwrap().found(from.elapsed(), Usage::default())
}

/// Sends one request and hands back the body of the answer.
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

/// One connection, until the time is over or nothing is left to ask.
async fn client<S: Source>(shared: Rc<Shared<S>>, mut stream: TcpStream, due: Option<Due>) {
    let (mut request, mut buffer) = (Vec::with_capacity(8_192), Vec::with_capacity(32_768));
    loop {
        // A fixed rate counts from the time when the request was due, not from when a connection was free for it.
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

/// A thread that says when requests are due: the timers of the runtime are too coarse for that.
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

    /// Fails unless every answer has this status.
    pub(crate) fn only(&self, status: u16) {
        assert!(self.statuses.keys().all(|found| *found == status), "answers by status: {:?}", self.statuses);
    }

    /// Answers within the time.
    pub(crate) fn answered(&self) -> f64 {
        self.latencies.len() as f64
    }
}
