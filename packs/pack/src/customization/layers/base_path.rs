//! The value of `base`.

use crate::{document::HINT, manifest::text_type};
use silver_plugin_api::path::is_control;
use std::fmt;

/// `base`: the directory of another customization, relative to the one that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasePath(pub(super) String);

impl std::str::FromStr for BasePath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("`{}` {why}{HINT}write \"../NAME\"", text.escape_debug()));
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.starts_with(['/', '~']) || text.contains('\\') {
            return wrong("means another directory on every machine: a base is relative to this file");
        }
        if text.is_empty() || text.contains(is_control) || text.split('/').any(|part| part.is_empty() || part == ".") {
            return wrong("is not the path of a directory");
        }
        if text.split('/').all(|part| part == "..") || !text.starts_with("../") {
            return wrong("lies inside of this customization, or around it");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_type!(BasePath, "^\\.\\./.+$", ["../agency"]);
