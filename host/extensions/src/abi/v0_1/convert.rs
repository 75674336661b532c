//! Values of version 0.1, both ways.

use super::bindings::customizer::silver::plugin::{trees, types};
use crate::host::{line, text};
use silver_plugin_api::{self as api, Failure, TreePath};

pub(super) fn entry(entry: &api::Entry) -> types::Entry {
    types::Entry {
        path: entry.path.as_str().to_owned(),
        kind: match entry.kind {
            api::EntryKind::File => types::EntryKind::File,
            api::EntryKind::Directory => types::EntryKind::Directory,
            api::EntryKind::Symlink => types::EntryKind::Symlink,
        },
        size: entry.size,
        executable: entry.executable,
        digest: entry.digest.map(|digest| digest.to_string()),
    }
}

pub(super) fn collision(on: trees::Collision) -> api::Collision {
    match on {
        trees::Collision::Fail => api::Collision::Fail,
        trees::Collision::Replace => api::Collision::Replace,
        trees::Collision::Keep => api::Collision::Keep,
    }
}

pub(super) fn reason(why: &trees::Reason) -> api::Reason {
    api::Reason { rule: line(&why.rule), inputs: why.inputs.iter().take(100).map(|input| line(input)).collect() }
}

/// Settings, as the interface has them.
pub(super) fn pairs(settings: &api::Settings) -> Vec<(String, String)> {
    settings.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A failure that the plugin answered.
pub(super) fn answered(failure: types::Failure) -> Failure {
    match failure {
        types::Failure::Invalid(list) => Failure::Invalid(diagnostics(list)),
        types::Failure::NotFound(what) => Failure::NotFound(text(&what)),
        types::Failure::Denied(what) => Failure::Denied(text(&what)),
        types::Failure::Limit(what) => Failure::Limit(text(&what)),
        types::Failure::Unavailable(what) => Failure::Unavailable(text(&what)),
        types::Failure::Internal(what) => Failure::Internal(text(&what)),
    }
}

/// A failure that the host answers.
pub(super) fn failure(failure: Failure) -> types::Failure {
    match failure {
        Failure::Invalid(list) => types::Failure::Invalid(list.into_iter().map(told).collect()),
        Failure::NotFound(what) => types::Failure::NotFound(what),
        Failure::Denied(what) => types::Failure::Denied(what),
        Failure::Limit(what) => types::Failure::Limit(what),
        Failure::Unavailable(what) => types::Failure::Unavailable(what),
        Failure::Internal(what) => types::Failure::Internal(what),
    }
}

/// Findings that the plugin answered. A finding at an impossible path loses its place, not its
/// message.
pub(super) fn diagnostics(list: Vec<types::Diagnostic>) -> Vec<api::Diagnostic> {
    list.into_iter().map(heard).collect()
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
            path: TreePath::new(&at.path).ok()?,
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
        code: line(&diagnostic.code),
        message: text(&diagnostic.message),
        at,
        help: diagnostic.help.map(|help| text(&help)),
    }
}

fn told(diagnostic: api::Diagnostic) -> types::Diagnostic {
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
            path: at.path.as_str().to_owned(),
            line: at.line,
            column: at.column,
            end_line: at.end_line,
            end_column: at.end_column,
        }),
        help: diagnostic.help,
    }
}
