//! Buffer of results between processing and response. Many clients read nothing before they have sent everything, so results
//! are buffered here, up to the caller's share.

use actix_web::web::Bytes;
use futures_util::stream::{self, Stream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::http::kernel::waiting::{Held, Share};

/// The writing side.
pub(super) struct Spool {
    share: Share,
    results: UnboundedSender<(Bytes, Held)>,
}

/// The reader is gone.
#[derive(Debug)]
pub(super) struct Left;

/// A spool and the stream of its results.
pub(super) fn new(share: Share) -> (Spool, impl Stream<Item = Bytes>) {
    let (results, spooled) = unbounded_channel();
    (Spool { share, results }, stream::unfold(spooled, next))
}

async fn next(mut spooled: UnboundedReceiver<(Bytes, Held)>) -> Option<(Bytes, UnboundedReceiver<(Bytes, Held)>)> {
    let (result, _held) = spooled.recv().await?;
    Some((result, spooled))
}

impl Spool {
    /// Adds a result once there is room for it.
    ///
    /// # Errors
    /// Fails when the reader is gone.
    pub(super) async fn put(&mut self, result: Bytes) -> Result<(), Left> {
        let held = tokio::select! {
            held = self.share.room(result.len()) => held,
            () = self.results.closed() => return Err(Left),
        };
        self.results.send((result, held)).map_err(|_| Left)
    }
}
