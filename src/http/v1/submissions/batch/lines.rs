//! Lines of a body, as they arrive.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{self, Bytes, BytesMut};
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::app::error::AppError;
use crate::http::kernel::body::BODY_LIMIT;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::room::Place;

/// Maximum number of lines in a body.
pub(super) const LINES: u64 = 100_000;

/// Maximum bytes of the lines of one body that are in progress; at the limit, reading pauses.
pub(super) const UNDER_WAY_BYTES: usize = 1024 * 1024;

/// A line with its number, or why it cannot be read.
type Line = (u64, Result<Bytes, Problem>);

struct Reader {
    payload: web::Payload,
    /// How long the next part of the body may take.
    deadline: Duration,
    buffer: BytesMut,
    /// Length of the part of the buffer that has no line end.
    looked_at: usize,
    /// Whether the current line is too long to keep.
    too_long: bool,
    number: u64,
    ended: bool,
    room: Arc<Semaphore>,
    place: Arc<Place>,
}

/// A line with its reservation, held until it is processed.
struct Housed {
    line: Bytes,
    _room: OwnedSemaphorePermit,
    _place: Arc<Place>,
}

impl AsRef<[u8]> for Housed {
    fn as_ref(&self) -> &[u8] {
        &self.line
    }
}

/// The lines of a body that are not empty. If the body is too slow or has too many lines, the last item is that problem; a
/// body that is cut off ends with its last complete line.
pub(super) fn lines(payload: web::Payload, deadline: Duration, place: Place) -> impl Stream<Item = Line> {
    let (buffer, room) = (BytesMut::new(), Arc::new(Semaphore::new(UNDER_WAY_BYTES)));
    let place = Arc::new(place);
    let reader =
        Reader { payload, deadline, buffer, looked_at: 0, too_long: false, number: 0, ended: false, room, place };
    stream::unfold(reader, |mut reader| async move { reader.next().await.map(|line| (line, reader)) })
}

impl Reader {
    async fn next(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = self.whole_line() {
                if self.number > LINES {
                    self.end();
                    let problem = Problem::new(ProblemType::BodyTooLarge, format!("at most {LINES} lines"));
                    return Some((self.number, Err(problem)));
                }
                match line {
                    Ok(line) if line.trim_ascii().is_empty() => continue,
                    Ok(line) => return Some((self.number, self.house(line).await)),
                    Err(problem) => return Some((self.number, Err(problem))),
                }
            }
            if self.ended {
                return None;
            }
            match timeout(self.deadline, self.payload.next()).await {
                Ok(Some(Ok(chunk))) => self.buffer.extend_from_slice(&chunk),
                // Bytes after the last line end are a line too.
                Ok(None) => {
                    self.ended = true;
                    self.buffer.extend_from_slice(b"\n");
                }
                Ok(Some(Err(_))) => self.end(),
                Err(_) => {
                    self.end();
                    let problem = Problem::new(ProblemType::RequestTimeout, "the next line did not arrive in time");
                    return Some((self.number + 1, Err(problem)));
                }
            }
        }
    }

    /// The next complete line.
    fn whole_line(&mut self) -> Option<Result<Bytes, Problem>> {
        let end = self.buffer[self.looked_at..].iter().position(|byte| *byte == b'\n');
        let Some(end) = end.map(|end| self.looked_at + end) else {
            if self.buffer.len() > BODY_LIMIT {
                self.too_long = true;
                self.buffer.clear();
            }
            self.looked_at = self.buffer.len();
            return None;
        };
        let line = self.buffer.split_to(end + 1).freeze();
        self.looked_at = 0;
        self.number += 1;
        let too_long = std::mem::take(&mut self.too_long) || end > BODY_LIMIT;
        let problem = || Problem::new(ProblemType::BodyTooLarge, format!("at most {BODY_LIMIT} bytes a line"));
        Some(if too_long { Err(problem()) } else { Ok(line.slice(..end)) })
    }

    /// Returns the line once there is room for it.
    async fn house(&self, line: Bytes) -> Result<Bytes, Problem> {
        let bytes = u32::try_from(line.len()).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await;
        let room = room.map_err(|error| AppError::Internal(error.into()))?;
        Ok(Bytes::from_owner(Housed { line, _room: room, _place: Arc::clone(&self.place) }))
    }

    fn end(&mut self) {
        self.ended = true;
        self.buffer.clear();
        self.looked_at = 0;
    }
}
