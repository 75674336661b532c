//! A TOML value with its place in the text.

use std::{collections::BTreeMap, ops::Range};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A value with the span of itself and of its key.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) key: Range<usize>,
    pub(super) content: Content,
}

/// What a value is. An array's items keep the index that they have in the file, also after an
/// item before them was taken out.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Datetime(String),
    Array(Vec<(usize, Node)>),
    Table(BTreeMap<String, Node>),
}

impl Node {
    /// Parses a file; all syntax errors with their spans.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<(Range<usize>, String)>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            let place = |error: &toml::de::Error| error.span().unwrap_or(0..0);
            return Err(errors.iter().map(|error| (place(error), error.message().to_owned())).collect());
        }
        let mut errors = Vec::new();
        let span = table.span();
        let root = Self { key: 0..0, span, content: Self::table(table.into_inner(), &mut errors) };
        if errors.is_empty() { Ok(root) } else { Err(errors) }
    }

    fn table(table: DeTable<'_>, errors: &mut Vec<(Range<usize>, String)>) -> Content {
        let entry = |(key, value): (Spanned<std::borrow::Cow<'_, str>>, _)| {
            let span = key.span();
            (key.into_inner().into_owned(), Self::new(value, span, errors))
        };
        Content::Table(table.into_iter().map(entry).collect())
    }

    fn new(value: Spanned<DeValue<'_>>, key: Range<usize>, errors: &mut Vec<(Range<usize>, String)>) -> Self {
        let span = value.span();
        let content = match value.into_inner() {
            DeValue::String(text) => Content::Text(text.into_owned()),
            DeValue::Integer(number) => {
                let parsed = i64::from_str_radix(number.as_str(), number.radix());
                if parsed.is_err() {
                    errors.push((span.clone(), "the number does not fit into 64 bits".into()));
                }
                Content::Integer(parsed.unwrap_or_default())
            }
            // TOML's grammar for floats is within that of Rust.
            DeValue::Float(number) => Content::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(value) => Content::Boolean(value),
            DeValue::Datetime(value) => Content::Datetime(value.to_string()),
            DeValue::Array(items) => {
                let item = |(at, item): (usize, Spanned<DeValue<'_>>)| {
                    let span = item.span();
                    (at, Self::new(item, span, errors))
                };
                Content::Array(items.into_iter().enumerate().map(item).collect())
            }
            DeValue::Table(table) => Self::table(table, errors),
        };
        Self { span, key, content }
    }

    fn child(&self, name: &str) -> Option<&Self> {
        match &self.content {
            Content::Table(entries) => entries.get(name),
            Content::Array(items) => items.iter().find(|(at, _)| name.parse() == Ok(*at)).map(|(_, item)| item),
            _ => None,
        }
    }

    /// The place of `path`, or of the nearest enclosing value that exists; of its key when `key`
    /// says so.
    pub(super) fn span<S: AsRef<str>>(&self, path: &[S], key: bool) -> Range<usize> {
        let mut at = self;
        for name in path {
            match at.child(name.as_ref()) {
                Some(child) => at = child,
                None => break,
            }
        }
        // The span of a table is its header or its braces; of a dotted table nothing useful.
        let named_by_key = key || (matches!(at.content, Content::Table(_)) && !at.key.is_empty());
        if named_by_key { at.key.clone() } else { at.span.clone() }
    }

    /// What is at `path` alone, with `name` as its last name; `None` when nothing is there.
    pub(super) fn alone(&self, path: &[String], name: &str) -> Option<Self> {
        let (first, rest) = path.split_first()?;
        let child = self.child(first)?;
        let (key, child) = match rest {
            [] => (name, child.clone()),
            _ => (first.as_str(), child.alone(rest, name)?),
        };
        let content = match &self.content {
            Content::Array(_) => Content::Array(vec![(first.parse().ok()?, child)]),
            _ => Content::Table(BTreeMap::from([(key.to_owned(), child)])),
        };
        Some(Self { span: self.span.clone(), key: self.key.clone(), content })
    }

    /// Takes out the entry at `path`; false when there is none.
    pub(super) fn remove(&mut self, path: &[String]) -> bool {
        let Some((name, rest)) = path.split_first() else { return false };
        match &mut self.content {
            Content::Table(entries) if rest.is_empty() => entries.remove(name).is_some(),
            Content::Table(entries) => entries.get_mut(name).is_some_and(|child| child.remove(rest)),
            Content::Array(items) => {
                let Some(index) = items.iter().position(|(at, _)| name.parse() == Ok(*at)) else { return false };
                if rest.is_empty() {
                    items.remove(index);
                    true
                } else {
                    items[index].1.remove(rest)
                }
            }
            _ => false,
        }
    }
}
