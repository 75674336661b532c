//! A feed as a file, for those who look on from other processes: `feeds/<app>/<id>.jsonl`, one line of JSON
//! each. It is nothing but a window: what counts is in the journal and in the registry, so nothing is synced,
//! and what cannot be written is not seen.
//!
//! Whoever carries a change begins with a line of its own; a second one means that somebody else goes on
//! with it, and that an outcome before it was none.

use crate::{
    dirs::Dirs,
    disk::{At, DiskError, make_dir, names, remove_file},
};
use serde::{Deserialize, Serialize};
use silver_plugin_api::plan::{Finished, Outcome, Progress, ProgressKind};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// So many feeds of an app are kept.
const KEPT: usize = 5;
/// So many bytes of what applications say are kept of one change.
const MAX_BYTES: usize = 8 << 20;

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Line {
    /// Somebody begins to carry it.
    Begin {
        /// Its process.
        pid: u32,
    },
    /// How it goes.
    Progress(Progress),
    /// How it ended.
    Outcome(Box<Outcome>),
}

/// The feed of a change.
pub(crate) fn path(dirs: &Dirs, app: &str, id: &str) -> PathBuf {
    dirs.feeds(app).join(format!("{id}.jsonl"))
}

/// Bytes of the feed so far.
pub(crate) fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

/// Writes a feed.
#[derive(Debug)]
pub(crate) struct Writer {
    file: File,
    path: PathBuf,
    written: usize,
    failed: bool,
}

impl Writer {
    /// Goes on after what is there; older feeds of the app go.
    pub(super) fn begin(path: &Path) -> Result<Self, DiskError> {
        let dir = path.parent().unwrap_or(path);
        make_dir(dir)?;
        forget(dir)?;
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path).at("open", path)?;
        let mut writer = Self { file, path: path.to_owned(), written: 0, failed: false };
        if length(path) > 0 {
            writer.put(b"\n"); // whoever wrote before may have been ended in the middle of a line
        }
        writer.write(&Line::Begin { pid: std::process::id() });
        Ok(writer)
    }

    pub(super) fn write(&mut self, line: &Line) {
        let said = matches!(line, Line::Progress(Progress { kind: ProgressKind::Line(_) | ProgressKind::Amount { .. }, .. }));
        if said && self.written > MAX_BYTES {
            return;
        }
        let mut bytes = serde_json::to_vec(line).expect("a line of a feed is plain data");
        bytes.push(b'\n');
        self.put(&bytes);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.written += bytes.len();
        if let Err(error) = self.file.write_all(bytes)
            && !std::mem::replace(&mut self.failed, true)
        {
            tracing::warn!("{} cannot be written, nobody can look on: {error}", self.path.display());
        }
    }
}

/// Reads a feed while it is written.
#[derive(Debug)]
pub(crate) struct Reader {
    path: PathBuf,
    from: u64,
    /// The beginning of a line whose end is not there yet.
    begun: Vec<u8>,
}

impl Reader {
    /// From `from` on, which is the beginning of a line. The file need not be there yet.
    pub(crate) fn new(path: PathBuf, from: u64) -> Self {
        Self { path, from, begun: Vec::new() }
    }

    /// The lines that have come since. An outcome that somebody went on after is left out; so is what is no line.
    pub(crate) fn more(&mut self) -> Result<Vec<Line>, DiskError> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened.at("open", &self.path)?,
        };
        let read = file.seek(SeekFrom::Start(self.from)).and_then(|_| file.read_to_end(&mut self.begun));
        self.from += read.at("read", &self.path)? as u64;
        let whole = self.begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let rest = self.begun.split_off(whole);
        let bytes = std::mem::replace(&mut self.begun, rest);
        let lines: Vec<Line> = bytes.split(|byte| *byte == b'\n').filter_map(|text| serde_json::from_slice(text).ok()).collect();
        let begun = lines.iter().rposition(|line| matches!(line, Line::Begin { .. })).unwrap_or(0);
        let counts = |(number, line): &(usize, Line)| *number >= begun || !matches!(line, Line::Outcome(_));
        Ok(lines.into_iter().enumerate().filter(counts).map(|(_, line)| line).collect())
    }
}

/// The last change of an app that ended since the machine was started.
pub(crate) fn last(dirs: &Dirs, app: &str) -> Result<Option<Finished>, DiskError> {
    for (_, path) in newest(&dirs.feeds(app))? {
        let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(Line::Outcome(outcome)) = Reader::new(path, 0).more()?.pop() {
            return Ok(Some(Finished { id, outcome: *outcome }));
        }
    }
    Ok(None)
}

