//! What the file system said of the files of a tree when they had been laid out: inode, size and both
//! times. A file of which it still says the same has not been touched, since nobody can set the time of
//! its last change (ctime) but by setting the clock.
//!
//! One line per file: `inode SP size SP mtime SP ctime SP path LF`, times in nanoseconds.

use super::paths;
use crate::disk::{At, DiskError, read_optional, write_atomic};
use rayon::prelude::*;
use std::{
    collections::HashMap,
    fmt::Write as _,
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::Path,
};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    inode: u64,
    size: u64,
    modified: i128,
    changed: i128,
}

impl Stat {
    fn of(meta: &Metadata) -> Self {
        let nanoseconds = |seconds: i64, more: i64| i128::from(seconds) * 1_000_000_000 + i128::from(more);
        Self {
            inode: meta.ino(),
            size: meta.size(),
            modified: nanoseconds(meta.mtime(), meta.mtime_nsec()),
            changed: nanoseconds(meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// What was said, by path below the tree.
#[derive(Debug, Default)]
pub(super) struct Stats(HashMap<String, Stat>);

impl Stats {
    /// Reads what [`write`] wrote. Without it, or when it makes no sense, every file counts as touched.
    pub(super) fn read(path: &Path) -> Self {
        let text = read_optional(path).ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
        Self(text.and_then(|text| text.lines().map(parse).collect()).unwrap_or_default())
    }

    /// Has this file not been touched since?
    pub(super) fn is_untouched(&self, name: &str, meta: &Metadata) -> bool {
        self.0.get(name).is_some_and(|stat| *stat == Stat::of(meta))
    }
}

fn parse(line: &str) -> Option<(String, Stat)> {
    let mut fields = line.splitn(5, ' ');
    let stat = Stat {
        inode: fields.next()?.parse().ok()?,
        size: fields.next()?.parse().ok()?,
        modified: fields.next()?.parse().ok()?,
        changed: fields.next()?.parse().ok()?,
    };
    Some((fields.next()?.to_owned(), stat))
}

/// Writes down what the file system says of the files of the tree in `dir`.
pub fn write(dir: &Path, to: &Path) -> Result<(), DiskError> {
    let paths = paths(dir)?;
    let stats = paths
        .par_iter()
        .map(|(name, path)| fs::symlink_metadata(path).at("look at", path).map(|meta| (name, Stat::of(&meta))))
        .collect::<Result<Vec<_>, _>>()?;
    let mut text = String::with_capacity(stats.len() * 100);
    for (name, Stat { inode, size, modified, changed }) in stats {
        let _ = writeln!(text, "{inode} {size} {modified} {changed} {name}"); // memory takes everything
    }
    write_atomic(to, text.as_bytes(), 0o600)
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
        for name in ["a", "sub dir/with space", "same time"] {
            fs::write(tree.join(name), "text").unwrap();
            let node = Node { kind: Kind::File, size: 4, digest: hash::sha256(b"text") };
            listing.insert(TreePath::new(name).unwrap(), node).unwrap();
        }
        super::write(&tree, &stats).unwrap();
        assert_eq!(drift_of(&listing, &tree, Some(&stats)).unwrap(), [""; 0]);

        // the same length, and the time put back
        let path = tree.join("same time");
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "evil").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
        fs::write(tree.join("extra"), "").unwrap();
        fs::remove_file(tree.join("a")).unwrap();
        let drift = ["a (missing)", "same time (altered)", "extra (extra)"];
        assert_eq!(drift_of(&listing, &tree, Some(&stats)).unwrap(), drift);
        assert_eq!(drift_of(&listing, &tree, None).unwrap(), drift);

        // what was only touched is read, and found to be as it was
        fs::write(&path, "text").unwrap();
        fs::write(tree.join("a"), "text").unwrap();
        fs::remove_file(tree.join("extra")).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(drift_of(&listing, &tree, Some(&stats)).unwrap(), [""; 0]);

        // no notes, or nonsense: everything is read
        for nonsense in ["", "1 2 3\n", "x y z w a\n"] {
            fs::write(&stats, nonsense).unwrap();
            assert_eq!(drift_of(&listing, &tree, Some(&stats)).unwrap(), [""; 0]);
        }
    }
}
