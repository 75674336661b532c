//! `customize.lock`: what exactly a customization was used with. Written by silver, kept under
//! version control by the operator.

mod overrides;

pub use overrides::{Overridden, Settled};

use super::{config::CustomizeToml, grant::Grant, target::Target, wheel::WheelName};
use crate::{
    document::{Document, DocumentError, Problem, ProblemKind},
    listing::Listing,
    manifest::{IndexKind, Need},
    signature::PublicKey,
    snapshot::Snapshot,
};
use semver::Version;
use serde::{Deserialize, Serialize};
use silver_plugin_api::{
    Digest, TreePath,
    customizer::AppPlugin,
    plan::{Publisher, UNSIGNED},
};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

/// Directory of the customization in which `silver customize vendor` keeps app plugins:
/// `app-plugins/KIND/FILE`.
pub const VENDORED: &str = "app-plugins";

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
    /// The publisher's key: packs that are not signed with it, or with one that follows it, are
    /// refused. Absent: nothing was signed so far.
    #[serde(default)]
    pub key: Option<PublicKey>,
}

impl LockedPack {
    /// Whose packs this customization is used with.
    pub fn publisher(&self) -> Publisher {
        let key = self.key.map_or_else(|| UNSIGNED.to_owned(), |key| key.to_string());
        Publisher { pack: self.id.clone(), key }
    }
}

/// `[[app-plugin]]`: one for each target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedPlugin {
    /// Where it comes from.
    pub index: IndexKind,
    /// Name, as its index normalises it. Of `npm`: where it lies below `node_modules`, which is the
    /// name unless it is there for another package only.
    pub name: String,
    /// Exact version.
    pub version: String,
    /// The platform that it was resolved for. A file that was put into the customization by hand has
    /// `any` or the index's own words (`cp311-cp311-manylinux_2_17_x86_64`) and counts everywhere.
    pub target: String,
    /// Where customizers find it in the customization: a file, or a directory if there is a `tree`.
    /// It is not there on disk but for files that were put there by hand.
    pub path: TreePath,
    /// Digest of the file that the index gives.
    pub digest: Digest,
    /// Wanted by the operator, or pulled in by another one?
    pub requested: bool,
    /// The name of the file that the index gives, if it is an archive that is unpacked at `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Digest of the tree at `path`, if it is an archive that is unpacked there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<Digest>,
    /// Digest of the source package that it was built from here, since its index has no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_from: Option<Digest>,
}

impl LockedPlugin {
    /// Is it for this platform?
    pub fn fits(&self, target: &Target) -> bool {
        !self.is_resolved() || self.target == target.of(self.index).as_str()
    }

    /// Was it resolved for one platform? Otherwise it was put there by hand.
    pub fn is_resolved(&self) -> bool {
        self.target.parse::<Target>().is_ok()
    }

    /// As plugins of silver get it.
    pub fn app_plugin(&self) -> AppPlugin {
        AppPlugin {
            name: self.name.clone(),
            version: self.version.clone(),
            path: self.path.to_string(),
            requested: self.requested,
        }
    }

    /// The name of the file that the index gives.
    pub fn file_name(&self) -> &str {
        self.file.as_deref().unwrap_or_else(|| self.path.name())
    }
}

/// An app plugin is locked, but not for the platform that it is needed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the app plugin `{name}` is locked for {}, not for {target}", .locked.join(", "))]
pub struct NoRow {
    /// Which.
    pub name: String,
    /// The platform.
    pub target: Target,
    /// Platforms that it is locked for.
    pub locked: Vec<String>,
}

impl NoRow {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        let target = &self.target;
        Some(format!("add \"{target}\" to `targets` in customize.toml, and run `silver customize lock PACK --customize=DIR`"))
    }
}

impl Lock {
    /// Remembers a pack that it was used with, unless there is one; the first key is remembered in
    /// any case.
    pub fn know(&mut self, pack: LockedPack) {
        let key = pack.key;
        let known = self.pack.get_or_insert(pack);
        known.key = known.key.or(key);
    }

    /// Reads a lock; `file` is only named in errors.
    pub fn parse(text: &str, file: &str) -> Result<Self, DocumentError> {
        Document::parse(text, file)?.decode()
    }

    /// The app plugins for a platform. Each one that an operator wanted on any platform has to be
    /// locked for this one.
    pub fn app_plugins_for(&self, target: &Target) -> Result<Vec<LockedPlugin>, NoRow> {
        let fitting: Vec<LockedPlugin> = self.app_plugins.iter().filter(|row| row.fits(target)).cloned().collect();
        let same = |a: &LockedPlugin, b: &LockedPlugin| a.index == b.index && a.name == b.name;
        for wanted in self.app_plugins.iter().filter(|row| row.requested) {
            if !fitting.iter().any(|row| same(row, wanted)) {
                let locked = self.app_plugins.iter().filter(|row| same(row, wanted)).map(|row| row.target.clone()).collect();
                return Err(NoRow { name: wanted.name.clone(), target: target.of(wanted.index), locked });
            }
        }
        Ok(fitting)
    }

