//! Parameters of requests. The extractors of a handler run at the same time as authentication, so they only keep the request:
//! handlers read parameters with [`Later::read`] once the caller is authenticated.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap, IF_MATCH};
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;
use uuid::Uuid;
use validator::Validate;

use super::fallback::literal;
use super::faults::{of_query, of_validation};
use super::problem::{Problem, ProblemType};
use super::request_id::best_languages;
use super::state::State;
use crate::app::error::AppError;
use crate::domain::clinics::Clinic;
use crate::domain::fault::{Fault, FaultCode, Params, Sentence, keep_first_of_each_place};
use crate::domain::language::Language;

/// A parameter that has not been read yet.
pub struct Later<T> {
    request: HttpRequest,
    parameter: PhantomData<T>,
}

/// A value that can be read from a request without its body.
pub trait Parameter: Sized {
    fn read(request: &HttpRequest) -> Result<Self, Problem>;
}

/// The id in a path. Text that is not a UUID is answered with 404, like an unknown id.
#[derive(Clone, Copy, Debug)]
pub struct PathId(pub Uuid);

/// The ids in a path with a subject and a merge.
#[derive(Clone, Copy, Debug)]
pub struct PathIds(pub Uuid, pub Uuid);

/// Query parameters; all faults are reported together.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

/// The idempotency key of a request, without quotes.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(pub Option<String>);

/// The version that a change is based on, from `If-Match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfMatch(pub i32);

pub struct Languages;

/// The accepted languages of a request, not parsed yet.
pub type AcceptedLanguages = Later<Languages>;

impl<T: Parameter> Later<T> {
    pub fn read(&self) -> Result<T, Problem> {
        T::read(&self.request)
    }
}

impl<T> FromRequest for Later<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self { request: request.clone(), parameter: PhantomData }))
    }
}

impl AcceptedLanguages {
    pub(in crate::http) fn of(request: &HttpRequest) -> Self {
        Self { request: request.clone(), parameter: PhantomData }
    }

    /// The best accepted language that has texts, or `fallback` if there is none.
    pub fn or(&self, fallback: Language) -> Language {
        self.languages().first().copied().unwrap_or(fallback)
    }

    /// The best accepted language that the clinic offers, or the clinic's own.
    pub fn for_clinic(&self, clinic: &Clinic) -> Language {
        let languages = self.languages();
        let spoken = languages.iter().find(|language| clinic.languages.contains(language));
        spoken.copied().unwrap_or(clinic.language)
    }

    /// The accepted languages that have texts, best first.
    fn languages(&self) -> Vec<Language> {
        best_languages(self.request.headers().get_all(ACCEPT_LANGUAGE))
    }
}

impl Parameter for PathId {
    fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let id = request.match_info().get("id").and_then(|text| Uuid::try_parse(text).ok());
        let state = request.app_data::<web::Data<State>>();
        let other = || state.and_then(|state| literal(state, request.path()));
        id.map(Self).ok_or_else(|| other().unwrap_or_else(|| AppError::NotFound.into()))
    }
}

impl Parameter for PathIds {
    fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let id = |name| request.match_info().get(name).and_then(|text| Uuid::try_parse(text).ok());
        let ids = id("id").zip(id("merge_id")).map(|(id, merge_id)| Self(id, merge_id));
        ids.ok_or_else(|| AppError::NotFound.into())
    }
}

impl<T: DeserializeOwned + Validate> Parameter for Query<T> {
    fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let (value, mut faults) = of_query::<T>(request.query_string());
        faults.extend(value.iter().flat_map(of_validation));
        keep_first_of_each_place(&mut faults);
        match value {
            Some(value) if faults.is_empty() => Ok(Self(value)),
            _ => Err(Problem::parameters(faults)),
        }
    }
}

impl Parameter for IdempotencyKey {
    fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let mut values = request.headers().get_all("idempotency-key");
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let key = value.to_str().ok().filter(|_| values.next().is_none()).and_then(retry_key);
        key.map(|key| Self(Some(key))).ok_or_else(|| {
            let detail = Sentence::new(
                "send one header of {minimum} to {maximum} visible ASCII characters, bare or in double quotes",
                "envíe una sola cabecera de {minimum} a {maximum} caracteres ASCII visibles, sin comillas o entre comillas \
                 dobles",
            );
            let fault = Fault::new("/Idempotency-Key", FaultCode::Text, detail).with(Params::range(1, 255));
            Problem::parameters(vec![fault])
        })
    }
}

impl Parameter for IfMatch {
    fn read(request: &HttpRequest) -> Result<Self, Problem> {
        if_match(request.headers(), false).map(Self)
    }
}

/// The version in `If-Match`, which is required. A weak tag is read only where this service returns weak ones. Some clients send
/// the header twice.
pub(in crate::http) fn if_match(headers: &HeaderMap, weak: bool) -> Result<i32, Problem> {
    let mut values = headers.get_all(IF_MATCH);
    let Some(value) = values.next() else {
        let detail = "send the ETag of the version that you read in If-Match";
        return Err(Problem::new(ProblemType::PreconditionRequired, detail));
    };
    let tag = value.to_str().ok().filter(|_| values.all(|other| other == value));
    tag.and_then(|tag| entity_tag(tag.trim(), weak)).ok_or_else(|| {
        let detail = Sentence::new(
            "send one ETag as returned, in double quotes",
            "envíe un solo ETag tal como se recibió, entre comillas dobles",
        );
        Problem::parameters(vec![Fault::new("/If-Match", FaultCode::Format, detail)])
    })
}

/// The version in an `ETag` of this service. A list and `*` do not identify a version.
fn entity_tag(tag: &str, weak: bool) -> Option<i32> {
    let tag = tag.strip_prefix("W/").filter(|_| weak).unwrap_or(tag);
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    let plain = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// An idempotency key, bare or as a quoted string (RFC 8941); both forms are the same key.
pub(in crate::http) fn retry_key(text: &str) -> Option<String> {
    let text = text.trim();
    let key = match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => text,
    };
    let visible = key.chars().all(|c| c.is_ascii_graphic() && c != '"' && c != '\\');
    (visible && (1..=255).contains(&key.len())).then(|| key.to_owned())
}

/// The first preference in `Prefer` that is one of `known`.
pub(in crate::http) fn preferred<T: Copy>(headers: &HeaderMap, known: &[(&str, T)]) -> Option<T> {
    let values = headers.get_all("prefer").filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split([',', ';'])).map(str::trim);
    preferences.find_map(|one| Some(known.iter().find(|(name, _)| *name == one)?.1))
}
