//! A connection's bytes, with deadlines for the peer. The server of the framework sits on top and knows nothing of it.
//!
//! What a peer can make the service hold is bounded here: requests are handed over one by one as they are answered (the
//! framework parses all that it is given, and a parsed request takes some 7 KB), and a peer that takes no answer, or sends
//! half a head and no more, is closed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::web::Bytes;
use metrics::counter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{Connection, HeadEnd, Seat};

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
    /// What was read and is not handed over: the next requests.
    kept: Bytes,
    end: HeadEnd,
    /// Whether what was handed over is to be looked at before more is.
    enough: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    pub(in crate::http) fn new(io: TcpStream, seat: Seat, deadlines: Deadlines) -> Self {
        // Without it more is held, and nothing else changes.
        if let Err(error) = socket2::SockRef::from(&io).set_tcp_notsent_lowat(UNSENT) {
            tracing::debug!(%error, "the system does not bound unsent bytes");
        }
        Self {
            io,
            seat,
            deadlines,
            head: None,
            write_by: None,
            kept: Bytes::new(),
            end: HeadEnd::default(),
            enough: false,
            timer: None,
        }
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

    /// Takes what was read before and not handed over, or reads.
    fn take(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.kept.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buffer);
        }
        let part = self.kept.split_to(self.kept.len().min(buffer.remaining()));
        buffer.put_slice(&part);
        Poll::Ready(Ok(()))
    }

    /// Keeps what is not handed over yet, before what is kept already.
    fn keep(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.kept = [bytes, &self.kept].concat().into();
        }
    }

    /// A part of a head arrived, after so many requests.
    fn begin_head(&mut self, begun: u64) {
        if self.head.is_none_or(|(before, _)| before != begun) {
            self.head = Some((begun, Instant::now() + self.deadlines.head));
        }
    }

    /// Waits for bytes, for as long as the head that has begun may take.
    fn wait_for_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some((begun, by)) = self.head else { return Poll::Pending };
        // The first head has a deadline of the framework's, which answers with a status.
        if begun == 0 || begun != self.connection().begun() || !self.over(by, cx) {
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
        // What was read is looked at before more is.
        if std::mem::take(&mut this.enough) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let start = buffer.filled().len();
        let read = this.take(cx, buffer);
        let count = buffer.filled().len() - start;
        match read {
            Poll::Pending if connection.at_rest() => return this.wait_for_head(cx),
            Poll::Ready(Ok(())) if count > 0 => {}
            other => return other,
        }
        let fit = if connection.at_rest() {
            connection.set_idle(false);
            this.begin_head(connection.begun());
            this.end.find(&buffer.filled()[start..])
        } else {
            this.write_by = this.write_by.map(|_| Instant::now() + this.deadlines.answer);
            connection.take_of_body(count)
        };
        let fit = fit.inspect(|_| this.enough = true).unwrap_or(count);
        this.keep(&buffer.filled()[start + fit..]);
        buffer.set_filled(start + fit);
        Poll::Ready(Ok(()))
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
