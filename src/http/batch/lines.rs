//! Lines of a body, as they arrive.

use std::time::Duration;

use actix_web::web::{self, Bytes, BytesMut};
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::time::timeout;

use crate::http::extract::BODY_LIMIT;
use crate::http::problem::{Problem, ProblemType};

/// Lines of a body, at most.
pub(super) const LINES: u64 = 100_000;

/// A line with its number, or why it cannot be read.
type Line = (u64, Result<Bytes, Problem>);

struct Reader {
    payload: web::Payload,
    /// How long the next part of the body may take.
    deadline: Duration,
    buffer: BytesMut,
    /// What of the buffer is known to hold no end of a line.
    looked_at: usize,
    /// Whether the line under way is too long to be kept.
    too_long: bool,
    number: u64,
    ended: bool,
}

/// The lines of a body that hold something. When it is too slow, or has too many, the last is what is wrong; a body that
/// breaks off ends with its last whole line.
pub(super) fn lines(payload: web::Payload, deadline: Duration) -> impl Stream<Item = Line> {
    let buffer = BytesMut::new();
    let reader = Reader { payload, deadline, buffer, looked_at: 0, too_long: false, number: 0, ended: false };
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
                    line => return Some((self.number, line)),
                }
            }
            if self.ended {
                return None;
            }
            match timeout(self.deadline, self.payload.next()).await {
                Ok(Some(Ok(chunk))) => self.buffer.extend_from_slice(&chunk),
                // What comes after the last end of a line is a line too.
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

    /// The next line that has arrived whole.
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

    fn end(&mut self) {
        self.ended = true;
        self.buffer.clear();
        self.looked_at = 0;
    }
}
