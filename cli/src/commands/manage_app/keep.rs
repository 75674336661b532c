//! After a command: what it says of app plugins goes into `customize.toml`, and what its indexes gave
//! into `customize.lock`, for every platform. Packages themselves are not kept in the customization,
//! unless they are vendored.

use super::record::Fetched;
use crate::{
    app_plugins::{Indexes, put},
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    findings,
};
use silver_build::app_plugins;
use silver_pack::{
    customization::{self, AppPluginWanted, CONFIG, Customization, LOCK, LockedPlugin, Target},
    listing::Listing,
    manifest::IndexKind,
    overlay::Draft,
    pack::Pack,
    snapshot::Snapshot,
};
use silver_plugin_api::{
    Digest, Overlay, Reason, TreePath,
    commands::Outcome,
    customizer::{AppPlugin, EXTRA_APP_PLUGINS},
};

/// What a command started from.
pub struct Keep<'a> {
    pub context: &'a Context,
    pub pack: &'a Pack,
    pub before: &'a Customization,
    /// The app plugins of the platform that the command worked for.
    pub locked: &'a [LockedPlugin],
    /// All platforms, that one first.
    pub targets: &'a [Target],
    pub allow_build: bool,
}

/// An app plugin after the command, and where it comes from; no kind is that of a file made by hand.
struct Known {
    plugin: AppPlugin,
    kind: Option<IndexKind>,
    row: Option<LockedPlugin>,
}

