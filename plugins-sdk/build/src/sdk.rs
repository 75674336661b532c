//! The languages, and the files of their SDKs: compiled in, so that a project holds all that it needs of
//! silver and stays at that version of the interface until its author takes another.

use crate::BuildError;
use serde::Deserialize;
use std::{fmt, fs, path::Path};

mod files {
    include!(concat!(env!("OUT_DIR"), "/files.rs"));
}

/// The languages that a plugin can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lang {
    /// Rust: some hundred kilobytes, starts at once.
    Rust,
    /// Python through componentize-py: a whole CPython.
    Python,
    /// JavaScript through componentize-js: a whole SpiderMonkey.
    Js,
}

impl Lang {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rust, Self::Python, Self::Js];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Js => "js",
        }
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The WIT of `silver:plugin`: file name, text.
pub fn wit() -> impl Iterator<Item = (&'static str, &'static str)> {
    files::WIT.iter().map(|(path, text)| (path.trim_start_matches("wit/"), *text))
}

/// The files of the SDK for Rust.
pub(crate) fn rust() -> &'static [(&'static str, &'static str)] {
    files::RUST
}

/// Writes the language's SDK and the WIT into `dir`.
pub(crate) fn write(lang: Lang, dir: &Path) -> Result<(), BuildError> {
    // of Python and JavaScript it is one module
    let (own, flat) = match lang {
        Lang::Rust => (files::RUST, ""),
        Lang::Python => (files::PYTHON, "python/"),
        Lang::Js => (files::JS, "js/"),
    };
    for (path, text) in own.iter().chain(files::WIT) {
        let path = dir.join(path.strip_prefix(flat).unwrap_or(path));
        fs::create_dir_all(path.parent().unwrap_or(dir)).map_err(BuildError::io(dir))?;
        fs::write(&path, text).map_err(BuildError::io(&path))?;
    }
    Ok(())
}
