//! Canonical form of a JSON body: sorted keys, no white space, so that two spellings of a request are equal.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::node::Node;

/// The body in canonical form; empty if it is not JSON.
pub(in crate::http) fn canonical(body: &[u8]) -> Vec<u8> {
    let tree = serde_json::from_slice::<Node<'_>>(body);
    let sorted = tree.map(|mut tree| {
        sort(&mut tree);
        tree
    });
    sorted.and_then(|tree| serde_json::to_vec(&tree)).unwrap_or_default()
}

fn sort(node: &mut Node<'_>) {
    match node {
        Node::List(nodes) => nodes.iter_mut().for_each(sort),
        Node::Object(fields) => {
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            for (_, node) in fields {
                sort(node);
            }
        }
        _ => {}
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
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, node) in fields {
                    map.serialize_entry(name, node)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

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

    #[test]
    fn invalid_json_becomes_empty() {
        assert_eq!(canonical(b"{"), b"");
        assert_eq!(canonical(br#"{"b":1,"a":[1.50,"\u0041"]}"#), br#"{"a":[1.5,"A"],"b":1}"#);
    }
}
