//! A snapshot as plugins see it.

use super::Snapshot;
use crate::globs;
use silver_plugin_api::{Digest, Entry, Failure, Tree, TreePath, tree::MAX_PAGE};
use std::{
    any::Any,
    io::{self, Read},
};

impl Tree for Snapshot {
    fn digest(&self) -> Digest {
        Self::digest(self)
    }

    fn stat(&self, path: &TreePath) -> Option<Entry> {
        self.listing().stat(path)
    }

    fn list(&self, under: &TreePath, after: Option<&TreePath>, limit: u32) -> Result<Vec<Entry>, Failure> {
        let page = self.listing().below_after(under, after).take(limit.min(MAX_PAGE) as usize);
        Ok(page.map(|(path, node)| node.entry(path)).collect())
    }

    fn glob(&self, patterns: &[String], after: Option<&TreePath>, limit: u32) -> Result<Vec<Entry>, Failure> {
        let globs = globs::compile(patterns)?;
        let found = self.listing().below_after(&TreePath::root(), after).filter(|(path, _)| globs.is_match(path.as_str()));
        Ok(found.take(limit.min(MAX_PAGE) as usize).map(|(path, node)| node.entry(path)).collect())
    }

    fn read(&self, path: &TreePath) -> Result<Vec<u8>, Failure> {
        Ok(self.bytes(path)?)
    }

    fn read_range(&self, path: &TreePath, offset: u64, length: u32) -> Result<Vec<u8>, Failure> {
        // the whole content is read, because only the whole can be checked
        let mut content = self.open(path)?;
        let mut range = Vec::new();
        let mut copy = || -> io::Result<()> {
            io::copy(&mut (&mut content).take(offset), &mut io::sink())?;
            (&mut content).take(u64::from(length)).read_to_end(&mut range)?;
            io::copy(&mut content, &mut io::sink()).map(drop)
        };
        copy().map_err(|error| Failure::from(super::ReadError::io(path, error)))?;
        Ok(range)
    }

    fn read_link(&self, path: &TreePath) -> Result<String, Failure> {
        Ok(self.link_target(path)?)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        listing::{Kind, Listing, Node},
        snapshot::{Blobs, MemoryBlobs},
    };
    use std::sync::Arc;

    fn path(text: &str) -> TreePath {
        TreePath::new(text).unwrap()
    }

    fn snapshot(files: &[(&str, &str)]) -> Snapshot {
        let (mut listing, mut blobs) = (Listing::new(), MemoryBlobs::new());
        for (name, content) in files {
            let node = Node { kind: Kind::File, size: content.len() as u64, digest: blobs.put(content.as_bytes()) };
            listing.insert(path(name), node).unwrap();
        }
        Snapshot::new(listing, Arc::new(blobs))
    }

    #[test]
    fn pages_continue_where_the_last_one_ended() {
        let tree = snapshot(&[("a", "1"), ("b/c", "2"), ("b/d", "3"), ("e", "4")]);
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = tree.list(&TreePath::root(), after.as_ref(), 1).unwrap();
            let Some(entry) = page.first() else { break };
            seen.push(entry.path.to_string());
            after = Some(entry.path.clone());
        }
        assert_eq!(seen, ["a", "b/c", "b/d", "e"]);
        let globbed = tree.glob(&["b/*".to_owned()], None, 10).unwrap();
        assert_eq!(globbed.len(), 2);
    }

    #[test]
    fn ranges_and_kinds() {
        let tree = snapshot(&[("d/a", "0123456789")]);
        assert_eq!(tree.read_range(&path("d/a"), 3, 4).unwrap(), b"3456");
        assert_eq!(tree.read_range(&path("d/a"), 8, 4).unwrap(), b"89");
        assert_eq!(tree.read_range(&path("d/a"), 20, 4).unwrap(), b"");
        assert!(matches!(tree.read(&path("d")), Err(Failure::Invalid(_))));
        assert!(matches!(tree.read(&path("x")), Err(Failure::NotFound(_))));
        assert!(matches!(tree.read_link(&path("d/a")), Err(Failure::Invalid(_))));
    }

    /// Gives the same bytes for every digest.
    struct Liar(&'static [u8]);

    impl Blobs for Liar {
        fn open(&self, _: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
            Ok(Box::new(self.0))
        }
    }

    #[test]
    fn a_store_that_lies_is_found_out() {
        let honest = snapshot(&[("a", "content")]);
        for lie in [&b"CONTENT"[..], b"conten", b"content!", b""] {
            let tree = Snapshot::new(honest.listing().clone(), Arc::new(Liar(lie)));
            assert!(matches!(tree.bytes(&path("a")), Err(crate::snapshot::ReadError::Altered { .. })), "{lie:?}");
            assert!(matches!(tree.read_range(&path("a"), 0, 1), Err(Failure::Unavailable(_))), "{lie:?}");
        }
        let tree = Snapshot::new(honest.listing().clone(), Arc::new(Liar(b"content")));
        assert_eq!(tree.text(&path("a")).unwrap(), "content");
    }
}
