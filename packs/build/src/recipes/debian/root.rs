//! Unpacked packages as one root directory, in which links lead where they would lead on a machine
//! that has exactly these packages. Nothing here follows a link on the disk.

use silver_plugin_api::{TreePath, path::PathError};
use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// How many links one path may lead through, as Linux has it.
const MAX_LINKS: usize = 40;

/// What lies at a path.
#[derive(Debug, Clone)]
pub(super) enum Item {
    File { at: PathBuf, executable: bool },
    Link(String),
    Directory(BTreeMap<String, Item>),
}

/// Why a path leads to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing is there.
    Dangling,
    /// It climbs over the root.
    Escapes,
    /// It leads back to itself, or contains itself.
    Loops,
}

impl Trouble {
    /// As it is told.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Dangling => "nothing is there in these packages",
            Self::Escapes => "it climbs over the root",
            Self::Loops => "it leads back to itself",
        }
    }
}

/// Why a package could not be added.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The disk.
    #[error("cannot read what was unpacked")]
    Read(#[from] io::Error),
    /// A name that a tree cannot hold.
    #[error("`{0}` cannot be part of a pack")]
    Name(String, #[source] PathError),
    /// Another package has the same path.
    #[error("`{0}` is in two packages")]
    Twice(String),
    /// A device or the like.
    #[error("`{0}` is neither file, directory nor link")]
    Kind(String),
}

/// All files of some packages.
#[derive(Debug, Default)]
pub(super) struct Root(BTreeMap<String, Item>);

impl Root {
    /// Adds what lies below `dir`.
    pub(super) fn add(&mut self, dir: &Path) -> Result<(), RootError> {
        fill(&mut self.0, dir, &TreePath::root())
    }

    /// What lies at `path`, every link followed; where that is.
    pub(super) fn resolve(&self, path: &str) -> Result<(Vec<String>, Option<&Item>), Trouble> {
        let mut rest: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let (mut at, mut links): (Vec<String>, usize) = (Vec::new(), 0);
        while let Some(name) = rest.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    at.pop().ok_or(Trouble::Escapes)?;
                    continue;
                }
                _ => at.push(name),
            }
            match self.get(&at) {
                None => return Err(Trouble::Dangling),
                Some(Item::Link(target)) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Trouble::Loops);
                    }
                    at.pop();
                    if target.starts_with('/') {
                        at.clear();
                    }
                    rest.extend(target.split('/').rev().map(str::to_owned));
                }
                Some(Item::File { .. }) if rest.iter().any(|name| !name.is_empty()) => return Err(Trouble::Dangling),
                Some(_) => {}
            }
        }
        let item = self.get(&at);
        Ok((at, item))
    }

    fn get(&self, path: &[String]) -> Option<&Item> {
        let (name, above) = path.split_last()?;
        let mut directory = &self.0;
        for name in above {
            directory = match directory.get(name) {
                Some(Item::Directory(below)) => below,
                _ => return None,
            };
        }
        directory.get(name)
    }

    /// What lies in the directory at `path`, which was resolved.
    pub(super) fn children(&self, path: &[String]) -> Option<&BTreeMap<String, Item>> {
        if path.is_empty() {
            return Some(&self.0);
        }
        match self.get(path) {
            Some(Item::Directory(below)) => Some(below),
            _ => None,
        }
    }
}

fn fill(into: &mut BTreeMap<String, Item>, dir: &Path, at: &TreePath) -> Result<(), RootError> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = at.join(&name).map_err(|source| RootError::Name(format!("{at}/{name}").escape_debug().to_string(), source))?;
        let metadata = fs::symlink_metadata(entry.path())?;
        if metadata.is_dir() {
            match into.entry(name).or_insert_with(|| Item::Directory(BTreeMap::new())) {
                Item::Directory(below) => fill(below, &entry.path(), &path)?,
                _ => return Err(RootError::Twice(path.to_string())),
            }
            continue;
        }
        let item = if metadata.is_symlink() {
            Item::Link(fs::read_link(entry.path())?.to_string_lossy().into_owned())
        } else if metadata.is_file() {
            Item::File { at: entry.path(), executable: metadata.permissions().mode() & 0o100 != 0 }
        } else {
            return Err(RootError::Kind(path.to_string()));
        };
        if into.insert(name, item).is_some() {
            return Err(RootError::Twice(path.to_string()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn package(files: &[&str], links: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        };
        for file in files {
            fs::write(at(file), file).unwrap();
        }
        for (link, target) in links {
            symlink(target, at(link)).unwrap();
        }
        dir
    }

    #[test]
    fn links_lead_where_they_would_on_a_machine() {
        let mut root = Root::default();
        let one = package(
            &["usr/share/app/a.php", "usr/lib/x/y"],
            &[
                ("usr/share/app/js", "/usr/share/js"),
                ("usr/share/app/up", "../../lib/x"),
                ("usr/share/app/etc", "/etc/app"),
                ("usr/share/app/over", "../../../../../etc/passwd"),
                ("usr/share/app/self", "self"),
                ("usr/share/app/through", "a.php/b"),
            ],
        );
        let two = package(&["usr/share/js/j.js"], &[("usr/share/js/k.js", "./j.js")]);
        root.add(one.path()).unwrap();
        root.add(two.path()).unwrap();
        let at = |path: &str| root.resolve(path).map(|(path, _)| path.join("/"));
        assert_eq!(at("usr/share/app/js/k.js").as_deref(), Ok("usr/share/js/j.js"));
        assert_eq!(at("usr/share/app/up/y").as_deref(), Ok("usr/lib/x/y"));
        assert_eq!(at("").as_deref(), Ok(""));
        for (path, trouble) in [
            ("usr/share/app/etc", Trouble::Dangling),
            ("usr/share/app/over", Trouble::Escapes),
            ("usr/share/app/self", Trouble::Loops),
            ("usr/share/app/through", Trouble::Dangling),
            ("usr/share/app/none", Trouble::Dangling),
        ] {
            assert_eq!(at(path), Err(trouble), "{path}");
        }
        // a file, or a link in place of a directory, that another package has as well
        assert!(
            matches!(root.add(package(&["usr/share/js/j.js"], &[]).path()), Err(RootError::Twice(path)) if path == "usr/share/js/j.js")
        );
        assert!(matches!(root.add(package(&["usr/share/app/js/z"], &[]).path()), Err(RootError::Twice(_))));
    }
}
