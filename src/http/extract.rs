//! From bytes to wire types: a typed fast path, and only when it fails a slow pass that collects every fault.
//!
//! Extractors of one handler run at the same time, and looking up a key takes longer than reading a parameter. So handlers
//! take parameters as `Result` and look at them once the caller is known.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{
    ACCEPT_LANGUAGE, AcceptLanguage, CONTENT_ENCODING, CONTENT_TYPE, Header, IF_MATCH, Quality,
};
use actix_web::web::BytesMut;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;
use validator::Validate;

use super::State;
use super::canonical::canonical;
use super::fallback::literal;
use super::faults::{collect, of_validation};
use super::fhir;
use super::middleware::speaks_fhir;
use super::problem::{Problem, ProblemType};
use super::wire::object::Object;
use crate::app::AppError;
use crate::domain::fault::{Fault, FaultCode, keep_first_of_each_place};
use crate::domain::language::Language;
use crate::domain::stored::Clinic;

/// Largest body of a single submission, bytes.
pub const BODY_LIMIT: usize = 64 * 1024;

/// A body that has not been read yet. A handler reads it after its caller is known, so that nobody without a key
/// learns anything about bodies.
pub struct Incoming {
    request: HttpRequest,
    payload: web::Payload,
    deadline: Duration,
}

/// A body as far as it could be read: the faults say what could not.
pub struct Body<T> {
    /// What could be read; a part with a fault is absent.
    pub value: T,
    /// Every fault of form found so far.
    pub faults: Vec<Fault>,
    bytes: BytesMut,
}

/// The id in a path. A text that is no id of ours names nothing: 404, like an id that does not exist.
#[derive(Clone, Copy, Debug)]
pub struct PathId(pub Uuid);

/// The ids in a path that names a person and a merge.
#[derive(Clone, Copy, Debug)]
pub struct PathIds(pub Uuid, pub Uuid);

/// Query parameters, every fault at once.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

/// The retry key of a request, without quotes.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(pub Option<String>);

/// The version of the thing that a change is based on, from `If-Match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfMatch(pub i32);

/// The languages that a request accepts, best first, as far as there is wording in them.
#[derive(Clone, Debug)]
pub struct Accepted(Vec<Language>);

impl Incoming {
    /// Reads the body as JSON of a wire type.
    ///
    /// # Errors
    /// When it is too large, too slow, not JSON, or not declared as JSON. Faults of content are not errors here: they
    /// come back with what could be read.
    pub async fn read<T: DeserializeOwned + Validate>(self) -> Result<Body<T>, Problem> {
        declared_as_json(&self.request)?;
        parse(self.bytes(BODY_LIMIT).await?)
    }

    /// Reads the body as JSON of a wire type; one that is missing or null is an empty object.
    ///
    /// # Errors
    /// As [`Incoming::read`].
    pub async fn read_if_any<T: DeserializeOwned + Validate>(self) -> Result<Body<T>, Problem> {
        let request = self.request.clone();
        let bytes = self.bytes(BODY_LIMIT).await?;
        if bytes.is_empty() {
            return parse(BytesMut::from("{}"));
        }
        declared_as_json(&request)?;
        parse(if bytes.trim_ascii() == b"null" { BytesMut::from("{}") } else { bytes })
    }

    /// Reads the body as a form; parameters of a search come so, that stand in no address.
    ///
    /// # Errors
    /// When it is too large, too slow, or not declared as a form.
    pub(super) async fn form(self) -> Result<web::Bytes, Problem> {
        declared_as(&self.request, "application/x-www-form-urlencoded")?;
        Ok(self.bytes(BODY_LIMIT).await?.freeze())
    }

    /// Reads the body as JSON of any shape, for bodies that may carry more than is read of them.
    ///
    /// # Errors
    /// When it has more bytes than this, is too slow, not JSON, or not declared as JSON.
    pub async fn read_tree(self, at_most: usize) -> Result<Value, Problem> {
        let bytes = self.read_json_bytes(at_most).await?;
        serde_json::from_slice(&bytes).map_err(|error| not_json(&error))
    }

    /// Reads the body, declared as JSON, of at most so many bytes.
    ///
    /// # Errors
    /// When it is too large, too slow, or not declared as JSON.
    pub async fn read_json_bytes(self, at_most: usize) -> Result<BytesMut, Problem> {
        declared_as_json(&self.request)?;
        self.bytes(at_most).await
    }

    /// The body as it arrives, and how long each part of it may take.
    #[must_use]
    pub fn into_parts(self) -> (web::Payload, Duration) {
        (self.payload, self.deadline)
    }

    async fn bytes(self, at_most: usize) -> Result<BytesMut, Problem> {
        let late = |_| Problem::new(ProblemType::RequestTimeout, "the body did not arrive in time");
        tokio::time::timeout(self.deadline, arrive(self.request, self.payload, at_most)).await.map_err(late)?
    }
}

impl<T: DeserializeOwned + Validate> Body<T> {
    /// Reads JSON that is at hand.
    ///
    /// # Errors
    /// When it is not JSON. Faults of content come back with what could be read.
    pub fn of(bytes: BytesMut) -> Result<Self, Problem> {
        parse(bytes)
    }
}

impl<T> Body<T> {
    /// The body with sorted keys and no white space: the same for two spellings of one request.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        canonical(&self.bytes)
    }
}

impl Accepted {
    /// The best language that there is wording in, or the one given where the request prefers none.
    #[must_use]
    pub fn or(&self, fallback: Language) -> Language {
        self.0.first().copied().unwrap_or(fallback)
    }

