//! What the file system said of the files of a tree when they had been laid out: inode, size and both
//! times. A file of which it still says the same has not been touched, since nobody can set the time of
//! its last change (ctime) but by setting the clock.
//!
//! The first line is the digest of the tree, then comes one for each of its files, sorted by path bytes:
//! `inode SP size SP mtime SP ctime SP path LF`, times in nanoseconds.

use super::{Found, list, walk};
use crate::{
    directories::by_directory,
    disk::{DiskError, read_optional, write_atomic},
};
use rayon::prelude::*;
use silver_pack::listing::Listing;
use silver_plugin_api::{Digest, TreePath};
use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fmt::Write as _,
    fs::Metadata,
    io::ErrorKind,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    inode: i64,
    size: i64,
    modified: i64,
    changed: i64,
}

impl Stat {
    fn of(meta: &Metadata) -> Self {
        // compared, never counted with: what an unusual file system says may wrap round
        let nanoseconds = |seconds: i64, more: i64| seconds.wrapping_mul(1_000_000_000).wrapping_add(more);
        Self {
            inode: meta.ino().cast_signed(),
            size: meta.size().cast_signed(),
            modified: nanoseconds(meta.mtime(), meta.mtime_nsec()),
            // a file that releases share changes with every release that comes or goes; only root can write it
            changed: if meta.nlink() > 1 { 0 } else { nanoseconds(meta.ctime(), meta.ctime_nsec()) },
        }
    }
}

/// What was said, by path below the tree.
#[derive(Debug, Default)]
pub(super) struct Stats(HashMap<OsString, Stat>);

impl Stats {
    /// Reads what [`write()`] wrote. Without it, or when it makes no sense, every file counts as touched.
    pub(super) fn read(path: &Path) -> Self {
        let text = read_optional(path).ok().flatten().unwrap_or_default();
        let parsed = lines(&text).skip(1).map(|line| parse(line).map(|(stat, name)| (name.to_owned(), stat)));
        Self(parsed.collect::<Option<_>>().unwrap_or_default())
    }

