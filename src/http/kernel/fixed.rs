//! Public responses that are identical for all clients: built once, compressed once, shared.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use actix_web::http::header::{
    AcceptEncoding, CONTENT_ENCODING, CONTENT_TYPE, ETAG, Encoding, EntityTag, Header, IfNoneMatch,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use aws_lc_rs::digest;
use dashmap::DashMap;
use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::value::RawValue;

use super::problem::Problem;
use crate::app::error::AppError;
use crate::domain::language::Language;

pub(in crate::http) const JSON: &str = "application/json";

/// A body that is built on first use.
#[derive(Default)]
pub(in crate::http) struct Fixed(OnceLock<Body>);

/// Bodies built from a rule table in a language, by the path of the resource, the version and the language.
#[derive(Default)]
pub(in crate::http) struct Public(DashMap<(&'static str, String, Language), Arc<Fixed>>);

/// A body that is built, plain and compressed.
pub(in crate::http) struct Body {
    plain: Option<Bytes>,
    gzip: Bytes,
    tag: EntityTag,
}

impl Public {
    /// The body of a resource, for an existing version.
    pub(in crate::http) fn body(&self, path: &'static str, version: &str, language: Language) -> Arc<Fixed> {
        Arc::clone(&self.0.entry((path, version.to_owned(), language)).or_default())
    }
}

impl Fixed {
    pub(in crate::http) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Answers with the body in the encoding that the client accepts; `make` builds it on first use.
    pub(in crate::http) fn answer(
        &self,
        request: &HttpRequest,
        response: HttpResponseBuilder,
        media_type: &str,
        make: impl FnOnce() -> Result<Vec<u8>, Problem>,
    ) -> Result<HttpResponse, Problem> {
        Ok(self.body(make)?.answer(request, response, media_type))
    }

    /// The body as JSON, to embed in another.
    pub(in crate::http) fn raw(
        &self,
        make: impl FnOnce() -> Result<Vec<u8>, Problem>,
    ) -> Result<Box<RawValue>, Problem> {
        let plain = self.body(make)?.plain.as_deref().unwrap_or_default();
        serde_json::from_slice(plain).map_err(|error| AppError::Internal(error.into()).into())
    }

    fn body(&self, make: impl FnOnce() -> Result<Vec<u8>, Problem>) -> Result<&Body, Problem> {
        if let Some(body) = self.0.get() {
            return Ok(body);
        }
        let body = Body::new(make()?.into());
        Ok(self.0.get_or_init(|| body))
    }
}

impl Body {
    pub(in crate::http) fn new(plain: Bytes) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail.
        let _ = encoder.write_all(&plain);
        let gzip = encoder.finish().unwrap_or_default().into();
        Self { tag: tag(&plain), plain: Some(plain), gzip }
    }

    /// A body that exists only in compressed form.
    pub(in crate::http) fn compressed(gzip: Bytes) -> Self {
        Self { plain: None, tag: tag(&gzip), gzip }
    }

    pub(in crate::http) fn answer(
        &self,
        request: &HttpRequest,
        mut response: HttpResponseBuilder,
        media_type: &str,
    ) -> HttpResponse {
        response.insert_header((ETAG, self.tag.to_string()));
        if client_has(request, &self.tag) {
            return response.status(actix_web::http::StatusCode::NOT_MODIFIED).finish();
        }
        response.insert_header((CONTENT_TYPE, media_type));
        match &self.plain {
            Some(plain) if !accepts_gzip(request) => response.body(plain.clone()),
            // A response with `Content-Encoding` is not compressed again.
            _ => response.insert_header((CONTENT_ENCODING, "gzip")).body(self.gzip.clone()),
        }
    }
}

pub(in crate::http) fn json(body: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(body).map_err(|error| AppError::Internal(error.into()).into())
}

/// A weak tag, the same for both forms.
fn tag(bytes: &[u8]) -> EntityTag {
    let digest = digest::digest(&digest::SHA256, bytes);
    EntityTag::new_weak(HEXLOWER.encode(&digest.as_ref()[..8]))
}

fn client_has(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => request.headers().contains_key("if-none-match"),
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    }
}

fn accepts_gzip(request: &HttpRequest) -> bool {
    let supported = [Encoding::gzip(), Encoding::identity()];
    let accepted = AcceptEncoding::parse(request).ok();
    accepted.and_then(|accepted| accepted.negotiate(supported.iter())) == Some(Encoding::gzip())
}
