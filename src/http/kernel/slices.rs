//! JSON as slices of its bytes, so that a large body is split without parsing it into one tree.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::node::Text;

/// Why a value is not an accepted list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum NoList {
    OtherKind,
    TooLong,
}

/// Visits the fields of an object in order, including duplicates; `false` if the value is not an object.
pub(in crate::http) fn fields<'a>(object: &'a RawValue, visit: impl FnMut(Cow<'a, str>, &'a RawValue)) -> bool {
    serde_json::Deserializer::from_str(object.get()).deserialize_map(Fields(visit)).is_ok()
}

/// Returns the entries of a list; parsing stops after `at_most` entries.
pub(in crate::http) fn entries(list: &RawValue, at_most: usize) -> Result<Vec<&RawValue>, NoList> {
    let mut found = Vec::new();
    let read = Entries { found: &mut found, at_most }.deserialize(&mut serde_json::Deserializer::from_str(list.get()));
    match read {
        Ok(()) => Ok(found),
        Err(_) if found.len() > at_most => Err(NoList::TooLong),
        Err(_) => Err(NoList::OtherKind),
    }
}

pub(in crate::http) fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

struct Fields<F>(F);

impl<'a, F: FnMut(Cow<'a, str>, &'a RawValue)> Visitor<'a> for Fields<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((Text(name), value)) = map.next_entry()? {
            self.0(name, value);
        }
        Ok(())
    }
}

struct Entries<'f, 'a> {
    found: &'f mut Vec<&'a RawValue>,
    at_most: usize,
}

impl<'a> DeserializeSeed<'a> for Entries<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for Entries<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(entry) = list.next_element()? {
            self.found.push(entry);
            if self.found.len() > self.at_most {
                return Err(A::Error::custom("too long"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn fields_and_entries_are_parts_of_the_bytes() {
        let mut found = Vec::new();
        assert!(fields(raw(r#"{"a": [1, 2], "b\u0041": {}, "a": null}"#), |name, value| found
            .push((name.into_owned(), value.get()))));
        let expected = [("a", "[1, 2]"), ("bA", "{}"), ("a", "null")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)));
        assert!(!fields(raw("[]"), |_, _| {}));
        let texts = |json, at_most| entries(raw(json), at_most).map(|list| list.iter().map(|one| one.get()).collect());
        assert_eq!(texts(r#"[1, {"x": []} ]"#, 2), Ok(vec!["1", r#"{"x": []}"#]));
        assert_eq!(texts("[1,2,3]", 2), Err(NoList::TooLong));
        assert_eq!(texts("{}", 2), Err(NoList::OtherKind));
    }
}
