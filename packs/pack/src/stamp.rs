//! Whether a file is still the one that was looked at, without reading it.

use std::{fs::Metadata, os::unix::fs::MetadataExt, time::SystemTime};

/// What a file system knows of a file: whoever writes to it, or puts another in its place, changes this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(String);

impl Stamp {
    /// Device, inode, size and both times.
    pub fn of(meta: &Metadata) -> Self {
        Self(format!(
            "{} {} {} {}.{:09} {}.{:09}",
            meta.dev(),
            meta.ino(),
            meta.len(),
            meta.mtime(),
            meta.mtime_nsec(),
            meta.ctime(),
            meta.ctime_nsec()
        ))
    }

    /// As one line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Was the file left alone for so long before `now` that another change would have shown in its times? Those of
/// some file systems are as coarse as a second.
pub fn is_settled(meta: &Metadata, now: SystemTime) -> bool {
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds).is_ok_and(|seconds| meta.ctime() + 1 < seconds && meta.mtime() + 1 < seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, time::Duration};

    #[test]
    fn a_file_that_was_written_or_replaced_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let stamp = || Stamp::of(&fs::metadata(&path).unwrap());
        fs::write(&path, "one").unwrap();
        let first = stamp();
        assert_eq!(stamp(), first);
        fs::write(dir.path().join("b"), "two").unwrap();
        fs::rename(dir.path().join("b"), &path).unwrap();
        assert_ne!(stamp(), first);
        let second = stamp();
        fs::File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_ne!(stamp(), second);
    }

    #[test]
    fn what_was_just_changed_is_not_settled() {
        let file = tempfile::tempfile().unwrap();
        let meta = file.metadata().unwrap();
        let changed = meta.modified().unwrap();
        assert!(!is_settled(&meta, changed));
        assert!(is_settled(&meta, changed + Duration::from_secs(3)));
    }
}