/// The newest change of an app, when its outcome is not told yet.
pub(crate) fn untold(dirs: &Dirs, app: &str) -> Result<Option<String>, DiskError> {
    let Some((_, path)) = newest(&dirs.feeds(app))?.into_iter().next() else { return Ok(None) };
    let told = matches!(Reader::new(path.clone(), 0).more()?.pop(), Some(Line::Outcome(_)));
    Ok((!told).then(|| path.file_stem().unwrap_or_default().to_string_lossy().into_owned()))
}

/// Leaves the newest.
fn forget(dir: &Path) -> Result<(), DiskError> {
    newest(dir)?.iter().skip(KEPT - 1).try_for_each(|(_, path)| remove_file(path))
}

/// Feeds by the time of their last line, newest first.
fn newest(dir: &Path) -> Result<Vec<(std::time::SystemTime, PathBuf)>, DiskError> {
    let changed = |name: &String| {
        let path = dir.join(name);
        Some((fs::metadata(&path).and_then(|meta| meta.modified()).ok()?, path))
    };
    let mut all: Vec<_> = names(dir)?.iter().filter(|name| name.strip_suffix(".jsonl").is_some()).filter_map(changed).collect();
    all.sort();
    all.reverse();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Feed;
    use silver_plugin_api::plan::OutcomeKind;

    fn outcome(kind: OutcomeKind) -> Outcome {
        Outcome {
            kind,
            failed_step: None,
            message: None,
            log: Vec::new(),
            undo_errors: Vec::new(),
            current: None,
            event: None,
            closed_ms: 0,
        }
    }

    fn steps(lines: &[Line]) -> String {
        let word = |line: &Line| match line {
            Line::Begin { .. } => "(".to_owned(),
            Line::Progress(progress) => progress.step.clone(),
            Line::Outcome(_) => ")".to_owned(),
        };
        lines.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn who_comes_late_sees_all_and_who_goes_on_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let dirs = Dirs::server_below(dir.path());
        let path = path(&dirs, "shop", "t1");
        let mut early = Reader::new(path.clone(), 0);
        assert_eq!(early.more().unwrap(), []);
        let feed = Feed::in_file(&path).unwrap();
        feed.say("a", ProgressKind::Done);
        assert_eq!(steps(&early.more().unwrap()), "( a");
        assert_eq!(untold(&dirs, "shop").unwrap().as_deref(), Some("t1"));
        feed.say("b", ProgressKind::Line("x\ny".into()));
        feed.finish(outcome(OutcomeKind::RevertFailed));
        assert_eq!(steps(&early.more().unwrap()), "b )");
        assert_eq!(steps(&Reader::new(path.clone(), 0).more().unwrap()), "( a b )");
        assert_eq!(last(&dirs, "shop").unwrap().unwrap().outcome.kind, OutcomeKind::RevertFailed);
        assert_eq!(untold(&dirs, "shop").unwrap(), None);

        // killed in the middle of a line; the next one goes on
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"progress\":{\"st").unwrap();
        assert_eq!(early.more().unwrap(), []);
        let end = length(&path);
        let feed = Feed::in_file(&path).unwrap();
        feed.say("c", ProgressKind::Undo);
        assert_eq!(last(&dirs, "shop").unwrap(), None, "it has not ended after all");
        assert_eq!(steps(&early.more().unwrap()), "( c");
        feed.finish(outcome(OutcomeKind::Reverted));
        assert_eq!(steps(&Reader::new(path.clone(), 0).more().unwrap()), "( a b ( c )", "the first outcome was none");
        assert_eq!(steps(&Reader::new(path, end).more().unwrap()), "( c )");
        let finished = last(&dirs, "shop").unwrap().unwrap();
        assert_eq!((finished.id.as_str(), finished.outcome.kind), ("t1", OutcomeKind::Reverted));
    }

    #[test]
    fn a_few_feeds_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let dirs = Dirs::server_below(dir.path());
        for number in 0..9 {
            Feed::in_file(&path(&dirs, "shop", &format!("t{number}"))).unwrap().finish(outcome(OutcomeKind::Done));
        }
        assert_eq!(names(&dirs.feeds("shop")).unwrap().len(), KEPT);
        assert_eq!(last(&dirs, "shop").unwrap().unwrap().id, "t8");
    }
}
