//! An index that remembers what was fetched from it: the lock names packages by what their index gave.

use silver_build::{index::PackageIndex, store::Stored, unpack::Package};
use silver_pack::manifest::IndexKind;
use silver_plugin_api::{
    Failure, Tree,
    index::{Index, PackageRef, Requirement},
};
use std::cell::RefCell;

/// A package that was fetched.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// From which kind of index.
    pub kind: IndexKind,
    /// What.
    pub what: PackageRef,
    /// Its file.
    pub file: Stored,
    /// Its tree.
    pub package: Package,
}

/// The index.
pub struct Recorded {
    index: Box<dyn PackageIndex>,
    fetched: RefCell<Vec<Fetched>>,
}

impl Recorded {
    /// Nothing is fetched yet.
    pub fn new(index: Box<dyn PackageIndex>) -> Self {
        Self { index, fetched: RefCell::default() }
    }

    /// Its kind.
    pub fn kind(&self) -> IndexKind {
        self.index.kind()
    }

    /// What was fetched.
    pub fn fetched(self) -> Vec<Fetched> {
        self.fetched.into_inner()
    }
}

impl Index for Recorded {
    fn search(&self, query: &str, limit: u32) -> Result<Vec<PackageRef>, Failure> {
        self.index.search(query, limit)
    }

    fn versions(&self, name: &str) -> Result<Vec<PackageRef>, Failure> {
        self.index.versions(name)
    }

    fn resolve_all(&self, wanted: &[Requirement], constraints: &[Requirement], target: &str) -> Result<Vec<PackageRef>, Failure> {
        self.index.resolve_all(wanted, constraints, target)
    }

    fn fetch(&self, what: &PackageRef) -> Result<Box<dyn Tree>, Failure> {
        let (file, package) = self.index.package(what)?;
        let tree = package.tree.clone();
        self.fetched.borrow_mut().push(Fetched { kind: self.kind(), what: what.clone(), file, package });
        Ok(Box::new(tree))
    }
}
