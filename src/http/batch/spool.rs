//! Results between the work and the answer. Many clients read nothing before they have sent everything, so results wait
//! here meanwhile; but only as many bytes of them as the caller's share has room for.

use actix_web::web::Bytes;
use futures_util::stream::{self, Stream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::http::waiting::{Held, Share};

/// Where results are put.
pub(super) struct Spool {
    share: Share,
    results: UnboundedSender<(Bytes, Held)>,
}

/// Nobody reads the results any more.
#[derive(Debug)]
pub(super) struct Left;

/// A spool, and what was put into it as it is read.
pub(super) fn new(share: Share) -> (Spool, impl Stream<Item = Bytes>) {
    let (results, spooled) = unbounded_channel();
    (Spool { share, results }, stream::unfold(spooled, next))
}

async fn next(mut spooled: UnboundedReceiver<(Bytes, Held)>) -> Option<(Bytes, UnboundedReceiver<(Bytes, Held)>)> {
    let (result, _held) = spooled.recv().await?;
    Some((result, spooled))
}

impl Spool {
    /// Puts a result in, once there is room for it.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub(super) async fn put(&mut self, result: Bytes) -> Result<(), Left> {
        let held = tokio::select! {
            held = self.share.room(result.len()) => held,
            () = self.results.closed() => return Err(Left),
        };
        self.results.send((result, held)).map_err(|_| Left)
    }
}
