//! Changes several files of a customization directory as one.
//!
//! The directory is the operator's own, under version control, so it is neither replaced nor
//! copied. New contents are written into `.silver-commit/` inside of it and synced; then
//! `.silver-commit/plan.json` appears by a rename, and from then on the change is done: each file is renamed to
//! its place. Whoever is killed before leaves the old state (and a directory to be removed), whoever is
//! killed after leaves a plan that the next [`lock`] carries through.

use crate::{
    listing::{Kind, Listing, Node},
    snapshot::{ReadError, Snapshot},
};
use rustix::{
    fs::{FlockOperation, Mode, OFlags},
    io::Errno,
};
use serde::{Deserialize, Serialize};
use silver_plugin_api::TreePath;
use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

/// Where a change is prepared, below the directory that it changes.
pub const STAGING: &str = ".silver-commit";
const PLAN: &str = "plan.json";

/// Why a directory could not be changed. Unless said otherwise nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Another command is changing the directory.
    #[error("another command is working on `{}`", dir.display())]
    Busy {
        /// Which.
        dir: PathBuf,
    },
    /// Somebody changed a file since it was read.
    #[error("`{path}` was changed by somebody else meanwhile")]
    Changed {
        /// Which.
        path: TreePath,
    },
    /// New content could not be read.
    #[error("cannot read what shall be written")]
    Content(#[from] ReadError),
    /// The disk says no.
    #[error("cannot change `{}`", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The plan of a change that was not finished cannot be read.
    #[error("`{}` is not the plan of an unfinished change", path.display())]
    Plan {
        /// The file.
        path: PathBuf,
    },
}

impl CommitError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Busy { .. } => Some("wait until it has finished".into()),
            Self::Changed { .. } => Some("run the command again".into()),
            Self::Plan { path } => {
                let dir = path.parent().unwrap_or(path).display();
                Some(format!("compare the customization with version control, then remove `{dir}`"))
            }
            Self::Content(_) | Self::Io { .. } => None,
        }
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> CommitError {
    let path = path.to_owned();
    |source| CommitError::Io { path, source }
}

/// One file that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// Where.
    pub path: &'a TreePath,
    /// What was there.
    pub before: Option<&'a Node>,
    /// What shall be there.
    pub after: Option<&'a Node>,
}

/// What differs between two trees, in path order.
pub fn changes<'a>(before: &'a Listing, after: &'a Listing) -> Vec<Change<'a>> {
    let paths: BTreeSet<&TreePath> = before.iter().chain(after.iter()).map(|(path, _)| path).collect();
    let change = |path| Change { path, before: before.get(path), after: after.get(path) };
    paths.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

/// A directory that nobody else changes while this value lives.
#[derive(Debug)]
pub struct Locked {
    dir: PathBuf,
    lock: OwnedFd,
}

impl Drop for Locked {
    /// Closing is not enough: a child that is just being started has a copy of the handle until it
    /// executes its program.
    fn drop(&mut self) {
        let _ = rustix::fs::flock(&self.lock, FlockOperation::Unlock); // closing follows
    }
}

/// Locks a customization directory (an advisory lock on the directory itself, nothing is written) and
/// finishes what a killed command left.
pub fn lock(dir: &Path) -> Result<Locked, CommitError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(dir, flags, Mode::empty()).map_err(|error| failed(dir)(error.into()))?;
    match rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Err(CommitError::Busy { dir: dir.to_owned() }),
        Err(error) => return Err(failed(dir)(error.into())),
    }
    let locked = Locked { dir: dir.to_owned(), lock: fd };
    locked.finish(&mut || Ok(()))?;
    Ok(locked)
}

/// One step of a change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Step {
    /// The file of this number goes to the path.
    Put(usize, TreePath),
    /// The path goes.
    Remove(TreePath),
}

impl Locked {
    /// Makes the directory hold `after` where it differs from `before`. What was read as `before` must
    /// still be there.
    pub fn commit(&self, before: &Snapshot, after: &Snapshot) -> Result<(), CommitError> {
        self.commit_with(before, after, &mut || Ok(()))
    }

