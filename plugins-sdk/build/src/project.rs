//! A plugin's directory: `plugin.toml`, the source, `sdk/` and golden cases in `tests/`.

use crate::{BuildError, Lang, sdk};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The file that says what is in the directory.
pub const FILE: &str = "plugin.toml";
/// Where the SDK is.
pub(crate) const SDK: &str = "sdk";

/// What a plugin exports, as in a pack's manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// Lays a customization over an application.
    CustomizerPlugin,
    /// Offers commands.
    CommandPlugin,
    /// Sets nodes up. A draft.
    NodePlugin,
}

impl World {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CustomizerPlugin => "customizer-plugin",
            Self::CommandPlugin => "command-plugin",
            Self::NodePlugin => "node-plugin",
        }
    }
}

/// `plugin.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PluginToml {
    name: String,
    lang: Lang,
    world: World,
}

/// A plugin that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its directory, absolute.
    pub dir: PathBuf,
    /// Its name; a crate's, too.
    pub name: String,
    /// What it is written in.
    pub lang: Lang,
    /// What it exports.
    pub world: World,
}

impl Project {
    /// The project in `dir`. A `sdk/` that was removed is written anew, of this silver.
    pub fn open(dir: &Path) -> Result<Self, BuildError> {
        let path = dir.join(FILE);
        if !path.is_file() {
            return Err(BuildError::NoProject(dir.into()));
        }
        let dir = fs::canonicalize(dir).map_err(BuildError::io(dir))?;
        let text = fs::read_to_string(&path).map_err(BuildError::io(&path))?;
        let wrong = |message: String| BuildError::Project { path: path.clone(), message };
        let toml: PluginToml = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        check_name(&toml.name).map_err(|error| wrong(error.to_string()))?;
        if toml.world == World::NodePlugin && toml.lang != Lang::Rust {
            return Err(wrong("plugins that set nodes up are written in Rust, as long as their interface is a draft".into()));
        }
        let project = Self { dir, name: toml.name, lang: toml.lang, world: toml.world };
        if !project.sdk().exists() {
            sdk::write(project.lang, &project.sdk())?;
        }
        Ok(project)
    }

    /// Where `build` puts the component.
    pub fn component(&self) -> PathBuf {
        self.dir.join(format!("{}.wasm", self.name))
    }

    /// The golden cases.
    pub fn cases(&self) -> PathBuf {
        self.dir.join("tests")
    }

    pub(crate) fn sdk(&self) -> PathBuf {
        self.dir.join(SDK)
    }
}

/// A name for a directory, a crate and a module.
pub(crate) fn check_name(name: &str) -> Result<(), BuildError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fine = name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(plain) && name.len() <= 40;
    if fine && !name.ends_with('-') { Ok(()) } else { Err(BuildError::Name(name.into())) }
}
