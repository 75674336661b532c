//! A `serde` deserializer over [`Node`] whose errors are typed and know their path.

use super::{
    HINT, NOT_YET,
    node::{Content, Node},
    problem::ProblemKind,
};
use serde::{
    de::{self, DeserializeOwned, DeserializeSeed, Expected, IntoDeserializer, Unexpected, Visitor, value::StrDeserializer},
    forward_to_deserialize_any,
};
use std::fmt;

/// The first thing that failed, and where.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) path: Vec<String>,
    pub(super) kind: ProblemKind,
}

pub(super) fn decode<T: DeserializeOwned>(root: &Node) -> Result<T, Fault> {
    T::deserialize(Reader { node: root }).map_err(|mut fault| {
        fault.path.reverse();
        fault
    })
}

impl Fault {
    fn here(kind: ProblemKind) -> Self {
        Self { path: Vec::new(), kind }
    }

    /// The path is collected on the way out, last name first.
    fn below(mut self, name: &str) -> Self {
        self.path.push(name.to_owned());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        let (text, hint) = match text.split_once(HINT) {
            Some((text, hint)) => (text, Some(hint.to_owned())),
            None => (text.as_str(), None),
        };
        Self::here(match text.strip_prefix(NOT_YET) {
            Some(value) => ProblemKind::NotSupported { value: Some(value.to_owned()).filter(|value| !value.is_empty()), hint },
            None => ProblemKind::Invalid { message: text.to_owned(), hint },
        })
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::here(ProblemKind::WrongType { found: plain_words(&found.to_string()), wanted: plain_words(&wanted.to_string()) })
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::invalid_type(found, wanted)
    }

    fn unknown_variant(found: &str, allowed: &'static [&'static str]) -> Self {
        Self::here(ProblemKind::UnknownValue {
            found: found.to_owned(),
            allowed: allowed.iter().map(|&name| name.to_owned()).collect(),
        })
    }

    fn unknown_field(_: &str, allowed: &'static [&'static str]) -> Self {
        Self::here(ProblemKind::UnknownField { allowed: allowed.iter().map(|&name| name.to_owned()).collect() })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::here(ProblemKind::MissingField).below(field)
    }
}

#[derive(Clone, Copy)]
struct Reader<'n> {
    node: &'n Node,
}

impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.content {
            Content::Text(text) => visitor.visit_str(text),
            Content::Integer(number) => visitor.visit_i64(*number),
            Content::Float(number) => visitor.visit_f64(*number),
            Content::Boolean(value) => visitor.visit_bool(*value),
            // No format of ours has dates: whoever wants text says so.
            Content::Datetime(text) => {
                Err(Fault::here(ProblemKind::WrongType { found: format!("date `{text}`"), wanted: "a value in quotes".into() }))
            }
            Content::Array(items) => visitor.visit_seq(Items { items: items.iter() }),
            Content::Table(entries) => visitor.visit_map(Entries { entries: entries.iter(), value: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.content {
            Content::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'n> {
    items: std::slice::Iter<'n, (usize, Node)>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some((at, node)) = self.items.next() else { return Ok(None) };
        seed.deserialize(Reader { node }).map(Some).map_err(|fault| fault.below(&at.to_string()))
    }
}

struct Entries<'n> {
    entries: std::collections::btree_map::Iter<'n, String, Node>,
    value: Option<(&'n str, &'n Node)>,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, node)) = self.entries.next() else { return Ok(None) };
        self.value = Some((key, node));
        let reader: StrDeserializer<'_, Fault> = key.as_str().into_deserializer();
        seed.deserialize(reader).map(Some).map_err(|fault| fault.below(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, node) = self.value.take().ok_or_else(|| <Fault as de::Error>::custom("a value before its key"))?;
        seed.deserialize(Reader { node }).map_err(|fault| fault.below(key))
    }
}

/// serde's words in words for people.
fn plain_words(words: &str) -> String {
    match words {
        "u8" | "u16" | "u32" | "u64" | "i32" | "i64" => "a whole number".into(),
        "a boolean" => "true or false".into(),
        "map" | "a map" => "a table".into(),
        "sequence" | "a sequence" => "a list".into(),
        words if words.starts_with("struct ") => "a table".into(),
        words => match words.strip_prefix("string ").or_else(|| words.strip_prefix("integer ")) {
            Some(value) => value.trim_matches('`').into(),
            None => words.into(),
        },
    }
}
