//! How the operator's files stand to the pack's files that they replace: is each made from what this
//! pack has, or has the pack changed, moved or dropped the file since?
//!
//! The lock's rows (`[[override]]`) say from which bytes each file was made.

mod markers;

pub use markers::{LABELS, Side, lines as marker_lines, resolve, separator};

use crate::{
    customization::{Overridden, Settled},
    listing::Listing,
    overlay::Reasons,
    snapshot::Snapshot,
};
use silver_plugin_api::{Diagnostic, Digest, Location, TreePath, TreeRole};
use std::{collections::BTreeSet, path::PathBuf};

/// An operator's file and the file of the pack that it replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The pack's file, in the release.
    pub path: TreePath,
    /// The operator's, below the customization.
    pub file: TreePath,
    /// The base that it comes from; `None`: the customization itself.
    pub base_layer: Option<BaseLayer>,
    /// How they stand.
    pub state: State,
    /// The pack's file that the operator's was made from; `None`: nothing says.
    pub base: Option<Digest>,
    /// The pack's file now; `None`: there is none.
    pub theirs: Option<Digest>,
    /// The operator's file.
    pub ours: Digest,
    /// Would it be taken without a file of the pack to replace, as one of its own?
    pub may_stay: bool,
    /// Who brought it up to date the last time.
    pub settled: Option<Settled>,
}

/// The base that a file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseLayer {
    /// As the site sees it: `../agency`.
    pub name: String,
    /// Its directory.
    pub dir: PathBuf,
}

/// How an operator's file stands to the pack's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Made from the pack's file as it is.
    Current,
    /// Nothing says from what it was made; as far as is known it is this pack's file.
    New,
    /// The pack's file has changed since.
    Changed,
    /// The pack has the same content at another path.
    Moved(TreePath),
    /// The pack has no such file any more.
    Gone,
    /// Both were merged, and conflict markers are left in these lines (1-based).
    Marked(Vec<usize>),
    /// Both were merged with conflicts, and no marker is left: somebody settled them by hand.
    Merged,
}

impl Override {
    /// The operator's file on the way from the site: `templates/a.html`, `../agency/templates/a.html`.
    pub fn shown(&self) -> String {
        self.base_layer.as_ref().map_or_else(|| self.file.to_string(), |base| format!("{}/{}", base.name, self.file))
    }
}

impl State {
    /// Its word in reports.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::New => "new",
            Self::Changed => "changed",
            Self::Moved(_) => "moved",
            Self::Gone => "gone",
            Self::Marked(_) => "marked",
            Self::Merged => "merged",
        }
    }

    /// Does it stop an update?
    pub const fn stops(&self) -> bool {
        matches!(self, Self::Changed | Self::Moved(_) | Self::Gone | Self::Marked(_))
    }
}

/// Files of the pack in whose place the operator's own stands, byte by byte; made from what the pack
/// has now.
pub fn found(app: &Listing, own: &Listing, tree: &Listing, reasons: &Reasons) -> Vec<Overridden> {
    let row = |(path, changes): (&TreePath, &[crate::overlay::Change])| {
        let (base, now) = (app.get(path)?.digest, tree.get(path)?.digest);
        let is_it = |file: &TreePath| own.get(file).is_some_and(|node| node.digest == now);
        let inputs = changes.last()?.inputs.iter().filter_map(|input| TreePath::new(input.strip_prefix("customization:")?).ok());
        // a plugin that does not name its inputs
        let same = || own.iter().find(|(_, node)| node.digest == now && now != base).map(|(file, _)| file.clone());
        let file = inputs.into_iter().find(is_it).or_else(same)?;
        Some(Overridden::new(path.clone(), file, base))
    };
    reasons.iter().filter_map(row).collect()
}

/// What is compared.
pub struct Survey<'a> {
    /// The pack's tree.
    pub app: &'a Listing,
    /// The customization's files.
    pub own: &'a Snapshot,
    /// The lock's rows.
    pub rows: &'a [Overridden],
    /// What replaces what ([`found`]); `None` when the merge does not get that far: then the lock's rows
    /// are all there is to know.
    pub found: Option<&'a [Overridden]>,
    /// The tree of the pack that the customization was used with before, for files that the lock does
    /// not know yet.
    pub former: Option<&'a Listing>,
    /// The base that a file comes from.
    pub base_of: &'a dyn Fn(&TreePath) -> Option<BaseLayer>,
}

