//! The byte stream of a connection, with deadlines for the peer. The framework's server runs on top and does not depend on it.
//!
//! This bounds the memory that a peer can occupy: requests are passed on one by one as they are answered (the framework parses
//! everything that it gets, and a parsed request takes about 7 KB), and a peer that does not read its response, or sends only
//! part of a head, is disconnected.

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

/// Bytes that the system buffers beyond the peer's receive window. A higher value would cost memory for peers that read
/// nothing.
const UNSENT: u32 = 64 * 1024;

#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Deadlines {
    /// Time for a head to arrive.
    pub(in crate::http) head: Duration,
    /// Time for the peer to read one write. A peer that is still sending its body need not read.
    pub(in crate::http) answer: Duration,
}

pub(in crate::http) struct Guarded {
    io: TcpStream,
    seat: Seat,
    deadlines: Deadlines,
    /// Number of requests before the head that is arriving, and the deadline for all of that head.
    head: Option<(u64, Instant)>,
    write_by: Option<Instant>,
    /// Bytes that were read but not passed on: the next requests.
    kept: Bytes,
    end: HeadEnd,
    /// Whether the bytes passed on must be parsed before more are passed on.
    enough: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    pub(in crate::http) fn new(io: TcpStream, seat: Seat, deadlines: Deadlines) -> Self {
        // If this fails, only more memory is used.
        if let Err(error) = socket2::SockRef::from(&io).set_tcp_notsent_lowat(UNSENT) {
            tracing::debug!(%error, "cannot limit unsent bytes");
        }
        // Otherwise the second write of a response waits until the peer acknowledges the first one.
        if let Err(error) = io.set_nodelay(true) {
            tracing::debug!(%error, "cannot send writes without delay");
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

    /// Whether a deadline has passed; otherwise the task is woken when it does.
    fn over(&mut self, by: Instant, cx: &mut Context<'_>) -> bool {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(by)));
        // A timer that fires early is reset when it fires: deadlines move with every request, and few pass.
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

    /// Takes bytes that were read before and not passed on, or reads.
    fn take(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.kept.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buffer);
        }
        let part = self.kept.split_to(self.kept.len().min(buffer.remaining()));
        buffer.put_slice(&part);
        Poll::Ready(Ok(()))
    }

    /// Keeps bytes that are not passed on yet, before those already kept.
    fn keep(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.kept = [bytes, &self.kept].concat().into();
        }
    }

    /// Sets the deadline of a head when its first part arrives, after `begun` requests.
    fn begin_head(&mut self, begun: u64) {
        if self.head.is_none_or(|(before, _)| before != begun) {
            self.head = Some((begun, Instant::now() + self.deadlines.head));
        }
    }

    /// Waits for bytes until the deadline of the current head.
    fn wait_for_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some((begun, by)) = self.head else { return Poll::Pending };
        // The framework has its own deadline for the first head. When it passes, the framework responds with a status.
        if begun == 0 || begun != self.connection().begun() || !self.over(by, cx) {
            return Poll::Pending;
        }
        counter!("sarcoscreen_connections_closed_late_total", "what" => "head").increment(1);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Guarded {
    /// Returns no bytes at the end of the stream. Does the same to close the connection: for another connection, or because its
    /// head is late.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let connection = Arc::clone(this.connection());
        connection.waker.register(cx.waker());
        if connection.is_closed() {
            return Poll::Ready(Ok(()));
        }
        if !connection.may_read() {
            return Poll::Pending;
        }
        // The framework parses the bytes that it has before it gets more.
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
                // The framework writes its whole buffer before it writes anything else.
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
                // Discards what the system still buffers, because the peer does not read it.
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
