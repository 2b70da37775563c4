//! Search of contact data: the terms by which a subject is found, and the terms that a search needs.

use std::collections::BTreeSet;

use super::{Contact, LookUp, folding, telephone};

/// Version of the folding. Change it with the folding: `sarcoscreen reindex` then makes the terms of stored subjects anew.
const FOLDING: &str = "1";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TermKind {
    /// A folded word of a name, or the whole name without spaces.
    Name,
    /// A form of a telephone number.
    Telephone,
    /// A folded e-mail address.
    Email,
}

/// A term in clear text. It identifies a person: never log or store it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchTerm {
    pub kind: TermKind,
    pub text: String,
}

/// The terms of a search. It finds subjects that have all terms of `all`, if there are any, and subjects that have one of
/// `any`.
#[derive(Default)]
pub struct ContactSearch {
    pub all: BTreeSet<SearchTerm>,
    pub any: BTreeSet<SearchTerm>,
}

/// The terms by which contact data is found in a clinic of a country (ISO 3166-1 alpha-2).
pub fn terms(contact: &Contact, country: Option<&str>) -> BTreeSet<SearchTerm> {
    let name = contact.name.iter().flat_map(|name| {
        let words = folding::words(name);
        // One word that others write as two, such as MacDonald, is found by the whole name.
        let whole = words.concat();
        of_kind(TermKind::Name, words.into_iter().chain([whole]))
    });
    let telephone =
        contact.telephone.iter().flat_map(|text| of_kind(TermKind::Telephone, telephone::forms(text, country)));
    let email = contact.email.iter().flat_map(|text| of_kind(TermKind::Email, [folding::address(text)]));
    name.chain(telephone).chain(email).collect()
}

/// Names the folding and the country with which [`terms`] makes terms. Terms with another name must be made anew.
pub fn form(country: Option<&str>) -> String {
    match country.filter(|country| telephone::is_known(country)) {
        Some(country) => format!("{FOLDING} {country}"),
        None => FOLDING.to_owned(),
    }
}

impl ContactSearch {
    /// Nothing is searched by a reference, which is no contact data.
    pub fn new(by: LookUp, text: &str, country: Option<&str>) -> Self {
        match by {
            LookUp::Reference => Self::default(),
            LookUp::Name => {
                let words = folding::words(text);
                let whole = words.concat();
                Self { all: of_kind(TermKind::Name, words), any: of_kind(TermKind::Name, [whole]) }
            }
            LookUp::Telephone => Self::any(TermKind::Telephone, telephone::forms(text, country)),
            LookUp::Email => Self::any(TermKind::Email, [folding::address(text)]),
        }
    }

    fn any(kind: TermKind, texts: impl IntoIterator<Item = String>) -> Self {
        Self { all: BTreeSet::new(), any: of_kind(kind, texts) }
    }
}

fn of_kind(kind: TermKind, texts: impl IntoIterator<Item = String>) -> BTreeSet<SearchTerm> {
    texts.into_iter().filter(|text| !text.is_empty()).map(|text| SearchTerm { kind, text }).collect()
}

#[cfg(test)]
mod tests;
