//! What is wrong with a file that a person wrote, and how it is told.

use silver_overlay::nearest;
use silver_plugin_api::path::is_control;
use std::{fmt, ops::Range};

/// One problem at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field, e.g. `processes.web.memory` or `bind[2].from`; empty for a syntax error.
    pub field: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// How many characters of the line are meant, at least 1.
    pub width: usize,
    /// The line of the file.
    pub source_line: String,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// Not TOML.
    Syntax(String),
    /// A name that nothing here has.
    UnknownField {
        /// The names there are.
        allowed: Vec<String>,
    },
    /// A name that has to be here.
    MissingField,
    /// A number where a text has to be, say.
    WrongType {
        /// What is there.
        found: String,
        /// What has to be there.
        wanted: String,
    },
    /// One of a fixed set of words was expected.
    UnknownValue {
        /// What is there.
        found: String,
        /// The words there are.
        allowed: Vec<String>,
    },
    /// A value that breaks a rule.
    Invalid {
        /// Which rule, and how.
        message: String,
        /// The way out.
        hint: Option<String>,
    },
    /// Part of the format, but this version of silver cannot do it yet.
    NotSupported {
        /// The value, when only that is not supported.
        value: Option<String>,
        /// The way out.
        hint: Option<String>,
    },
}

impl Problem {
    pub(super) fn new<S: AsRef<str>>(text: &str, span: &Range<usize>, path: &[S], kind: ProblemKind) -> Self {
        let start = floor(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = floor(text, span.end).clamp(start, line_end.max(start));
        Self {
            field: dotted(path),
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            width: text[start..end].chars().count().max(1),
            source_line: text[line_start..line_end].trim_end_matches('\r').to_owned(),
            kind,
        }
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> String {
        let field = &self.field;
        let name = field.rsplit('.').next().unwrap_or_default();
        match &self.kind {
            ProblemKind::Syntax(message) => message.clone(),
            ProblemKind::UnknownField { .. } => format!("unknown field `{field}`"),
            ProblemKind::MissingField => match field.rsplit_once('.') {
                Some((table, _)) => format!("`{table}` has no `{name}`"),
                None => format!("`{name}` is missing"),
            },
            ProblemKind::WrongType { found, wanted } => format!("`{field}` is {found}, it has to be {wanted}"),
            ProblemKind::UnknownValue { found, .. } => format!("`{field}` is `{found}`, which is not one of its values"),
            ProblemKind::Invalid { message, .. } if field.is_empty() => message.clone(),
            ProblemKind::Invalid { message, .. } => format!("`{field}`: {message}"),
            ProblemKind::NotSupported { value: Some(value), .. } => format!("`{field} = {value:?}` is not supported yet"),
            ProblemKind::NotSupported { .. } => format!("`{field}` is not supported yet"),
        }
    }

    /// The way out, if there is one to tell.
    pub fn hint(&self) -> Option<String> {
        let name = self.field.rsplit('.').next().unwrap_or_default();
        match &self.kind {
            ProblemKind::UnknownField { allowed } => Some(suggest(name, allowed)),
            ProblemKind::UnknownValue { found, allowed } => Some(suggest(found, allowed)),
            ProblemKind::Invalid { hint, .. } | ProblemKind::NotSupported { hint, .. } => hint.clone(),
            ProblemKind::Syntax(_) | ProblemKind::MissingField | ProblemKind::WrongType { .. } => None,
        }
    }
}

/// `text` cut at `at`, or before it when that is inside of a character or behind the end.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// `bind[2].from`.
fn dotted<S: AsRef<str>>(path: &[S]) -> String {
    let mut text = String::new();
    for name in path {
        let name = name.as_ref();
        if !text.is_empty() && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
            text.extend(["[", name, "]"]);
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
            if bare {
                text.push_str(name);
            } else {
                text.extend(["\"", &name.escape_debug().to_string(), "\""]);
            }
        }
    }
    text
}

fn suggest(found: &str, allowed: &[String]) -> String {
    let list = allowed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match nearest(found, allowed.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`? Allowed: {list}"),
        None if allowed.is_empty() => "nothing is allowed here".into(),
        None => format!("allowed: {list}"),
    }
}

/// All that is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentError {
    /// The file, as the caller named it.
    pub file: String,
    /// In the order of the file; never empty.
    pub problems: Vec<Problem>,
}

impl DocumentError {
    pub(super) fn new(file: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Self { file: file.into(), problems }
    }

    /// The hint of the only problem. With several, each hint stands below its problem.
    pub fn hint(&self) -> Option<String> {
        match self.problems.as_slice() {
            [problem] => problem.hint(),
            _ => None,
        }
    }
}

/// Each problem with its place and the line of the file.
impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            let Problem { line, column, width, source_line, .. } = problem;
            write!(f, "{}:{line}:{column}: {}", self.file, problem.message())?;
            if !source_line.trim().is_empty() {
                let number = line.to_string();
                let margin = " ".repeat(number.len());
                let before: String = source_line.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
                let line: String = source_line.chars().map(|c| if c != '\t' && is_control(c) { '\u{fffd}' } else { c }).collect();
                write!(f, "\n{number} | {line}\n{margin} | {before}{}", "^".repeat(*width))?;
            }
            if let (Some(hint), true) = (problem.hint(), self.problems.len() > 1) {
                write!(f, "\nhint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for DocumentError {}
