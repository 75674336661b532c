//! What goes wrong on the way to a plugin.

use std::{error::Error, path::PathBuf};

/// Why there is no project, or no component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file cannot be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// `silver plugin new` writes into no directory that has something in it.
    #[error("{} is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// A name that no crate, module and file could have.
    #[error("`{0}` is not a name for a plugin")]
    Name(String),
    /// A directory without `plugin.toml`.
    #[error("{} is not a plugin's directory: it has no plugin.toml", .0.display())]
    NoProject(PathBuf),
    /// `plugin.toml` is wrong.
    #[error("{} is wrong: {message}", path.display())]
    Project {
        /// The file.
        path: PathBuf,
        /// What.
        message: String,
    },
    /// A program is not there.
    #[error("cannot run `{program}`")]
    Missing {
        /// Which.
        program: String,
        /// How to get it.
        hint: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// No Rust here builds for WebAssembly.
    #[error("this Rust cannot build for {}", crate::rust::TARGET)]
    NoTarget,
    /// A program failed.
    #[error("`{program}` failed ({status}){}", shown(.said))]
    Failed {
        /// Program and first words.
        program: String,
        /// How it ended.
        status: String,
        /// The end of what it said.
        said: String,
    },
    /// What came out is not a component.
    #[error("cannot make a component of {}", path.display())]
    Component {
        /// The module.
        path: PathBuf,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

fn shown(said: &str) -> String {
    said.lines().flat_map(|line| ["\n  ", line]).collect()
}

impl BuildError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotEmpty(_) => Some("name a directory that is not there yet".into()),
            Self::Name(_) => Some("lower case letters, digits and dashes, beginning with a letter, at most 40".into()),
            Self::NoProject(_) => Some("make one with `silver plugin new --lang rust|python|js NAME`".into()),
            Self::Project { .. } => Some(
                "it holds `name`, `lang` (rust, python or js) and `world` (customizer-plugin, command-plugin or node-plugin)"
                    .into(),
            ),
            Self::Missing { hint, .. } => Some((*hint).into()),
            Self::NoTarget => Some(format!(
                "`rustup target add {}`; on Debian without it: apt-get install {}",
                crate::rust::TARGET,
                crate::rust::DEBIAN.join(" ")
            )),
            Self::Io { .. } | Self::Failed { .. } | Self::Component { .. } => None,
        }
    }

    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
