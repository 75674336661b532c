//! Brings a customization up to date with another version of its pack: files that the pack changed are
//! merged line by line, settings that it renamed move.
//!
//! A pure function of the customization, the pack and the bytes that the files were made from; what it gives
//! is written as one by [`crate::commit`].

mod done;
mod error;
mod three_way;

pub use crate::overrides::Side;
pub use done::{Done, Why};
pub use error::RebaseError;
pub use three_way::{MAX_LINES, MAX_TEXT, ThreeWay, merge as three_way};

use crate::{
    customization::{CONFIG, Customization, LOCK, Lock, Overridden, Settled, rename_setting},
    hash,
    listing::Kind,
    manifest::Manifest,
    overlay::Draft,
    overrides::{self, Override, State},
    snapshot::{Blobs, MAX_READ, Snapshot},
};
use silver_plugin_api::{Collision, Digest, Overlay, Reason, TreePath};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
};

/// What is to be done.
pub struct Rebase<'a> {
    /// The directory as it is.
    pub customization: &'a Customization,
    /// Its files that replace some of the pack ([`crate::merge::look`]).
    pub overrides: &'a [Override],
    /// The pack's tree.
    pub app: &'a Snapshot,
    /// Its manifest.
    pub manifest: &'a Manifest,
    /// The pack that the customization was used with before is known: a file that the lock does not know was then
    /// made from what this pack has, unless it is told otherwise.
    pub former_known: bool,
    /// Where the bytes are found that files were made from.
    pub bases: &'a dyn Blobs,
    /// What the operator chose, by the path of the operator's file or of the pack's.
    pub choices: &'a BTreeMap<TreePath, Side>,
    /// Who does it, for which version, when: for the lock.
    pub settled: Settled,
}

/// What came of it.
pub struct Rebased {
    /// The directory as it shall be.
    pub files: Snapshot,
    /// What is done with each override, in their order.
    pub overrides: Vec<Done>,
    /// Settings that move: the former name, the name now.
    pub settings: Vec<(String, String)>,
}

