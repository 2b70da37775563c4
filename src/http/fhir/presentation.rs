//! How a search presents its result: pages, totals, elements and order. What the service does not offer is ignored and reported.

use std::ops::Range;

use serde_json::Value;

use super::element::coding;
use super::search::Parameters;
use crate::domain::fault::{FaultCode, Sentence};
use crate::domain::page::PageRequest;

/// Default and maximum page size.
const PAGE: (u16, u16) = (50, 200);
/// The largest number of matches that is counted.
pub(super) const MOST_COUNTED: u32 = 10_000;
/// Elements that a subset always has: the metadata, and what FHIR requires.
const ALWAYS: [&str; 12] = [
    "resourceType",
    "id",
    "meta",
    "status",
    "intent",
    "code",
    "subject",
    "prediction",
    "type",
    "recorded",
    "agent",
    "source",
];
/// Parameters that add resources to the matches. A search takes out the values that it supports before.
const INCLUSIONS: [&str; 6] =
    ["_include", "_include:iterate", "_include:recurse", "_revinclude", "_revinclude:iterate", "_revinclude:recurse"];
/// Parameters of contained resources, each with the value that changes nothing. No resource of this service contains another.
const CONTAINED: [(&str, &str); 2] = [("_contained", "false"), ("_containedType", "container")];

#[derive(Debug)]
pub(super) struct Presentation {
    pub(super) page: PageRequest,
    /// Number of resources of the first row that earlier pages have returned.
    pub(super) shown: usize,
    /// Whether the result has only the number of matches.
    pub(super) only_total: bool,
    /// Whether the number of matches is requested.
    pub(super) total: bool,
    /// The parameters to sort by, with a minus sign for the descending order.
    pub(super) sort: Vec<String>,
    elements: Option<Vec<String>>,
    /// Whether the response has the notes.
    reports: bool,
    notes: Vec<String>,
    query: Option<String>,
}

impl Presentation {
    /// Reads the parameters of presentation.
    pub(super) fn read(parameters: &mut Parameters) -> Self {
        Self::with_pages_of(PAGE.0, parameters)
    }

    /// Reads the parameters of presentation, with another default page size.
    pub(super) fn with_pages_of(size: u16, parameters: &mut Parameters) -> Self {
        let count = parameters.one("_count").map(|text| text.parse::<u32>());
        let limit = match &count {
            None => size,
            Some(Ok(count)) => u16::try_from(*count).unwrap_or(PAGE.1).clamp(1, PAGE.1),
            Some(Err(_)) => {
                let detail = Sentence::new(
                    "must be a whole number; a page has at most 200",
                    "debe ser un número entero; una página tiene como máximo 200",
                );
                parameters.refuse("_count", FaultCode::OutOfRange, detail);
                size
            }
        };
        let summary = parameters.all("_summary").pop();
        let only_total = matches!(count, Some(Ok(0))) || summary.as_deref() == Some("count");
        if let Some("true" | "text") = summary.as_deref() {
            parameters.ignore("_summary", "the resources are complete; _elements restricts them");
        }
        let total = parameters.all("_total").pop().is_some_and(|total| total != "none");
        let elements = parameters.all("_elements");
        let _ = ["_pretty", "_score"].map(|name| parameters.all(name));
        take_additions(parameters);
        let split = |lists: &[String]| lists.iter().flat_map(|list| list.split(',')).map(base_name).collect();
        Self {
            page: PageRequest { limit, cursor: parameters.one("_cursor") },
            shown: parameters.one("_shown").and_then(|text| text.parse().ok()).unwrap_or_default(),
            only_total,
            total: total || only_total,
            sort: parameters.all("_sort").iter().flat_map(|list| list.split(',')).map(str::to_owned).collect(),
            elements: (!elements.is_empty()).then(|| split(&elements)),
            reports: parameters.reports(),
            notes: Vec::new(),
            query: None,
        }
    }

    /// Reports an order that the search does not have.
    pub(super) fn check_order(&self, parameters: &mut Parameters, offered: &[&str]) {
        if self.sort.first().is_some_and(|first| !offered.contains(&first.as_str())) {
            let why = match offered {
                [] => "the result has an order of its own".to_owned(),
                offered => format!("the order is one of {}", offered.join(", ")),
            };
            parameters.ignore("_sort", &why);
        }
    }

    /// Ends parsing. `query` is the text of the parameters; `None` if it must not appear in a URL.
    pub(super) fn end(self, parameters: Parameters, query: Option<String>) -> Self {
        let kept = |name: &str, value: &str| parameters.honoured.iter().any(|(one, own)| one == name && own == value);
        let ignored = |name: &str| parameters.ignored.iter().any(|one| one == name);
        let query = query.map(|query| {
            let pairs = form_urlencoded::parse(query.as_bytes());
            let pairs = pairs.filter(|(name, value)| !ignored(name) || kept(name, value));
            form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
        });
        Self { notes: parameters.notes, query, ..self }
    }

    /// Whether no earlier page has returned matches.
    pub(super) const fn is_first_page(&self) -> bool {
        self.page.cursor.is_none() && self.shown == 0
    }

    /// The places of the matches on this page.
    pub(super) fn window(&self, total: usize) -> Range<usize> {
        let start = self.shown.min(total);
        let limit = if self.only_total { 0 } else { usize::from(self.page.limit) };
        start..(start + limit).min(total)
    }

    pub(super) fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    pub(super) fn elements(&self) -> Option<&[String]> {
        self.elements.as_deref()
    }

    /// What the response reports: nothing to a client that does not expect it.
    pub(super) fn notes(&self) -> &[String] {
        if self.reports { &self.notes } else { &[] }
    }

    /// Adds a remark for the client.
    pub(super) fn note(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }

    /// The number of matches as far as it was counted; `None` if there are more. Reports a number that is not known.
    pub(super) fn counted(&mut self, count: Option<u32>) -> Option<usize> {
        if count.is_none() {
            self.note("the number of matches is not known: there are more than 10,000");
        }
        count.and_then(|count| usize::try_from(count).ok())
    }
}

/// Takes out the parameters that would add resources to the matches, and that the search does not support.
fn take_additions(parameters: &mut Parameters) {
    for name in INCLUSIONS {
        if !parameters.all(name).is_empty() {
            parameters.unsupported(name, "the result has no such resources; read them by their references");
        }
    }
    for (name, without_effect) in CONTAINED {
        if parameters.all(name).iter().any(|value| value != without_effect) {
            parameters.unsupported(name, "no resource contains another");
        }
    }
}

/// The name of an element at the first level of a resource.
fn base_name(path: &str) -> String {
    path.split('.').next().unwrap_or_default().trim().to_owned()
}

/// The resource with these elements only and the tag that says so, or as it is without a list of elements.
pub(super) fn subset(mut resource: Value, elements: Option<&[String]>) -> Value {
    let Some(elements) = elements else { return resource };
    if let Value::Object(members) = &mut resource {
        members.retain(|name, _| ALWAYS.contains(&name.as_str()) || elements.iter().any(|element| element == name));
    }
    let mut tags = resource["meta"]["tag"].as_array().cloned().unwrap_or_default();
    tags.push(coding("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "SUBSETTED"));
    resource["meta"]["tag"] = tags.into();
    resource
}