    /// The platforms that app plugins were resolved for, as far as they are known in full.
    pub fn targets(&self) -> Vec<Target> {
        let mut targets: Vec<Target> = self.app_plugins.iter().filter_map(|row| row.target.parse().ok()).collect();
        targets.sort();
        targets.dedup();
        let whole = targets.clone();
        targets.retain(|target| !whole.iter().any(|other| other != target && other.of(IndexKind::Npm) == *target));
        targets
    }

    /// Pins the app plugins that were resolved, and those that lie in the customization otherwise:
    /// every wheel in `files` that none of the `resolved` is, with version, platform and digest as
    /// they are.
    pub fn pin_app_plugins(&mut self, resolved: Vec<LockedPlugin>, files: &Snapshot, config: &CustomizeToml) {
        let wanted: Vec<String> = config
            .plugins
            .get(&IndexKind::Python)
            .into_iter()
            .flatten()
            .map(|wanted| IndexKind::Python.normalized(&wanted.name))
            .collect();
        let by_hand = |(path, node): (&TreePath, &crate::listing::Node)| {
            let wheel = WheelName::parse(path.name())?;
            if is_vendored(path) || resolved.iter().any(|row| path.below(&row.path).is_some()) {
                return None;
            }
            Some(LockedPlugin {
                index: IndexKind::Python,
                requested: wanted.contains(&wheel.name),
                target: wheel.target(),
                name: wheel.name,
                version: wheel.version,
                path: path.clone(),
                digest: node.digest,
                file: None,
                tree: None,
                built_from: None,
            })
        };
        self.app_plugins = files.listing().iter().filter_map(by_hand).collect();
        self.app_plugins.extend(resolved);
        self.app_plugins.sort();
        self.app_plugins.dedup();
    }

    /// Rows whose file or tree is not the same, or not there although it was put there by hand.
    pub(super) fn mismatches(&self, files: &Snapshot, document: &Document<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |path: &[&str], message: String, hint: &str| {
            problems.push(document.bare_problem(path, ProblemKind::Invalid { message, hint: Some(hint.into()) }));
        };
        for (at, plugin) in self.app_plugins.iter().enumerate() {
            let at = at.to_string();
            let there = match plugin.tree {
                Some(_) => subtree(files.listing(), &plugin.path),
                None => files.listing().get(&plugin.path).map(|node| node.digest),
            };
            match there {
                None if plugin.is_resolved() => {}
                None => wrong(
                    &["app-plugin", &at, "path"],
                    format!("`{}` is locked, but not there", plugin.path),
                    "install it again with `silver manage-app`, or bring the file back from version control",
                ),
                Some(digest) if digest != plugin.tree.unwrap_or(plugin.digest) => wrong(
                    &["app-plugin", &at, "digest"],
                    format!(
                        "`{}` is not the file that was locked: it has {}, not {}",
                        plugin.path,
                        digest.short(),
                        plugin.tree.unwrap_or(plugin.digest).short()
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
                match pack.key {
                    Some(key) => table["key"] = value(key.to_string()),
                    None => drop(table.as_table_like_mut().and_then(|table| table.remove("key"))),
                }
            }
            None => drop(document.remove("pack")),
        }
        rows(&mut document, "app-plugin", &["index", "name", "target"], self.app_plugins.iter().map(plugin_row));
        rows(&mut document, "grant", &["file"], self.grants.iter().map(grant_row));
        rows(&mut document, "override", &["path"], self.overrides.iter().map(overrides::row));
        document.to_string()
    }
}

/// Is this the path of an app plugin that `silver customize vendor` keeps?
pub fn is_vendored(path: &TreePath) -> bool {
    path.strip_prefix(VENDORED).is_some_and(|rest| rest.starts_with('/'))
}

/// Digest of what lies below a directory; `None` when it is not there.
fn subtree(listing: &Listing, dir: &TreePath) -> Option<Digest> {
    let mut tree = Listing::new();
    for (path, node) in listing.below(dir) {
        tree.insert(path.below(dir)?, *node).ok()?;
    }
    (!tree.is_empty()).then(|| tree.digest())
}

fn plugin_row(plugin: &LockedPlugin) -> Vec<(&'static str, toml_edit::Value)> {
    let mut row = vec![
        ("index", plugin.index.as_str().into()),
        ("name", plugin.name.as_str().into()),
        ("version", plugin.version.as_str().into()),
        ("target", plugin.target.as_str().into()),
        ("path", plugin.path.as_str().into()),
        ("digest", plugin.digest.to_string().into()),
        ("requested", plugin.requested.into()),
    ];
    row.extend(plugin.file.as_ref().map(|file| ("file", file.as_str().into())));
    row.extend(plugin.tree.as_ref().map(|tree| ("tree", tree.to_string().into())));
    row.extend(plugin.built_from.as_ref().map(|source| ("built-from", source.to_string().into())));
    row
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
