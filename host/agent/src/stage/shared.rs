//! Files that releases share: `<ab>/<sha256>` (0444) and `<ab>/<sha256>-x` (0555), hard-linked into the
//! trees of releases, which costs a tenth of a copy and no room.
//!
//! Only for nodes where whoever runs the apps cannot write to files of whoever stages them: a link is
//! the file itself. The local node runs apps as the user who stages, and copies.
//!
//! The time of a file in the store is not when it was made, but nearly (`store_time`): Caddy makes entity tags of time and
//! size, so other bytes have to have another time. A file that somebody edited where it lies, through whichever
//! release, is known by its time: it is linked to no further release, but replaced by a sound one.

use super::{Brought, tree::make_file};
use crate::{
    disk::{At, DiskError, make_dir, names_all, remove_dir, remove_file},
    stage::StageError,
};
use silver_pack::{
    hash,
    listing::{Kind, Node},
    snapshot::Blobs,
};
use silver_plugin_api::{Digest, TreePath};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

/// The end of the name of an executable file.
const EXECUTABLE: &str = "-x";

/// The beginning of the name of a directory with files that no release has yet.
pub(super) const UNFINISHED: &str = ".new-";

/// The directory of shared files, for one release that is laid out.
pub struct Shared<'a> {
    dir: PathBuf,
    /// What came with the pack.
    brought: Option<&'a Brought>,
    /// What this release brings, by the name that it gets when it is durable, and where it lies in the release's own tree.
    fresh: Mutex<BTreeMap<String, PathBuf>>,
}

impl<'a> Shared<'a> {
    /// The files in `dir`, which need not be there yet.
    pub fn new(dir: &Path) -> Result<Self, DiskError> {
        make_dir(dir)?;
        Ok(Self { dir: dir.to_owned(), brought: None, fresh: Mutex::default() })
    }

    /// What came with a pack need not be made.
    #[must_use]
    pub fn with(self, brought: Option<&'a Brought>) -> Self {
        Self { brought, ..self }
    }

    /// Links the file to `to`; makes it there, from `blobs`, when it is not to be had or not sound. Where the file system
    /// allows no (more) links, `to` becomes a copy.
    pub(super) fn link(&self, path: &TreePath, node: &Node, blobs: &dyn Blobs, to: &Path) -> Result<(), StageError> {
        let name = name(&node.digest, node.kind);
        let durable = place(&self.dir, &name);
        let linked = if is_sound(&durable, node) { fs::hard_link(&durable, to) } else { Err(io::ErrorKind::NotFound.into()) };
        let linked = match linked {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let fresh = self.fresh().get(&name).cloned();
                let Some(fresh) = fresh else {
                    if !self.brought.is_some_and(|brought| brought.take(node, to)) {
                        make(path, node, blobs, to)?;
                    }
                    self.fresh().insert(name, to.to_owned());
                    return Ok(());
                };
                fs::hard_link(fresh, to)
            }
            linked => linked,
        };
        match linked {
            Err(error) if refuses_links(&error) => make(path, node, blobs, to),
            linked => Ok(linked.at("link a shared file to", to)?),
        }
    }

    /// Shares what was brought, which has been made durable.
    pub fn publish(self) -> Result<(), DiskError> {
        let mut above = PathBuf::new();
        for (name, from) in self.fresh.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let place = place(&self.dir, &name);
            let parent = place.parent().unwrap_or(&self.dir);
            if above != parent {
                make_dir(parent)?;
                parent.clone_into(&mut above);
            }
            share(&from, &place)?;
        }
        Ok(())
    }

    fn fresh(&self) -> MutexGuard<'_, BTreeMap<String, PathBuf>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a file its name among the shared ones. What has that name is not sound, or somebody else has just brought it, or
/// allows no more links.
fn share(from: &Path, place: &Path) -> Result<(), DiskError> {
    for attempt in [1, 2] {
        match fs::hard_link(from, place) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt == 1 => remove_file(place)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists || refuses_links(&error) => return Ok(()),
            linked => return linked.at("share a file as", place),
        }
    }
    Ok(())
}

fn make(path: &TreePath, node: &Node, blobs: &dyn Blobs, to: &Path) -> Result<(), StageError> {
    match make_file(path, node, blobs, to)? {
        Some(file) => Ok(seal(&file, &node.digest).at("set the time of", to)?),
        None => Ok(()),
    }
}

fn name(digest: &Digest, kind: Kind) -> String {
    let suffix = if kind == Kind::Executable { EXECUTABLE } else { "" };
    format!("{}{suffix}", digest.hex())
}

fn place(dir: &Path, name: &str) -> PathBuf {
    dir.join(&name[..2]).join(name)
}

/// Gives a file the time by which it is known as sound.
pub(super) fn seal(file: &File, digest: &Digest) -> io::Result<()> {
    file.set_modified(store_time(digest, SystemTime::now()))
}

/// Is there a file with this digest, sound or not?
pub(super) fn has(dir: &Path, digest: &Digest) -> bool {
    [Kind::File, Kind::Executable].iter().any(|kind| place(dir, &name(digest, *kind)).exists())
}

/// Is it there as it was made? What was only touched is read.
fn is_sound(file: &Path, node: &Node) -> bool {
    let Ok(meta) = fs::symlink_metadata(file) else { return false };
    if !meta.is_file() || meta.len() != node.size {
        return false;
    }
    if meta.mtime_nsec() == 0 && meta.mtime().cast_unsigned() % WINDOW == chosen(&node.digest) {
        return true;
    }
    // root may open what nobody may write, and others made it themselves: to read is enough
    let Ok(mut opened) = File::open(file) else { return false };
    let same = hash::copy_hashed(&mut opened, &mut io::sink()).is_ok_and(|(found, _)| found == node.digest);
    same && seal(&opened, &node.digest).is_ok()
}

