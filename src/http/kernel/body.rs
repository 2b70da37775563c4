//! Request bodies: read after authentication, within a memory limit, and parsed into JSON types. Parsing has a typed fast path.
//! If it fails, a slow path collects all faults.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use validator::Validate;

use super::faults::{collect, of_validation};
use super::node::{Node, canonical, nul_faults};
use super::object::Object;
use super::problem::{Problem, ProblemType};
use super::room::Place;
use super::state::State;
use crate::app::error::AppError;
use crate::domain::access::actor::Actor;
use crate::domain::fault::Fault;

/// Maximum body of a single submission, bytes.
pub const BODY_LIMIT: usize = 64 * 1024;

/// A body that has not been read yet. A handler reads it after its caller is authenticated, so that a caller without a key
/// learns nothing about bodies.
pub struct Incoming {
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
}

/// A parsed body, with the faults of the parts that could not be read.
pub struct Body<T> {
    /// The readable part; a part with a fault is absent.
    pub value: T,
    /// All faults of form found so far.
    pub faults: Vec<Fault>,
    bytes: Bytes,
}

impl Incoming {
    /// Reads the body as JSON of a given type. Fails when it is too large, too slow, not JSON, not declared as JSON, or exceeds
    /// the memory limit. Faults of content are not errors here: they are returned with what could be read.
    pub async fn read<T: DeserializeOwned + Validate>(self) -> Result<Body<T>, Problem> {
        Body::parse(self.read_json_bytes(BODY_LIMIT).await?)
    }

    /// Reads the body as JSON of a given type; a missing or null body counts as an empty object.
    pub async fn read_if_any<T: DeserializeOwned + Validate>(self) -> Result<Body<T>, Problem> {
        let request = self.request.clone();
        let bytes = self.bytes(BODY_LIMIT).await?;
        if bytes.is_empty() {
            return Body::parse(Bytes::from_static(b"{}"));
        }
        declared_as_json(&request)?;
        Body::parse(if bytes.trim_ascii() == b"null" { Bytes::from_static(b"{}") } else { bytes })
    }

    /// Reads the body as a form, used for search parameters that should not appear in a URL.
    pub(in crate::http) async fn form(self) -> Result<Bytes, Problem> {
        declared_as(&self.request, "application/x-www-form-urlencoded")?;
        self.bytes(BODY_LIMIT).await
    }

    /// Reads the body as JSON of any shape, for bodies that may contain more than the service reads. U+0000 is refused.
    pub async fn read_tree(self) -> Result<Value, Problem> {
        let bytes = self.read_json_bytes(BODY_LIMIT).await?;
        let tree = serde_json::from_slice(&bytes).map_err(|error| not_json(&error))?;
        without_nul(&bytes)?;
        Ok(tree)
    }

    /// Reads a body that is declared as JSON, of at most `at_most` bytes.
    pub async fn read_json_bytes(self, at_most: usize) -> Result<Bytes, Problem> {
        declared_as_json(&self.request)?;
        self.bytes(at_most).await
    }

    /// Splits into the payload stream, the deadline for each part, and a memory reservation of `room` bytes.
    pub(in crate::http) fn into_parts(self, room: usize) -> Result<(web::Payload, Duration, Place), Problem> {
        let mut place = self.place()?;
        place.take(room)?;
        Ok((self.payload, self.state.settings.read_deadline, place))
    }

    async fn bytes(self, at_most: usize) -> Result<Bytes, Problem> {
        let late = |_| Problem::new(ProblemType::RequestTimeout, "the body did not arrive in time");
        tokio::time::timeout(self.state.settings.read_deadline, self.arrive(at_most)).await.map_err(late)?
    }

    fn place(&self) -> Result<Place, Problem> {
        let place = self.request.extensions().get::<Actor>().map(|actor| self.state.room.place_for(actor));
        Ok(place.ok_or_else(|| AppError::Internal("a body is read before its caller is known".into()))?)
    }

    /// Reads and drops a small body before a response that does not depend on it. The connection can then be reused; the
    /// framework closes it if a part of the body is unread.
    pub(in crate::http) async fn discard(mut self) {
        if self.declared_length().is_some_and(|length| length <= BODY_LIMIT) {
            let rest = async { while let Some(Ok(_)) = self.payload.next().await {} };
            let _ = tokio::time::timeout(self.state.settings.read_deadline, rest).await;
        }
    }

