//! A response body while it is sent. It is passed on in slices, its bytes are counted while they are buffered, and its end is the
//! end of the request.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

use super::connections::UnderWay;
use super::waiting::{Held, Share};

/// Bytes of one slice. The framework copies each slice, and holds the copies of two until they are sent.
pub(in crate::http) const SLICE: usize = 16 * 1024;

pub(in crate::http) struct Answer {
    inner: BoxBody,
    /// Bytes taken from the body that are not passed on yet.
    rest: Bytes,
    held: Option<Held>,
    share: Option<Share>,
    _under_way: Option<UnderWay>,
}

impl Answer {
    pub(in crate::http) fn new(inner: BoxBody, share: Option<Share>, under_way: Option<UnderWay>) -> Self {
        Self { inner, rest: Bytes::new(), held: None, share, _under_way: under_way }
    }
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.inner.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            this.held = None;
            match Pin::new(&mut this.inner).poll_next(cx) {
                Poll::Ready(Some(Ok(bytes))) => this.rest = bytes,
                other => return other,
            }
            if this.rest.len() > SLICE {
                this.held = this.share.as_ref().map(|share| share.hold(this.rest.len()));
            }
        }
        let slice = this.rest.split_to(this.rest.len().min(SLICE));
        Poll::Ready(Some(Ok(slice)))
    }
}
