//! Putting values into the files of an application: keys of ini, JSON and TOML files, and
//! templates. No value, whatever a person wrote into it, can change what the file around it means:
//! it is either written so that it reads back as it was given, or refused.

mod escape;
mod ini;
mod json;
mod template;
mod toml;

pub use escape::Language;
pub use template::template;

use silver_plugin_api::plan::FileFormat;

/// Why a file cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The text that values are to be put into is not what its format says.
    #[error("not {format}: {why}")]
    Parse {
        /// `JSON`, `TOML`, `a template`.
        format: &'static str,
        /// What the parser says.
        why: String,
    },
    /// A key that the format cannot hold.
    #[error("`{key}` cannot be a key here: {why}")]
    Key {
        /// The dotted key.
        key: String,
        /// Why not.
        why: String,
    },
    /// A value that the format cannot hold.
    #[error("the value of `{key}` cannot stand here: {why}")]
    Value {
        /// The dotted key, or the place in a template.
        key: String,
        /// Why not.
        why: String,
    },
    /// A template does something it must not.
    #[error("template `{name}`, line {line}: {why}")]
    Template {
        /// The template.
        name: String,
        /// 1-based; 0 when unknown.
        line: usize,
        /// What.
        why: String,
    },
    /// A template whose suffix says nothing about how to escape.
    #[error("template `{name}`: silver does not know how values are escaped in such a file")]
    UnknownSuffix {
        /// The template.
        name: String,
    },
}

impl RenderError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownSuffix { .. } => Some(
                "name it .php.j2, .js.j2, .ini.j2, .sh.j2, .json.j2, .toml.j2 or .html.j2, or write `{{ name | raw }}` \
                 where no value can do harm"
                    .into(),
            ),
            Self::Value { .. } => Some("choose another value".into()),
            _ => None,
        }
    }
}

/// Sets keys of a file and keeps everything else as it stands: comments, order, unknown lines.
///
/// `owned` are the keys that are ours (`section.key`, or `section.*` for all of one level): those
/// that are not in `set` are removed. In JSON and TOML a value takes the type of the one it
/// replaces, where its text allows, and is a string otherwise.
pub fn set_keys(format: FileFormat, base: &str, owned: &[String], set: &[(String, String)]) -> Result<String, RenderError> {
    match format {
        FileFormat::Ini => ini::set_keys(base, owned, set),
        FileFormat::Json => json::set_keys(base, owned, set),
        FileFormat::Toml => toml::set_keys(base, owned, set),
    }
}

/// The owned keys that a file has, with their values, in the file's order.
pub fn read_keys(format: FileFormat, text: &str, owned: &[String]) -> Result<Vec<(String, String)>, RenderError> {
    match format {
        FileFormat::Ini => Ok(ini::read_keys(text, owned)),
        FileFormat::Json => json::read_keys(text, owned),
        FileFormat::Toml => toml::read_keys(text, owned),
    }
}

/// Lays one file over another: what `over` says stands, all else of `base` stays. Used by slots of
/// the modes `merge-ini`, `merge-json` and `merge-toml`.
pub fn merge(format: FileFormat, base: &str, over: &str) -> Result<String, RenderError> {
    match format {
        FileFormat::Ini => ini::merge(base, over),
        FileFormat::Json => json::merge(base, over),
        FileFormat::Toml => toml::merge(base, over),
    }
}

/// Does the owned key `pattern` (`a.b` or `a.*`) cover `key`?
pub fn covers(pattern: &str, key: &str) -> bool {
    match pattern.strip_suffix(".*") {
        Some(above) => key.strip_prefix(above).is_some_and(|rest| rest.starts_with('.')),
        None => pattern == key,
    }
}

/// A dotted key as its parts; none may be empty.
fn parts(key: &str) -> Result<Vec<&str>, RenderError> {
    let parts: Vec<&str> = key.split('.').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err(RenderError::Key { key: key.into(), why: "it has an empty part".into() });
    }
    Ok(parts)
}

#[cfg(test)]
mod tests;