    fn declared_length(&self) -> Option<usize> {
        self.request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    async fn arrive(mut self, at_most: usize) -> Result<Bytes, Problem> {
        let too_large = || Problem::new(ProblemType::BodyTooLarge, format!("at most {at_most} bytes"));
        let declared = self.declared_length().unwrap_or_default();
        if declared > at_most {
            return Err(too_large());
        }
        let mut place = self.place()?;
        place.take(declared)?;
        let mut bytes = BytesMut::with_capacity(declared);
        while let Some(chunk) = self.payload.next().await {
            let chunk = chunk.map_err(|_| Problem::new(ProblemType::MalformedRequest, "the body is incomplete"))?;
            let length = bytes.len() + chunk.len();
            if length > at_most {
                return Err(too_large());
            }
            place.take(length.saturating_sub(declared.max(bytes.len())))?;
            bytes.extend_from_slice(&chunk);
        }
        Ok(place.house(bytes))
    }
}

impl<T: DeserializeOwned + Validate> Body<T> {
    /// Fails when the bytes are not JSON, or not the kind of value that the type needs. Faults of content are returned with
    /// what could be read.
    pub fn parse(bytes: Bytes) -> Result<Self, Problem> {
        let (value, mut faults) = if let Ok(Object(value)) = serde_json::from_slice(&bytes) {
            (value, Vec::new())
        } else {
            let tree = serde_json::from_slice::<Node<'_>>(&bytes).map_err(|error| not_json(&error))?;
            collect(tree)?
        };
        faults.extend(of_validation(&value));
        let mut others = nul_faults(&bytes);
        others.retain(|other| !faults.iter().any(|fault| fault.pointer == other.pointer));
        faults.append(&mut others);
        Ok(Self { value, faults, bytes })
    }
}

impl<T> Body<T> {
    /// The body with sorted keys and without white space, so that two spellings of a request are equal.
    pub fn canonical(&self) -> Vec<u8> {
        canonical(&self.bytes)
    }
}

/// Rejects JSON with text that PostgreSQL cannot store.
pub(in crate::http) fn without_nul(json: &[u8]) -> Result<(), Problem> {
    let faults = nul_faults(json);
    if faults.is_empty() { Ok(()) } else { Err(Problem::content(faults, None)) }
}

pub(in crate::http) fn not_json(error: &serde_json::Error) -> Problem {
    let detail = format!("not JSON, at line {} column {}", error.line(), error.column());
    Problem::new(ProblemType::MalformedRequest, detail)
}

/// Request extension: a media type that bodies may have instead of `application/json`.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct BodyType(pub &'static str);

fn declared_as_json(request: &HttpRequest) -> Result<(), Problem> {
    let other = request.extensions().get::<BodyType>().map(|other| other.0);
    let other = other.filter(|other| request.content_type().eq_ignore_ascii_case(other));
    declared_as(request, other.unwrap_or("application/json"))
}

/// Checks that a body is declared as the media type, in UTF-8, without content encoding.
pub(in crate::http) fn declared_as(request: &HttpRequest, media_type: &str) -> Result<(), Problem> {
    let refuse = |detail: String| Err(Problem::new(ProblemType::UnsupportedMediaType, detail));
    if request.headers().contains_key(CONTENT_ENCODING) {
        return refuse("send the body without a Content-Encoding".into());
    }
    if request.headers().get_all(CONTENT_TYPE).count() > 1 || !request.content_type().eq_ignore_ascii_case(media_type) {
        return refuse(format!("send Content-Type: {media_type}"));
    }
    match request.encoding() {
        Ok(encoding) if encoding.name() == "UTF-8" => Ok(()),
        _ => refuse("send the body in UTF-8".into()),
    }
}

impl FromRequest for Incoming {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<State>>().cloned();
        let payload = web::Payload::from_request(request, payload).into_inner();
        ready(match (payload, state) {
            (Ok(payload), Some(state)) => Ok(Self { request: request.clone(), payload, state }),
            _ => Err(AppError::Internal("the body or the state is missing".into()).into()),
        })
    }
}
