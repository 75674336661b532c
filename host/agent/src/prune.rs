//! What is no longer needed goes to the trash, and the trash is emptied.

use crate::{
    checkpoint,
    dirs::Dirs,
    disk::{DiskError, names, names_all, remove_dir},
    lock::{self, LockError},
    stage::{self, shared},
    state::{self, AppFile, StateError},
    trash,
};
use std::collections::BTreeSet;

/// Why pruning stopped; what is left is pruned next time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PruneError {
    /// A state file cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// Moving to the trash or emptying it failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// What a transition that prunes must leave alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Under {
    /// The release it brings.
    pub(crate) new: Option<String>,
    /// The release it replaces: where a rollback leads.
    pub(crate) previous: Option<String>,
}

/// Keeps `keep` old releases of an app besides the current one, first of all the one that was just
/// replaced, and the one that the newest checkpoint belongs to. With the others go their
/// checkpoints, and environments that no release needs any more.
pub(crate) fn prune(dirs: &Dirs, app: &str, keep: u32, under: &Under) -> Result<(), PruneError> {
    let mut file = state::load(dirs, app)?;
    let newest = checkpoint::all(dirs, app)?.pop();
    let needed = newest.as_ref().and_then(|(_, checkpoint)| checkpoint.release.clone());
    let gone = superfluous(&file, keep, under, needed.as_deref());
    file.releases.retain(|kept| !gone.contains(&kept.label));
    state::save(dirs, &file)?;

    for label in names(&dirs.releases(app))? {
        let stays = file.kept(&label).is_some() || file.current.as_ref() == Some(&label) || under.new.as_ref() == Some(&label);
        if !stays {
            trash::discard(dirs, &dirs.release(app, &label))?;
            remove_dir(&dirs.run_release(app, &label))?;
        }
    }
    let newest = newest.map(|(id, _)| id);
    let used: BTreeSet<&String> = file.releases.iter().filter_map(|kept| kept.checkpoint.as_ref()).chain(&newest).collect();
    for id in names(&dirs.checkpoints(app))? {
        if !used.contains(&id) && !belongs_to(&id, under) {
            trash::discard(dirs, &dirs.checkpoint(app, &id))?;
        }
    }
    environments(dirs)?;
    trash::reap(dirs)?;
    match stage::nobody_stages(dirs)? {
        Some(_nobody_stages) => Ok(shared::sweep(&dirs.store())?),
        None => Ok(()), // next time
    }
}

/// When an agent starts and everything left by an earlier one has been dealt with: what was never
/// finished, and releases that were staged but never submitted, go. Apps that somebody is changing are left alone.
pub(crate) fn sweep(dirs: &Dirs) -> Result<(), PruneError> {
    for app in names(&dirs.node().join("releases"))? {
        match lock::app(dirs, &app, lock::REMOVES) {
            Ok(_lock) => unfinished(dirs, &app)?,
            Err(LockError::Disk(error)) => return Err(error.into()),
            Err(_) => {}
        }
    }
    if let Some(_nobody_stages) = stage::nobody_stages(dirs)? {
        for name in names_all(&dirs.assembled())?.iter().filter(|name| name.starts_with('.')) {
            trash::discard(dirs, &dirs.assembled().join(name))?;
        }
        for name in names_all(&dirs.environments())? {
            let environment = dirs.environments().join(&name);
            if !environment.join(".complete").is_file() {
                trash::discard(dirs, &environment)?;
            }
        }
        trash::reap(dirs)?;
        return Ok(shared::sweep(&dirs.store())?);
    }
    Ok(trash::reap(dirs)?)
}

/// What of an app was never finished or never submitted goes. For the one who has just taken its lock, and for
/// nobody else.
pub(crate) fn unfinished(dirs: &Dirs, app: &str) -> Result<(), PruneError> {
    let file = state::load(dirs, app)?;
    let stays = |label: &str| file.kept(label).is_some() || file.current.as_deref() == Some(label);
    for name in names_all(&dirs.releases(app))?.iter().filter(|name| !stays(name)) {
        trash::discard(dirs, &dirs.release(app, name))?;
    }
    for name in names_all(&dirs.checkpoints(app))?.iter().filter(|name| name.starts_with('.')) {
        trash::discard(dirs, &dirs.checkpoint(app, name))?;
    }
    Ok(())
}

/// The labels that go.
fn superfluous(file: &AppFile, keep: u32, under: &Under, needed: Option<&str>) -> Vec<String> {
    let is_old = |label: &&String| file.current.as_ref() != Some(label) && under.new.as_ref() != Some(label);
    let mut old: Vec<&String> = file.releases.iter().map(|kept| &kept.label).rev().filter(is_old).collect();
    old.sort_by_key(|label| under.previous.as_ref() != Some(label)); // stable: the rest stays newest first
    old.into_iter().skip(keep as usize).filter(|label| needed != Some(label.as_str())).cloned().collect()
}

/// Checkpoints of the transition under way are named after its release.
fn belongs_to(id: &str, under: &Under) -> bool {
    under.new.as_ref().is_some_and(|label| id.ends_with(label.as_str()))
}

/// Environments that no release directory on the node names. While a release is being laid out
/// nothing is removed: it may be about to use one.
fn environments(dirs: &Dirs) -> Result<(), PruneError> {
    let Some(_nobody_stages) = stage::nobody_stages(dirs)? else { return Ok(()) };
    let mut used = BTreeSet::new();
    for app in names(&dirs.node().join("releases"))? {
        for label in names(&dirs.releases(&app))? {
            match state::release(dirs, &app, &label) {
                Ok(file) => used.extend(file.release.environment.map(|environment| environment.id.hex())),
                Err(StateError::NoRelease(_)) => {}
                Err(error) => return Err(error.into()), // it may name any of them
            }
        }
    }
    for name in names(&dirs.environments())? {
        if !used.contains(&name) {
            trash::discard(dirs, &dirs.environments().join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Kept;
    use silver_plugin_api::plan::DataClass;

    #[test]
    fn the_newest_stay_and_what_is_needed_to_go_back() {
        let label = |number: u32| format!("a.20261122_{number}");
        let kept = |number: u32| Kept {
            label: label(number),
            created: String::new(),
            parent: None,
            checkpoint: None,
            data: DataClass::Unchanged,
        };
        let file = AppFile { current: Some(label(5)), releases: (1..=5).map(kept).collect(), ..AppFile::default() };
        for (keep, previous, needed, gone) in [
            (9, None, None, vec![]),
            (2, Some(4), None, vec![2, 1]),
            (0, Some(4), None, vec![4, 3, 2, 1]),
            (0, Some(4), Some(2), vec![4, 3, 1]),
            (1, Some(1), None, vec![4, 3, 2]),
            (2, Some(1), Some(2), vec![3]),
        ] {
            let under = Under { new: None, previous: previous.map(label) };
            let expected: Vec<String> = gone.into_iter().map(label).collect();
            let needed = needed.map(label);
            assert_eq!(superfluous(&file, keep, &under, needed.as_deref()), expected, "keep {keep}, {previous:?}, {needed:?}");
        }
    }
}
