//! A TCP proxy between the service and PostgreSQL that fails in the ways that networks, balancers and servers fail.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::commits::Commits;

/// The behavior of the proxy for open and new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Forwards everything.
    Pass,
    /// Resets every connection.
    Cut,
    /// Accepts connections but reads nothing; buffered bytes are kept until the mode is `Pass` again.
    Stall,
    /// Accepts connections and drops every byte. A connection that lost a byte forwards nothing from then on, like a
    /// firewall that lost its state.
    Silent,
    /// Closes its sending side of every connection, and continues to read.
    HalfClose,
    /// Forwards this many bytes per second in each direction.
    Slow(usize),
    /// Accepts connections and closes them cleanly, like a balancer without a server.
    AcceptAndClose,
    /// Forwards the commit of a transaction, and resets the connection instead of returning the response.
    CutAtCommit,
}

pub(crate) struct Proxy {
    port: u16,
    mode: watch::Sender<Mode>,
    /// Number of open connections of the service.
    open: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy in front of a local port.
    pub(crate) async fn start(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mode, modes) = watch::channel(Mode::Pass);
        let open = Arc::new(AtomicUsize::new(0));
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, server));
        let accepting = tokio::spawn(accept(listener, server, modes, Arc::clone(&open)));
        Self { port, mode, open, accepting }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, modes: watch::Receiver<Mode>, open: Arc<AtomicUsize>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (modes, open) = (modes.clone(), Arc::clone(&open));
        tokio::spawn(async move {
            open.fetch_add(1, Ordering::Relaxed);
            // The service has to notice how a connection ends.
            let _ = carry(client, server, modes).await;
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// How a connection ends.
enum Ending {
    /// The proxy resets the client.
    Reset,
    /// The proxy sends end-of-file to the client.
    Close,
    /// One of the sides ended it.
    Over,
}

/// Forwards one connection until it ends.
async fn carry(mut client: TcpStream, server: SocketAddr, mut modes: watch::Receiver<Mode>) -> io::Result<()> {
    client.set_nodelay(true)?;
    // No connection to the server is opened during a stall.
    let mode = *modes.wait_for(|mode| *mode != Mode::Stall).await.map_err(io::Error::other)?;
    let ending = match mode {
        Mode::Cut => Ending::Reset,
        Mode::AcceptAndClose => Ending::Close,
        Mode::HalfClose => {
            client.shutdown().await?;
            return swallow(&mut client).await;
        }
        Mode::Silent => return swallow(&mut client).await,
        Mode::Pass | Mode::Stall | Mode::Slow(_) | Mode::CutAtCommit => {
            let mut server = TcpStream::connect(server).await?;
            server.set_nodelay(true)?;
            exchange(&mut client, &mut server, modes).await?
        }
    };
    match ending {
        Ending::Reset => socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)),
        Ending::Close => {
            client.shutdown().await?;
            // Unread bytes would turn the close into a reset.
            swallow(&mut client).await
        }
        Ending::Over => Ok(()),
    }
}

/// Reads and drops bytes until the client closes the connection.
async fn swallow(client: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while client.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn exchange(client: &mut TcpStream, server: &mut TcpStream, modes: watch::Receiver<Mode>) -> io::Result<Ending> {
    let (client_reads, client_writes) = client.split();
    let (server_reads, server_writes) = server.split();
    let committed = watch::Sender::new(false);
    let upward = Flow::new(client_reads, server_writes, modes.clone(), Direction::Up(Commits::default()));
    let downward = Flow::new(server_reads, client_writes, modes, Direction::Down);
    tokio::select! {
        ending = upward.run(&committed) => ending,
        ending = downward.run(&committed) => ending,
    }
}

enum Direction {
    /// From the service to PostgreSQL; detects commits.
    Up(Commits),
    Down,
}

/// One direction of a connection.
struct Flow<'a> {
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    modes: watch::Receiver<Mode>,
    direction: Direction,
    pending: Vec<u8>,
    /// Whether a byte was dropped, which makes all later bytes useless.
    lost: bool,
    half_closed: bool,
    /// The earliest time of the next forwarded bytes.
    not_before: Instant,
}

impl<'a> Flow<'a> {
    fn new(from: ReadHalf<'a>, to: WriteHalf<'a>, modes: watch::Receiver<Mode>, direction: Direction) -> Self {
        let (pending, not_before) = (Vec::new(), Instant::now());
        Self { from, to, modes, direction, pending, lost: false, half_closed: false, not_before }
    }

    async fn run(mut self, committed: &watch::Sender<bool>) -> io::Result<Ending> {
        let mut modes = self.modes.clone();
        loop {
            let mode = *modes.borrow_and_update();
            match mode {
                Mode::Cut => return Ok(Ending::Reset),
                Mode::AcceptAndClose => return Ok(Ending::Close),
                Mode::HalfClose if !self.half_closed && matches!(self.direction, Direction::Down) => {
                    self.half_closed = true;
                    self.to.shutdown().await?;
                }
                _ => {}
            }
            tokio::select! {
                changed = modes.changed() => changed.map_err(io::Error::other)?,
                ending = self.step(mode, committed), if mode != Mode::Stall => if let Some(ending) = ending? {
                    return Ok(ending);
                },
            }
        }
    }

    /// Reads or writes once. Cancel-safe: no byte is lost.
    async fn step(&mut self, mode: Mode, committed: &watch::Sender<bool>) -> io::Result<Option<Ending>> {
        if self.pending.is_empty() {
            if self.from.read_buf(&mut self.pending).await? == 0 {
                return Ok(Some(Ending::Over));
            }
            if let Direction::Up(commits) = &mut self.direction
                && commits.seen_in(&self.pending)
                && mode == Mode::CutAtCommit
            {
                committed.send_replace(true);
            }
        }
        self.lost |= mode == Mode::Silent;
        if self.lost || self.half_closed {
            self.pending.clear();
            return Ok(None);
        }
        // PostgreSQL has responded, so the transaction is committed, but the service does not get the response.
        if matches!(self.direction, Direction::Down) && *committed.borrow() {
            return Ok(Some(Ending::Reset));
        }
        sleep_until(self.not_before).await;
        let most = match mode {
            // Ten portions per second.
            Mode::Slow(rate) => (rate / 10).max(1),
            _ => usize::MAX,
        };
        let part = &self.pending[..self.pending.len().min(most)];
        let written = self.to.write(part).await?;
        self.pending.drain(..written);
        if let Mode::Slow(_) = mode {
            self.not_before = Instant::now() + Duration::from_millis(100);
        }
        Ok(None)
    }
}
