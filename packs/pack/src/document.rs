//! Reading the TOML files that people write: every value keeps its place, every error names file,
//! line, field, what was found and what is allowed, and one run reports all errors.
//!
//! `serde` stops at the first error. Decoding is therefore repeated without the entry that failed,
//! until nothing fails any more: the types stay plain `serde` types.

mod decode;
mod node;
mod problem;

pub use problem::{DocumentError, Problem, ProblemKind};
pub use silver_overlay::nearest;

use decode::Fault;
use node::Node;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// The most problems that one reading reports.
const MAX_PROBLEMS: usize = 50;

/// What stands at the start of a custom error's text when it means «known, but not supported yet».
pub(crate) const NOT_YET: &str = "\u{1}not-yet\u{1}";
/// Separates a custom error's text from its hint.
pub(crate) const HINT: &str = "\u{1}hint\u{1}";

/// A TOML file with the place of every value.
#[derive(Debug)]
pub struct Document<'t> {
    file: String,
    text: &'t str,
    root: Node,
}

/// Is a field `name` in the place of the one at `path` known, and not supported yet? Then it is not offered.
fn is_reserved<T: DeserializeOwned>(root: &Node, path: &[String], name: &str) -> bool {
    let fault = root.alone(path, name).and_then(|alone| decode::decode::<T>(&alone).err());
    fault.is_some_and(|fault| matches!(fault.kind, ProblemKind::NotSupported { value: None, .. }))
}

impl<'t> Document<'t> {
    /// Parses `text`; `file` is only named in errors.
    pub fn parse(text: &'t str, file: &str) -> Result<Self, DocumentError> {
        match Node::parse(text) {
            Ok(root) => Ok(Self { file: file.into(), text, root }),
            Err(errors) => {
                let problems = errors
                    .into_iter()
                    .map(|(span, message)| Problem::new::<&str>(text, &span, &[], ProblemKind::Syntax(message)));
                Err(DocumentError::new(file, problems.collect()))
            }
        }
    }

    /// Decodes the whole file, collecting all problems.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DocumentError> {
        let mut root = self.root.clone();
        let mut problems = Vec::new();
        let mut gone: BTreeSet<Vec<String>> = BTreeSet::new();
        loop {
            let fault = match decode::decode::<T>(&root) {
                Ok(value) if problems.is_empty() => return Ok(value),
                Ok(_) => break,
                Err(fault) => fault,
            };
            let Fault { path, mut kind } = fault;
            if let ProblemKind::UnknownField { allowed } = &mut kind {
                allowed.retain(|name| !is_reserved::<T>(&root, &path, name));
            }
            let missing = matches!(kind, ProblemKind::MissingField);
            if !gone.contains(&path) {
                problems.push(self.problem(&path, kind));
            }
            // What is missing cannot be taken away; its table can.
            let cut = if missing { &path[..path.len().saturating_sub(1)] } else { &path[..] };
            if cut.is_empty() || problems.len() >= MAX_PROBLEMS || !root.remove(cut) {
                break;
            }
            gone.insert(cut.to_vec());
        }
        Err(DocumentError::new(&self.file, problems))
    }

    /// A problem found after decoding, at the place of `path` or of the nearest enclosing value
    /// that is written down.
    pub fn problem<S: AsRef<str>>(&self, path: &[S], kind: ProblemKind) -> Problem {
        let key = matches!(kind, ProblemKind::UnknownField { .. } | ProblemKind::NotSupported { .. });
        Problem::new(self.text, &self.root.span(path, key), path, kind)
    }

    /// As [`Document::bare_problem`], at the place of the key instead of its value.
    pub fn key_problem<S: AsRef<str>>(&self, path: &[S], kind: ProblemKind) -> Problem {
        Problem { field: String::new(), ..Problem::new(self.text, &self.root.span(path, true), path, kind) }
    }

    /// As [`Document::problem`], for a message that names the thing itself: the field is left out.
    pub fn bare_problem<S: AsRef<str>>(&self, path: &[S], kind: ProblemKind) -> Problem {
        Problem { field: String::new(), ..self.problem(path, kind) }
    }

    /// The error made of problems found after decoding.
    pub fn error(&self, problems: Vec<Problem>) -> DocumentError {
        DocumentError::new(&self.file, problems)
    }
}
