//! `base = "../agency"`: a customization on top of another one, for many sites that have much in common.
//!
//! What is nearer to the site wins: a file, a setting, a secret, a variable, a process, an index. App plugins
//! and `remove` add up, `[[deploy]]` is never inherited.

mod base_path;
mod error;
mod inherit;

pub use base_path::BasePath;
pub use error::LayerError;

use super::{CONFIG, Customization, CustomizationError, Lock, LockedPlugin, Overridden};
use crate::{
    hash,
    listing::Listing,
    merge::is_ours,
    overrides::BaseLayer,
    snapshot::{Blobs, Layers, Snapshot},
};
use silver_plugin_api::{Digest, TreePath};
use std::{
    io,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

/// The most customizations on top of each other.
pub const MAX_LAYERS: usize = 8;

/// One customization of several on top of each other.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Its directory as the site sees it: `../agency`; empty for the site's own.
    pub name: String,
    /// Itself, alone.
    pub customization: Customization,
}

/// The directories of the customization `dir` and of its bases, the site's first. Each is only looked at.
pub fn directories(dir: &Path) -> Result<Vec<PathBuf>, CustomizationError> {
    let mut chain = vec![dir.to_owned()];
    let mut real = vec![canonical(dir, &chain)?];
    while let Some(base) = base_of(&chain[chain.len() - 1])? {
        let next = join(&chain[chain.len() - 1], &base.0);
        chain.push(next);
        let found = canonical(&chain[chain.len() - 1], &chain)?;
        if real.contains(&found) {
            return Err(LayerError::Cycle { chain }.into());
        }
        if real.iter().any(|other| other.starts_with(&found) || found.starts_with(other)) {
            return Err(LayerError::Inside { chain }.into());
        }
        if chain.len() > MAX_LAYERS {
            return Err(LayerError::TooMany { chain }.into());
        }
        real.push(found);
    }
    Ok(chain)
}

fn canonical(dir: &Path, chain: &[PathBuf]) -> Result<PathBuf, CustomizationError> {
    let found = dir.canonicalize().and_then(|found| {
        let is_dir = found.is_dir();
        if is_dir { Ok(found) } else { Err(io::Error::from(io::ErrorKind::NotADirectory)) }
    });
    found.map_err(|source| LayerError::Missing { chain: chain.to_vec(), source }.into())
}

/// Only `base`; all else is judged when the layer is read.
fn base_of(dir: &Path) -> Result<Option<BasePath>, CustomizationError> {
    let name = |path: &TreePath| path.as_str() == CONFIG;
    let files = Snapshot::capture_if(dir, &crate::limits::Limits::default(), &name)
        .map_err(|source| CustomizationError::Capture { dir: dir.into(), source })?;
    Ok(Customization::from_files(dir, files)?.config.base)
}

/// `dir/base` without `NAME/..`, as long as that means the same.
fn join(dir: &Path, base: &str) -> PathBuf {
    let plain = dir.join(base);
    let mut short = PathBuf::new();
    for part in plain.components() {
        match (part, short.components().next_back()) {
            (Component::ParentDir, Some(Component::Normal(_))) => {
                short.pop();
            }
            (part, _) => short.push(part),
        }
    }
    match (plain.canonicalize(), short.canonicalize()) {
        (Ok(a), Ok(b)) if a != b => plain,
        _ => short,
    }
}

impl Customization {
    /// Reads the directory `dir` and the customizations that it stands on, as one.
    pub fn load_with_bases(dir: &Path) -> Result<Self, CustomizationError> {
        let chain = directories(dir)?;
        let mut layers = Vec::new();
        for at in &chain {
            let customization = Self::load(at)?;
            layers.push(Layer { name: if layers.is_empty() { String::new() } else { seen_from(&chain[0], at) }, customization });
        }
        Self::of_layers(layers)
    }

    /// The customization that consists of these, the site's first; what is nearer to the site wins.
    pub fn of_layers(layers: Vec<Layer>) -> Result<Self, CustomizationError> {
        let chain = |upto: usize| layers[..=upto].iter().map(|layer| layer.customization.dir.clone()).collect();
        let Some((site, bases)) = layers.split_first() else {
            return Err(LayerError::Missing { chain: Vec::new(), source: io::ErrorKind::NotFound.into() }.into());
        };
        let mut all = site.customization.clone();
        if bases.is_empty() {
            return Ok(all);
        }
        let mut listing = Listing::clone(all.files.listing());
        let mut stores: Vec<Arc<dyn Blobs>> = vec![all.files.blobs().clone()];
        for (number, Layer { name, customization: base }) in (1..).zip(bases) {
            let (wanted, found) = (&site.customization.config.pack.id, &base.config.pack.id);
            if wanted != found {
                let (wanted, found) = (wanted.clone(), found.clone());
                return Err(LayerError::OtherPack { chain: chain(number), wanted, found }.into());
            }
            let hidden: Vec<&LockedPlugin> = base.lock.app_plugins.iter().filter(|row| has_plugin(&all.lock, row)).collect();
            for (path, node) in base.files.listing().iter() {
                let gives_way = is_ours(path) || hidden.iter().any(|row| path.below(&row.path).is_some());
                if !gives_way && listing.get(path).is_none() {
                    let failed = |source| LayerError::Clash { chain: chain(number), source };
                    listing.insert(path.clone(), *node).map_err(failed)?;
                }
            }
            let shown: Vec<LockedPlugin> =
                base.lock.app_plugins.iter().filter(|row| !has_plugin(&all.lock, row)).cloned().collect();
            all.lock.app_plugins.extend(shown);
            stores.push(base.files.blobs().clone());
            inherit::inherit(&mut all.config, &base.config, name);
        }
        all.lock.app_plugins.sort();
        all.files = Snapshot::new(listing, Arc::new(Layers::new(stores)));
        all.layers = layers;
        all.lock.overrides = all.joined_overrides();
        Ok(all)
    }

