//! Values, both ways. Whatever comes from a plugin is judged or cleaned here: paths and digests are
//! parsed, texts lose what steers a terminal.

use super::state::HostError;
use crate::bindings::customizer::silver::plugin::{trees, types};
use silver_plugin_api::{self as api, Failure, TreePath, path::plain};

/// The longest text that is kept of a plugin, in bytes.
const MAX_TEXT: usize = 16 << 10;

/// Text of several lines, for people.
pub(crate) fn text(said: &str) -> String {
    let cut = said.floor_char_boundary(MAX_TEXT);
    plain(&said[..cut]).into_owned()
}

/// Text of one line, for people.
pub(crate) fn line(said: &str) -> String {
    text(said).replace(['\n', '\t'], " ")
}

pub(super) fn path(said: &str) -> Result<TreePath, HostError> {
    TreePath::new(said).map_err(|error| {
        let message = format!("not a path inside a tree: `{}`: {error}", line(said));
        HostError::Failure(Failure::invalid("path", message, None))
    })
}

pub(super) fn digest(said: &str) -> Result<api::Digest, HostError> {
    said.parse().map_err(|_| HostError::Failure(Failure::invalid("digest", format!("not a digest: `{}`", line(said)), None)))
}

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

/// A failure that the plugin answered.
pub(crate) fn answered(failure: types::Failure) -> Failure {
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
pub(crate) fn diagnostics(list: Vec<types::Diagnostic>) -> Vec<api::Diagnostic> {
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