impl Rebase<'_> {
    /// Works out what shall be there; nothing is written.
    pub fn run(&self) -> Result<Rebased, RebaseError> {
        self.check_choices()?;
        let mut work = Work { draft: Draft::new(&self.customization.files), rows: Vec::new() };
        let mut done = Vec::new();
        for one in self.overrides {
            done.push(self.one(one, &mut work)?);
        }
        let Work { mut draft, rows } = work;
        let (config, settings) = self.settings()?;
        put(&mut draft, CONFIG, config.as_bytes())?;
        let lock = self.lock(rows);
        if lock != self.customization.lock {
            put(&mut draft, LOCK, self.customization.lock_text_with(&lock).as_bytes())?;
        }
        Ok(Rebased { files: draft.finish().0, overrides: done, settings })
    }

    fn check_choices(&self) -> Result<(), RebaseError> {
        let known = |path: &TreePath| self.overrides.iter().any(|one| one.file == *path || one.path == *path);
        if let Some(path) = self.choices.keys().find(|path| !known(path)) {
            let files = self.overrides.iter().map(|one| one.file.as_str());
            let hint = crate::document::nearest(path, files).map(|file| format!("did you mean `{file}`?"));
            let hint = hint.or_else(|| Some("`silver customize status` lists the files that do".into()));
            return Err(RebaseError::NoSuchOverride { path: path.clone(), hint });
        }
        for one in self.overrides {
            let Some(side) = self.choice(one) else { continue };
            let file = one.file.clone();
            if let Some(base) = &one.base_layer {
                return Err(RebaseError::InBase { file, base: base.dir.display().to_string() });
            }
            if side == Side::Ours && !one.may_stay {
                return Err(RebaseError::CannotStay { file, path: one.path.clone() });
            }
        }
        Ok(())
    }

    /// What the operator chose for this file.
    fn choice(&self, one: &Override) -> Option<Side> {
        self.choices.get(&one.file).or_else(|| self.choices.get(&one.path)).copied()
    }

    /// The rows of the lock, those of files that are still there and could not be looked at among them.
    fn lock(&self, mut rows: Vec<Overridden>) -> Lock {
        let mut lock = self.customization.lock.clone();
        let seen: BTreeSet<&TreePath> = self.overrides.iter().map(|one| &one.path).collect();
        let blind = |row: &&Overridden| row.file.is_none() && !seen.contains(&row.path);
        rows.extend(lock.overrides.iter().filter(blind).cloned());
        rows.sort_by(|a, b| a.path.cmp(&b.path));
        lock.overrides = rows;
        lock
    }

    /// Settings that the pack renamed get their new names.
    fn settings(&self) -> Result<(String, Vec<(String, String)>), RebaseError> {
        let mut text = self.customization.config_text().to_owned();
        let mut moved = Vec::new();
        let own = &self.customization.config.settings;
        for (name, def) in &self.manifest.settings {
            let Some(former) = def.renamed_from.as_deref() else { continue };
            if own.contains_key(former) && !own.contains_key(&**name) && !self.manifest.settings.contains_key(former) {
                text = rename_setting(&text, former, name)?;
                moved.push((former.to_owned(), name.to_string()));
            }
        }
        Ok((text, moved))
    }

    fn one(&self, one: &Override, work: &mut Work) -> Result<Done, RebaseError> {
        let choice = self.choice(one);
        let row = |base: Digest| Overridden {
            settled: one.settled.clone(),
            ..Overridden::new(one.path.clone(), one.file.clone(), base)
        };
        let settled = |base: Digest| Overridden { settled: Some(self.settled.clone()), ..row(base) };
        let former = || self.former(one).cloned();
        if one.base_layer.is_some() {
            // what the site's lock says of it stays, until the base's own says something
            work.rows.extend(former());
            return Ok(if one.state.stops() { Done::Open(Why::InBase) } else { Done::Nothing });
        }
        Ok(match (&one.state, one.theirs) {
            (State::Current, Some(theirs)) => {
                work.rows.push(row(theirs));
                Done::Nothing
            }
            (State::New, Some(theirs)) if self.former_known || choice == Some(Side::Ours) => {
                work.rows.push(row(theirs));
                Done::Recorded
            }
            (State::New, _) => Done::Unknown,
            (State::Merged, Some(theirs)) => {
                work.rows.push(settled(theirs));
                Done::Recorded
            }
            (State::Marked(lines), Some(theirs)) => {
                let Some(side) = choice else {
                    work.rows.extend(former());
                    return Ok(Done::Marked(lines.clone()));
                };
                let Some(text) = overrides::resolve(&self.customization.files.bytes(&one.file)?, side) else {
                    work.rows.extend(former());
                    return Ok(Done::Open(Why::Markers));
                };
                put(&mut work.draft, &one.file, &text)?;
                work.rows.push(settled(theirs));
                Done::Chosen(side)
            }
            (State::Changed, Some(theirs)) => {
                let (done, new) = self.merge(one, theirs, choice, &mut work.draft)?;
                work.rows.extend(match new {
                    New::Former => former(),
                    New::None => None,
                    New::Settled => Some(settled(theirs)),
                    New::Marked => Some(Overridden { conflict: one.base, settled: None, ..row(theirs) }),
                });
                done
            }
            (State::Moved(to), _) if choice.is_none() => match moved_file(&one.file, &one.path, to) {
                Some(file) if self.customization.files.listing().get(&file).is_none() => {
                    let why = || Reason::new("rebase", []);
                    let files = &self.customization.files;
                    work.draft.link(files, &one.file, &file, Collision::Fail, why()).map_err(RebaseError::Files)?;
                    work.draft.remove(&one.file, why()).map_err(RebaseError::Files)?;
                    let row = Overridden {
                        settled: Some(self.settled.clone()),
                        ..Overridden::new(to.clone(), file.clone(), one.base.unwrap_or(one.ours))
                    };
                    work.rows.push(row);
                    Done::Moved(file)
                }
                _ => {
                    work.rows.extend(former());
                    Done::Open(Why::Gone)
                }
            },
            // the pack's file is gone
            _ => match choice {
                Some(Side::Ours) => Done::Chosen(Side::Ours),
                Some(Side::Theirs) => {
                    remove(&mut work.draft, &one.file)?;
                    Done::Removed
                }
                None => {
                    work.rows.extend(former());
                    Done::Open(Why::Gone)
                }
            },
        })
    }

    /// The lock's row of this file, as it is.
    fn former(&self, one: &Override) -> Option<&Overridden> {
        let same = |row: &&Overridden| match &row.file {
            Some(file) => *file == one.file && (row.path == one.path || self.app.listing().get(&row.path).is_none()),
            None => row.path == one.path,
        };
        self.customization.lock.overrides.iter().find(same)
    }

    /// Merges a file that the pack has changed.
    fn merge(&self, one: &Override, theirs: Digest, choice: Option<Side>, draft: &mut Draft) -> Result<(Done, New), RebaseError> {
        let is_text = |tree: &Snapshot, path: &TreePath| tree.listing().get(path).is_some_and(|node| node.kind != Kind::Link);
        let (own, app) = (&self.customization.files, self.app);
        let base = match one.base {
            Some(digest) => self.base(&one.file, &digest)?,
            None => None,
        };
        let merged = match &base {
            _ if theirs == one.ours => ThreeWay::Clean(own.bytes(&one.file)?),
            Some(base) if is_text(own, &one.file) && is_text(app, &one.path) => {
                three_way(base, &own.bytes(&one.file)?, &app.bytes(&one.path)?)
            }
            _ => ThreeWay::Opaque,
        };
        Ok(match (merged, choice) {
            (ThreeWay::Clean(text), _) => {
                put(draft, &one.file, &text)?;
                (Done::Merged, New::Settled)
            }
            (ThreeWay::Conflicts(text), None) => {
                put(draft, &one.file, &text)?;
                (Done::Marked(overrides::marker_lines(&text)), New::Marked)
            }
            (ThreeWay::Conflicts(text), Some(side)) => match overrides::resolve(&text, side) {
                Some(text) => {
                    put(draft, &one.file, &text)?;
                    (Done::Chosen(side), New::Settled)
                }
                None => (Done::Open(Why::Markers), New::Former),
            },
            (ThreeWay::Opaque, Some(Side::Ours)) => (Done::Chosen(Side::Ours), New::Settled),
            (ThreeWay::Opaque, Some(Side::Theirs)) => {
                remove(draft, &one.file)?;
                (Done::Removed, New::None)
            }
            (ThreeWay::Opaque, None) => (Done::Open(if base.is_some() { Why::Opaque } else { Why::NoBase }), New::Former),
        })
    }

    /// The bytes that `file` was made from, checked; `None` when nobody has them.
    fn base(&self, file: &TreePath, digest: &Digest) -> Result<Option<Vec<u8>>, RebaseError> {
        base(self.bases, file, digest)
    }
}

