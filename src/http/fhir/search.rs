//! Searches: their parameters and their response. Each filter is taken out once. A filter that remains is a fault, because an
//! ignored filter would return more than was requested, unless the client asks for lenient handling. Parameters of presentation
//! are never faults.

use std::fmt::Display;

use actix_web::http::Method;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::bundle::searchset;
use super::outcome::{Issue, OperationOutcome, from_issues};
use super::presentation::{Presentation, subset};
use super::reply;
use crate::domain::fault::{Fault, FaultCode, MOST_FAULTS, NUL, Sentence, pointer_token};
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::preferred;
use crate::http::kernel::problem::Problem;

/// The largest number of values of one parameter.
const MOST_VALUES: usize = 200;

pub(super) struct Parameters {
    pairs: Vec<(String, String)>,
    faults: Vec<Fault>,
    /// Whether unknown filters are ignored; `None` if the client does not say how to handle them.
    lenient: Option<bool>,
    /// The names of the parameters that were ignored, and other remarks for the client.
    pub(super) notes: Vec<String>,
    pub(super) ignored: Vec<String>,
    /// The values that were taken out of parameters whose other values may be ignored.
    pub(super) honoured: Vec<(String, String)>,
}

/// The resources of a page, each with its id, and where the next page starts: at a cursor, without the resources from there that
/// were returned before.
pub(super) struct Found<R> {
    pub(super) resources: R,
    pub(super) next: Option<(Option<String>, usize)>,
    /// The number of matches, if it was requested and is known. A page with all matches has it anyway.
    pub(super) total: Option<usize>,
}

/// The parameters in the URL and in the form of a `POST`, parsed and as text.
pub(super) async fn read(request: &HttpRequest, incoming: Incoming) -> Result<(Parameters, String), Problem> {
    let form = if request.method() == Method::GET { Bytes::new() } else { incoming.form().await? };
    let parts = [request.query_string().as_bytes(), &form];
    let query = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(&b'&');
    let mut parameters = Parameters::parse(&query);
    parameters.lenient = handling(request);
    Ok((parameters, String::from_utf8_lossy(&query).into_owned()))
}

/// The parameters in the URL of a public search.
pub(super) fn of_url(request: &HttpRequest) -> Parameters {
    let mut parameters = Parameters::parse(request.query_string().as_bytes());
    parameters.lenient = handling(request);
    parameters
}

/// Whether unknown filters are to be ignored, if the client says so.
fn handling(request: &HttpRequest) -> Option<bool> {
    preferred(request.headers(), &[("handling=lenient", true), ("handling=strict", false)])
}

/// The response to a search: resources of one type, the URLs of this page and the next, and what was ignored.
pub(super) fn found<I: Display>(
    request: &HttpRequest,
    kind: &str,
    asked: &Presentation,
    found: Found<impl IntoIterator<Item = (I, Value)>>,
) -> HttpResponse {
    found_with(request, kind, asked, found, Vec::new())
}

/// The response to a search, with resources that the matches refer to, each with its URL.
pub(super) fn found_with<I: Display>(
    request: &HttpRequest,
    kind: &str,
    asked: &Presentation,
    found: Found<impl IntoIterator<Item = (I, Value)>>,
    included: Vec<(String, Box<RawValue>)>,
) -> HttpResponse {
    let base = format!("{}/{kind}", reply::base(request));
    let address = |query: &str| if query.is_empty() { base.clone() } else { format!("{base}?{query}") };
    // Nothing comes before or after this page, so that it has all matches.
    let is_whole = found.next.is_none() && asked.is_first_page() && !asked.only_total;
    let mut link = Vec::new();
    // A search by an identifier of a record or a person has no link, because an identifier must not appear in a URL.
    if let Some(query) = asked.query() {
        link.push(json!({"relation": "self", "url": address(query)}));
        if let Some((cursor, shown)) = found.next {
            link.push(json!({"relation": "next", "url": address(&following(query, cursor, shown))}));
        }
    }
    let resources = found.resources.into_iter().map(|(id, resource)| (id, subset(resource, asked.elements())));
    let page = searchset(&base, resources, link);
    let total = found.total.or_else(|| is_whole.then(|| page.entries()));
    let mut bundle = page.with_total(total).with_included(included);
    if let Some(notes) = remarks(asked) {
        bundle = bundle.with_outcome(&notes);
    }
    reply::resource(HttpResponse::Ok(), &bundle)
}

