//! Public responses that are identical for all clients: built once, compressed once for each encoding, shared.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use actix_web::http::header::{
    AcceptEncoding, CONTENT_ENCODING, CONTENT_TYPE, ContentEncoding, ETAG, Encoding, EntityTag, Header, IfNoneMatch,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use aws_lc_rs::digest;
use brotli::BrotliCompress;
use brotli::enc::BrotliEncoderParams;
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
/// Higher qualities take many times longer for a body that is an eighth smaller.
const BROTLI_QUALITY: i32 = 9;

/// A body that is built on first use.
#[derive(Default)]
pub(in crate::http) struct Fixed(OnceLock<Body>);

/// Bodies built from a rule table in a language, by the path of the resource, the version and the language.
#[derive(Default)]
pub(in crate::http) struct Public(DashMap<(&'static str, String, Language), Arc<Fixed>>);

/// A body in each encoding that was requested so far.
pub(in crate::http) struct Body {
    /// Absent if the body exists only in a compressed form.
    plain: Option<Bytes>,
    gzip: OnceLock<Bytes>,
    brotli: OnceLock<Bytes>,
    /// Digest of the body, the same for each encoding.
    digest: String,
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
        Self { digest: digest(&plain), plain: Some(plain), gzip: OnceLock::new(), brotli: OnceLock::new() }
    }

    /// A body that exists only in compressed form.
    pub(in crate::http) fn compressed(gzip: Bytes) -> Self {
        Self { plain: None, digest: digest(&gzip), gzip: OnceLock::from(gzip), brotli: OnceLock::new() }
    }

    pub(in crate::http) fn answer(
        &self,
        request: &HttpRequest,
        mut response: HttpResponseBuilder,
        media_type: &str,
    ) -> HttpResponse {
        let encoding = match &self.plain {
            Some(_) => accepted(request),
            None => ContentEncoding::Gzip,
        };
        response.insert_header((ETAG, self.tag(encoding).to_string()));
        if self.client_has(request) {
            return response.status(actix_web::http::StatusCode::NOT_MODIFIED).finish();
        }
        response.insert_header((CONTENT_TYPE, media_type));
        let plain = self.plain.as_ref().unwrap_or_else(|| self.gzip());
        // A response with `Content-Encoding` is not compressed again.
        let body = match encoding {
            ContentEncoding::Brotli => self.brotli(),
            ContentEncoding::Gzip => self.gzip(),
            _ => return response.body(plain.clone()),
        };
        response.insert_header((CONTENT_ENCODING, encoding.as_str())).body(body.clone())
    }

    fn gzip(&self) -> &Bytes {
        self.gzip.get_or_init(|| gzip(self.plain.as_deref().unwrap_or_default(), Compression::best()))
    }

    fn brotli(&self) -> &Bytes {
        self.brotli.get_or_init(|| {
            let mut compressed = Vec::new();
            let settings = BrotliEncoderParams { quality: BROTLI_QUALITY, ..BrotliEncoderParams::default() };
            // Reading from memory and writing to it do not fail.
            let _ = BrotliCompress(&mut self.plain.as_deref().unwrap_or_default(), &mut compressed, &settings);
            compressed.into()
        })
    }

    /// The digest of the body, in hexadecimal.
    pub(in crate::http) fn digest(&self) -> &str {
        &self.digest
    }

    /// The tag of an encoding. Bodies of other versions and languages have other digests.
    fn tag(&self, encoding: ContentEncoding) -> EntityTag {
        EntityTag::new_strong(format!("{}-{}", self.digest, encoding.as_str()))
    }

    /// Whether the client has the body, in any encoding.
    fn client_has(&self, request: &HttpRequest) -> bool {
        match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => request.headers().contains_key("if-none-match"),
            Ok(IfNoneMatch::Items(tags)) => {
                let digest = |tag: &EntityTag| tag.tag().split('-').next().map(str::to_owned);
                tags.iter().any(|known| digest(known).as_ref() == Some(&self.digest))
            }
            Err(_) => false,
        }
    }
}

pub(in crate::http) fn json(body: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(body).map_err(|error| AppError::Internal(error.into()).into())
}

fn digest(bytes: &[u8]) -> String {
    HEXLOWER.encode(&digest::digest(&digest::SHA256, bytes).as_ref()[..8])
}

/// A response with a body of its own, where its size matters more than the time: the level of compression of other responses
/// leaves a form a quarter larger.
pub(in crate::http) fn small(request: &HttpRequest, mut response: HttpResponseBuilder, plain: Vec<u8>) -> HttpResponse {
    let supported = [Encoding::gzip(), Encoding::identity()];
    let accepted = AcceptEncoding::parse(request).ok().and_then(|accepted| accepted.negotiate(supported.iter()));
    if accepted != Some(Encoding::gzip()) {
        return response.body(plain);
    }
    let body = gzip(&plain, Compression::default());
    response.insert_header((CONTENT_ENCODING, ContentEncoding::Gzip.as_str())).body(body)
}

fn gzip(plain: &[u8], level: Compression) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    // Writing to memory does not fail.
    let _ = encoder.write_all(plain);
    encoder.finish().unwrap_or_default().into()
}

/// The best encoding that the client accepts.
fn accepted(request: &HttpRequest) -> ContentEncoding {
    let supported = [Encoding::brotli(), Encoding::gzip(), Encoding::identity()];
    let accepted = AcceptEncoding::parse(request).ok();
    match accepted.and_then(|accepted| accepted.negotiate(supported.iter())) {
        Some(Encoding::Known(encoding)) => encoding,
        _ => ContentEncoding::Identity,
    }
}