impl Keep<'_> {
    /// `after` with `customize.toml` and `customize.lock` as they shall be. Without a word of the
    /// command about app plugins it stays as it is.
    pub fn pin(
        &self,
        after: Snapshot,
        outcome: &Outcome,
        arguments: &[(String, Vec<String>)],
        fetched: &[Fetched],
    ) -> Result<Snapshot> {
        let Some(text) = outcome.extra.get(EXTRA_APP_PLUGINS) else { return Ok(after) };
        let plugins: Vec<AppPlugin> = serde_json::from_str(text).map_err(|error| {
            CommandError::new(Exit::Error, format!("the plugin's list of app plugins cannot be read: {error}"))
        })?;
        let known = plugins.into_iter().map(|plugin| self.know(plugin, &after, fetched)).collect::<Result<Vec<_>>>()?;
        let after = self.without_packages(&after, &known)?;
        let config = self.wanted(&known, arguments)?;
        let changed = Customization::from_files(&self.before.dir, put(&after, CONFIG, &config)?)?;

        let indexes = Indexes::new(self.context, self.pack, &changed)?.allowing_builds(self.allow_build);
        let mut rows: Vec<LockedPlugin> = known.into_iter().filter_map(|known| known.row).collect();
        let others = self.targets.get(1..).unwrap_or_default();
        if !others.is_empty() {
            // what was locked for them before stays as far as it is still wanted
            let so_far = self.before.lock.app_plugins.iter().filter(|row| !self.locked.contains(row));
            let so_far: Vec<LockedPlugin> = so_far.chain(&rows).cloned().collect();
            rows.extend(indexes.resolve(others, &so_far, false)?);
        }
        let files = indexes.keep_vendored(&changed.files, &rows)?;
        let mut lock = self.before.lock.clone();
        lock.pin_app_plugins(rows, &files, &changed.config);
        let old = self.before.files.text(&path(LOCK)).unwrap_or_default();
        put(&files, LOCK, &lock.write_over(&old))
    }

    /// Where an app plugin comes from: it was fetched just now, it was locked before, or it is a file
    /// that lies there.
    fn know(&self, plugin: AppPlugin, after: &Snapshot, fetched: &[Fetched]) -> Result<Known> {
        let place = TreePath::new(&plugin.path).unwrap_or_default();
        let there = content(after.listing(), &place);
        let is = |fetched: &&Fetched| {
            let digest = if fetched.package.unpacked { fetched.package.tree.digest() } else { fetched.file.digest };
            there == Some(digest)
        };
        if let (Some(fetched), Some(target)) = (fetched.iter().rev().find(is), self.targets.first()) {
            let Fetched { kind, what, file, package } = fetched;
            let row = app_plugins::row(*kind, what, file, package, target, place, plugin.requested);
            return Ok(Known { plugin, kind: Some(*kind), row: Some(row) });
        }
        let same = |row: &&LockedPlugin| row.path == place && row.version == plugin.version;
        match self.locked.iter().find(same) {
            Some(row) if row.is_resolved() && there.is_none_or(|digest| digest == row.tree.unwrap_or(row.digest)) => {
                let row = LockedPlugin { requested: plugin.requested, ..row.clone() };
                Ok(Known { plugin, kind: Some(row.index), row: Some(row) })
            }
            _ if there.is_some() => Ok(Known { plugin, kind: None, row: None }),
            _ => {
                let message = format!("the plugin says that {} is in `{}`, which is not there", plugin.name, plugin.path);
                Err(CommandError::new(Exit::Error, message).hint("this is a fault of the plugin; nothing was changed"))
            }
        }
    }

    /// `after` without the packages that came with this command: the lock brings them back.
    fn without_packages(&self, after: &Snapshot, known: &[Known]) -> Result<Snapshot> {
        let mut draft = Draft::new(after);
        let before = self.before.files.listing();
        for row in known.iter().filter_map(|known| known.row.as_ref()) {
            let package = after.listing().iter().map(|(path, _)| path).filter(|path| path.below(&row.path).is_some());
            for path in package.filter(|path| before.get(path).is_none()) {
                draft.remove(path, Reason::new("locked", [])).map_err(findings::failed)?;
            }
        }
        Ok(draft.finish().0)
    }

    /// `customize.toml` that wants what was asked for and no longer what was taken away. A row that is
    /// there stays as the operator wrote it.
    fn wanted(&self, known: &[Known], arguments: &[(String, Vec<String>)]) -> Result<String> {
        let edited = |error| CommandError::new(Exit::Error, error);
        let mut text = self.before.config_text().to_owned();
        for kind in self.pack.manifest().index.keys().copied() {
            let rows = self.before.config.plugins.get(&kind).map_or(&[][..], Vec::as_slice);
            let same = |a: &str, b: &str| kind.normalized(a) == kind.normalized(b);
            // a file made by hand is a wheel
            let ours = |known: &&Known| known.plugin.requested && known.kind.unwrap_or(IndexKind::Python) == kind;
            let requested: Vec<&AppPlugin> = known.iter().filter(ours).map(|known| &known.plugin).collect();
            for row in rows.iter().filter(|row| !requested.iter().any(|plugin| same(&plugin.name, &row.name))) {
                text = customization::unwant_plugin(&text, kind, &row.name).map_err(edited)?;
            }
            for plugin in requested {
                let asked = asked_for(plugin, kind, arguments);
                let there = rows.iter().any(|row| same(&row.name, &plugin.name));
                if let Some(new) = asked.or_else(|| (!there).then(|| any_version(plugin))) {
                    text = customization::want_plugin(&text, kind, &new).map_err(edited)?;
                }
            }
        }
        Ok(text)
    }
}

/// The digest of a file, or of the tree in a directory.
fn content(listing: &Listing, place: &TreePath) -> Option<Digest> {
    if let Some(node) = listing.get(place) {
        return Some(node.digest);
    }
    if place.is_root() || !listing.is_dir(place) {
        return None;
    }
    let mut tree = Listing::new();
    for (path, node) in listing.below(place) {
        tree.insert(path.below(place)?, *node).ok()?;
    }
    Some(tree.digest())
}

/// The plugin in the words of the command line, `TracNav` or `TracNav==4.3`.
fn asked_for(plugin: &AppPlugin, kind: IndexKind, arguments: &[(String, Vec<String>)]) -> Option<AppPluginWanted> {
    let words = arguments.iter().flat_map(|(_, values)| values);
    let mut asked = words.filter_map(|word| word.parse::<AppPluginWanted>().ok());
    asked.find(|asked| kind.normalized(&asked.name) == kind.normalized(&plugin.name))
}

fn any_version(plugin: &AppPlugin) -> AppPluginWanted {
    AppPluginWanted { name: plugin.name.clone(), versions: String::new() }
}

fn path(name: &str) -> TreePath {
    TreePath::new(name).unwrap_or_default()
}
