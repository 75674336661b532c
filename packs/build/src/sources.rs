//! The files of a pack's source directory that enter the pack.

use crate::{
    origin::{MAC_LITTER, Origin},
    recipes,
};
use silver_pack::{
    listing::{Kind, Listing, ListingError, Node},
    manifest::{CommandBuild, CopyRule, FILE_NAME, Manifest},
    snapshot::{CaptureError, Snapshot, is_vcs},
};
use silver_plugin_api::{TreePath, path::PathError};
use std::collections::BTreeSet;

/// The field that names the lock of npm.
const NPM_LOCK: &str = "build.npm.lock";

/// Why the files could not be gathered.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The directory cannot be read as a tree.
    #[error("cannot read the pack's source directory")]
    Capture(#[from] CaptureError),
    /// A rule that names nothing.
    #[error("`{path}`, which `{field}` names, does not exist")]
    Missing {
        /// What.
        path: TreePath,
        /// Where it is named.
        field: String,
    },
    /// Inputs of a command that are not there.
    #[error("`{glob}`, which `inputs` of a row of `build.command` names, matches no file")]
    NoInput {
        /// The glob.
        glob: String,
    },
    /// Two rules that put something at the same place, or names that do not go together.
    #[error("two rules of `[build]` get in each other's way")]
    Clash(#[from] ListingError),
    /// Two files for one path.
    #[error("two files shall become `{path}`")]
    Twice {
        /// The path.
        path: TreePath,
    },
    /// A path that is too long or otherwise impossible after `into`.
    #[error("`{from}` cannot go below `{into}`")]
    Into {
        /// The file.
        from: TreePath,
        /// Where to.
        into: TreePath,
        /// Why.
        #[source]
        source: PathError,
    },
    /// A link that would lead nowhere, or out, at its new place.
    #[error("the link `{path}` leads out of the pack after it was moved to `{into}`")]
    Link {
        /// Where it is.
        path: TreePath,
        /// Where it goes.
        into: TreePath,
    },
}

impl SourceError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Capture(error) => error.hint(),
            Self::Missing { path, field } if field.starts_with("[[plugin]]") => {
                Some(format!("compile it first: `cargo xtask plugins` makes `{path}`"))
            }
            Self::Missing { path, field } if field == NPM_LOCK => {
                Some(format!("`npm install --package-lock-only` makes `{path}` from the package.json beside it"))
            }
            Self::Missing { .. } | Self::NoInput { .. } => Some("correct the name, or add the file".to_owned()),
            Self::Clash(error) => error.hint(),
            Self::Twice { .. } | Self::Into { .. } => Some("change `into` of one of the rules in `[build]`".to_owned()),
            Self::Link { .. } => Some("replace the link by what it leads to".to_owned()),
        }
    }
}

/// Files that the manifest names belong to the pack whatever the rules say: path, where named.
fn named(manifest: &Manifest) -> Vec<(TreePath, String)> {
    let mut named = vec![(TreePath::new(FILE_NAME).unwrap_or_default(), "silver pack".to_owned())];
    named.extend(manifest.plugin.iter().map(|plugin| (plugin.file.clone(), "[[plugin]] file".to_owned())));
    named
        .extend(manifest.build.python.iter().map(|python| (python.requirements.clone(), "build.python.requirements".to_owned())));
    if let Some(npm) = &manifest.build.npm {
        named.push((npm.lock.clone(), NPM_LOCK.to_owned()));
        let package = npm.lock.parent().unwrap_or_default().join("package.json").unwrap_or_default();
        named.push((package, "build.npm".to_owned()));
    }
    named.extend(manifest.build.debian.iter().map(|debian| (debian.packages.clone(), "build.debian.packages".to_owned())));
    for (kind, index) in &manifest.index {
        named.extend(index.list.iter().map(|path| (path.clone(), format!("index.{}.list", kind.as_str()))));
        named.extend(index.constraints.iter().map(|path| (path.clone(), format!("index.{}.constraints", kind.as_str()))));
    }
    named.extend(manifest.pack.notes.iter().map(|path| (path.clone(), "pack.notes".to_owned())));
    named.extend(manifest.pack.icon.iter().map(|path| (path.clone(), "pack.icon".to_owned())));
    named
}

/// What never enters a pack.
fn is_litter(path: &TreePath) -> bool {
    let name = path.name();
    is_vcs(path)
        || matches!(name, ".gitignore" | ".gitattributes" | ".gitmodules" | ".hgignore" | ".hgtags" | ".DS_Store")
        || matches!(name, "target" | "__pycache__" | ".silver" | MAC_LITTER)
        || name.rsplit_once('.').is_some_and(|(_, suffix)| suffix == "pyc")
        || name.ends_with('~')
}

