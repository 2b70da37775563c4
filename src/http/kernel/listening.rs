//! Shutdown of the listener: a connection that the system has accepted is answered, not reset.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::connections::Connections;
use super::problem::{Problem, ProblemBody, ProblemType};
use crate::app::App;
use crate::app::ambient::new_id;

/// Minimum time for which the service is not ready before it stops accepting, so that a load balancer detects it.
const NOTICE: Duration = Duration::from_millis(200);
/// How long clients may take to disconnect, while each response closes its connection.
const LEAVING: Duration = Duration::from_secs(1);
/// Interval for checking whether they have disconnected.
const LOOK: Duration = Duration::from_millis(10);
/// Pause after accepting stops, and after queueing stops, before the next step.
const SHUT: Duration = Duration::from_millis(50);
/// How long a late connection may take to send its request and to read the response.
const LATE: Duration = Duration::from_millis(500);

pub struct Listening {
    app: App,
    handle: ServerHandle,
    connections: Arc<Connections>,
    /// Clone of the server's socket, so that it stays open when the server closes its own.
    socket: TcpListener,
}

impl Listening {
    pub(in crate::http) const fn new(
        app: App,
        handle: ServerHandle,
        connections: Arc<Connections>,
        socket: TcpListener,
    ) -> Self {
        Self { app, handle, connections, socket }
    }

    /// Stops the service. First it is not ready, and responses close their connections. Then it stops accepting connections, and
    /// requests in progress end.
    pub async fn stop(self) {
        self.app.stop();
        tokio::join!(sleep(NOTICE), self.left());
        // A stopping worker drops connections that it has accepted but not begun, so accepting stops first.
        self.handle.pause().await;
        sleep(SHUT).await;
        self.left().await;
        let stopping = self.handle.stop(true);
        if let Err(error) = tokio::join!(stopping, answer_the_last(&self.app, self.socket)).1 {
            tracing::debug!(%error, "the last connections were not answered");
        }
    }

    /// Waits until no connection is open, at most for [`LEAVING`].
    async fn left(&self) {
        let start = Instant::now();
        while self.connections.open() > 0 && start.elapsed() < LEAVING {
            sleep(LOOK).await;
        }
    }
}

/// Stops the system from queueing connections, answers those already queued, and closes the socket.
async fn answer_the_last(app: &App, socket: TcpListener) -> io::Result<()> {
    socket2::SockRef::from(&socket).listen(0)?;
    sleep(SHUT).await;
    socket.set_nonblocking(true)?;
    let mut late = Vec::new();
    while let Ok((stream, _)) = socket.accept() {
        late.push(stream);
    }
    drop(socket);
    let answered = late.into_iter().map(|stream| async {
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream)?;
        timeout(LATE, answer(&mut stream, &too_late(app))).await?
    });
    join_all(answered).await.into_iter().collect()
}

/// Reads to the end, because unread bytes would reset the connection and the client may lose the response.
async fn answer(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let mut buffer = [0; 4096];
    if stream.read(&mut buffer).await? == 0 {
        return Ok(());
    }
    stream.write_all(bytes).await?;
    stream.shutdown().await?;
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// The response to a late connection.
fn too_late(app: &App) -> Vec<u8> {
    let id: Uuid = new_id(&*app.ambient, app.ambient.now()).unwrap_or_default();
    let problem =
        Problem::new(ProblemType::Unavailable, "the service is stopping; use another instance or try again later");
    let body = serde_json::to_string(&ProblemBody { request_id: id.to_string(), ..problem.body() }).unwrap_or_default();
    let length = body.len();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\ncache-control: no-store\r\n\
         x-request-id: {id}\r\ncontent-type: application/problem+json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
