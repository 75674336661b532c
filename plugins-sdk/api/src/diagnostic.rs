//! Findings that point into a tree.

use crate::path::TreePath;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// How bad a finding is. Errors stop what is being done, after all findings are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Stops the merge or command.
    Error,
    /// Shown; nothing stops.
    Warning,
    /// Good to know.
    Note,
}

/// Which of the trees a finding points into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TreeRole {
    /// The pack's tree.
    App,
    /// The operator's customization directory.
    Customization,
    /// The result of the merge.
    Merged,
    /// The plugin's own files.
    Plugin,
}

/// A place in a file of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Which tree.
    pub tree: TreeRole,
    /// Which file.
    pub path: TreePath,
    /// 1-based line; 0 means the whole file.
    #[serde(default)]
    pub line: u32,
    /// 1-based column in characters; 0 when unknown.
    #[serde(default)]
    pub column: u32,
    /// Last line of the span, 0 when unknown.
    #[serde(default)]
    pub end_line: u32,
    /// Column after the span, 0 when unknown.
    #[serde(default)]
    pub end_column: u32,
}

impl Location {
    /// The whole of a file.
    pub const fn file(tree: TreeRole, path: TreePath) -> Self {
        Self { tree, path, line: 0, column: 0, end_line: 0, end_column: 0 }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Stable, documented word, e.g. `unclaimed-file`.
    pub code: String,
    /// What is wrong, naming the thing.
    pub message: String,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Location>,
    /// The way out; shown as `hint:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error that points at no file yet.
    pub fn error(code: &str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code: code.into(), message: message.into(), at: None, help: None }
    }

    /// A warning that points at no file yet.
    pub fn warning(code: &str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// The same finding, pointing at `at`.
    #[must_use]
    pub fn at(self, at: Location) -> Self {
        Self { at: Some(at), ..self }
    }

    /// The same finding with a way out.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}
