//! The journal of a transition: one line of JSON per fact, each synced before the next thing is
//! done. With it the node's next start knows what was begun and what was not.
//!
//! `journal/<id>.jsonl` appears whole, with its first line; the directory `journal/<id>/` keeps the
//! former bytes of configs whose keys were set. Both go when the transition has ended and the
//! registry has its event.

use crate::{
    dirs::Dirs,
    disk::{self, At, DiskError, make_dir, names, read_optional, remove_dir, remove_file, write_atomic},
    fault::{DieAt, Moment},
};
use serde::{Deserialize, Serialize};
use silver_plugin_api::plan::{Outcome, Transition};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

/// A fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// The first line.
    Start(Box<Start>),
    /// A step is being done.
    Begin(String),
    /// A step is done.
    Done(String),
    /// A step failed; before the point of no return, undoing follows.
    Failed {
        /// Which.
        step: String,
        /// Why.
        message: String,
        /// What the application said.
        log: Vec<String>,
    },
    /// A step is being undone.
    Undo(String),
    /// A step is undone.
    Undone(String),
    /// A step could not be undone.
    UndoFailed {
        /// Which.
        step: String,
        /// Why.
        message: String,
    },
    /// All is over and recorded.
    End(Box<Outcome>),
}

/// What is known when a transition begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Start {
    /// The plan.
    pub transition: Transition,
    /// Label of the release that was current, as observed.
    pub previous: Option<String>,
    /// Files of that release that were altered, missing or extra.
    pub drift: Vec<String>,
    /// The SSH key of whoever submitted it, if it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A fact and when it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Line {
    /// Milliseconds since 1970, by the node's clock.
    pub at: i64,
    /// What.
    pub fact: Fact,
}

/// A journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Reading or writing failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A line makes no sense.
    #[error("line {line} of {} makes no sense", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// It has no beginning.
    #[error("{} has no beginning", .0.display())]
    NoStart(PathBuf),
}

/// A journal as others see it who do not carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its id.
    pub(crate) id: String,
    /// Whose change it is; `None` when it has no beginning that makes sense.
    pub(crate) app: Option<String>,
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    start: Start,
    lines: Vec<Line>,
    /// Lines that could not be written yet.
    unwritten: Vec<u8>,
    die_at: Option<DieAt>,
}

impl Journal {
    /// Starts a journal; from here on the transition is the node's.
    pub fn start(dirs: &Dirs, start: Start, die_at: Option<DieAt>) -> Result<Self, JournalError> {
        let path = path(dirs, &start.transition.id);
        let first = line(Fact::Start(Box::new(start)));
        write_atomic(&path, &encode(&first), 0o600)?;
        let journal = Self::open(&path, die_at)?;
        journal.reached("start", Moment::Done);
        Ok(journal)
    }

    /// Opens the journal with this id, for whoever holds the app's lock.
    pub(crate) fn take(dirs: &Dirs, id: &str, die_at: Option<DieAt>) -> Result<Self, JournalError> {
        Self::open(&path(dirs, id), die_at)
    }

    /// Opens a journal that is there; a last line that was cut short is cut off.
    fn open(path: &Path, die_at: Option<DieAt>) -> Result<Self, JournalError> {
        let bytes = read_optional(path)?.ok_or_else(|| JournalError::NoStart(path.to_owned()))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut lines: Vec<Line> = Vec::new();
        for (number, text) in bytes[..whole].split(|byte| *byte == b'\n').filter(|text| !text.is_empty()).enumerate() {
            let damaged = |source| JournalError::Damaged { path: path.to_owned(), line: number + 1, source };
            lines.push(serde_json::from_slice(text).map_err(damaged)?);
        }
        let Some(Line { fact: Fact::Start(start), .. }) = lines.first() else {
            return Err(JournalError::NoStart(path.to_owned()));
        };
        let start = (**start).clone();
        let file = OpenOptions::new().append(true).open(path).at("open", path)?;
        if whole < bytes.len() {
            file.set_len(whole as u64).and_then(|()| disk::sync(&file)).at("cut", path)?;
        }
        Ok(Self { file, path: path.to_owned(), start, lines, unwritten: Vec::new(), die_at })
    }

    /// All journals that are there, each with its id; damaged ones as errors.
    #[cfg(test)]
    #[expect(clippy::type_complexity, reason = "for tests")]
    pub(crate) fn all(dirs: &Dirs, die_at: Option<&DieAt>) -> Result<Vec<(String, Result<Self, JournalError>)>, DiskError> {
        let all = under_way(dirs)?.into_iter();
        Ok(all.map(|Seen { id, .. }| (id.clone(), Self::take(dirs, &id, die_at.cloned()))).collect())
    }

