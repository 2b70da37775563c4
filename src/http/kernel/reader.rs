//! Reads a JSON type from a tree in several passes. A typed reader stops at its first fault; the next pass continues after
//! that place. This finds every fault, and each value is read only once in total.

use std::cell::RefCell;

use serde::de::value::{BorrowedStrDeserializer, Error};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer as _, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::Node;
use crate::domain::fault::pointer_token;

/// The place of a value: index of the child at each level, from the root.
pub(in crate::http) type Place = Vec<usize>;

pub(in crate::http) struct Reader<'n, 'a> {
    node: &'n Node<'a>,
    /// The place after which the pass starts, relative to this node; empty to read all of the node.
    behind: &'n [usize],
    depth: usize,
    /// Current place of the pass; after an error, the place of the fault.
    at: &'n RefCell<Place>,
}

impl<'n, 'a> Reader<'n, 'a> {
    /// A pass over a tree that starts after a place; an empty place starts at the beginning.
    pub(in crate::http) const fn new(tree: &'n Node<'a>, behind: &'n [usize], at: &'n RefCell<Place>) -> Self {
        Self { node: tree, behind, depth: 0, at }
    }

    fn refused(&self, expected: &str) -> Error {
        let found = match self.node {
            Node::Null | Node::Removed => Unexpected::Unit,
            Node::Flag(flag) => Unexpected::Bool(*flag),
            Node::Number(_) => Unexpected::Other("number"),
            Node::Text(_) => Unexpected::Other("string"),
            Node::List(_) => Unexpected::Seq,
            Node::Object(_) => Unexpected::Map,
        };
        Error::invalid_type(found, &expected)
    }
}

/// The children of a node, in order.
struct Children<'n, 'a> {
    parent: Reader<'n, 'a>,
    next: usize,
    value: Option<Reader<'n, 'a>>,
}

impl<'n, 'a> Children<'n, 'a> {
    const fn new(parent: Reader<'n, 'a>) -> Self {
        let next = match parent.behind {
            [] => 0,
            [last] => *last + 1,
            [on_the_way, ..] => *on_the_way,
        };
        Self { parent, next, value: None }
    }

    /// Enters the next child that is not removed and records its place; `None` at the end.
    fn enter(&mut self) -> Option<(&'n str, Reader<'n, 'a>)> {
        let Reader { node: parent, behind, depth, at } = self.parent;
        let mut place = at.borrow_mut();
        place.truncate(depth);
        loop {
            let index = self.next;
            let (name, node) = parent.child(index)?;
            self.next += 1;
            if !matches!(node, Node::Removed) {
                let behind = match behind {
                    [on_the_way, rest @ ..] if *on_the_way == index => rest,
                    _ => &[],
                };
                place.push(index);
                return Some((name, Reader { node, behind, depth: depth + 1, at }));
            }
        }
    }
}

impl<'n> SeqAccess<'n> for Children<'n, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'n>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.enter().map(|(_, value)| seed.deserialize(value)).transpose()
    }
}

impl<'n> MapAccess<'n> for Children<'n, '_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'n>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some((name, value)) = self.enter() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'n>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let value = self.value.take().ok_or_else(|| Error::custom("a value without a name"))?;
        seed.deserialize(value)
    }
}

impl<'n> Deserializer<'n> for Reader<'n, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node {
            Node::Null | Node::Removed => visitor.visit_unit(),
            Node::Flag(flag) => visitor.visit_bool(*flag),
            Node::Number(number) => number.deserialize_any(visitor).map_err(Error::custom),
            Node::Text(text) => visitor.visit_borrowed_str(text),
            Node::List(_) => visitor.visit_seq(Children::new(self)),
            Node::Object(_) => visitor.visit_map(Children::new(self)),
        }
    }

    fn deserialize_option<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node {
            Node::Null | Node::Removed => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'n>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'n>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.node {
            Node::Object(_) => self.deserialize_any(visitor),
            _ => Err(self.refused("an object")),
        }
    }

    fn deserialize_enum<V: Visitor<'n>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.node {
            Node::Text(text) => visitor.visit_enum((&**text).into_deserializer()),
            _ => Err(self.refused("a string")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <V: Visitor<'n>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier
    }
}

impl Node<'_> {
    /// A child with its name, which is empty in a list.
    fn child(&self, index: usize) -> Option<(&str, &Self)> {
        match self {
            Node::List(nodes) => nodes.get(index).map(|child| ("", child)),
            Node::Object(fields) => fields.get(index).map(|(name, child)| (&**name, child)),
            _ => None,
        }
    }

    /// The JSON pointer of a place.
    pub(in crate::http) fn pointer(&self, place: &[usize]) -> String {
        let mut pointer = String::new();
        let mut node = self;
        for index in place {
            let Some((name, child)) = node.child(*index) else { break };
            let token = if matches!(node, Node::List(_)) { index.to_string() } else { pointer_token(name) };
            pointer = format!("{pointer}/{token}");
            node = child;
        }
        pointer
    }

    /// Removes the value at a place from the tree. All other places stay valid.
    pub(in crate::http) fn remove(&mut self, place: &[usize]) {
        let mut node = self;
        for index in place {
            let child = match node {
                Node::List(nodes) => nodes.get_mut(*index),
                Node::Object(fields) => fields.get_mut(*index).map(|(_, child)| child),
                _ => None,
            };
            let Some(child) = child else { return };
            node = child;
        }
        *node = Node::Removed;
    }

    /// Removes everything after a place except one field of the root.
    pub(in crate::http) fn remove_behind(&mut self, place: &[usize], but: &str) {
        let Some((index, rest)) = place.split_first() else { return };
        match self {
            Node::List(nodes) => {
                nodes.truncate(*index + 1);
                if let Some(child) = nodes.get_mut(*index) {
                    child.remove_behind(rest, "");
                }
            }
            Node::Object(fields) => {
                let mut at = 0;
                fields.retain(|(name, _)| {
                    at += 1;
                    at <= *index + 1 || (!but.is_empty() && name == but)
                });
                if let Some((_, child)) = fields.get_mut(*index) {
                    child.remove_behind(rest, "");
                }
            }
            _ => {}
        }
    }
}
