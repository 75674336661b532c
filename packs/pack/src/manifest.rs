//! `pack.toml`, format 1: what a pack is, as types that are validated once.
//!
//! A field of the format that this version cannot do yet is refused by name
//! ([`ProblemKind::NotSupported`](crate::document::ProblemKind)), never ignored: it is there in the
//! types, private, as an `Option<NotYet>`.

mod app;
mod assemble;
mod bind;
mod build;
mod check;
mod cron;
mod front;
mod hook;
mod pack;
mod plugin;
mod process;
mod scalar;
mod setting;
mod slot;
mod state;
mod validate;

pub use crate::document::DocumentError as ManifestError;
pub use app::{Assets, Health, Layout, LiveProbe, ReadyProbe, ServiceDef, ServiceKind, Update};
pub use assemble::AssembleDef;
pub(crate) use bind::is_variable;
pub use bind::{Bind, BindSource, BindTarget};
pub use build::{Build, CommandBuild, CopyRule, DebianBuild, NpmBuild, PythonBuild};
pub use check::{CheckDef, LogLacks, When};
pub use cron::{CronDef, CronOverlap};
pub use front::{Front, REDIRECTS, RewriteDef};
pub use hook::{Commands, HookDef};
pub use pack::{PackInfo, Requirement};
pub(crate) use plugin::UNSIGNED_KIND;
pub use plugin::{IndexDef, IndexKind, Need, PluginDef, World};
pub use process::{ListenOn, ProcessDef, Requires, Runtime, RuntimeKind};
pub(crate) use scalar::text_type;
pub use scalar::{ByteSize, Glob, Name, NotYet, Span};
pub use setting::{Generate, OnClone, SecretDef, SettingDef, SettingType, SettingWhen, VisibleIf};
pub use slot::{SlotDef, SlotTarget};
pub use state::{StateDef, StateKind};

use crate::document::Document;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use silver_plugin_api::{TreePath, slot::SlotNature};
use std::collections::BTreeMap;

/// The name of the manifest in the root of a pack.
pub const FILE_NAME: &str = "pack.toml";

/// A pack's manifest. [`parse`] gives only valid ones: every rule that needs nothing but the
/// manifest holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "pack.toml", description = "The manifest of a silver pack, format 1")]
pub struct Manifest {
    /// The format's version: 1.
    #[schemars(range(min = 1, max = 1))]
    pub format: u32,
    /// What the pack is.
    pub pack: PackInfo,
    /// How `silver pack` gathers the bytes; not used when deploying.
    #[serde(default, skip_serializing_if = "Build::is_empty")]
    pub build: Build,
    /// How the application is executed.
    pub runtime: Runtime,
    /// Programs by name; the one named `web` answers HTTP. None for `static`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub processes: BTreeMap<Name, ProcessDef>,
    /// What a healthy application answers.
    #[serde(default)]
    pub health: Health,
    /// What keeps the data.
    #[expect(clippy::zero_sized_map_values, reason = "more kinds of services are to come")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<Name, ServiceDef>,
    /// What an operator may set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<Name, SettingDef>,
    /// What an operator gives, or the node makes, and nobody else may see.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<Name, SecretDef>,
    /// How values reach the application under the application's own names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bind: Vec<Bind>,
    /// Where a customization may go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slot: Vec<SlotDef>,
    /// WASM components in the pack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugin: Vec<PluginDef>,
    /// Where app plugins come from, by kind of index.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub index: BTreeMap<IndexKind, IndexDef>,
    /// Build steps after the merge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assemble: Vec<AssembleDef>,
    /// What the application writes, by path below the instance directory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, StateDef>")]
    pub state: BTreeMap<TreePath, StateDef>,
    /// The instance directory.
    #[serde(default)]
    pub layout: Layout,
    /// Commands that silver runs, by occasion.
    #[serde(default)]
    pub commands: Commands,
    /// What has to be true of a new release before it may serve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<CheckDef>,
    /// Periodic commands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cron: Vec<CronDef>,
    /// What the front does.
    #[serde(default)]
    pub front: Front,
    /// Files with far-future addresses.
    #[serde(default)]
    pub assets: Assets,
    /// How releases follow each other.
    #[serde(default)]
    pub update: Update,

    /// Bindings to other applications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uses: Option<NotYet>,
    /// What other applications may bind to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offers: Option<NotYet>,
    /// A task queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tasks: Option<NotYet>,
    /// Access to logs and control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access: Option<NotYet>,
}

/// Reads a manifest. All problems are collected; `file_name` is only named in them.
pub fn parse(text: &str, file_name: &str) -> Result<Manifest, ManifestError> {
    let document = Document::parse(text, file_name)?;
    let manifest: Manifest = document.decode()?;
    validate::validate(&manifest, &document)?;
    Ok(manifest)
}

/// The JSON Schema of `pack.toml`, for editors and other tools.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Manifest).to_value()
}

impl Manifest {
    /// The slots as customizers get them, `instance:` replaced by the layout's root.
    pub fn slots(&self) -> Vec<silver_plugin_api::slot::Slot> {
        self.slot.iter().map(|slot| slot.resolve(&self.layout.root)).collect()
    }

    /// Names of the settings that only `init` uses.
    pub fn settings_of_init(&self) -> Vec<String> {
        let only = self.settings.iter().filter(|(_, def)| def.when == Some(SettingWhen::Init));
        only.map(|(name, _)| name.to_string()).collect()
    }

    /// Directories of the release that slots of nature `content` fill.
    pub fn content(&self) -> Vec<TreePath> {
        let content = self.slot.iter().filter(|slot| slot.nature == SlotNature::Content);
        content.map(|slot| slot.into.in_tree(&self.layout.root)).collect()
    }

    /// The directory of the release that the front serves by itself: that of a static application,
    /// or of one with a `root` and no process `web`.
    pub fn served(&self) -> Option<&TreePath> {
        match (&self.runtime.root, self.runtime.kind) {
            _ if self.has_web() => None,
            (Some(root), _) => Some(root),
            (None, RuntimeKind::Static) => Some(&self.layout.root),
            (None, _) => None,
        }
    }

    /// Does a program of the pack answer HTTP?
    pub fn has_web(&self) -> bool {
        self.processes.contains_key("web")
    }
}