/// What a search ignored, and other remarks; `None` without any.
pub(super) fn remarks(asked: &Presentation) -> Option<OperationOutcome> {
    let issues: Vec<_> = asked.notes().iter().map(|note| Issue::warning("not-supported", note)).collect();
    (!issues.is_empty()).then(|| from_issues(issues))
}

/// The query of the next page.
pub(super) fn following(query: &str, cursor: Option<String>, shown: usize) -> String {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let mut next = form_urlencoded::Serializer::new(String::new());
    next.extend_pairs(pairs.filter(|(name, _)| name != "_cursor" && name != "_shown"));
    next.extend_pairs(cursor.map(|cursor| ("_cursor", cursor)));
    next.extend_pairs((shown > 0).then(|| ("_shown", shown.to_string())));
    next.finish()
}

impl Parameters {
    pub(super) fn parse(query: &[u8]) -> Self {
        let (pairs, faults, notes, ignored, honoured) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut read = Self { pairs, faults, lenient: None, notes, ignored, honoured };
        // `_format` is handled before.
        for (name, value) in form_urlencoded::parse(query).filter(|(name, _)| name != "_format") {
            if name.contains('\0') || value.contains('\0') {
                read.refuse(&name, FaultCode::Text, NUL);
            } else if !value.is_empty() {
                // A parameter without a value is as good as absent, as FHIR specifies.
                read.pairs.push((name.into_owned(), value.into_owned()));
            }
        }
        read
    }

    pub(super) fn all(&mut self, name: &str) -> Vec<String> {
        self.pairs.extract_if(.., |(one, _)| one == name).map(|(_, value)| value).collect()
    }

    /// Takes one of the values out of a parameter that may have others. `false` if it has none of them.
    pub(super) fn take(&mut self, name: &str, values: &[&str]) -> bool {
        let before = self.honoured.len();
        let taken = self.pairs.extract_if(.., |(one, value)| one == name && values.contains(&value.as_str()));
        self.honoured.extend(taken);
        self.honoured.len() > before
    }

    /// The values of each occurrence of a parameter: one value of each list must match.
    pub(super) fn choices(&mut self, name: &str) -> Vec<Vec<String>> {
        let lists: Vec<Vec<String>> = self.all(name).iter().map(|list| values(list)).collect();
        if lists.iter().map(Vec::len).sum::<usize>() > MOST_VALUES {
            let detail = Sentence::new("has at most 200 values", "tiene como máximo 200 valores");
            self.refuse(name, FaultCode::OutOfRange, detail);
            return Vec::new();
        }
        lists
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

    /// Whether the response reports what was ignored. A client that sends no `Prefer: handling` may take a report for a match.
    pub(super) const fn reports(&self) -> bool {
        self.lenient.is_some()
    }

    /// Reports a parameter that is ignored.
    pub(super) fn ignore(&mut self, name: &str, why: &str) {
        if self.notes.len() < MOST_FAULTS {
            self.notes.push(format!("{} is ignored: {why}", pointer_token(name)));
        }
        self.ignored.push(name.to_owned());
    }

    /// Handles a parameter that this search does not support and that restricts nothing. It is ignored, or refused if the client
    /// asks for strict handling.
    pub(super) fn unsupported(&mut self, name: &str, why: &str) {
        if self.lenient != Some(false) {
            self.ignore(name, why);
            return;
        }
        let detail = Sentence::new(
            "this value is not supported here; remove it, or send Prefer: handling=lenient to have it ignored",
            "este valor no se admite aquí; quítelo, o envíe Prefer: handling=lenient para que se ignore",
        );
        self.refuse(name, FaultCode::UnknownField, detail);
    }

    /// Ends parsing, with all faults, including those of unsupported parameters. With lenient handling these are ignored.
    pub(super) fn end(&mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            if self.lenient == Some(true) {
                self.ignore(&name, "it is not a supported search parameter");
                continue;
            }
            self.refuse(
                &name,
                FaultCode::UnknownField,
                Sentence::new(
                    "unsupported search parameter; remove it, or send Prefer: handling=lenient to have it ignored",
                    "parámetro de búsqueda no admitido; quítelo, o envíe Prefer: handling=lenient para que se ignore",
                ),
            );
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::parameters(std::mem::take(&mut self.faults))) }
    }
}