/// The bytes with this digest, from which `file` was made; `None` when nobody has them.
pub fn base(bases: &dyn Blobs, file: &TreePath, digest: &Digest) -> Result<Option<Vec<u8>>, RebaseError> {
    let failed = |source| RebaseError::Base { file: file.clone(), source };
    let mut bytes = Vec::new();
    match bases.open(digest) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(content) => content.take(MAX_READ).read_to_end(&mut bytes).map_err(failed)?,
    };
    match hash::sha256(&bytes) {
        found if found == *digest => Ok(Some(bytes)),
        found => Err(RebaseError::Altered { file: file.clone(), expected: *digest, found }),
    }
}

/// What is being put together.
struct Work {
    draft: Draft,
    rows: Vec<Overridden>,
}

/// What becomes of a file's row in the lock.
enum New {
    /// It stays as it is.
    Former,
    /// It goes.
    None,
    /// It was brought up to date.
    Settled,
    /// Its conflicts are still to be settled.
    Marked,
}

fn path(name: &str) -> TreePath {
    TreePath::new(name).unwrap_or_default()
}

/// Puts a text in place of a file, which keeps being executable; nothing happens when it is the same.
fn put(draft: &mut Draft, name: &str, text: &[u8]) -> Result<(), RebaseError> {
    let path = path(name);
    let old = draft.stat(&path);
    if old.as_ref().is_some_and(|old| old.digest == Some(hash::sha256(text))) {
        return Ok(());
    }
    let executable = old.is_some_and(|old| old.executable);
    draft.put(&path, text, executable, Collision::Replace, Reason::new("rebase", [])).map_err(RebaseError::Files)
}

fn remove(draft: &mut Draft, path: &TreePath) -> Result<(), RebaseError> {
    draft.remove(path, Reason::new("rebase", [])).map_err(RebaseError::Files)
}

/// Where the operator's file goes when the pack's goes from `from` to `to`: both have the same end, which the
/// slot hands through.
fn moved_file(file: &TreePath, from: &TreePath, to: &TreePath) -> Option<TreePath> {
    let (file, from): (Vec<&str>, Vec<&str>) = (file.split('/').collect(), from.split('/').collect());
    let same = file.iter().rev().zip(from.iter().rev()).take_while(|(a, b)| a == b).count().min(file.len() - 1);
    // what the slot strips and adds; a slot for a single file has no directory to move within
    let (kept, into) = (&file[..file.len() - same], &from[..from.len() - same]);
    if same == 0 {
        return None;
    }
    let rest = if into.is_empty() { to.as_str() } else { to.strip_prefix(&into.join("/"))?.strip_prefix('/')? };
    TreePath::new(&format!("{}/{rest}", kept.join("/"))).ok()
}

#[cfg(test)]
mod tests;