/// The seconds of which the digest chooses one.
const WINDOW: u64 = 1 << 12;

/// The time of a file with that digest that is made now: in an hour before, at a second that the digest chooses.
/// Two files of one size that were made close together have the same time once in 4,096 cases. The time is not taken from the digest alone, since
/// it also tells which of two is newer: an application that compares times by itself would not send what has an older one.
pub(crate) fn store_time(digest: &Digest, now: SystemTime) -> SystemTime {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    SystemTime::UNIX_EPOCH + Duration::from_secs(now.saturating_sub(WINDOW) / WINDOW * WINDOW + chosen(digest))
}

fn chosen(digest: &Digest) -> u64 {
    let [first, second, ..] = *digest.as_bytes();
    u64::from(u16::from_be_bytes([first, second])) % WINDOW
}

/// ext4 has at most 65,000 links of a file, and none crosses a file system.
fn refuses_links(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TooManyLinks | io::ErrorKind::CrossesDevices)
}

/// Removes what no release has any more, and what was never finished. Nobody may be staging.
pub(crate) fn sweep(dir: &Path) -> Result<(), DiskError> {
    for name in names_all(dir)? {
        let below = dir.join(&name);
        if name.starts_with(UNFINISHED) {
            remove_dir(&below)?;
            continue;
        }
        for name in names_all(&below)? {
            let file = below.join(name);
            if fs::symlink_metadata(&file).at("look at", &file)?.nlink() == 1 {
                remove_file(&file)?;
            }
        }
    }
    Ok(())
}

impl Blobs for Shared<'_> {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        let opened = |kind| File::open(place(&self.dir, &name(digest, kind)));
        let opened = opened(Kind::File).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => opened(Kind::Executable),
            _ => Err(error),
        });
        Ok(Box::new(opened?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silver_pack::snapshot::MemoryBlobs;

    fn link(dir: &Path, text: &str, kind: Kind, to: &str) -> PathBuf {
        let mut blobs = MemoryBlobs::new();
        let digest = blobs.put(text.as_bytes());
        let shared = Shared::new(&dir.join("store")).unwrap();
        let to = dir.join(to);
        shared.link(&TreePath::new("a").unwrap(), &Node { kind, size: text.len() as u64, digest }, &blobs, &to).unwrap();
        shared.publish().unwrap();
        to
    }

    #[test]
    fn what_was_edited_where_it_lies_is_shared_no_further() {
        let dir = tempfile::tempdir().unwrap();
        let one = link(dir.path(), "text", Kind::File, "one");
        let two = link(dir.path(), "text", Kind::File, "two");
        let inode = |path: &Path| fs::metadata(path).unwrap().ino();
        assert_eq!(inode(&one), inode(&two));
        let sealed = |path: &Path| {
            let node = Node { kind: Kind::File, size: 4, digest: hash::sha256(b"text") };
            fs::metadata(path).unwrap().mtime_nsec() == 0 && is_sound(path, &node)
        };
        assert!(sealed(&one));

        // as `echo >>` and `sed -i` of root: the former hits both releases
        fs::set_permissions(&one, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        fs::write(&one, "evil").unwrap();
        let three = link(dir.path(), "text", Kind::File, "three");
        assert_eq!(fs::read(&three).unwrap(), b"text");
        assert_eq!(fs::read(&two).unwrap(), b"evil", "the shared file itself");
        assert_ne!(inode(&three), inode(&one));

        // touched only: it is sound, and has its time again
        File::open(&three).unwrap().set_modified(SystemTime::now()).unwrap();
        let four = link(dir.path(), "text", Kind::File, "four");
        assert_eq!(inode(&three), inode(&four));
        assert!(sealed(&four), "it was only touched");
    }

    #[test]
    fn what_no_release_has_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        let one = link(dir.path(), "one", Kind::File, "one");
        let two = link(dir.path(), "two", Kind::Executable, "two");
        fs::create_dir(store.join(".new-killed")).unwrap();
        sweep(&store).unwrap();
        let count =
            || walkdir::WalkDir::new(&store).into_iter().filter(|entry| entry.as_ref().unwrap().file_type().is_file()).count();
        assert_eq!(count(), 2);
        assert!(!store.join(".new-killed").exists());
        fs::remove_file(two).unwrap();
        sweep(&store).unwrap();
        assert_eq!(count(), 1);
        assert_eq!(fs::metadata(one).unwrap().nlink(), 2);
        sweep(&dir.path().join("none")).unwrap();
    }

    /// What is not durable has no name that another release could link.
    #[test]
    fn what_was_not_published_is_not_shared() {
        let dir = tempfile::tempdir().unwrap();
        let mut blobs = MemoryBlobs::new();
        let digest = blobs.put(*b"text");
        let shared = Shared::new(&dir.path().join("store")).unwrap();
        let node = Node { kind: Kind::File, size: 4, digest };
        for to in ["one", "two"] {
            shared.link(&TreePath::new("a").unwrap(), &node, &blobs, &dir.path().join(to)).unwrap();
        }
        assert_eq!(fs::metadata(dir.path().join("one")).unwrap().nlink(), 2);
        assert!(shared.open(&digest).is_err());
        drop(shared);
        assert_eq!(fs::read_dir(dir.path().join("store")).unwrap().count(), 0);
        assert_eq!(fs::read(dir.path().join("two")).unwrap(), b"text");
    }
}
