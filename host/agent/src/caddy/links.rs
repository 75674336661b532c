//! The links that Caddy follows; what they are called: [`super::places`].

use super::places::Places;
use crate::{
    apps::Placed,
    dirs::Dirs,
    disk::{At, DiskError, names, remove_dir, remove_file},
    front::{Source, directories},
    systemd,
};
use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, symlink},
    path::{Path, PathBuf},
};

/// The links of an app.
#[derive(Debug)]
pub(super) struct Links {
    dir: PathBuf,
}

impl Links {
    pub(super) fn of(places: &Places, app: &str) -> Self {
        Self { dir: places.app(app) }
    }

    /// Makes the links to what of a release is served.
    pub(super) fn place(&self, dirs: &Dirs, public: &Path, placed: &Placed) -> Result<(), DiskError> {
        let (app, label, release) = (placed.app(), placed.label.as_str(), &placed.release);
        let at = self.at(label);
        open_dir(&at)?;
        for (index, directory) in directories(release).iter().enumerate() {
            match &directory.source {
                Source::Tree(path) => point(&at.join(format!("s{index}")), &dirs.tree(app, label).join(path.as_str()))?,
                Source::State(path) => {
                    point(&at.join(format!("p{index}")), &public.join(app).join(path.as_str()))?;
                    point(&at.join(format!("h{index}")), &dirs.data(app).join(path.as_str()))?;
                }
            }
        }
        let count = release.processes.iter().find(|process| process.name == "web").map_or(0, |process| process.count);
        for index in 0..count {
            point(&at.join(format!("web.{index}.sock")), &systemd::socket(dirs, label, "web", index))?;
        }
        Ok(())
    }

    /// Under these rules the release is served from now on: the switch. Visitors come to it as well, unless
    /// the gate is closed.
    pub(super) fn switch(&self, rules: &str, label: &str, open: bool) -> Result<(), DiskError> {
        point(&self.dir.join(format!("i.{rules}")), &Path::new("at").join(label))?;
        if open { self.let_in(rules) } else { Ok(()) }
    }

    /// Under whatever rules somebody is still held, he comes to the release.
    pub(super) fn switch_all(&self, label: &str) -> Result<(), DiskError> {
        self.rules()?.iter().try_for_each(|rules| point(&self.dir.join(format!("i.{rules}")), &Path::new("at").join(label)))
    }

    /// Who came in under other rules and is still on his way to a release (with a body that he sends slowly, say) comes to
    /// this one, where it can answer for that one: the other may be stopped when he gets there.
    pub(super) fn lead_late(&self, label: &str, answers_for: impl Fn(&str) -> bool) -> Result<(), DiskError> {
        for rules in self.rules()? {
            let link = self.dir.join(format!("i.{rules}"));
            let Ok(target) = fs::read_link(&link) else { continue };
            let other = target.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if other != label && answers_for(other) {
                point(&link, &Path::new("at").join(label))?;
            }
        }
        Ok(())
    }

    /// Opens or bars the way of the visitors.
    pub(super) fn bar(&self, barred: bool) -> Result<(), DiskError> {
        let bar = |rules: &String| remove_file(&self.dir.join(format!("v.{rules}")));
        self.rules()?.iter().try_for_each(|rules| if barred { bar(rules) } else { self.let_in(rules) })
    }

    fn let_in(&self, rules: &str) -> Result<(), DiskError> {
        point(&self.dir.join(format!("v.{rules}")), Path::new(&format!("i.{rules}")))
    }

    /// The rules that Caddy was last configured with.
    pub(super) fn current(&self) -> Option<String> {
        Some(fs::read_link(self.dir.join("now")).ok()?.to_str()?.strip_prefix("i.")?.to_owned())
    }

    /// Caddy is configured with these rules. What only earlier ones than the former had goes.
    pub(super) fn configured(&self, dirs: &Dirs, app: &str, rules: &str) -> Result<(), DiskError> {
        let former = self.current();
        point(&self.dir.join("now"), Path::new(&format!("i.{rules}")))?;
        for old in self.rules()?.iter().filter(|old| *old != rules && former.as_ref() != Some(*old)) {
            remove_file(&self.dir.join(format!("v.{old}")))?;
            remove_file(&self.dir.join(format!("i.{old}")))?;
        }
        for label in names(&self.dir.join("at"))? {
            if !dirs.release(app, &label).exists() && self.labels()?.iter().all(|used| *used != label) {
                remove_dir(&self.at(&label))?;
            }
        }
        Ok(())
    }

    /// The releases that are served under some rules.
    pub(super) fn labels(&self) -> Result<Vec<String>, DiskError> {
        let served = |rules: &String| {
            let target = fs::read_link(self.dir.join(format!("i.{rules}"))).ok()?;
            Some(target.file_name()?.to_str()?.to_owned())
        };
        let mut labels: Vec<String> = self.rules()?.iter().filter_map(served).collect();
        labels.sort_unstable();
        labels.dedup();
        Ok(labels)
    }

    /// Nothing of the app is served any more.
    pub(super) fn remove(&self) -> Result<(), DiskError> {
        remove_dir(&self.dir)
    }

    fn rules(&self) -> Result<Vec<String>, DiskError> {
        Ok(names(&self.dir)?.iter().filter_map(|name| name.strip_prefix("i.").map(str::to_owned)).collect())
    }

    fn at(&self, label: &str) -> PathBuf {
        self.dir.join("at").join(label)
    }
}

/// Makes a directory that everybody may enter, and Caddy has to.
pub(super) fn open_dir(path: &Path) -> Result<(), DiskError> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(path).at("make the directory", path)
}

/// Makes a link, or replaces it in one step.
pub(super) fn point(link: &Path, target: &Path) -> Result<(), DiskError> {
    if fs::read_link(link).is_ok_and(|present| present == target) {
        return Ok(());
    }
    let new = link.with_file_name(format!(".{}.new", link.file_name().unwrap_or_default().to_string_lossy()));
    remove_file(&new)?;
    symlink(target, &new).at("make the link", &new)?;
    fs::rename(&new, link).at("rename a link to", link)
}