/// The values of a list. A comma separates them, unless a backslash precedes it; a backslash escapes `,`, `$`, `|` and itself.
fn values(list: &str) -> Vec<String> {
    let (mut found, mut value, mut escaped) = (Vec::new(), String::new(), false);
    for c in list.chars() {
        match c {
            _ if escaped => {
                if !",$|\\".contains(c) {
                    value.push('\\');
                }
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            ',' => found.push(std::mem::take(&mut value)),
            other => value.push(other),
        }
    }
    if escaped {
        value.push('\\');
    }
    found.push(value);
    found.retain(|value| !value.is_empty());
    found
}

/// System and value of a token; `None` unless it has both.
pub(super) fn token(text: &str) -> Option<(&str, &str)> {
    text.split_once('|').filter(|(system, value)| !system.is_empty() && !value.is_empty())
}

/// Whether a code of a system matches every occurrence of a token parameter. A token is a code, a system with a code, or a system.
pub(super) fn any_code(asked: &[Vec<String>], system: &str, code: &str) -> bool {
    let matches = |one: &String| match one.rsplit_once('|') {
        None => one == code,
        Some((asked, "")) => asked == system,
        Some((asked, value)) => asked == system && value == code,
    };
    asked.iter().all(|list| list.iter().any(matches))
}

/// Whether a value is in every value list of a parameter: a comma means or, a repeated parameter means and.
pub(super) fn any(asked: &[String], value: &str) -> bool {
    asked.iter().all(|list| values(list).iter().any(|one| one == value))
}

/// The values that are in every list; `None` without a list.
pub(super) fn common<T: PartialEq>(lists: Vec<Vec<T>>) -> Option<Vec<T>> {
    lists.into_iter().reduce(|mut kept, list| {
        kept.retain(|one| list.contains(one));
        kept
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_escapes_what_separates() {
        for (list, wanted) in [
            ("a,b", vec!["a", "b"]),
            (r"a\,b,c", vec!["a,b", "c"]),
            (r"urn:x|1\|2", vec!["urn:x|1|2"]),
            (r"a\\,b", vec![r"a\", "b"]),
            (r"a\b\", vec![r"a\b\"]),
            (",,a,", vec!["a"]),
        ] {
            assert_eq!(values(list), wanted, "{list}");
        }
    }

    #[test]
    fn a_token_is_a_code_a_system_or_both() {
        let asked = |text: &str| vec![text.split(',').map(str::to_owned).collect::<Vec<_>>()];
        for (text, matches) in
            [("final", true), ("urn:s|final", true), ("urn:s|", true), ("urn:t|final", false), ("|final", false)]
        {
            assert_eq!(any_code(&asked(text), "urn:s", "final"), matches, "{text}");
        }
        assert_eq!(common(vec![vec![1, 2, 3], vec![3, 2]]), Some(vec![2, 3]));
        assert_eq!(common::<u8>(Vec::new()), None);
    }
}
