//! Bundles: search results, responses to a batch, and resources for a caller to store.

use std::fmt::Display;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bundle {
    resource_type: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
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
        Self { resource_type: "Bundle", kind, link, entry }
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
