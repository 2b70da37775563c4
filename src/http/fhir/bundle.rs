//! Bundles: search results, and resources for a caller to store.

use serde::Serialize;

use super::element::{Typed, elements};

elements! {
    /// A link of a bundle.
    Link {
        relation: &'static str,
        url: String,
    }
    /// Why an entry is in the bundle.
    Found {
        mode: &'static str,
    }
    /// The request of an entry in a transaction.
    Todo {
        method: &'static str,
        url: &'static str,
    }
}

/// A bundle of resources.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bundle<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    link: Vec<Link>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entry: Vec<Entry<T>>,
}

/// One entry.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry<T> {
    full_url: String,
    resource: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    search: Option<Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Todo>,
}

/// A resource to create.
pub(super) struct Created<T> {
    /// Temporary URL that other entries of the bundle use as a reference.
    pub(super) full_url: String,
    pub(super) kind: &'static str,
    pub(super) resource: T,
}

/// A transaction that creates resources together.
pub(super) fn transaction<T>(created: Vec<Created<T>>) -> Typed<Bundle<T>> {
    let entry = |Created { full_url, kind, resource }| {
        let request = Some(Todo { method: "POST", url: kind });
        Entry { full_url, resource, search: None, request }
    };
    let entry = created.into_iter().map(entry).collect();
    Typed::new("Bundle", Bundle { kind: "transaction", link: Vec::new(), entry })
}

/// Search results, each with its URL, and links to other pages.
pub(super) fn searchset<T>(found: Vec<(String, T)>, link: Vec<Link>) -> Typed<Bundle<T>> {
    let entry =
        |(full_url, resource)| Entry { full_url, resource, search: Some(Found { mode: "match" }), request: None };
    Typed::new("Bundle", Bundle { kind: "searchset", link, entry: found.into_iter().map(entry).collect() })
}
