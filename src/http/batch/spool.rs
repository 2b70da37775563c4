//! Results between the work and the answer. Many clients read nothing before they have sent everything, so results wait
//! here meanwhile; but only so many bytes of them, or a client that never reads would fill the memory.

use std::sync::Arc;

use actix_web::web::Bytes;
use futures_util::stream::{self, Stream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that may wait; short results of 100,000 lines, most of them of people who are not flagged, are some 30 MB.
const ROOM: usize = 64 * 1024 * 1024;

/// Where results are put.
pub(super) struct Spool {
    room: Arc<Semaphore>,
    results: UnboundedSender<(Bytes, OwnedSemaphorePermit)>,
}

/// Nobody reads the results any more.
#[derive(Debug)]
pub(super) struct Left;

/// A spool, and what was put into it as it is read.
pub(super) fn new() -> (Spool, impl Stream<Item = Bytes>) {
    let (results, spooled) = unbounded_channel();
    (Spool { room: Arc::new(Semaphore::new(ROOM)), results }, stream::unfold(spooled, next))
}

async fn next(
    mut spooled: UnboundedReceiver<(Bytes, OwnedSemaphorePermit)>,
) -> Option<(Bytes, UnboundedReceiver<(Bytes, OwnedSemaphorePermit)>)> {
    let (result, _room) = spooled.recv().await?;
    Some((result, spooled))
}

impl Spool {
    /// Puts a result in, once there is room for it.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub(super) async fn put(&mut self, result: Bytes) -> Result<(), Left> {
        let needed = u32::try_from(result.len().min(ROOM)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(needed);
        let room = tokio::select! {
            room = room => room.map_err(|_| Left)?,
            () = self.results.closed() => return Err(Left),
        };
        self.results.send((result, room)).map_err(|_| Left)
    }
}
