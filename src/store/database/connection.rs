//! A database connection with a deadline for every response. A frozen server or a failed network does not close the
//! connection, so the client must time out.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, Stream, StreamExt as _};
use sqlx::postgres::{PgConnectOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{ConnectOptions as _, Either, Error, Execute, Executor, PgConnection, Postgres, SqlStr};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use uuid::Uuid;

/// SQLSTATE prefixes of disk errors: disk full, and system errors.
const DISK: [&str; 2] = ["53100", "58"];

/// A connection idle for longer than this is pinged before use.
const RESTED: Duration = Duration::from_secs(1);
/// How long a connection keeps its query plans. A plan made while a table was small is slow on a large one, and the server
/// replans by itself only after it analyzed the table.
const PLANNED: Duration = Duration::from_secs(1);
/// Deadline for the response on a connection that was idle.
const ALIVE: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum Patience {
    /// Until this time, for all statements together.
    Until(Instant),
    /// This long for each row of each statement.
    Each(Duration),
    /// No deadline: an operator waits, and can end the process.
    Endless,
}

impl Patience {
    fn ends(self) -> Option<Instant> {
        match self {
            Self::Until(at) => Some(at),
            Self::Each(time) => Some(Instant::now() + time),
            Self::Endless => None,
        }
    }
}

/// State of a connection when it is returned to the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum State {
    /// The last response was read completely.
    Idle,
    /// A statement was sent, and its response was not read completely.
    Busy,
    /// The server did not respond in time, or the connection broke.
    Lost,
}

/// Set when the server reported a disk error.
pub(in crate::store) type DiskFull = Arc<AtomicBool>;

#[derive(Debug)]
struct Seen {
    state: State,
    disk_full: DiskFull,
}

#[derive(Debug)]
pub(in crate::store) struct Connection {
    server: PgConnection,
    patience: Patience,
    seen: Seen,
    pub(in crate::store) in_transaction: bool,
    /// When the connection was returned to the pool.
    pub(in crate::store) rests_since: Instant,
    /// Since when the server keeps plans of this connection.
    planned_since: Instant,
    /// The pool's generation of connections when this one was made.
    pub(in crate::store) generation: u64,
    /// Whether the server is the coordinator of a Citus cluster.
    pub(in crate::store) citus: bool,
}

impl Connection {
    pub(in crate::store) fn new(
        server: PgConnection,
        patience: Patience,
        disk_full: DiskFull,
        generation: u64,
    ) -> Self {
        let seen = Seen { state: State::Idle, disk_full };
        let now = Instant::now();
        Self {
            server,
            patience,
            seen,
            in_transaction: false,
            rests_since: now,
            planned_since: now,
            generation,
            citus: false,
        }
    }

    /// A connection outside the pool and without a deadline, for commands that an operator waits for.
    pub(in crate::store) async fn of_its_own(options: PgConnectOptions) -> Result<Self, Error> {
        Ok(Self::new(options.connect().await?, Patience::Endless, DiskFull::default(), 0))
    }

    /// On Citus, the clinics for an extra condition, because Citus cannot derive the node of the rows from a join with
    /// the input alone. `None` on plain PostgreSQL, where the condition would only mislead the planner.
    pub(in crate::store) fn named<'a>(&self, clinics: &'a [Uuid]) -> Option<&'a [Uuid]> {
        self.citus.then_some(clinics)
    }

    /// The driver's connection, for functions that accept no other.
    pub(in crate::store) const fn server(&mut self) -> &mut PgConnection {
        &mut self.server
    }

    pub(in crate::store) const fn wait(&mut self, patience: Patience) {
        self.patience = patience;
    }

    pub(in crate::store) const fn state(&self) -> State {
        self.seen.state
    }

    /// Checks a connection that was idle. Discards old query plans; otherwise pings the server.
    pub(in crate::store) async fn asked_after_a_rest(&mut self) -> Result<(), Error> {
        self.patience = Patience::Each(ALIVE);
        if self.planned_since.elapsed() > PLANNED {
            self.execute("discard plans").await?;
            self.planned_since = Instant::now();
        } else if self.rests_since.elapsed() > RESTED {
            self.ping().await?;
        }
        Ok(())
    }

    /// Reads the rest of an unread response, and checks that the server responds.
    pub(in crate::store) async fn ping(&mut self) -> Result<(), Error> {
        let ends = self.patience.ends();
        within(ends, sqlx::Connection::ping(&mut self.server), &mut self.seen).await
    }
}

impl Seen {
    /// Records that a response was read completely, or failed.
    fn answered(&mut self, error: Option<&Error>) {
        self.state = match error {
            Some(Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed) => State::Lost,
            _ => State::Idle,
        };
        if let Some(Error::Database(error)) = error
            && error.code().is_some_and(|code| DISK.iter().any(|class| code.starts_with(class)))
        {
            self.disk_full.store(true, Ordering::Relaxed);
        }
    }
}

async fn within<T>(
    ends: Option<Instant>,
    answer: impl Future<Output = Result<T, Error>>,
    seen: &mut Seen,
) -> Result<T, Error> {
    seen.state = State::Busy;
    let answer = match ends {
        Some(ends) => timeout_at(ends, answer).await.unwrap_or_else(|_| Err(late())),
        None => answer.await,
    };
    seen.answered(answer.as_ref().err());
    answer
}

fn late() -> Error {
    Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the database did not answer in time"))
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Connection { server, patience, seen, .. } = self;
        seen.state = State::Busy;
        Answer { rows: server.fetch_many(query), seen, patience: *patience, timer: None }.boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let ends = self.patience.ends();
        Box::pin(within(ends, self.server.fetch_optional(query), &mut self.seen))
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        let ends = self.patience.ends();
        Box::pin(within(ends, self.server.prepare_with(sql, parameters), &mut self.seen))
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        let ends = self.patience.ends();
        Box::pin(within(ends, self.server.describe(sql), &mut self.seen))
    }
}

/// The rows of a response, with a deadline for each.
struct Answer<'a> {
    rows: BoxStream<'a, Result<Either<PgQueryResult, PgRow>, Error>>,
    seen: &'a mut Seen,
    patience: Patience,
    /// Set while waiting for the server.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stream for Answer<'_> {
    type Item = Result<Either<PgQueryResult, PgRow>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let step = match this.rows.poll_next_unpin(context) {
            Poll::Ready(step) => step,
            Poll::Pending => {
                let Some(ends) = this.patience.ends() else { return Poll::Pending };
                let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(ends)));
                if timer.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                Some(Err(late()))
            }
        };
        match &step {
            Some(Ok(_)) => this.timer = None,
            Some(Err(error)) => this.seen.answered(Some(error)),
            None => this.seen.answered(None),
        }
        Poll::Ready(step)
    }
}