/// Directories and files that recipes make: what lies there in the source directory is of an earlier
/// time.
fn made_by_recipes(manifest: &Manifest) -> Vec<TreePath> {
    let build = &manifest.build;
    let mut made: Vec<TreePath> = build.python.iter().map(|python| python.wheels.clone()).collect();
    made.extend(build.npm.iter().filter_map(|npm| npm.into().join("node_modules").ok()));
    made.extend(build.command.iter().flat_map(|row| row.outputs.iter().cloned()));
    made
}

/// What the command of a row sees of `origin`; `skip` as in [`gather`].
pub(crate) fn inputs(
    origin: &Origin,
    manifest: &Manifest,
    row: &CommandBuild,
    skip: &BTreeSet<TreePath>,
) -> Result<Snapshot, SourceError> {
    let made = made_by_recipes(manifest);
    let keep = |path: &TreePath| !skip.contains(path) && !is_litter(path) && !made.iter().any(|made| path.below(made).is_some());
    let source = origin.capture(&keep)?;
    if row.inputs.is_empty() {
        return Ok(source);
    }
    let mut tree = Listing::new();
    for (path, node) in source.listing().iter().filter(|(path, _)| row.inputs.iter().any(|glob| glob.matches(path))) {
        tree.insert(path.clone(), *node)?;
    }
    if let Some(glob) = row.inputs.iter().find(|glob| !tree.iter().any(|(path, _)| glob.matches(path))) {
        return Err(SourceError::NoInput { glob: glob.to_string() });
    }
    Ok(Snapshot::new(tree, source.blobs().clone()))
}

/// Gathers the files of `origin` by the manifest's `[build]`; `skip` names what a build makes.
pub(crate) fn gather(origin: &Origin, manifest: &Manifest, skip: &BTreeSet<TreePath>) -> Result<Snapshot, SourceError> {
    let named = named(manifest);
    let everything = [CopyRule { from: TreePath::root(), into: None, exclude: Vec::new() }];
    let rules: &[CopyRule] = if manifest.build.copy.is_empty() { &everything } else { &manifest.build.copy };
    let made = made_by_recipes(manifest);
    let left_out = |path: &TreePath| {
        skip.contains(path)
            || is_litter(path)
            || made.iter().any(|made| path.below(made).is_some())
            || manifest.build.exclude.iter().any(|glob| glob.matches(path))
    };
    let wanted = |rule: &CopyRule, path: &TreePath| {
        path.below(&rule.from).is_some_and(|below| !rule.exclude.iter().any(|glob| glob.matches(&below)))
    };
    let is_named = |path: &TreePath| named.iter().any(|(name, _)| name.below(path).is_some());
    let keep = |path: &TreePath| {
        is_named(path) || !left_out(path) && rules.iter().any(|rule| wanted(rule, path) || rule.from.below(path).is_some())
    };
    let source = origin.capture(&keep)?;

    let mut tree = Listing::new();
    for rule in rules {
        let mut found = rule.from.is_root();
        for (path, node) in source.listing().iter() {
            if !left_out(path) && wanted(rule, path) {
                found = true;
                add(&mut tree, &source, rule, path, *node)?;
            }
        }
        // what stands alone below an excluded directory is seen by its ancestors only
        found |= source.listing().stat(&rule.from).is_some();
        if !found {
            return Err(SourceError::Missing { path: rule.from.clone(), field: "build.copy".to_owned() });
        }
    }
    for (path, field) in named {
        let node = source.listing().get(&path).ok_or_else(|| SourceError::Missing { path: path.clone(), field })?;
        tree.insert(path, *node)?;
    }
    Ok(Snapshot::new(tree, source.blobs().clone()))
}

fn add(tree: &mut Listing, source: &Snapshot, rule: &CopyRule, path: &TreePath, node: Node) -> Result<(), SourceError> {
    let into = match (&rule.into, path.below(&rule.from)) {
        (Some(into), Some(below)) => {
            into.join(&below).map_err(|error| SourceError::Into { from: path.clone(), into: into.clone(), source: error })?
        }
        _ => path.clone(),
    };
    if node.kind == Kind::Link && into != *path {
        let target = source.link_target(path).unwrap_or_default();
        if into.resolve_link(&target).is_err() {
            return Err(SourceError::Link { path: path.clone(), into });
        }
    }
    recipes::add(tree, into, node)
}
