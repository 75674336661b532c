//! `silver pack new DIR`: a first `pack.toml` for a directory, by looking at it. Nothing of it is run.
//!
//! What the files say is filled in; what is only likely is marked with `guess:`, so that an author
//! sees what to check. The result passes the manifest's parser, but for an application of a kind that
//! this version cannot run yet.

mod look;
mod node;
mod python;
mod text;
mod web;

use look::Look;
use silver_pack::manifest::{self, ManifestError};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};
use text::Text;

/// A first manifest.
#[derive(Debug)]
pub struct Draft {
    /// The text of `pack.toml`.
    pub text: String,
    /// What the directory seems to be, for people: `a Flask application (WSGI)`.
    pub what: String,
    /// What is to be checked, or could not be told.
    pub guesses: Vec<String>,
    /// Why this version of silver cannot read it yet.
    pub refused: Option<ManifestError>,
}

/// Why there is no first manifest.
#[derive(Debug, thiserror::Error)]
pub enum NewError {
    /// There is one.
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
    /// The directory cannot be read.
    #[error("cannot look at `{}`", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl NewError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exists(_) => {
                Some("it is never overwritten: edit it, or move it away; `--dry-run` shows what would be written".into())
            }
            Self::Read { .. } => Some("name the directory of an application".into()),
            Self::Write { .. } => None,
        }
    }
}

/// Looks at `dir`.
pub fn draft(dir: &Path) -> Result<Draft, NewError> {
    let look = Look::at(dir).map_err(|source| NewError::Read { path: dir.to_owned(), source })?;
    let found = python::django(&look)
        .or_else(|| python::framework(&look))
        .or_else(|| node::server(&look))
        .or_else(|| web::php(&look))
        .or_else(|| web::site(&look))
        .or_else(|| python::unknown(&look))
        .unwrap_or_else(|| web::unknown(&look));
    let (text, guesses) = found.text.finish();
    let refused = manifest::parse(&text, manifest::FILE_NAME).err();
    Ok(Draft { text, what: found.what, guesses, refused })
}

/// Writes the text to `dir`; returns where.
pub fn write(dir: &Path, draft: &Draft) -> Result<PathBuf, NewError> {
    let path = dir.join(manifest::FILE_NAME);
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => NewError::Exists(path.clone()),
        _ => NewError::Write { path: path.clone(), source },
    };
    let mut file = File::create_new(&path).map_err(failed)?;
    if let Err(source) = file.write_all(draft.text.as_bytes()) {
        let _ = fs::remove_file(&path);
        return Err(NewError::Write { path, source });
    }
    Ok(path)
}

/// What one of the parts found.
struct Found {
    what: String,
    text: Text,
}

#[cfg(test)]
mod tests;
