//! Logs that are read: the last lines, and what follows.

use super::file::rotated;
use crate::{caddy, dirs::Dirs};
use silver_plugin_api::plan::{LogLine, Release, StateNature};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// More than this is never read back from the end of one file.
const WINDOW: u64 = 4 << 20;
/// A line longer than this is cut.
const LONGEST: usize = 64 << 10;

/// A file with lines of an app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// Release, where the file belongs to one.
    pub label: String,
    /// `web`, `hooks`, `access`; for a log that the app keeps itself its path below the data directory.
    pub process: String,
    /// Does each line begin with its time?
    pub dated: bool,
}

/// The logs of an app: of one process, or of all. The requests are shown only when `access` is
/// asked for; logs that the app keeps itself belong to `release`.
pub fn sources(dirs: &Dirs, app: &str, release: Option<&Release>, process: Option<&str>) -> Vec<Source> {
    let mut sources = Vec::new();
    for path in files(&dirs.logs(app)) {
        let Some(stem) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".log")) else {
            continue;
        };
        let (label, name) = stem.rsplit_once('.').unwrap_or(("", stem));
        let (label, process) = (label.to_owned(), name.to_owned());
        if dirs.is_server() && !["hooks", "access"].contains(&process.as_str()) {
            continue; // a copy of what the journal has
        }
        sources.push(Source { label, process, dated: true, path: path.clone() });
    }
    if dirs.is_server() {
        let (path, process) = (caddy::access_log(dirs, app), "access".to_owned());
        sources.push(Source { path, label: String::new(), process, dated: true });
    }
    let kept = release.map(|release| release.state.as_slice()).unwrap_or_default();
    for state in kept.iter().filter(|state| state.nature == StateNature::Log) {
        let root = dirs.data(app).join(state.path.as_str());
        let files = if state.directory { files(&root) } else { vec![root] };
        for path in files {
            let process = path.strip_prefix(dirs.data(app)).unwrap_or(&path).to_string_lossy().into_owned();
            sources.push(Source { label: String::new(), process, dated: false, path });
        }
    }
    sources.retain(|source| match process {
        Some(process) => source.process == process,
        None => source.process != "access",
    });
    sources.sort();
    sources
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let regular = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    let visible = |path: &PathBuf| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."));
    entries.filter_map(Result::ok).filter(regular).map(|entry| entry.path()).filter(visible).collect()
}

/// The last `count` lines of all sources together: by time where lines are dated, then the others.
pub fn tail(sources: &[Source], count: usize) -> Vec<LogLine> {
    tail_with(sources, Vec::new(), count)
}

/// As [`tail`], with more lines that begin with their time.
pub fn tail_with(sources: &[Source], more: Vec<LogLine>, count: usize) -> Vec<LogLine> {
    let mut dated = more;
    let mut others = Vec::new();
    for source in sources {
        let to = if source.dated { &mut dated } else { &mut others };
        to.extend(last_lines(source, count).into_iter().map(|text| line(source, text)));
    }
    // the time is RFC 3339 in UTC with a fixed number of digits: sorting the text sorts by time
    dated.sort_by(|one: &LogLine, other: &LogLine| one.text.get(..24).cmp(&other.text.get(..24)));
    let from_dated = dated.len().saturating_sub(count);
    let mut lines = others.split_off(others.len().saturating_sub(count));
    lines.extend(dated.drain(from_dated..));
    let from = lines.len().saturating_sub(count);
    lines.split_off(from)
}

fn line(source: &Source, text: String) -> LogLine {
    let text = if source.process == "access" { caddy::access_line(&text).unwrap_or(text) } else { text };
    LogLine { label: source.label.clone(), process: source.process.clone(), text }
}

fn last_lines(source: &Source, count: usize) -> Vec<String> {
    let mut lines = end_of(&source.path).unwrap_or_default();
    if lines.len() < count {
        let mut before = end_of(&rotated(&source.path, 1)).unwrap_or_default();
        before.append(&mut lines);
        lines = before;
    }
    lines.split_off(lines.len().saturating_sub(count))
}

fn end_of(path: &Path) -> io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let from = size.saturating_sub(WINDOW);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(WINDOW).read_to_end(&mut bytes)?;
    let mut lines: Vec<String> = split(&bytes).map(text).collect();
    if from > 0 && !lines.is_empty() {
        lines.remove(0); // begins in the middle
    }
    Ok(lines)
}

fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(LONGEST)]).trim_end_matches('\r').to_owned()
}

/// What is said from now on. Asked again and again: logs are few and small, so watching them by
/// other means would not pay.
#[derive(Debug, Default)]
pub struct Follow {
    at: BTreeMap<PathBuf, (u64, u64)>,
}

