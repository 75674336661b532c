//! A release that can answer: its processes' addresses and the directories it serves by itself.

use super::{
    directories::{Source, directories, only_files},
    inside::Inside,
    rules::Rules,
    static_files,
};
use crate::{apps::Placed, dirs::Dirs, endpoint::Endpoint};
use silver_pack::address;
use std::{
    path::PathBuf,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Files that are served without asking the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directory {
    /// Address below the location, with a slash at both ends.
    pub(crate) prefix: String,
    /// Where the files are.
    pub(crate) root: PathBuf,
    /// Does the app write them? Then a browser must not guess what they are.
    pub(crate) public: bool,
}

/// A release that can answer.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) placed: Placed,
    /// Started for a check?
    pub(crate) check: bool,
    /// Public state first, then static directories, the longest prefix first.
    pub(crate) directories: Vec<Directory>,
    /// Is there no process to ask?
    pub(crate) only_files: bool,
    pub(super) rules: Arc<Rules>,
    pub(crate) inside: Inside,
    /// Shared with the same release at other locations.
    endpoints: Arc<RwLock<Vec<Endpoint>>>,
    turn: AtomicUsize,
}

impl Backend {
    pub(crate) fn new(dirs: &Dirs, placed: Placed, check: bool) -> Self {
        let release = &placed.release;
        let (app, label) = (placed.app(), placed.label.as_str());
        let directory = |dir: super::directories::Directory| match dir.source {
            Source::State(path) => Directory { prefix: dir.prefix, root: dirs.data(app).join(path.as_str()), public: true },
            Source::Tree(path) => {
                Directory { prefix: dir.prefix, root: dirs.tree(app, label).join(path.as_str()), public: false }
            }
        };
        let directories = directories(release).into_iter().map(directory).collect();
        let only_files = only_files(release);
        let (endpoints, turn) = (Arc::default(), AtomicUsize::default());
        let rules = Arc::new(Rules::new(&release.front));
        Self { check, directories, only_files, rules, inside: Inside::default(), endpoints, turn, placed }
    }

    /// The same release at other locations: requests that are inside stay counted.
    pub(crate) fn at(&self, dirs: &Dirs, placed: Placed) -> Self {
        let (inside, endpoints) = (self.inside.clone(), Arc::clone(&self.endpoints));
        Self { inside, endpoints, ..Self::new(dirs, placed, self.check) }
    }

    /// The same release, but only one of its processes.
    pub(crate) fn only(&self, endpoint: Endpoint) -> Self {
        Self {
            placed: self.placed.clone(),
            check: self.check,
            directories: self.directories.clone(),
            only_files: self.only_files,
            rules: Arc::clone(&self.rules),
            inside: self.inside.clone(),
            endpoints: Arc::new(RwLock::new(vec![endpoint])),
            turn: AtomicUsize::default(),
        }
    }

    /// Does public state have something at this path below the location, or at one that it lies
    /// below, which is no directory? Then the application must not see the request: it could run
    /// what a visitor has uploaded.
    pub(super) async fn holds(&self, below: &str) -> bool {
        if !self.directories.iter().any(|dir| dir.public) {
            return false;
        }
        let plain = address::plain(below);
        let mut public = self.directories.iter().filter(|dir| dir.public);
        let Some((root, rest)) = public.find_map(|dir| Some((dir.root.clone(), plain.strip_prefix(&dir.prefix)?.to_owned())))
        else {
            return false;
        };
        // no name of a file that can be told apart from others
        rest.contains('\u{fffd}') || tokio::task::spawn_blocking(move || static_files::holds(&root, &rest)).await.unwrap_or(true)
    }

    /// The addresses of its web processes.
    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        self.endpoints.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_endpoints(&self, endpoints: Vec<Endpoint>) {
        *self.endpoints.write().unwrap_or_else(PoisonError::into_inner) = endpoints;
    }

    /// The addresses in the order in which this request shall try them: each process gets its turn.
    pub(crate) fn in_turn(&self) -> Vec<Endpoint> {
        let mut endpoints = self.endpoints();
        if endpoints.len() > 1 {
            let first = self.turn.fetch_add(1, Ordering::Relaxed) % endpoints.len();
            endpoints.rotate_left(first);
        }
        endpoints
    }
}
