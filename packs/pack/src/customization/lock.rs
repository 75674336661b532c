//! `customize.lock`: what exactly a customization was used with. Written by silver, kept under
//! version control by the operator.

use super::{config::CustomizeToml, grant::Grant, wheel::WheelName, wheel::normalized};
use crate::{
    document::{Document, DocumentError, Problem, ProblemKind},
    manifest::{IndexKind, Need},
    snapshot::Snapshot,
};
use semver::Version;
use serde::{Deserialize, Serialize};
use silver_plugin_api::{Digest, TreePath};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

/// The content of `customize.lock`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Lock {
    /// The format's version: 1.
    #[serde(default)]
    format: Format,
    /// The pack it was last used with.
    #[serde(default)]
    pub pack: Option<LockedPack>,
    /// App plugins, by index and name.
    #[serde(default, rename = "app-plugin")]
    pub app_plugins: Vec<LockedPlugin>,
    /// What plugins of packs may do.
    #[serde(default, rename = "grant")]
    pub grants: Vec<Grant>,
    /// Files of the pack that the customization replaces, and from which bytes it started.
    #[serde(default, rename = "override")]
    pub overrides: Vec<Overridden>,
}

/// The version of the lock's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Format(u32);

impl Default for Format {
    fn default() -> Self {
        Self(1)
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            1 => Ok(Self(1)),
            _ => Err(serde::de::Error::custom("this silver reads format 1; the lock was written by a newer one")),
        }
    }
}

/// `[pack]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedPack {
    /// Id.
    pub id: String,
    /// Version.
    pub version: Version,
    /// Pack digest.
    pub digest: Digest,
}

/// `[[app-plugin]]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedPlugin {
    /// Where it comes from.
    pub index: IndexKind,
    /// Name, as its index normalises it.
    pub name: String,
    /// Exact version.
    pub version: String,
    /// Platforms it runs on: `any`, or the index's own words (`cp311-cp311-manylinux_2_17_x86_64`).
    pub target: String,
    /// The file in the customization directory.
    pub path: TreePath,
    /// Digest of that file.
    pub digest: Digest,
    /// Wanted by the operator, or pulled in by another one?
    pub requested: bool,
}

/// `[[override]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Overridden {
    /// The file in the release.
    pub path: TreePath,
    /// Digest of the pack's file when the operator's was made from it.
    pub base: Digest,
}

impl Lock {
    /// Reads a lock; `file` is only named in errors.
    pub fn parse(text: &str, file: &str) -> Result<Self, DocumentError> {
        Document::parse(text, file)?.decode()
    }

    /// Pins the app plugins that lie in the customization: every wheel in `files`, with version,
    /// platform and digest as they are.
    pub fn pin_app_plugins(&mut self, files: &Snapshot, config: &CustomizeToml) {
        let wanted: Vec<String> =
            config.plugins.get(&IndexKind::Python).into_iter().flatten().map(|wanted| normalized(&wanted.name)).collect();
        let wheel = |(path, node): (&TreePath, &crate::listing::Node)| {
            let wheel = WheelName::parse(path.name())?;
            Some(LockedPlugin {
                index: IndexKind::Python,
                requested: wanted.contains(&wheel.name),
                target: wheel.target(),
                name: wheel.name,
                version: wheel.version,
                path: path.clone(),
                digest: node.digest,
            })
        };
        self.app_plugins = files.listing().iter().filter_map(wheel).collect();
        self.app_plugins.sort();
    }