    /// Has this file not been touched since?
    pub(super) fn is_untouched(&self, name: &OsStr, meta: &Metadata) -> bool {
        self.0.get(name).is_some_and(|stat| *stat == Stat::of(meta))
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}

fn parse(line: &[u8]) -> Option<(Stat, &OsStr)> {
    let mut fields = line.splitn(5, |byte| *byte == b' ');
    let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse::<i64>().ok();
    let (inode, size, modified, changed) = (number()?, number()?, number()?, number()?);
    Some((Stat { inode, size, modified, changed }, OsStr::from_bytes(fields.next()?)))
}

/// Writes down what the file system says of the files of a tree, laid out in `dir`.
pub fn write(dir: &Path, to: &Path, tree: &Listing) -> Result<(), DiskError> {
    let mut found = walk(dir)?;
    let listed =
        |name: &OsStr| name.to_str().and_then(|name| TreePath::new(name).ok()).is_some_and(|path| tree.get(&path).is_some());
    found.retain(|found| listed(&found.name)); // nothing else can be there, but it would count as untouched
    found.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    let mut text = format!("{}\n", tree.digest());
    text.reserve(found.len() * 100);
    for Found { name, meta } in &found {
        let Stat { inode, size, modified, changed } = Stat::of(meta);
        let _ = writeln!(text, "{inode} {size} {modified} {changed} {}", name.display()); // memory takes everything
    }
    write_atomic(to, text.as_bytes(), 0o600)
}

/// Is what lies in `dir` this tree, and no file of it touched since [`write()`]? No content is read.
pub fn is_untouched(dir: &Path, stats: &Path, tree: &Digest) -> Result<bool, DiskError> {
    let Some(text) = read_optional(stats)? else { return Ok(false) };
    let mut noted = lines(&text);
    if noted.next() != Some(tree.to_string().as_bytes()) {
        return Ok(false);
    }
    let Some(noted) = noted.map(|line| Some((name(line)?, line))).collect::<Option<Vec<_>>>() else { return Ok(false) };
    let dirs = by_directory(noted);
    dirs.par_iter()
        .map(|(below, files)| is_same(dir, OsStr::from_bytes(below), files, &dirs))
        .try_reduce(|| true, |one, other| Ok(one && other))
}

/// The path in a line.
fn name(line: &[u8]) -> Option<&[u8]> {
    line.splitn(5, |byte| *byte == b' ').nth(4)
}

/// Is what lies in the directory `below` just these files, untouched? In `dirs` is every directory that was
/// noted; others have to be empty.
fn is_same(dir: &Path, below: &OsStr, files: &[&[u8]], dirs: &HashMap<&[u8], Vec<&[u8]>>) -> Result<bool, DiskError> {
    let (found, inner) = match list(dir, below) {
        // what should be there is not: no trouble, but an answer
        Err(error) if !below.is_empty() && matches!(error.source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(false);
        }
        listed => listed?,
    };
    let is_noted = |Found { name: path, meta }: &Found| {
        let at = files.binary_search_by(|line| name(line).cmp(&Some(path.as_bytes())));
        let noted = at.ok().and_then(|at| parse(files[at]));
        noted.is_some_and(|(stat, _)| stat == Stat::of(meta))
    };
    if found.len() != files.len() || !found.iter().all(is_noted) {
        return Ok(false);
    }
    for unknown in inner.iter().filter(|inner| !dirs.contains_key(inner.as_bytes())) {
        if !walk(&dir.join(unknown))?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::observe::drift_of;
    use silver_pack::{
        hash,
        listing::{Kind, Listing, Node},
    };
    use silver_plugin_api::TreePath;
    use std::{
        fs::{self, File},
        time::SystemTime,
    };

    #[test]
    fn what_was_touched_is_found_and_what_was_not_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, stats) = (dir.path().join("tree"), dir.path().join("stats"));
        fs::create_dir_all(tree.join("sub dir")).unwrap();
        let mut listing = Listing::new();
        fs::create_dir_all(tree.join("deep/er/still")).unwrap();
        for name in ["a", "sub dir/with space", "same time", "deep/er.txt", "deep/er/still/file"] {
            fs::write(tree.join(name), "text").unwrap();
            let node = Node { kind: Kind::File, size: 4, digest: hash::sha256(b"text") };
            listing.insert(TreePath::new(name).unwrap(), node).unwrap();
        }
        super::write(&tree, &stats, &listing).unwrap();
        let untouched = || super::is_untouched(&tree, &stats, &listing.digest()).unwrap();
        assert!(untouched());
        assert!(!super::is_untouched(&tree, &stats, &hash::sha256(b"another tree")).unwrap());
        assert_eq!(drift_of(&listing, &tree, Some(&stats)).unwrap(), [""; 0]);

        // the same length, and the time put back
        let path = tree.join("same time");
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(tree.join("extra"), "").unwrap();
        assert!(!untouched(), "one more");
        fs::remove_file(tree.join("extra")).unwrap();
        assert!(untouched());
        fs::rename(tree.join("a"), dir.path().join("a")).unwrap();
        assert!(!untouched(), "one less");
        fs::write(&path, "evil").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
        fs::write(tree.join("extra"), "").unwrap();
        assert!(!untouched(), "another content");
        let drift = ["a (missing)", "same time (altered)", "extra (extra)"];
        assert_eq!(drift_of(&listing, &tree, Some(&stats)).unwrap(), drift);
        assert_eq!(drift_of(&listing, &tree, None).unwrap(), drift);

        // what was only touched is read, and found to be as it was
        fs::write(&path, "text").unwrap();
        fs::write(tree.join("a"), "text").unwrap();
        fs::remove_file(tree.join("extra")).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(drift_of(&listing, &tree, Some(&stats)).unwrap(), [""; 0]);

        // directories: an empty one more is none, one with a file is, one less is, and a link is none
        super::write(&tree, &stats, &listing).unwrap();
        assert!(untouched());
        fs::create_dir_all(tree.join("new/empty")).unwrap();
        assert!(untouched());
        fs::write(tree.join("new/empty/file"), "").unwrap();
        assert!(!untouched(), "a file in an unknown directory");
        fs::remove_dir_all(tree.join("new")).unwrap();
        assert!(untouched());
        let moved = dir.path().join("moved");
        fs::rename(tree.join("sub dir"), &moved).unwrap();
        assert!(!untouched(), "a directory less");
        std::os::unix::fs::symlink(&moved, tree.join("sub dir")).unwrap();
        assert!(!untouched(), "a link to the same files");
        fs::remove_file(tree.join("sub dir")).unwrap();
        fs::write(tree.join("sub dir"), "").unwrap();
        assert!(!untouched(), "a file for a directory");
        fs::remove_file(tree.join("sub dir")).unwrap();
        fs::rename(&moved, tree.join("sub dir")).unwrap();
        assert!(untouched());

        // no notes, or nonsense: everything is read
        for nonsense in ["", "1 2 3\n", "x y z w a\n"] {
            fs::write(&stats, nonsense).unwrap();
            assert!(!untouched(), "{nonsense}");
            assert_eq!(drift_of(&listing, &tree, Some(&stats)).unwrap(), [""; 0]);
        }
    }
}
