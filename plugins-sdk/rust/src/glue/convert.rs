//! Values, both ways. What the host says is trusted to be well formed (it validates every path
//! and digest); should it not be, that is an internal error and not a panic.

use crate::bindings::customizer::silver::plugin::{trees, types};
use silver_plugin_api as api;

pub(super) fn path(text: &str) -> Result<api::TreePath, api::Failure> {
    api::TreePath::new(text).map_err(|error| api::Failure::Internal(format!("the host named the path `{text}`: {error}")))
}

pub(super) fn digest(text: &str) -> Result<api::Digest, api::Failure> {
    text.parse().map_err(|error| api::Failure::Internal(format!("the host named a digest: {error}")))
}

pub(super) fn entry(entry: &types::Entry) -> Result<api::Entry, api::Failure> {
    Ok(api::Entry {
        path: path(&entry.path)?,
        kind: match entry.kind {
            types::EntryKind::File => api::EntryKind::File,
            types::EntryKind::Directory => api::EntryKind::Directory,
            types::EntryKind::Symlink => api::EntryKind::Symlink,
        },
        size: entry.size,
        executable: entry.executable,
        digest: entry.digest.as_deref().map(digest).transpose()?,
    })
}

pub(super) fn entries(page: &[types::Entry]) -> Result<Vec<api::Entry>, api::Failure> {
    page.iter().map(entry).collect()
}

pub(super) fn collision(on: api::Collision) -> trees::Collision {
    match on {
        api::Collision::Fail => trees::Collision::Fail,
        api::Collision::Replace => trees::Collision::Replace,
        api::Collision::Keep => trees::Collision::Keep,
    }
}

pub(super) fn reason(why: api::Reason) -> trees::Reason {
    trees::Reason { rule: why.rule, inputs: why.inputs }
}

/// A failure that the host answered.
pub(super) fn failed(failure: types::Failure) -> api::Failure {
    match failure {
        types::Failure::Invalid(list) => api::Failure::Invalid(list.into_iter().map(heard).collect()),
        types::Failure::NotFound(what) => api::Failure::NotFound(what),
        types::Failure::Denied(what) => api::Failure::Denied(what),
        types::Failure::Limit(what) => api::Failure::Limit(what),
        types::Failure::Unavailable(what) => api::Failure::Unavailable(what),
        types::Failure::Internal(what) => api::Failure::Internal(what),
    }
}

/// A failure that the plugin answers.
pub(super) fn failure(failure: api::Failure) -> types::Failure {
    match failure {
        api::Failure::Invalid(list) => types::Failure::Invalid(diagnostics(list)),
        api::Failure::NotFound(what) => types::Failure::NotFound(what),
        api::Failure::Denied(what) => types::Failure::Denied(what),
        api::Failure::Limit(what) => types::Failure::Limit(what),
        api::Failure::Unavailable(what) => types::Failure::Unavailable(what),
        api::Failure::Internal(what) => types::Failure::Internal(what),
    }
}

pub(super) fn diagnostics(list: Vec<api::Diagnostic>) -> Vec<types::Diagnostic> {
    list.into_iter().map(said).collect()
}

fn said(diagnostic: api::Diagnostic) -> types::Diagnostic {
    types::Diagnostic {
        severity: match diagnostic.severity {
            api::Severity::Error => types::Severity::Error,
            api::Severity::Warning => types::Severity::Warning,
            api::Severity::Note => types::Severity::Note,
        },
        code: diagnostic.code,
        message: diagnostic.message,
        at: diagnostic.at.map(|at| types::Location {
            tree: match at.tree {
                api::TreeRole::App => types::TreeRole::App,
                api::TreeRole::Customization => types::TreeRole::Customization,
                api::TreeRole::Merged => types::TreeRole::Merged,
                api::TreeRole::Plugin => types::TreeRole::Plugin,
            },
            path: at.path.as_str().into(),
            line: at.line,
            column: at.column,
            end_line: at.end_line,
            end_column: at.end_column,
        }),
        help: diagnostic.help,
    }
}

fn heard(diagnostic: types::Diagnostic) -> api::Diagnostic {
    let at = diagnostic.at.and_then(|at| {
        Some(api::Location {
            tree: match at.tree {
                types::TreeRole::App => api::TreeRole::App,
                types::TreeRole::Customization => api::TreeRole::Customization,
                types::TreeRole::Merged => api::TreeRole::Merged,
                types::TreeRole::Plugin => api::TreeRole::Plugin,
            },
            path: path(&at.path).ok()?,
            line: at.line,
            column: at.column,
            end_line: at.end_line,
            end_column: at.end_column,
        })
    });
    api::Diagnostic {
        severity: match diagnostic.severity {
            types::Severity::Error => api::Severity::Error,
            types::Severity::Warning => api::Severity::Warning,
            types::Severity::Note => api::Severity::Note,
        },
        code: diagnostic.code,
        message: diagnostic.message,
        at,
        help: diagnostic.help,
    }
}
