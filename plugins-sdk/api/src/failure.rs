//! The one error type of every fallible call between silver and a plugin.

use crate::diagnostic::Diagnostic;
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// The caller's input is wrong; explainable to the operator.
    #[error("invalid input{}", first(.0))]
    Invalid(Vec<Diagnostic>),
    /// Path, package, command or secret does not exist.
    #[error("not found: {0}")]
    NotFound(String),
    /// A capability was not granted; names the missing grant.
    #[error("denied: {0}")]
    Denied(String),
    /// A host limit was hit (bytes, entries, requests, time).
    #[error("limit reached: {0}")]
    Limit(String),
    /// Transport or disk trouble; worth retrying.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// A bug of the plugin (or of the host, when the host says so).
    #[error("internal error: {0}")]
    Internal(String),
}

fn first(diagnostics: &[Diagnostic]) -> String {
    diagnostics.first().map(|diagnostic| alloc::format!(": {}", diagnostic.message)).unwrap_or_default()
}

impl Failure {
    /// `Invalid` with one finding that points at no file.
    pub fn invalid(code: &str, message: impl Into<String>, help: Option<&str>) -> Self {
        let mut diagnostic = Diagnostic::error(code, message);
        diagnostic.help = help.map(Into::into);
        Self::Invalid(alloc::vec![diagnostic])
    }
}
