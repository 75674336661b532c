//! The files of a release as they really are: every byte is read.

use super::{DiskError, Stats, read_tree};
use crate::disk::At;
use silver_pack::listing::Listing;
use silver_plugin_api::{TreePath, path::plain, plan::MAX_CONTENT};
use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::ffi::OsStrExt,
    path::Path,
};

/// So many names of what can be part of no tree are told.
const MAX_ODD: usize = 100;

/// What lies below `dir` as a tree, and the names of what can be part of none.
pub fn laid_out(dir: &Path) -> Result<(Listing, Vec<String>), DiskError> {
    let (mut listing, mut odd) = (Listing::new(), Vec::new());
    for (name, node) in read_tree(dir, &Stats::default())? {
        let regular = node.filter(|node| !node.digest.as_bytes().iter().all(|byte| *byte == 0));
        let added = TreePath::new(&name).ok().zip(regular).and_then(|(path, node)| listing.insert(path, node).ok());
        if added.is_none() && odd.len() < MAX_ODD {
            odd.push(plain(&name).into_owned());
        }
    }
    Ok((listing, odd))
}

/// The content of a file below `dir`, or the target of a link; `None` when neither is there, or it is
/// too long to be looked at.
pub fn content(dir: &Path, path: &TreePath) -> Result<Option<Vec<u8>>, DiskError> {
    let at = dir.join(path.as_str());
    let meta = match fs::symlink_metadata(&at) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        meta => meta.at("look at", &at)?,
    };
    if meta.is_symlink() {
        return Ok(Some(fs::read_link(&at).at("read", &at)?.as_os_str().as_bytes().to_vec()));
    }
    if !meta.is_file() || meta.len() > MAX_CONTENT {
        return Ok(None);
    }
    let mut content = Vec::new();
    File::open(&at).and_then(|file| file.take(MAX_CONTENT + 1).read_to_end(&mut content)).at("read", &at)?;
    Ok(Some(content).filter(|content| content.len() as u64 <= MAX_CONTENT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use silver_pack::listing::Kind;
    use std::os::unix::{ffi::OsStrExt, fs::symlink};

    #[test]
    fn what_is_there_is_told_and_what_cannot_be_part_of_a_tree_by_name() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/a.txt"), "one").unwrap();
        symlink("sub/a.txt", dir.path().join("link")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, dir.path().join("pipe"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
            .unwrap();
        fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"not\xfftext")), "").unwrap();
        let (listing, odd) = laid_out(dir.path()).unwrap();
        let told: Vec<_> = listing.iter().map(|(path, node)| (path.as_str(), node.kind, node.size)).collect();
        assert_eq!(told, [("link", Kind::Link, 9), ("sub/a.txt", Kind::File, 3)]);
        assert_eq!(odd.len(), 2, "{odd:?}");
        assert!(odd.contains(&"pipe".to_owned()), "{odd:?}");
    }

    #[test]
    fn contents_are_given_up_to_a_length_and_pipes_never_opened() {
        let dir = tempfile::tempdir().unwrap();
        let path = |text: &str| TreePath::new(text).unwrap();
        fs::write(dir.path().join("a"), "one").unwrap();
        symlink("/etc/passwd", dir.path().join("link")).unwrap();
        fs::create_dir(dir.path().join("dir")).unwrap();
        File::create(dir.path().join("long")).unwrap().set_len(MAX_CONTENT + 1).unwrap();
        let look = |text: &str| content(dir.path(), &path(text)).unwrap();
        assert_eq!(look("a").unwrap(), b"one");
        assert_eq!(look("link").unwrap(), b"/etc/passwd", "where it leads, not what is there");
        for nothing in ["dir", "long", "absent", "a/b"] {
            assert_eq!(look(nothing), None, "{nothing}");
        }
    }
}