    /// `step` is asked before each change of the disk, so that tests can end it anywhere.
    fn commit_with(
        &self,
        before: &Snapshot,
        after: &Snapshot,
        step: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<(), CommitError> {
        let changes = changes(before.listing(), after.listing());
        if changes.is_empty() {
            return Ok(());
        }
        self.unchanged(&changes)?;
        let staging = self.dir.join(STAGING);
        let fail = || failed(&staging);
        step().map_err(fail())?;
        fs::DirBuilder::new().mode(0o700).create(&staging).map_err(fail())?;
        let mut plan = Vec::new();
        // what goes makes room first: a file may become a directory
        plan.extend(changes.iter().filter(|change| change.after.is_none()).map(|change| Step::Remove(change.path.clone())));
        for (number, change) in changes.iter().filter(|change| change.after.is_some()).enumerate() {
            step().map_err(fail())?;
            self.stage(after, change, &staging.join(number.to_string()))?;
            plan.push(Step::Put(number, change.path.clone()));
        }
        let text = serde_json::to_vec(&plan).map_err(io::Error::from).map_err(fail())?;
        let new = staging.join("new");
        step().map_err(fail())?;
        let mut file = File::create(&new).map_err(fail())?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(fail())?;
        sync_dir(&staging).map_err(fail())?;
        step().map_err(fail())?;
        fs::rename(&new, staging.join(PLAN)).and_then(|()| sync_dir(&staging)).map_err(fail())?;
        self.finish(step)
    }

    /// Does what the plan says, if there is one, and removes the staging directory.
    fn finish(&self, step: &mut dyn FnMut() -> io::Result<()>) -> Result<(), CommitError> {
        let staging = self.dir.join(STAGING);
        let fail = || failed(&staging);
        let plan = staging.join(PLAN);
        match fs::read(&plan) {
            Ok(text) => {
                let steps: Vec<Step> = serde_json::from_slice(&text).map_err(|_| CommitError::Plan { path: plan.clone() })?;
                let mut dirs = BTreeSet::from([self.dir.clone()]);
                for one in steps {
                    step().map_err(fail())?;
                    self.apply(&one, &staging, &mut dirs)?;
                }
                for dir in dirs.iter().filter(|dir| dir.is_dir()) {
                    sync_dir(dir).map_err(failed(dir))?;
                }
                step().map_err(fail())?;
                fs::remove_file(&plan).map_err(fail())?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fail()(error)),
        }
        step().map_err(fail())?;
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fail()(error)),
            _ => Ok(()),
        }
    }

    fn apply(&self, step: &Step, staging: &Path, dirs: &mut BTreeSet<PathBuf>) -> Result<(), CommitError> {
        let (Step::Put(_, path) | Step::Remove(path)) = step;
        let at = self.dir.join(path.as_str());
        let parent = at.parent().unwrap_or(&self.dir).to_owned();
        let done = match step {
            Step::Put(number, _) => {
                let staged = staging.join(number.to_string());
                if fs::symlink_metadata(&staged).is_err() {
                    return Ok(()); // done before the kill
                }
                fs::create_dir_all(&parent).and_then(|()| fs::rename(&staged, &at))
            }
            Step::Remove(_) => {
                let removed = match fs::remove_file(&at) {
                    Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(()),
                    other => other,
                };
                // also when it was gone: a kill may have come between the two
                self.remove_empty(&parent);
                removed
            }
        };
        dirs.insert(parent);
        done.map_err(failed(&at))
    }

    /// A tree has no empty directories.
    fn remove_empty(&self, dir: &Path) {
        let mut dir = dir;
        while dir != self.dir && fs::remove_dir(dir).is_ok() {
            let Some(parent) = dir.parent() else { return };
            dir = parent;
        }
    }

    /// Writes new content beside, with the mode of the file that it replaces.
    fn stage(&self, after: &Snapshot, change: &Change<'_>, to: &Path) -> Result<(), CommitError> {
        let executable = match change.after.map(|node| node.kind) {
            Some(Kind::Link) => {
                let target = after.link_target(change.path)?;
                return std::os::unix::fs::symlink(target, to).map_err(failed(to));
            }
            kind => kind == Some(Kind::Executable),
        };
        let mut content = after.open(change.path)?;
        let mode = if executable { 0o777 } else { 0o666 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(to).map_err(failed(to))?;
        io::copy(&mut content, &mut file).map_err(failed(to))?;
        if let Ok(old) = fs::symlink_metadata(self.dir.join(change.path.as_str()))
            && old.is_file()
        {
            let bits = old.permissions().mode() & 0o666;
            let mode = if executable { bits | (bits & 0o444) >> 2 } else { bits };
            file.set_permissions(fs::Permissions::from_mode(mode)).map_err(failed(to))?;
        }
        file.sync_all().map_err(failed(to))
    }

    /// Are the files that will change still what was read?
    fn unchanged(&self, changes: &[Change<'_>]) -> Result<(), CommitError> {
        let paths: BTreeSet<&TreePath> = changes.iter().map(|change| change.path).collect();
        let leads_there = |path: &TreePath| paths.contains(path) || paths.iter().any(|one| one.below(path).is_some());
        let now = Snapshot::capture_if(&self.dir, &crate::limits::Limits::default(), &leads_there);
        for change in changes {
            let found = now.as_ref().ok().and_then(|now| now.listing().get(change.path));
            if found != change.before {
                return Err(CommitError::Changed { path: change.path.clone() });
            }
        }
        Ok(())
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn dir(files: &[(&str, &str)]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let at = dir.path().join(path);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::write(at, text).unwrap();
        }
        dir
    }

    const OLD: [(&str, &str); 4] = [("customize.toml", "old"), ("plugins/a.whl", "a"), ("was/file", "1"), ("keep", "k")];
    /// `was` becomes a file, `keep` stays, a directory and an executable are new.
    const NEW: [(&str, &str); 4] = [("customize.toml", "new"), ("plugins/b/c.whl", "b"), ("was", "2"), ("keep", "k")];

    fn trees() -> (TempDir, TempDir, Snapshot) {
        let (old, new) = (dir(&OLD), dir(&NEW));
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(new.path().join("was"), executable).unwrap();
        std::os::unix::fs::symlink("c.whl", new.path().join("plugins/b/link")).unwrap();
        let wanted = Snapshot::capture(new.path()).unwrap();
        (old, new, wanted)
    }

    #[test]
    fn a_commit_changes_what_differs_and_nothing_else() {
        let (old, _new, wanted) = trees();
        fs::set_permissions(old.path().join("customize.toml"), fs::Permissions::from_mode(0o600)).unwrap();
        let before = Snapshot::capture(old.path()).unwrap();
        lock(old.path()).unwrap().commit(&before, &wanted).unwrap();
        assert_eq!(Snapshot::capture(old.path()).unwrap().listing(), wanted.listing());
        let mode = fs::metadata(old.path().join("customize.toml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "a private file stays private");
    }

    #[test]
    fn killed_at_any_step_it_is_the_old_or_the_new() {
        let (mut killed, mut seen_old, mut seen_new) = (0, 0, 0);
        loop {
            let (old, _new, wanted) = trees();
            let before = Snapshot::capture(old.path()).unwrap();
            let mut left = killed;
            let mut step = || {
                if left == 0 {
                    return Err(io::Error::other("killed"));
                }
                left -= 1;
                Ok(())
            };
            let done = lock(old.path()).unwrap().commit_with(&before, &wanted, &mut step).is_ok();
            drop(lock(old.path()).unwrap());
            let now = Snapshot::capture(old.path()).unwrap();
            match now.listing() {
                listing if listing == before.listing() => seen_old += 1,
                listing if listing == wanted.listing() => seen_new += 1,
                listing => panic!("killed at step {killed}:\n{}", listing.to_lines()),
            }
            if done {
                break;
            }
            killed += 1;
        }
        assert!(seen_old > 3 && seen_new > 3, "{seen_old} {seen_new}");
    }

    #[test]
    fn what_somebody_changed_meanwhile_is_not_overwritten() {
        let (old, _new, wanted) = trees();
        let before = Snapshot::capture(old.path()).unwrap();
        fs::write(old.path().join("customize.toml"), "mine").unwrap();
        let error = lock(old.path()).unwrap().commit(&before, &wanted).unwrap_err();
        assert!(matches!(error, CommitError::Changed { .. }), "{error}");
        assert_eq!(fs::read_to_string(old.path().join("customize.toml")).unwrap(), "mine");
        assert!(!old.path().join(STAGING).exists());
    }

    #[test]
    fn two_cannot_work_at_once() {
        let (old, _new, _) = trees();
        let first = lock(old.path()).unwrap();
        assert!(matches!(lock(old.path()), Err(CommitError::Busy { .. })));
        drop(first);
        assert!(lock(old.path()).is_ok());
    }
}
