//! Bundles: search results, responses to a batch, and resources for a caller to store.

use std::fmt::Display;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bundle {
    resource_type: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    /// The number of matches of a search, or of versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    link: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entry: Vec<Entry>,
}

/// One entry. Its resource is serialized when the entry is made, because a tree needs far more memory.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) full_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) search: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<Value>,
}

impl Entry {
    fn new(full_url: String, resource: &impl Serialize) -> Self {
        // Serializing a resource does not fail.
        Self { full_url: Some(full_url), resource: to_raw_value(resource).ok(), ..Self::default() }
    }
}

impl Bundle {
    pub(super) const fn new(kind: &'static str, link: Vec<Value>, entry: Vec<Entry>) -> Self {
        Self { resource_type: "Bundle", kind, total: None, link, entry }
    }

    pub(super) const fn entries(&self) -> usize {
        self.entry.len()
    }

    pub(super) fn with_total(self, total: Option<usize>) -> Self {
        Self { total, ..self }
    }

    /// Adds resources that the matches refer to, each with its URL.
    pub(super) fn with_included(mut self, included: Vec<(String, Box<RawValue>)>) -> Self {
        self.entry.extend(included.into_iter().map(|(full_url, resource)| Entry {
            full_url: Some(full_url),
            resource: Some(resource),
            search: Some(json!({"mode": "include"})),
            ..Entry::default()
        }));
        self
    }

    /// Adds an outcome: what a search ignored.
    pub(super) fn with_outcome(mut self, outcome: &impl Serialize) -> Self {
        let resource = to_raw_value(outcome).ok();
        self.entry.push(Entry { resource, search: Some(json!({"mode": "outcome"})), ..Entry::default() });
        self
    }
}

/// A transaction that creates resources together, each with the temporary URL that the others use as a reference.
pub(super) fn transaction(created: &[(String, Value)]) -> Bundle {
    let entry = created.iter().map(|(full_url, resource)| Entry {
        request: Some(json!({"method": "POST", "url": resource["resourceType"]})),
        ..Entry::new(full_url.clone(), resource)
    });
    Bundle::new("transaction", Vec::new(), entry.collect())
}

/// The versions of a resource, the latest first: each with its version, the time that it was made, and the method of the request.
pub(super) fn history(address: &str, versions: Vec<(i32, Timestamp, &'static str, Value)>, link: Vec<Value>) -> Bundle {
    let entry = versions.into_iter().map(|(version, at, method, resource)| Entry {
        request: Some(json!({"method": method, "url": url_of(method, &resource)})),
        response: Some(json!({
            "status": if method == "POST" { "201" } else { "200" },
            "etag": format!("W/\"{version}\""),
            "lastModified": at,
        })),
        ..Entry::new(address.to_owned(), &resource)
    });
    Bundle::new("history", link, entry.collect())
}

fn url_of(method: &str, resource: &Value) -> String {
    let kind = resource["resourceType"].as_str().unwrap_or_default();
    if method == "POST" { kind.to_owned() } else { format!("{kind}/{}", resource["id"].as_str().unwrap_or_default()) }
}

/// Search results with their ids, below the URL of their type, and links to this and other pages.
pub(super) fn searchset(
    base: &str,
    found: impl IntoIterator<Item = (impl Display, impl Serialize)>,
    link: Vec<Value>,
) -> Bundle {
    let entry = found.into_iter().map(|(id, resource)| Entry {
        search: Some(json!({"mode": "match"})),
        ..Entry::new(format!("{base}/{id}"), &resource)
    });
    Bundle::new("searchset", link, entry.collect())
}
