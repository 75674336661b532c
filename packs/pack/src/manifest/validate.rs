//! The rules that look at more than one field.

use super::Manifest;
use crate::document::{Document, DocumentError, Problem, ProblemKind};

/// Checks everything that the types do not say.
pub(super) fn validate(manifest: &Manifest, document: &Document<'_>) -> Result<(), DocumentError> {
    let mut rules = Rules { document, problems: Vec::new() };
    if manifest.format != 1 {
        let hint = "this silver reads format 1; a newer pack needs a newer silver";
        rules.wrong(&["format"], format!("format {} is not known", manifest.format), Some(hint));
    }
    if rules.problems.is_empty() { Ok(()) } else { Err(document.error(rules.problems)) }
}

struct Rules<'d, 't> {
    document: &'d Document<'t>,
    problems: Vec<Problem>,
}

impl Rules<'_, '_> {
    fn wrong(&mut self, path: &[&str], message: impl Into<String>, hint: Option<&str>) {
        let kind = ProblemKind::Invalid { message: message.into(), hint: hint.map(Into::into) };
        self.problems.push(self.document.problem(path, kind));
    }
}