    /// The best language that the clinic speaks, or the clinic's own.
    #[must_use]
    pub fn of(&self, clinic: &Clinic) -> Language {
        let spoken = self.0.iter().find(|language| clinic.languages.contains(language));
        spoken.copied().unwrap_or(clinic.language)
    }
}

async fn arrive(request: HttpRequest, mut payload: web::Payload, at_most: usize) -> Result<BytesMut, Problem> {
    let too_large = || Problem::new(ProblemType::BodyTooLarge, format!("at most {at_most} bytes"));
    let declared = request.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: usize| length > at_most) {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(ProblemType::MalformedRequest, "the body broke off"))?;
        if bytes.len() + chunk.len() > at_most {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn not_json(error: &serde_json::Error) -> Problem {
    let detail = format!("not JSON, at line {} column {}", error.line(), error.column());
    Problem::new(ProblemType::MalformedRequest, detail)
}

fn declared_as_json(request: &HttpRequest) -> Result<(), Problem> {
    let fhir = speaks_fhir() && request.content_type().eq_ignore_ascii_case(fhir::MEDIA_TYPE);
    declared_as(request, if fhir { fhir::MEDIA_TYPE } else { "application/json" })
}

/// Whether a body is of a media type, in UTF-8, as it is.
pub(super) fn declared_as(request: &HttpRequest, media_type: &str) -> Result<(), Problem> {
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

fn parse<T: DeserializeOwned + Validate>(bytes: BytesMut) -> Result<Body<T>, Problem> {
    let (value, mut faults) = if let Ok(Object(value)) = serde_json::from_slice(&bytes) {
        (value, Vec::new())
    } else {
        let tree: Value = serde_json::from_slice(&bytes).map_err(|error| not_json(&error))?;
        collect(&bytes, &tree)?
    };
    faults.extend(of_validation(&value));
    Ok(Body { value, faults, bytes })
}

impl FromRequest for Incoming {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let deadline = request.app_data::<web::Data<State>>().map(|state| state.settings.read_deadline);
        let payload = web::Payload::from_request(request, payload).into_inner();
        ready(match (payload, deadline) {
            (Ok(payload), Some(deadline)) => Ok(Self { request: request.clone(), payload, deadline }),
            _ => Err(AppError::Internal("the body or the state is missing".into()).into()),
        })
    }
}

impl FromRequest for PathId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(|text| Uuid::try_parse(text).ok());
        let state = request.app_data::<web::Data<State>>();
        let other = || state.and_then(|state| literal(state, request.path()));
        ready(id.map(Self).ok_or_else(|| other().unwrap_or_else(|| AppError::NotFound.into())))
    }
}

impl FromRequest for PathIds {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = |name| request.match_info().get(name).and_then(|text| Uuid::try_parse(text).ok());
        let ids = id("id").zip(id("merge_id")).map(|(id, merge_id)| Self(id, merge_id));
        ready(ids.ok_or_else(|| AppError::NotFound.into()))
    }
}

impl<T: DeserializeOwned + Validate> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let (value, mut faults) = super::faults::of_query::<T>(request.query_string());
        faults.extend(value.iter().flat_map(of_validation));
        keep_first_of_each_place(&mut faults);
        ready(match value {
            Some(value) if faults.is_empty() => Ok(Self(value)),
            _ => Err(Problem::parameters(faults)),
        })
    }
}

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut values = request.headers().get_all("idempotency-key");
        let parsed = match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => value.to_str().ok().and_then(retry_key).map(Some).ok_or(()),
            (Some(_), Some(_)) => Err(()),
        };
        let detail = "one header of 1 to 255 visible ASCII characters, bare or in double quotes";
        let fault = |()| Problem::parameters(vec![Fault::new("/Idempotency-Key", FaultCode::Text, detail)]);
        ready(parsed.map(Self).map_err(fault))
    }
}

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut values = request.headers().get_all(IF_MATCH);
        ready(match (values.next(), values.next()) {
            (None, _) => {
                let detail = "send the ETag of the version that you saw in If-Match";
                Err(Problem::new(ProblemType::PreconditionRequired, detail))
            }
            (Some(value), None) => value.to_str().ok().and_then(entity_tag).map(Self).ok_or_else(not_a_tag),
            (Some(_), Some(_)) => Err(not_a_tag()),
        })
    }
}

fn not_a_tag() -> Problem {
    let detail = "one ETag as it was answered, in double quotes";
    Problem::parameters(vec![Fault::new("/If-Match", FaultCode::Format, detail)])
}

/// The version in an `ETag` of ours. A list, `*` and a weak tag name no version that somebody saw.
fn entity_tag(text: &str) -> Option<i32> {
    let digits = text.trim().strip_prefix('"')?.strip_suffix('"')?;
    let plain = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// A retry key, bare or as a quoted string (RFC 8941); both forms of one key are the same key.
pub(super) fn retry_key(text: &str) -> Option<String> {
    let text = text.trim();
    let key = match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => text,
    };
    let visible = key.chars().all(|c| c.is_ascii_graphic() && c != '"' && c != '\\');
    (visible && (1..=255).contains(&key.len())).then(|| key.to_owned())
}

impl FromRequest for Accepted {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = request.headers().contains_key(ACCEPT_LANGUAGE).then(|| AcceptLanguage::parse(request));
        let mut header = header.and_then(Result::ok).unwrap_or(AcceptLanguage(Vec::new()));
        // Weight 0 says: not this one (RFC 9110, section 12.4.2).
        header.0.retain(|language| language.quality > Quality::ZERO);
        let ranked = header.ranked();
        let known = ranked.iter().filter_map(|language| Language::from_tag(&language.to_string()));
        ready(Ok(Self(known.collect())))
    }
}
