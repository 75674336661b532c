//! What goes wrong with a plugin; every message names the plugin.

use crate::{inspect::Refusal, limits::LimitReached};
use silver_plugin_api::Failure;
use std::{error::Error, path::PathBuf};

/// Why a plugin does not run, or did not finish.
#[derive(Debug, thiserror::Error)]
pub enum ExtensionError {
    /// Refused before it was compiled.
    #[error("plugin `{plugin}` is refused")]
    Refused {
        /// Name.
        plugin: String,
        /// Why.
        #[source]
        source: Refusal,
    },
    /// wasmtime does not take it.
    #[error("plugin `{plugin}` cannot be compiled: {message}")]
    Compile {
        /// Name.
        plugin: String,
        /// wasmtime's words.
        message: String,
    },
    /// The engine or its clock cannot be started.
    #[error("the plugin host cannot be started: {0}")]
    Engine(String),
    /// The directory of compiled plugins cannot be used.
    #[error("compiled plugins cannot be kept")]
    Cache(#[source] CacheError),
    /// Stopped by a limit.
    #[error("plugin `{plugin}` was stopped in `{call}`")]
    Stopped {
        /// Name.
        plugin: String,
        /// The exported function.
        call: &'static str,
        /// Which limit.
        #[source]
        source: LimitReached,
    },
    /// Trapped, or answered what cannot be read.
    #[error("plugin `{plugin}` failed in `{call}`: {message}{}", indented(.said, .backtrace))]
    Trapped {
        /// Name.
        plugin: String,
        /// The exported function.
        call: &'static str,
        /// What happened.
        message: String,
        /// What the plugin logged as an error before, a panic's message among it.
        said: Vec<String>,
        /// Functions of the plugin, innermost first.
        backtrace: Vec<String>,
    },
}

fn indented(said: &[String], backtrace: &[String]) -> String {
    let said = said.iter().map(|line| format!("\n  it said: {line}"));
    let frames = backtrace.iter().map(|frame| format!("\n  at {frame}"));
    said.chain(frames).collect()
}

impl ExtensionError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { source, .. } => source.hint(),
            Self::Cache(CacheError::NotPrivate { path }) => Some(format!("remove `{}`; silver makes it anew", path.display())),
            Self::Stopped { .. } | Self::Trapped { .. } => Some("this is a fault of the plugin; nothing was changed".into()),
            Self::Compile { .. } | Self::Engine(_) | Self::Cache(_) => None,
        }
    }
}

/// As the traits of the api give it: the whole chain in one text.
impl From<ExtensionError> for Failure {
    fn from(error: ExtensionError) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        match error {
            ExtensionError::Stopped { .. } => Self::Limit(text),
            _ => Self::Internal(text),
        }
    }
}

/// Why the directory of compiled plugins cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The disk says no.
    #[error("cannot use `{}`", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another user could have put code there.
    #[error("`{}` belongs to another user or is open to others", path.display())]
    NotPrivate {
        /// The directory.
        path: PathBuf,
    },
}
