//! Public answers that are the same for everybody: made once, compressed once, shared by all who ask.

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
use crate::app::AppError;
use crate::domain::language::Language;

/// The media type of JSON.
pub(super) const JSON: &str = "application/json";

/// A body that is made when it is first asked for.
#[derive(Default)]
pub(super) struct Fixed(OnceLock<Body>);

/// Bodies made of a rule table in a language.
#[derive(Default)]
pub(super) struct Public(DashMap<(Kind, String, Language), Arc<Fixed>>);

/// What is made of a rule table for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// The form.
    Questionnaire,
    /// The table itself.
    RuleTable,
    /// The list of tables.
    RuleTables,
    /// The form for FHIR.
    FhirQuestionnaire,
    /// A code system for FHIR: the options of answers.
    FhirAnswers,
    /// A code system for FHIR: what the screen finds.
    FhirResults,
    /// Which CDS Hooks services there are.
    CdsServices,
}

/// A body that is made, in both forms.
pub(super) struct Body {
    plain: Option<Bytes>,
    gzip: Bytes,
    tag: EntityTag,
}

impl Public {
    /// The body of a kind, made of a version that exists.
    pub(super) fn of(&self, kind: Kind, version: &str, language: Language) -> Arc<Fixed> {
        Arc::clone(&self.0.entry((kind, version.to_owned(), language)).or_default())
    }
}

impl Fixed {
    /// A body that is not made yet.
    pub(super) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Answers with the body, which `make` makes the first time, in the form that the client accepts.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn answer(
        &self,
        request: &HttpRequest,
        response: HttpResponseBuilder,
        media_type: &str,
        make: impl FnOnce() -> Result<Vec<u8>, Problem>,
    ) -> Result<HttpResponse, Problem> {
        Ok(self.body(make)?.answer(request, response, media_type))
    }

    /// The body, which is JSON, to be put into another.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn raw(&self, make: impl FnOnce() -> Result<Vec<u8>, Problem>) -> Result<Box<RawValue>, Problem> {
        let plain = self.body(make)?.plain.as_deref().unwrap_or_default();
        serde_json::from_slice(plain).map_err(|error| AppError::Internal(error.to_string()).into())
    }

    fn body(&self, make: impl FnOnce() -> Result<Vec<u8>, Problem>) -> Result<&Body, Problem> {
        if let Some(body) = self.0.get() {
            return Ok(body);
        }
        let body = Body::of(make()?.into());
        Ok(self.0.get_or_init(|| body))
    }
}

impl Body {
    /// The body, compressed too.
    pub(super) fn of(plain: Bytes) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail.
        let _ = encoder.write_all(&plain);
        let gzip = encoder.finish().unwrap_or_default().into();
        Self { tag: tag(&plain), plain: Some(plain), gzip }
    }

    /// A body that exists in its compressed form only.
    pub(super) fn compressed(gzip: Bytes) -> Self {
        Self { plain: None, tag: tag(&gzip), gzip }
    }

    /// Answers with the body in the form that the client accepts.
    pub(super) fn answer(
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
            // A body that says how it is encoded is not encoded again.
            _ => response.insert_header((CONTENT_ENCODING, "gzip")).body(self.gzip.clone()),
        }
    }
}

/// A body as JSON.
///
/// # Errors
/// When it cannot be written as JSON.
pub(super) fn json(body: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(body).map_err(|error| AppError::Internal(error.to_string()).into())
}

/// Weak: both forms have the same one.
fn tag(bytes: &[u8]) -> EntityTag {
    let digest = digest::digest(&digest::SHA256, bytes);
    EntityTag::new_weak(HEXLOWER.encode(&digest.as_ref()[..8]))
}

/// Whether the client has what the tag names.
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
