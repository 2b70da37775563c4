//! JSON as a tree that borrows from its bytes. Unlike `serde_json::Value` it is small and keeps duplicate fields.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use crate::domain::fault::{Fault, FaultCode, MOST_FAULTS, pointer_token};

/// A JSON value.
pub(in crate::http) enum Node<'a> {
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(Number),
    /// A string, borrowed if it has no escapes.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Node<'a>>),
    /// An object; fields in the order of the bytes.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
    /// A value with a fault, which readers skip.
    Removed,
}

/// A string, borrowed if it has no escapes.
pub(in crate::http) struct Text<'a>(pub(in crate::http) Cow<'a, str>);

/// Whether the JSON may contain the character U+0000, which only an escape can produce.
pub(in crate::http) fn may_hold_nul(json: &[u8]) -> bool {
    json.split(|byte| *byte == b'\\').skip(1).any(|rest| rest.starts_with(b"u0000"))
}

/// Faults of strings with U+0000, which PostgreSQL cannot store.
pub(in crate::http) fn nul_faults(json: &[u8]) -> Vec<Fault> {
    let mut faults = Vec::new();
    if may_hold_nul(json)
        && let Ok(tree) = serde_json::from_slice::<Node<'_>>(json)
    {
        tree.find_nul(&mut Vec::new(), &mut faults);
    }
    faults
}

impl Node<'_> {
    fn find_nul(&self, path: &mut Vec<String>, faults: &mut Vec<Fault>) {
        let fault = |path: &[String]| {
            let pointer = path.iter().flat_map(|token| ["/", token]).collect::<String>();
            Fault::new(pointer, FaultCode::Text, "must not hold the character U+0000")
        };
        if faults.len() > MOST_FAULTS {
            return;
        }
        match self {
            Node::Text(text) if text.contains('\0') => faults.push(fault(path)),
            Node::List(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    path.push(index.to_string());
                    node.find_nul(path, faults);
                    path.pop();
                }
            }
            Node::Object(fields) => {
                for (name, node) in fields {
                    path.push(pointer_token(name));
                    if name.contains('\0') {
                        faults.push(fault(path));
                    } else {
                        node.find_nul(path, faults);
                    }
                    path.pop();
                }
            }
            _ => {}
        }
    }
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_str(Nodes)? {
            Node::Text(text) => Ok(Self(text)),
            _ => Err(D::Error::custom("a name must be a string")),
        }
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Node<'de>, E> {
        Ok(Node::Flag(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Node<'de>, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Node<'de>, E> {
        Ok(Number::from_f64(number).map_or(Node::Null, Node::Number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node<'de>, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some((Text(name), node)) = map.next_entry()? {
            fields.push((name, node));
        }
        Ok(Node::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_nul_is_reported_with_its_place_and_an_escaped_backslash_is_not_an_escape() {
        let pointers = |json: &str| -> Vec<String> {
            nul_faults(json.as_bytes()).into_iter().map(|fault| fault.pointer).collect()
        };
        assert_eq!(pointers(r#"{"a": ["x", "\u0000"], "b": {"c": "d\u0000e"}}"#), ["/a/1", "/b/c"]);
        assert_eq!(pointers(r#"{"a": "\\u0000", "b": "\\\u0000"}"#), ["/b"]);
        assert_eq!(pointers(r#"{"\u0000": 1}"#).len(), 1);
        assert_eq!(pointers("{}"), [""; 0]);
    }
}
