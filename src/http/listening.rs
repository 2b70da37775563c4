//! The end of listening: a connection that the system accepted is answered, not reset.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::connections::Connections;
use crate::app::App;

/// How long clients may take to leave, while each answer ends its connection.
const LEAVING: Duration = Duration::from_secs(1);
/// How often is looked whether they left.
const LOOK: Duration = Duration::from_millis(10);
/// How long the system queues no connection before the last ones of its queue are answered.
const SHUT: Duration = Duration::from_millis(50);
/// How long a connection that comes too late may take to send its request and to read the answer.
const LATE: Duration = Duration::from_millis(500);

/// What a connection that comes too late is answered.
const STOPPING: &str = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\n\
    cache-control: no-store\r\ncontent-length: 0\r\n\r\n";

/// A server that takes requests.
pub struct Listening {
    app: App,
    handle: ServerHandle,
    connections: Arc<Connections>,
    /// The same socket as the server's, so that it stays open when the server closes its own.
    socket: TcpListener,
}

impl Listening {
    pub(super) const fn new(
        app: App,
        handle: ServerHandle,
        connections: Arc<Connections>,
        socket: TcpListener,
    ) -> Self {
        Self { app, handle, connections, socket }
    }

    /// Stops: the service is not ready and answers end their connections first. Then nothing is accepted any more, and
    /// requests under way end.
    pub async fn stop(self) {
        self.app.stop();
        let start = Instant::now();
        while self.connections.open() > 0 && start.elapsed() < LEAVING {
            sleep(LOOK).await;
        }
        let stopping = self.handle.stop(true);
        if let Err(error) = tokio::join!(stopping, answer_the_last(self.socket)).1 {
            tracing::debug!(%error, "the last connections were not answered");
        }
    }
}

/// Lets the system queue no more connections, answers those that it has queued, and closes the socket.
async fn answer_the_last(socket: TcpListener) -> io::Result<()> {
    socket2::SockRef::from(&socket).listen(0)?;
    sleep(SHUT).await;
    socket.set_nonblocking(true)?;
    let mut late = Vec::new();
    while let Ok((stream, _)) = socket.accept() {
        late.push(stream);
    }
    drop(socket);
    for stream in late {
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream)?;
        let _ = timeout(LATE, answer(&mut stream)).await;
    }
    Ok(())
}

/// Bytes that were not read when a connection closes reset it, and the client may lose the answer.
async fn answer(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    if stream.read(&mut buffer).await? == 0 {
        return Ok(());
    }
    stream.write_all(STOPPING.as_bytes()).await?;
    stream.shutdown().await?;
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}
