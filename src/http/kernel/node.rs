//! JSON as a tree that borrows from its bytes. Unlike `serde_json::Value` it is small and keeps duplicate fields. It serializes
//! in canonical form: sorted keys, no white space, so that two spellings of a body are equal.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Number;

use crate::domain::fault::{Fault, FaultCode, MOST_FAULTS, NUL, pointer_token};

pub(in crate::http) enum Node<'a> {
    Null,
    Flag(bool),
    Number(Number),
    /// A string, borrowed if it has no escapes.
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    /// An object; fields in the order of the bytes.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
    /// A value with a fault, which readers skip.
    Removed,
}

/// A string, borrowed if it has no escapes.
#[derive(Deserialize)]
pub(in crate::http) struct Text<'a>(#[serde(borrow)] pub(in crate::http) Cow<'a, str>);

/// JSON in canonical form; empty if it is not JSON.
pub(in crate::http) fn canonical(json: &[u8]) -> Vec<u8> {
    let tree = serde_json::from_slice::<Node<'_>>(json);
    tree.and_then(|tree| serde_json::to_vec(&tree)).unwrap_or_default()
}

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
            Fault::new(pointer, FaultCode::Text, NUL)
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

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null | Self::Removed => serializer.serialize_unit(),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(nodes) => serializer.collect_seq(nodes),
            Self::Object(fields) => {
                let mut sorted: Vec<_> = fields.iter().map(|(name, node)| (name, node)).collect();
                // The sort is stable: fields with one name keep their order.
                sorted.sort_by_key(|(name, _)| *name);
                serializer.collect_map(sorted)
            }
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
    use proptest::prelude::*;
    use serde_json::{Value, json};

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

    /// The canonical form according to a library.
    fn expected(body: &[u8]) -> Vec<u8> {
        let mut tree: Value = serde_json::from_slice(body).unwrap();
        tree.sort_all_objects();
        tree.to_string().into_bytes()
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            prop::num::f64::NORMAL.prop_map(|number| json!(number)),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,6}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().rev().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_spelling_of_a_body_becomes_the_canonical_form_of_a_library(tree in tree()) {
            let (short, long) = (serde_json::to_vec(&tree).unwrap(), serde_json::to_vec_pretty(&tree).unwrap());
            prop_assert_eq!(canonical(&short), expected(&short));
            prop_assert_eq!(canonical(&long), expected(&short));
        }
    }

    /// Stored fingerprints are digests of these forms, so they never change.
    #[test]
    fn a_body_keeps_its_canonical_form() {
        let forms = [
            ("{", ""),
            ("{} x", ""),
            ("[1e400]", ""),
            (r#"["\ud800"]"#, ""),
            ("null", "null"),
            (" { } ", "{}"),
            (
                r#"{"b":{"d":[ {"f":1,"e":2} ]},"a":null,"B":false}"#,
                r#"{"B":false,"a":null,"b":{"d":[{"e":2,"f":1}]}}"#,
            ),
            // Fields with one name stay, in their order.
            (r#"{"b":0,"a":2,"\u0061":1}"#, r#"{"a":2,"a":1,"b":0}"#),
            (
                r#"{"😀":4,"～":3,"ä":2,"":1,"$serde_json::private::RawValue":"[1, 2]"}"#,
                r#"{"":1,"$serde_json::private::RawValue":"[1, 2]","ä":2,"～":3,"😀":4}"#,
            ),
            ("[1.0,1.50,-0,-0.0,1e2,1E+2,0.1e1,1e-7,1e-400]", "[1.0,1.5,-0.0,-0.0,100.0,100.0,1.0,1e-7,0.0]"),
            ("[1e20,5e-324,0.30000000000000004]", "[1e+20,5e-324,0.30000000000000004]"),
            ("[9223372036854775808,18446744073709551615]", "[9223372036854775808,18446744073709551615]"),
            ("[18446744073709551616,-9223372036854775809]", "[1.8446744073709552e+19,-9.223372036854776e+18]"),
            (r#"["\u0041","\u00e4","\ud83d\ude00","\/","\"","\\"]"#, r#"["A","ä","😀","/","\"","\\"]"#),
            (
                r#"["\b\f\n\r\t","\u0000","\u001f","\u007f"]"#,
                "[\"\\b\\f\\n\\r\\t\",\"\\u0000\",\"\\u001f\",\"\u{7f}\"]",
            ),
        ];
        for (body, form) in forms {
            assert_eq!(String::from_utf8(canonical(body.as_bytes())).unwrap(), form, "{body}");
        }
    }
}
