//! Request bodies that the response does not wait for. The framework drains a chunked body that was dropped for as long as the
//! sender keeps sending. While the body is held, the connection is instead closed one second after the response.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage as _;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::web::Bytes;
use futures_util::stream::{Stream as _, poll_fn};

/// A body that is held until its response is sent.
pub(in crate::http) type Held = Rc<RefCell<Payload>>;

struct Answer {
    body: BoxBody,
    _held: Held,
}

/// Holds the body of a request if its length is unknown.
pub(in crate::http) fn hold(request: &mut ServiceRequest) -> Option<Held> {
    request.headers().contains_key(TRANSFER_ENCODING).then(|| {
        let held = Rc::new(RefCell::new(request.take_payload()));
        let shared = Rc::clone(&held);
        let stream = poll_fn(move |context| Pin::new(&mut *shared.borrow_mut()).poll_next(context));
        request.set_payload(Payload::Stream { payload: Box::pin(stream) });
        held
    })
}

/// A response body that holds the body of its request.
pub(in crate::http) fn until_sent(held: Option<Held>, body: BoxBody) -> BoxBody {
    match held {
        Some(held) => BoxBody::new(Answer { body, _held: held }),
        None => body,
    }
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
