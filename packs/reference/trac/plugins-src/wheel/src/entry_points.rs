//! What a wheel tells Trac: the group `trac.plugins` of its `entry_points.txt`
//! (<https://packaging.python.org/specifications/entry-points/>).

use crate::zip::{self, ZipError};
use silver_plugin::{Tree, TreePath};
use std::{collections::BTreeSet, fmt};

/// Why it cannot be told.
#[derive(Debug)]
pub enum EntryPointError {
    /// The wheel cannot be read.
    Zip(ZipError),
    /// Its `entry_points.txt` is not text.
    NotUtf8,
}

impl fmt::Display for EntryPointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zip(error) => error.fmt(f),
            Self::NotUtf8 => f.write_str("its entry_points.txt is not UTF-8"),
        }
    }
}

impl std::error::Error for EntryPointError {}

/// The top-level packages in which Trac finds components of this wheel: what has to be enabled as
/// `PACKAGE.*`. Empty for a wheel that is not a Trac plugin but needed by one.
pub fn packages(tree: &dyn Tree, wheel: &TreePath) -> Result<BTreeSet<String>, EntryPointError> {
    let is_it =
        |name: &str| name.strip_suffix("/entry_points.txt").is_some_and(|dir| dir.ends_with(".dist-info") && !dir.contains('/'));
    match zip::find(tree, wheel, is_it).map_err(EntryPointError::Zip)? {
        Some(bytes) => Ok(parse(std::str::from_utf8(&bytes).map_err(|_| EntryPointError::NotUtf8)?)),
        None => Ok(BTreeSet::new()),
    }
}

fn parse(text: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut packages = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        if let Some(group) = line.strip_prefix('[') {
            inside = group.trim_end_matches(']').trim() == "trac.plugins";
        } else if inside && !line.starts_with(['#', ';']) {
            // NAME = MODULE[:ATTRIBUTE] [EXTRAS]
            let module = line.split_once('=').map(|(_, target)| target.trim()).unwrap_or_default();
            let package: String = module.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !package.is_empty() {
                packages.insert(package);
            }
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;
    use silver_pack::snapshot::Snapshot;
    use std::io::Write;

    #[test]
    fn the_group_of_trac_is_read() {
        let text = "[console_scripts]\na = other.main\n\n[trac.plugins]\nacct_mgr.api = acct_mgr.api\n\
                    acct_mgr.opt = acct_mgr.opt.radius[pyrad]\nx = tracnav\n# no = comment.x\n[more]\nb = c\n";
        let expected = ["acct_mgr", "tracnav"].map(String::from);
        assert_eq!(parse(text), BTreeSet::from(expected));
    }

    #[test]
    fn it_is_found_in_a_wheel_packed_either_way() {
        for method in [::zip::CompressionMethod::Stored, ::zip::CompressionMethod::Deflated] {
            let dir = tempfile::tempdir().unwrap();
            let mut archive = ::zip::ZipWriter::new(std::fs::File::create(dir.path().join("a.whl")).unwrap());
            let options = ::zip::write::SimpleFileOptions::default().compression_method(method);
            for (name, text) in [
                ("acct_mgr/__init__.py", ""),
                ("acct_mgr/entry_points.txt", "[trac.plugins]\nno = no\n"),
                ("a-1.dist-info/entry_points.txt", "[trac.plugins]\nx = acct_mgr.api\n"),
            ] {
                archive.start_file(name, options).unwrap();
                archive.write_all(text.as_bytes()).unwrap();
            }
            archive.finish().unwrap();
            let tree = Snapshot::capture(dir.path()).unwrap();
            let found = packages(&tree, &TreePath::new("a.whl").unwrap()).unwrap();
            assert_eq!(found.into_iter().collect::<Vec<_>>(), ["acct_mgr"]);
        }
    }

    #[test]
    fn a_cut_wheel_is_an_error_wherever_it_is_cut() {
        let mut archive = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        archive.start_file("a-1.dist-info/entry_points.txt", ::zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(b"[trac.plugins]\nx = a\n").unwrap();
        let bytes = archive.finish().unwrap().into_inner();
        for length in 0..bytes.len() {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("a.whl"), &bytes[..length]).unwrap();
            let tree = Snapshot::capture(dir.path()).unwrap();
            assert!(packages(&tree, &TreePath::new("a.whl").unwrap()).is_err(), "{length} bytes");
        }
    }
}
