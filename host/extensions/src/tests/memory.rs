//! A tree and an overlay in memory, just enough for the plugins of the tests.

use crate::cache::sha256;
use silver_plugin_api::{
    Collision, Digest, Entry, EntryKind, Failure, FileWriter, Overlay, Reason, Tree, TreePath,
    commands::{Console, HttpFetch, Reach, Reply, Workspace},
    index::{Index, PackageRef, Requirement},
};
use std::{cell::RefCell, collections::BTreeMap};

#[derive(Clone, Default)]
pub(super) struct Memory(pub(super) BTreeMap<TreePath, Vec<u8>>);

impl Memory {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| (TreePath::new(path).unwrap(), text.as_bytes().to_vec())).collect())
    }

    fn entry(path: &TreePath, content: &[u8]) -> Entry {
        let digest = Some(sha256(content));
        Entry { path: path.clone(), kind: EntryKind::File, size: content.len() as u64, executable: false, digest }
    }
}

impl Tree for Memory {
    fn digest(&self) -> Digest {
        let line = |(path, content): (&TreePath, &Vec<u8>)| format!("f {} {} {path}\n", content.len(), sha256(content).hex());
        sha256(self.0.iter().map(line).collect::<String>().as_bytes())
    }

    fn stat(&self, path: &TreePath) -> Option<Entry> {
        self.0.get(path).map(|content| Self::entry(path, content))
    }

    fn list(&self, under: &TreePath, after: Option<&TreePath>, limit: u32) -> Result<Vec<Entry>, Failure> {
        let wanted = |(path, _): &(&TreePath, &Vec<u8>)| path.below(under).is_some() && after.is_none_or(|after| *path > after);
        Ok(self.0.iter().filter(wanted).take(limit as usize).map(|(path, content)| Self::entry(path, content)).collect())
    }

    fn glob(&self, _: &[String], after: Option<&TreePath>, limit: u32) -> Result<Vec<Entry>, Failure> {
        self.list(&TreePath::root(), after, limit)
    }

    fn read(&self, path: &TreePath) -> Result<Vec<u8>, Failure> {
        self.0.get(path).cloned().ok_or_else(|| Failure::NotFound(path.to_string()))
    }

    fn read_range(&self, path: &TreePath, offset: u64, length: u32) -> Result<Vec<u8>, Failure> {
        Ok(self.read(path)?.into_iter().skip(usize::try_from(offset).unwrap()).take(length as usize).collect())
    }

    fn read_link(&self, path: &TreePath) -> Result<String, Failure> {
        Err(Failure::NotFound(path.to_string()))
    }
}

impl Overlay for Memory {
    fn link(&mut self, from: &dyn Tree, source: &TreePath, dest: &TreePath, on: Collision, why: Reason) -> Result<(), Failure> {
        let content = from.read(source)?;
        self.put(dest, &content, false, on, why)
    }

    fn link_all(&mut self, _: &dyn Tree, _: &TreePath, _: &TreePath, _: Collision, _: Reason) -> Result<u32, Failure> {
        Ok(0)
    }

    fn put(&mut self, dest: &TreePath, content: &[u8], _: bool, _: Collision, _: Reason) -> Result<(), Failure> {
        self.0.insert(dest.clone(), content.to_vec());
        Ok(())
    }

    fn remove(&mut self, dest: &TreePath, _: Reason) -> Result<(), Failure> {
        self.0.remove(dest).map(drop).ok_or_else(|| Failure::NotFound(dest.to_string()))
    }

    fn remove_all(&mut self, _: &TreePath, _: Reason) -> Result<u32, Failure> {
        Ok(0)
    }

    fn set_executable(&mut self, _: &TreePath, _: bool, _: Reason) -> Result<(), Failure> {
        Ok(())
    }

    fn symlink(&mut self, _: &TreePath, _: &str, _: Collision, _: Reason) -> Result<(), Failure> {
        Ok(())
    }

    fn open(&mut self, _: &TreePath, _: bool, _: Collision, _: Reason) -> Result<Box<dyn FileWriter + '_>, Failure> {
        Err(Failure::Internal("the host writes files as a whole".into()))
    }

    fn stat(&self, path: &TreePath) -> Option<Entry> {
        Tree::stat(self, path)
    }

    fn snapshot(&self) -> Box<dyn Tree> {
        Box::new(self.clone())
    }
}

/// A workspace over such trees.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) edits: Memory,
}

impl Workspace for Desk {
    fn current(&self) -> Box<dyn Tree> {
        Box::new(Memory::default())
    }

    fn app(&self) -> Box<dyn Tree> {
        Box::new(Memory::default())
    }

    fn edits(&mut self) -> &mut dyn Overlay {
        &mut self.edits
    }
}

/// A reach that keeps what it was asked for.
#[derive(Default)]
pub(super) struct Asked(pub(super) RefCell<Vec<String>>);

impl Asked {
    fn note(&self, what: &str) {
        self.0.borrow_mut().push(what.to_owned());
    }
}

impl Reach for Asked {
    fn index(&self, _: &str) -> Result<Box<dyn Index + '_>, Failure> {
        Ok(Box::new(self))
    }

    fn http(&self) -> &dyn HttpFetch {
        self
    }

    fn console(&self) -> &dyn Console {
        self
    }
}

impl Index for Asked {
    fn search(&self, query: &str, _: u32) -> Result<Vec<PackageRef>, Failure> {
        self.note(&format!("search {query}"));
        Ok(Vec::new())
    }

    fn versions(&self, _: &str) -> Result<Vec<PackageRef>, Failure> {
        Ok(Vec::new())
    }

    fn resolve_all(&self, _: &[Requirement], _: &[Requirement], _: &str) -> Result<Vec<PackageRef>, Failure> {
        Ok(Vec::new())
    }

    fn fetch(&self, what: &PackageRef) -> Result<Box<dyn Tree>, Failure> {
        Err(Failure::NotFound(what.name.clone()))
    }
}

impl HttpFetch for Asked {
    fn get(&self, url: &str, _: Option<&str>, _: Option<&Digest>) -> Result<Reply, Failure> {
        self.note(&format!("get {url}"));
        Ok(Reply { status: 200, headers: Vec::new(), body: Vec::new() })
    }
}

impl Console for Asked {
    fn line(&self, text: &str) {
        self.note(&format!("line {text}"));
    }

    fn table(&self, _: &[String], _: &[Vec<String>]) {}

    fn progress(&self, _: &str, _: u64, _: Option<u64>) {}

    fn confirm(&self, _: &str, default_yes: bool) -> Result<bool, Failure> {
        Ok(default_yes)
    }
}
