//! `[commands]`: what silver runs, by occasion.

use super::scalar::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use silver_plugin_api::plan::{DataClass, Hook, HookTarget};
use std::collections::BTreeMap;

/// `[commands]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Commands {
    /// Once, when there is no data yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<HookDef>,
    /// When pack, environment or app plugins changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrate: Option<HookDef>,
    /// When the app plugins changed, after `migrate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugins_changed: Option<HookDef>,
    /// Before the application is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_remove: Option<HookDef>,
    /// Before the switch, so that the first visitor does not wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm: Option<HookDef>,
    /// What `silver shell` starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<HookDef>,
    /// The application's own tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<HookDef>,
    /// In a clone, before it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_clone: Option<HookDef>,
}

/// One of `[commands]`: exactly one of `command` and `url`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HookDef {
    /// Program and arguments. `${NAME}` is replaced from the environment, nothing else; there is no
    /// shell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// A path below the application's location: GET, below 400 is success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Then it is killed and counts as failed. Default: 15 minutes for `migrate`, 5 for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// For `migrate`: what it does to the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "classes")]
    pub data: Option<DataClass>,
}

fn classes(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "enum": ["unchanged", "additive", "breaking", null] })
}

impl Commands {
    /// All that are given, with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &HookDef)> {
        let all = [
            ("init", &self.init),
            ("migrate", &self.migrate),
            ("plugins-changed", &self.plugins_changed),
            ("before-remove", &self.before_remove),
            ("warm", &self.warm),
            ("shell", &self.shell),
            ("test", &self.test),
            ("after-clone", &self.after_clone),
        ];
        all.into_iter().filter_map(|(name, hook)| Some((name, hook.as_ref()?)))
    }

    /// As a release has them.
    pub fn hooks(&self) -> BTreeMap<String, Hook> {
        self.iter().map(|(name, hook)| (name.to_owned(), hook.resolve(name))).collect()
    }

    /// What `migrate` does to the data: `unchanged` without one.
    pub fn data_class(&self) -> DataClass {
        self.migrate.as_ref().and_then(|hook| hook.data).unwrap_or_default()
    }
}

impl HookDef {
    fn resolve(&self, name: &str) -> Hook {
        let target = match &self.url {
            Some(url) => HookTarget::Url(url.clone()),
            None => HookTarget::Command(self.command.clone()),
        };
        let default = if name == "migrate" { Span::seconds(900) } else { Span::seconds(300) };
        Hook { target, timeout_ms: self.timeout.unwrap_or(default).as_millis() }
    }
}
