//! A connection's bytes, with deadlines for the peer. The server of the framework sits on top and knows nothing of it.
//!
//! What a peer can make the service hold is bounded here: requests are read only as fast as they are answered, and a peer
//! that takes no answer, or sends half a head and no more, is closed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use metrics::counter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{Connection, Seat};

/// Bytes that are read at once between requests. Every whole request among them is held parsed until it is answered.
const HEAD_PART: usize = 2 * 1024;
/// Bytes that the system holds beyond those that the peer's window takes. More would be held for peers that read nothing.
const UNSENT: u32 = 64 * 1024;

/// How long a peer may take.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Deadlines {
    /// For a head to arrive.
    pub(in crate::http) head: Duration,
    /// For what is written at once to be taken. While the peer still sends its body it need not read.
    pub(in crate::http) answer: Duration,
}

/// A connection that keeps its deadlines.
pub(in crate::http) struct Guarded {
    io: TcpStream,
    seat: Seat,
    deadlines: Deadlines,
    /// After how many requests a part of the next head arrived, and by when all of it must be there.
    head: Option<(u64, Instant)>,
    /// By when what is being written must be taken.
    write_by: Option<Instant>,
    /// Whether the last part that was read filled its room, so that there is probably more.
    more: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    pub(in crate::http) fn new(io: TcpStream, seat: Seat, deadlines: Deadlines) -> Self {
        // Without it more is held, and nothing else changes.
        if let Err(error) = socket2::SockRef::from(&io).set_tcp_notsent_lowat(UNSENT) {
            tracing::debug!(%error, "the system does not bound unsent bytes");
        }
        Self { io, seat, deadlines, head: None, write_by: None, more: false, timer: None }
    }

    pub(in crate::http) fn connection(&self) -> &Arc<Connection> {
        &self.seat.0
    }

    /// Whether a time is over; otherwise the task is woken when it is.
    fn over(&mut self, by: Instant, cx: &mut Context<'_>) -> bool {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(by)));
        // One that fires early is set again then: deadlines move with every request, and mostly nothing is late.
        if timer.is_elapsed() || timer.deadline() > by {
            timer.as_mut().reset(by);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= by {
                return true;
            }
            timer.as_mut().reset(by);
        }
        false
    }

    /// Waits for bytes, for as long as the head that has begun may take.
    fn wait_for_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some((begun, by)) = self.head else { return Poll::Pending };
        // The first head has a deadline of the framework's, which answers with a status.
        if begun == 0 || !self.over(by, cx) {
            return Poll::Pending;
        }
        counter!("sarcoscreen_connections_closed_late_total", "what" => "head").increment(1);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Guarded {
    /// No bytes are the end: also for a connection that makes room for another, and one that does not finish its head.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let connection = Arc::clone(this.connection());
        connection.remember(cx.waker());
        if connection.is_closed() {
            return Poll::Ready(Ok(()));
        }
        if !connection.may_read() {
            return Poll::Pending;
        }
        // What was read is looked at, and answered, before more is.
        if std::mem::take(&mut this.more) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let at_rest = connection.at_rest();
        if !at_rest {
            let before = buffer.filled().len();
            let read = Pin::new(&mut this.io).poll_read(cx, buffer);
            if buffer.filled().len() > before {
                this.more = buffer.remaining() == 0;
                this.write_by = this.write_by.map(|_| Instant::now() + this.deadlines.answer);
            }
            return read;
        }
        if this.head.is_some_and(|(begun, _)| begun != connection.begun()) {
            this.head = None;
        }
        let room = buffer.remaining().min(HEAD_PART);
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        let read = Pin::new(&mut this.io).poll_read(cx, &mut part);
        let count = part.filled().len();
        buffer.advance(count);
        match read {
            Poll::Pending => this.wait_for_head(cx),
            Poll::Ready(Ok(())) if count > 0 => {
                this.more = count == room;
                connection.set_idle(false);
                this.head.get_or_insert_with(|| (connection.begun(), Instant::now() + this.deadlines.head));
                Poll::Ready(Ok(()))
            }
            ended @ Poll::Ready(_) => ended,
        }
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        match Pin::new(&mut this.io).poll_write(cx, bytes) {
            Poll::Ready(Ok(count)) => {
                // The framework hands over all that waits, and no more before it is written.
                if count == bytes.len() {
                    this.write_by = None;
                }
                Poll::Ready(Ok(count))
            }
            Poll::Pending => {
                let by = *this.write_by.get_or_insert_with(|| Instant::now() + this.deadlines.answer);
                if !this.over(by, cx) {
                    return Poll::Pending;
                }
                // What the system still holds goes too, and is not kept for a peer that does not want it.
                let _ = this.io.set_zero_linger();
                counter!("sarcoscreen_connections_closed_late_total", "what" => "answer").increment(1);
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            failed @ Poll::Ready(_) => failed,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
