//! Bundles: what a search found.

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
}

/// Some resources.
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

/// One resource.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry<T> {
    full_url: String,
    resource: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    search: Option<Found>,
}

/// What a search found, each with its address, and the address of the next page.
pub(super) fn searchset<T>(found: Vec<(String, T)>, link: Vec<Link>) -> Typed<Bundle<T>> {
    let entry = |(full_url, resource)| Entry { full_url, resource, search: Some(Found { mode: "match" }) };
    Typed::new("Bundle", Bundle { kind: "searchset", link, entry: found.into_iter().map(entry).collect() })
}