    /// Rows whose file is not there or not the same, and wheels without a row.
    pub(super) fn mismatches(&self, files: &Snapshot, document: &Document<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |path: &[&str], message: String, hint: &str| {
            problems.push(document.bare_problem(path, ProblemKind::Invalid { message, hint: Some(hint.into()) }));
        };
        for (at, plugin) in self.app_plugins.iter().enumerate() {
            let at = at.to_string();
            match files.listing().get(&plugin.path) {
                None => wrong(
                    &["app-plugin", &at, "path"],
                    format!("`{}` is locked, but not there", plugin.path),
                    "install it again with `silver manage-app`, or bring the file back from version control",
                ),
                Some(node) if node.digest != plugin.digest => wrong(
                    &["app-plugin", &at, "digest"],
                    format!(
                        "`{}` is not the file that was locked: it has {}, not {}",
                        plugin.path,
                        node.digest.short(),
                        plugin.digest.short()
                    ),
                    "bring the file back from version control, or install it again with `silver manage-app`",
                ),
                Some(_) => {}
            }
        }
        problems
    }

    /// The lock as text, in the layout and with the comments of the text before.
    pub fn write_over(&self, old: &str) -> String {
        let mut document: DocumentMut = old.parse().unwrap_or_default();
        if document.is_empty() {
            document.decor_mut().set_prefix(
                "# Written by silver: what exactly this customization was used with. Keep it under version control.\n",
            );
        }
        document["format"] = value(i64::from(self.format.0));
        match &self.pack {
            Some(pack) => {
                let table = document.entry("pack").or_insert_with(toml_edit::table);
                table["id"] = value(&pack.id);
                table["version"] = value(pack.version.to_string());
                table["digest"] = value(pack.digest.to_string());
            }
            None => drop(document.remove("pack")),
        }
        rows(&mut document, "app-plugin", &["index", "name", "target"], self.app_plugins.iter().map(plugin_row));
        rows(&mut document, "grant", &["file"], self.grants.iter().map(grant_row));
        rows(&mut document, "override", &["path"], self.overrides.iter().map(override_row));
        document.to_string()
    }
}

fn plugin_row(plugin: &LockedPlugin) -> Vec<(&'static str, toml_edit::Value)> {
    vec![
        ("index", plugin.index.as_str().into()),
        ("name", plugin.name.as_str().into()),
        ("version", plugin.version.as_str().into()),
        ("target", plugin.target.as_str().into()),
        ("path", plugin.path.as_str().into()),
        ("digest", plugin.digest.to_string().into()),
        ("requested", plugin.requested.into()),
    ]
}

fn grant_row(grant: &Grant) -> Vec<(&'static str, toml_edit::Value)> {
    let texts = |needs: &[Need]| needs.iter().map(ToString::to_string).collect::<toml_edit::Array>();
    let mut row = vec![
        ("plugin", grant.plugin.to_string().into()),
        ("file", grant.file.as_str().into()),
        ("needs", texts(&grant.needs).into()),
    ];
    if !grant.denied.is_empty() {
        row.push(("denied", texts(&grant.denied).into()));
    }
    row
}

fn override_row(file: &Overridden) -> Vec<(&'static str, toml_edit::Value)> {
    vec![("path", file.path.as_str().into()), ("base", file.base.to_string().into())]
}

/// Writes an array of tables; a row that was there keeps its comments.
fn rows(document: &mut DocumentMut, name: &str, key: &[&str], rows: impl Iterator<Item = Vec<(&'static str, toml_edit::Value)>>) {
    let old = document.get(name).and_then(Item::as_array_of_tables).cloned().unwrap_or_default();
    let mut new = ArrayOfTables::new();
    for row in rows {
        let text = |name: &str| row.iter().find(|(field, _)| *field == name).and_then(|(_, value)| value.as_str());
        let same = |table: &&Table| key.iter().all(|name| table.get(name).and_then(Item::as_str) == text(name));
        let mut table = old.iter().find(same).cloned().unwrap_or_default();
        table.retain(|field, _| row.iter().any(|(name, _)| *name == field));
        for (field, mut new) in row {
            if let Some(old) = table.get(field).and_then(Item::as_value) {
                *new.decor_mut() = old.decor().clone();
            }
            table[field] = value(new);
        }
        new.push(table);
    }
    if new.is_empty() {
        document.remove(name);
    } else {
        document[name] = Item::ArrayOfTables(new);
    }
}