impl Follow {
    /// From the present end of these files.
    pub fn from_end(sources: &[Source]) -> Self {
        let at = sources.iter().filter_map(|source| {
            let file = source.path.metadata().ok()?;
            Some((source.path.clone(), (file.ino(), file.len())))
        });
        Self { at: at.collect() }
    }

    /// The whole lines that were added since the last call, also in files that are new.
    pub fn more(&mut self, sources: &[Source]) -> Vec<LogLine> {
        let mut lines = Vec::new();
        for source in sources {
            let Ok(file) = source.path.metadata() else { continue };
            let (inode, offset) = self.at.get(&source.path).copied().unwrap_or((file.ino(), 0));
            let mut from = offset;
            if inode != file.ino() {
                // rotated: what was written to the old file before that
                let old = read_lines(&rotated(&source.path, 1), offset);
                lines.extend(old.0.into_iter().map(|text| line(source, text)));
                from = 0;
            } else if file.len() < offset {
                from = 0; // emptied
            }
            let (new, end) = read_lines(&source.path, from);
            lines.extend(new.into_iter().map(|text| line(source, text)));
            self.at.insert(source.path.clone(), (file.ino(), end));
        }
        lines
    }
}

/// Whole lines from `from` on, and where the next one begins.
pub(crate) fn read_lines(path: &Path, from: u64) -> (Vec<String>, u64) {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(WINDOW).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let whole = match bytes.iter().rposition(|&byte| byte == b'\n') {
        Some(end) => end + 1,
        None if bytes.len() as u64 == WINDOW => bytes.len(),
        None => 0,
    };
    (split(&bytes[..whole]).map(text).collect(), from + whole as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{logs::LogFile, testing};
    use silver_plugin_api::{TreePath, plan::StatePath};
    use std::io::Write as _;

    fn texts(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| line.text.rsplit("Z ").next().unwrap()).collect()
    }

    #[test]
    fn processes_merge_by_time_and_requests_are_apart() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::below(home.path());
        let log = |process: &str| LogFile::new(super::super::path(&dirs, "a", "a.20260101_1", process));
        let (web, worker) = (log("web"), log("worker"));
        for number in 0..3 {
            web.line(&format!("web {number}"));
            std::thread::sleep(std::time::Duration::from_millis(2)); // the times have milliseconds
            worker.line(&format!("worker {number}"));
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        LogFile::new(super::super::access_path(&dirs, "a")).line("GET /");
        let all = sources(&dirs, "a", None, None);
        assert_eq!(texts(&tail(&all, 3)), ["worker 1", "web 2", "worker 2"]);
        assert_eq!(tail(&all, 1)[0].label, "a.20260101_1");
        assert_eq!(texts(&tail(&sources(&dirs, "a", None, Some("web")), 10)), ["web 0", "web 1", "web 2"]);
        assert_eq!(texts(&tail(&sources(&dirs, "a", None, Some("access")), 10)), ["GET /"]);
    }

    #[test]
    fn logs_that_the_app_keeps_are_included() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::below(home.path());
        let mut release = testing::release("a");
        release.state.push(StatePath {
            path: TreePath::new("log").unwrap(),
            nature: StateNature::Log,
            directory: true,
            seed: None,
            backup: false,
            owned: None,
            set: vec![],
            serve: None,
        });
        std::fs::create_dir_all(dirs.data("a").join("log")).unwrap();
        std::fs::write(dirs.data("a").join("log/trac.log"), "one\r\ntwo\n").unwrap();
        let found = sources(&dirs, "a", Some(&release), None);
        assert_eq!(found[0].process, "log/trac.log");
        assert_eq!(texts(&tail(&found, 5)), ["one", "two"]);
    }

    #[test]
    fn following_survives_rotation_truncation_and_half_lines() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x.log");
        let source = [Source { path: path.clone(), label: String::new(), process: "x".into(), dated: false }];
        std::fs::write(&path, "old\n").unwrap();
        let mut follow = Follow::from_end(&source);
        let append =
            |text: &str| File::options().append(true).create(true).open(&path).unwrap().write_all(text.as_bytes()).unwrap();
        append("one\ntw");
        assert_eq!(texts(&follow.more(&source)), ["one"]);
        append("o\n");
        assert_eq!(texts(&follow.more(&source)), ["two"]);
        append("three\n");
        std::fs::rename(&path, rotated(&path, 1)).unwrap();
        append("four\n");
        assert_eq!(texts(&follow.more(&source)), ["three", "four"]);
        std::fs::write(&path, "5\n").unwrap();
        assert_eq!(texts(&follow.more(&source)), ["5"]);
        assert!(follow.more(&source).is_empty());
    }
}