    /// Writes a fact; durable when it returns. The fact counts for this run also when it could not be
    /// written: undoing goes by what was done, may make room, and what is missing is written with the next fact.
    pub fn write(&mut self, fact: Fact) -> Result<(), JournalError> {
        let moment = Moment::of(&fact);
        let line = line(fact);
        self.unwritten.extend(encode(&line));
        self.lines.push(line);
        let whole = self.file.metadata().at("look at", &self.path)?.len();
        let written = self.file.write_all(&self.unwritten).and_then(|()| disk::sync(&self.file));
        if written.is_err() {
            // half a line in the middle would make a journal that nobody can read
            self.file.set_len(whole).at("cut", &self.path)?;
        }
        written.at("write", &self.path)?;
        self.unwritten.clear();
        if let Some((step, moment)) = moment {
            self.reached(&step, moment);
        }
        Ok(())
    }

    /// A place where a test may end the agent.
    pub(crate) fn reached(&self, step: &str, moment: Moment) {
        if let Some(die_at) = &self.die_at {
            die_at.reached(step, moment);
        }
    }

    /// What was known when it began.
    pub fn beginning(&self) -> &Start {
        &self.start
    }

    /// The plan.
    pub fn transition(&self) -> &Transition {
        &self.start.transition
    }

    /// All lines so far.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Removes the journal: all is over and recorded.
    pub fn remove(self, dirs: &Dirs) -> Result<(), DiskError> {
        remove_dir(&kept(dirs, &self.start.transition.id))?;
        remove_file(&self.path)
    }
}

/// All journals that are there. Somebody may be writing them: they are looked at and left alone.
pub(crate) fn under_way(dirs: &Dirs) -> Result<Vec<Seen>, DiskError> {
    let ids = names(&dirs.journals())?.into_iter().filter_map(|name| name.strip_suffix(".jsonl").map(str::to_owned));
    let mut all = Vec::new();
    for id in ids {
        let path = path(dirs, &id);
        let mut first = Vec::new();
        match File::open(&path).and_then(|file| BufReader::new(file).read_until(b'\n', &mut first)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue, // it has just ended
            Err(error) => return Err(error).at("read", &path),
        }
        let app = match serde_json::from_slice::<Line>(&first) {
            Ok(Line { fact: Fact::Start(start), .. }) => Some(start.transition.app),
            _ => None,
        };
        all.push(Seen { id, app });
    }
    Ok(all)
}

/// The journals of an app; there is one at most, but for those that were left.
pub(crate) fn of(dirs: &Dirs, app: &str) -> Result<Vec<String>, DiskError> {
    Ok(under_way(dirs)?.into_iter().filter(|seen| seen.app.as_deref() == Some(app)).map(|seen| seen.id).collect())
}

/// The step that was begun, or is being undone, last; somebody may be writing the next one.
pub(crate) fn last_step(dirs: &Dirs, id: &str) -> Result<Option<String>, DiskError> {
    let Some(bytes) = read_optional(&path(dirs, id))? else { return Ok(None) }; // it has just ended
    let lines = bytes.rsplit(|byte| *byte == b'\n').filter_map(|text| serde_json::from_slice::<Line>(text).ok());
    let mut steps = lines.filter_map(|line| match line.fact {
        Fact::Begin(step) | Fact::Undo(step) => Some(step),
        _ => None,
    });
    Ok(steps.next())
}

/// Puts a journal that makes no sense aside, for a person to look at.
pub(crate) fn set_aside(dirs: &Dirs, id: &str) -> Result<(), DiskError> {
    let from = path(dirs, id);
    std::fs::rename(&from, from.with_extension("broken")).at("rename", &from)
}

/// Where the former bytes of configs are kept.
pub(crate) fn kept(dirs: &Dirs, id: &str) -> PathBuf {
    dirs.journals().join(id)
}

/// Keeps the former text of a file (`None`: it was not there), once: what a second run finds is no
/// longer what was there before.
pub(crate) fn keep_former(dirs: &Dirs, id: &str, name: &str, former: Option<&str>) -> Result<(), DiskError> {
    let path = kept(dirs, id).join(name);
    make_dir(&kept(dirs, id))?;
    let known = serde_json::to_vec(&former).expect("text is plain data");
    if path.exists() { Ok(()) } else { write_atomic(&path, &known, 0o600) }
}

/// What [`keep_former`] kept.
pub(crate) enum Former {
    /// Nothing: it was never asked to.
    Unknown,
    /// The file was not there.
    Absent,
    /// The file had this text.
    Text(String),
}

/// Reads what [`keep_former`] kept.
pub(crate) fn former(dirs: &Dirs, id: &str, name: &str) -> Result<Former, JournalError> {
    let path = kept(dirs, id).join(name);
    let Some(bytes) = read_optional(&path)? else { return Ok(Former::Unknown) };
    let known: Option<String> =
        serde_json::from_slice(&bytes).map_err(|source| JournalError::Damaged { path, line: 1, source })?;
    Ok(known.map_or(Former::Absent, Former::Text))
}

fn path(dirs: &Dirs, id: &str) -> PathBuf {
    dirs.journals().join(format!("{id}.jsonl"))
}

fn line(fact: Fact) -> Line {
    Line { at: jiff::Timestamp::now().as_millisecond(), fact }
}

fn encode(line: &Line) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).expect("a line of the journal is plain data");
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests;
