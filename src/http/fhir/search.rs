//! Searches: their parameters and their response. Each parameter is taken out once, and any that remain are faults, because an
//! ignored filter would return more than was requested.

use std::fmt::Display;

use actix_web::http::Method;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::bundle::searchset;
use super::reply;
use crate::domain::fault::{Fault, FaultCode, MOST_FAULTS, NUL, Sentence, pointer_token};
use crate::http::kernel::body::Incoming;
use crate::http::kernel::problem::Problem;

pub(super) struct Parameters {
    pairs: Vec<(String, String)>,
    faults: Vec<Fault>,
}

/// The parameters in the URL and in the form of a `POST`, parsed and as the text that the URL of the next page repeats.
pub(super) async fn read(request: &HttpRequest, incoming: Incoming) -> Result<(Parameters, String), Problem> {
    let form = if request.method() == Method::GET { Bytes::new() } else { incoming.form().await? };
    let parts = [request.query_string().as_bytes(), &form];
    let query = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(&b'&');
    Ok((Parameters::parse(&query), String::from_utf8_lossy(&query).into_owned()))
}

/// The response to a search: resources of one type, and the URLs of this page and the next. The next page starts at a cursor
/// and skips the resources from there that were returned before.
pub(super) fn found(
    request: &HttpRequest,
    kind: &str,
    query: &str,
    resources: impl IntoIterator<Item = (impl Display, Value)>,
    next: Option<(Option<String>, usize)>,
) -> HttpResponse {
    let base = format!("{}/{kind}", reply::base(request));
    let address = |query: &str| if query.is_empty() { base.clone() } else { format!("{base}?{query}") };
    let pairs = || form_urlencoded::parse(query.as_bytes());
    let mut link = Vec::new();
    // An identifier must not appear in a URL, so a search by identifier has no link.
    if !pairs().any(|(name, _)| name == "identifier") {
        link.push(json!({"relation": "self", "url": address(query)}));
    }
    if let Some((cursor, shown)) = next {
        let mut next = form_urlencoded::Serializer::new(String::new());
        next.extend_pairs(pairs().filter(|(name, _)| name != "_cursor" && name != "_shown"));
        next.extend_pairs(cursor.map(|cursor| ("_cursor", cursor)));
        next.extend_pairs((shown > 0).then(|| ("_shown", shown.to_string())));
        link.push(json!({"relation": "next", "url": address(&next.finish())}));
    }
    reply::resource(HttpResponse::Ok(), &searchset(&base, resources, link))
}

impl Parameters {
    pub(super) fn parse(query: &[u8]) -> Self {
        let mut read = Self { pairs: Vec::new(), faults: Vec::new() };
        // `_format` is handled before.
        for (name, value) in form_urlencoded::parse(query).filter(|(name, _)| name != "_format") {
            if name.contains('\0') || value.contains('\0') {
                read.refuse(&name, FaultCode::Text, NUL);
            } else {
                read.pairs.push((name.into_owned(), value.into_owned()));
            }
        }
        read
    }

    pub(super) fn all(&mut self, name: &str) -> Vec<String> {
        self.pairs.extract_if(.., |(one, _)| one == name).map(|(_, value)| value).collect()
    }

    /// The value of a parameter that may be given only once.
    pub(super) fn one(&mut self, name: &str) -> Option<String> {
        let mut values = self.all(name);
        if values.len() > 1 {
            self.refuse(
                name,
                FaultCode::Duplicate,
                Sentence::new("can be given once", "solo se puede indicar una vez"),
            );
        }
        values.pop()
    }

    pub(super) fn refuse(&mut self, name: &str, code: FaultCode, sentence: Sentence) {
        if self.faults.len() <= MOST_FAULTS {
            self.faults.push(Fault::new(format!("/{}", pointer_token(name)), code, sentence));
        }
    }

    /// Ends parsing, with all faults, including those of unsupported parameters.
    pub(super) fn end(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            self.refuse(
                &name,
                FaultCode::UnknownField,
                Sentence::new("unsupported search parameter; remove it", "parámetro de búsqueda no admitido; quítelo"),
            );
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::parameters(self.faults)) }
    }
}

/// System and value of a token; `None` unless it has both.
pub(super) fn token(text: &str) -> Option<(&str, &str)> {
    text.split_once('|').filter(|(system, value)| !system.is_empty() && !value.is_empty())
}

/// Whether a value is in every value list of a token parameter: a comma means or, a repeated parameter means and.
pub(super) fn any(asked: &[String], value: &str) -> bool {
    asked.iter().all(|list| list.split(',').any(|one| one == value))
}