    /// The same on the same bases, with other files of its own.
    pub fn with_own_files(&self, files: Snapshot) -> Result<Self, CustomizationError> {
        let own = Self::from_files(&self.dir, files)?;
        let mut layers = vec![Layer { name: String::new(), customization: own }];
        layers.extend(self.layers.iter().skip(1).cloned());
        Self::of_layers(layers)
    }

    /// The customizations that this one consists of, the site's own first.
    pub fn layers(&self) -> Vec<(&str, &Self)> {
        if self.layers.is_empty() {
            return vec![("", self)];
        }
        self.layers.iter().map(|layer| (layer.name.as_str(), &layer.customization)).collect()
    }

    /// The site's own directory, without its bases.
    pub fn own(&self) -> &Self {
        self.layers.first().map_or(self, |layer| &layer.customization)
    }

    /// The base that a file comes from, as the site sees it (`../agency`); `None`: the site's own.
    pub fn base_of(&self, file: &TreePath) -> Option<&str> {
        self.layers.get(self.owner(file)?).map(|layer| layer.name.as_str()).filter(|name| !name.is_empty())
    }

    /// As [`Customization::base_of`], with its directory.
    pub fn base_layer(&self, file: &TreePath) -> Option<BaseLayer> {
        let layer = self.layers.get(self.owner(file)?).filter(|layer| !layer.name.is_empty())?;
        Some(BaseLayer { name: layer.name.clone(), dir: layer.customization.dir.clone() })
    }

    /// The number of the layer that a file comes from, counted from the site.
    fn owner(&self, file: &TreePath) -> Option<usize> {
        self.layers.iter().position(|layer| layer.customization.files.listing().get(file).is_some())
    }

    /// The file as it is called on the way from the site: `templates/a.html`, `../agency/templates/a.html`.
    pub fn shown(&self, file: &TreePath) -> String {
        self.base_of(file).map_or_else(|| file.to_string(), |base| format!("{base}/{file}"))
    }

    /// The directory of the customization that says where a secret comes from: its paths and programs are
    /// relative to that.
    pub fn directory_of_secret(&self, name: &str) -> &Path {
        let has = |layer: &&Layer| layer.customization.config.secrets.contains_key(name);
        self.layers.iter().find(has).map_or(&self.dir, |layer| &layer.customization.dir)
    }

    /// The digest of the directory; with bases, of the names and digests of all.
    pub fn digest(&self) -> Digest {
        match self.digests().as_slice() {
            [(_, own)] => *own,
            all => {
                let lines: Vec<String> = all.iter().map(|(name, digest)| format!("{} {name}\n", digest.hex())).collect();
                hash::sha256(lines.concat().as_bytes())
            }
        }
    }

    /// The digest of each directory, the site's own first.
    pub fn digests(&self) -> Vec<(String, Digest)> {
        self.layers().into_iter().map(|(name, layer)| (name.to_owned(), layer.files.digest())).collect()
    }

    /// Rows of the lock for this directory: those of files of a base that knows them itself are left out.
    pub fn own_overrides(&self, rows: Vec<Overridden>) -> Vec<Overridden> {
        rows.into_iter().filter(|row| self.row_of_base(row).is_none()).collect()
    }

    /// What the lock of the base says about a file that comes from it.
    fn row_of_base(&self, row: &Overridden) -> Option<&Overridden> {
        let name = self.base_of(row.file.as_ref()?)?;
        let layer = self.layers.iter().find(|layer| layer.name == name)?;
        layer.customization.lock.overrides.iter().find(|other| other.file == row.file && other.path == row.path)
    }

    /// A conflict that was settled in a base is settled for all sites: for its files its lock counts first.
    fn joined_overrides(&self) -> Vec<Overridden> {
        let mut rows: Vec<Overridden> = Vec::new();
        for (number, layer) in self.layers.iter().enumerate() {
            for row in &layer.customization.lock.overrides {
                let owner = row.file.as_ref().map_or(Some(number), |file| self.owner(file));
                // one for a file of a base counts while the base has none, one for a file that a site
                // replaces does not
                let counts = match owner {
                    Some(owner) if owner == number => true,
                    Some(owner) if owner > number => self.row_of_base(row).is_none(),
                    _ => false,
                };
                if counts && !rows.iter().any(|known| known.path == row.path && known.file == row.file) {
                    rows.push(row.clone());
                }
            }
        }
        rows.sort_by(|a, b| a.path.cmp(&b.path));
        rows
    }
}

fn has_plugin(lock: &Lock, row: &LockedPlugin) -> bool {
    lock.app_plugins.iter().any(|known| known.index == row.index && known.name == row.name)
}

/// `../agency`: `dir` as `site` sees it.
fn seen_from(site: &Path, dir: &Path) -> String {
    let (Ok(site), Ok(dir)) = (site.canonicalize(), dir.canonicalize()) else { return dir.display().to_string() };
    let same = site.components().zip(dir.components()).take_while(|(a, b)| a == b).count();
    let up = site.components().skip(same).map(|_| "..".to_owned());
    let down = dir.components().skip(same).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests;