impl Survey<'_> {
    /// Every file that replaces one of the pack, or did; by path.
    pub fn overrides(&self) -> Vec<Override> {
        let mut seen = BTreeSet::new();
        let mut all: Vec<Override> = self.rows.iter().filter_map(|row| self.known(row)).collect();
        seen.extend(all.iter().map(|one| one.file.clone()));
        let new = self.found.into_iter().flatten().filter(|row| !seen.contains(row.file.as_ref().unwrap_or(&row.path)));
        all.extend(new.filter_map(|row| self.unknown(row)));
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all
    }

    /// One that the lock knows, unless the operator's file is gone or replaces nothing any more.
    fn known(&self, row: &Overridden) -> Option<Override> {
        let lands = |now: &&Overridden| match &row.file {
            Some(file) => now.file.as_ref() == Some(file),
            None => now.path == row.path,
        };
        let there = self.found.and_then(|found| {
            let mut candidates: Vec<&Overridden> = found.iter().filter(lands).collect();
            // one file may replace several: the one of the row first
            candidates.sort_by_key(|now| now.path != row.path);
            candidates.first().copied()
        });
        let file = row.file.as_ref().or_else(|| there?.file.as_ref())?.clone();
        let ours = self.own.listing().get(&file)?.digest;
        // a slot that now leads elsewhere takes the file along
        let path = match there {
            Some(now) if self.app.get(&row.path).is_none() => &now.path,
            _ => &row.path,
        };
        let theirs = self.app.get(path).map(|node| node.digest);
        if self.found.is_some() && there.is_none() && theirs.is_some() {
            return None;
        }
        let state = match (theirs, row.conflict) {
            (Some(theirs), Some(_)) if theirs == row.base => match self.marks(&file) {
                lines if lines.is_empty() => State::Merged,
                lines => State::Marked(lines),
            },
            (Some(theirs), _) if theirs == row.base => State::Current,
            (Some(_), _) => State::Changed,
            (None, _) => self.moved(row).map_or(State::Gone, State::Moved),
        };
        let (base, settled) = (Some(row.base), row.settled.clone());
        let base_layer = (self.base_of)(&file);
        Some(Override { path: path.clone(), file, base_layer, state, base, theirs, ours, may_stay: true, settled })
    }

    /// One that the lock does not know.
    fn unknown(&self, row: &Overridden) -> Option<Override> {
        let file = row.file.clone()?;
        let ours = self.own.listing().get(&file)?.digest;
        let former = self.former.and_then(|former| former.get(&row.path)).map(|node| node.digest);
        let state = if former.is_some_and(|former| former != row.base) { State::Changed } else { State::New };
        let (path, theirs) = (row.path.clone(), Some(row.base));
        let base_layer = (self.base_of)(&file);
        Some(Override { path, file, base_layer, state, base: former, theirs, ours, may_stay: true, settled: None })
    }

    /// Where the pack has the same content now: the only such file, of the same name or in the same directory. Other
    /// files that are the same by chance say nothing.
    fn moved(&self, row: &Overridden) -> Option<TreePath> {
        let mut same = self.app.iter().filter(|(_, node)| node.digest == row.base && node.size > 0);
        let (now, _) = same.next()?;
        let is_it = now.name() == row.path.name() || now.parent() == row.path.parent();
        (is_it && same.next().is_none()).then(|| now.clone())
    }

    fn marks(&self, file: &TreePath) -> Vec<usize> {
        // one that cannot be read fails the merge by itself
        self.own.bytes(file).map(|text| markers::lines(&text)).unwrap_or_default()
    }
}

/// The rows of the lock after an update with these: what was settled by hand is recorded as settled so.
pub fn rows(overrides: &[Override], settled: &Settled) -> Vec<Overridden> {
    let row = |one: &Override| {
        let by = if one.state == State::Merged { Some(settled) } else { one.settled.as_ref() };
        Some(Overridden { settled: by.cloned(), ..Overridden::new(one.path.clone(), one.file.clone(), one.theirs?) })
    };
    overrides.iter().filter_map(row).collect()
}

/// What the operator has to settle before an update, as errors at their files.
pub fn conflicts(overrides: &[Override]) -> Vec<Diagnostic> {
    const SETTLE: &str = "`silver customize diff PACK --customize=DIR` shows what both changed, `silver customize rebase PACK --customize=DIR` merges it";
    let finding = |one: &Override| {
        let (path, shown) = (&one.path, one.shown());
        let (file, settle) = match &one.base_layer {
            None => (shown.as_str(), SETTLE.to_owned()),
            Some(base) => (
                shown.as_str(),
                format!(
                    "settle it in the base, for all sites: `silver customize rebase PACK --customize={}`",
                    base.dir.display()
                ),
            ),
        };
        let (message, help, line) = match &one.state {
            State::Changed => (format!("the pack's `{path}` has changed since `{file}` was made from it"), settle.clone(), 0),
            State::Moved(to) => (
                format!("the pack's `{path}`, which `{file}` was made from, is `{to}` now"),
                if one.may_stay {
                    format!(
                        "`silver customize rebase PACK --customize=DIR` moves yours along; or choose: `--ours {file}` keeps it as a file of its own, `--theirs {file}` takes it out"
                    )
                } else {
                    format!(
                        "`silver customize rebase PACK --customize=DIR` moves yours along, if its slot reaches there; `--theirs {file}` takes it out"
                    )
                },
                0,
            ),
            State::Gone => (
                format!("the pack has no `{path}` any more, which `{file}` was made from"),
                if one.may_stay {
                    format!(
                        "choose: `silver customize rebase PACK --customize=DIR --ours {file}` keeps yours, `--theirs {file}` takes it out"
                    )
                } else {
                    format!(
                        "`silver customize rebase PACK --customize=DIR --theirs {file}` takes it out; it cannot stay as a file of its own, since only files that the pack has are replaced there"
                    )
                },
                0,
            ),
            State::Marked(lines) => {
                let all: Vec<String> = lines.iter().map(ToString::to_string).collect();
                let which = if lines.len() == 1 { "line" } else { "lines" };
                (
                    format!("`{file}` still holds conflict markers, in {which} {}", all.join(", ")),
                    format!(
                        "put it right and take the markers out, or choose: `silver customize rebase PACK --customize=DIR --ours {file}` or `--theirs {file}`"
                    ),
                    lines.first().copied().unwrap_or_default(),
                )
            }
            State::Current | State::New | State::Merged => return None,
        };
        let help = if one.base_layer.is_some() { settle } else { help };
        let at = Location { line: u32::try_from(line).unwrap_or(0), ..Location::file(TreeRole::Customization, one.file.clone()) };
        Some(Diagnostic::error("override-conflict", message).help(help).at(at))
    };
    overrides.iter().filter_map(finding).collect()
}

#[cfg(test)]
mod tests;
