//! What apps say: files below `state/logs/apps/<app>`, written with rotation and read back.
//!
//! `<label>.<process>.log` has what a process printed (`hooks` for hooks), each line with the time
//! it was said; `access.log` has the requests. A file that would grow over 10 MiB is renamed
//! to `….log.1`, the former `.1` to `.2`; three old ones are kept.
//!
//! On a server what processes print goes to systemd's journal, and from there into these files
//! ([`crate::systemd::copy_logs`]); requests are written by the front, and `access.log` leads there.

mod file;
mod read;
mod redact;

pub use file::LogFile;
pub(crate) use read::read_lines;
pub use read::{Follow, Source, sources, tail, tail_with};
pub use redact::Redactor;

use crate::dirs::Dirs;
use std::{collections::BTreeMap, fs, path::PathBuf, time::SystemTime};

/// The logs of so many releases of an app are kept.
pub const KEPT: usize = 20;

/// The log of one process of one release.
pub fn path(dirs: &Dirs, app: &str, label: &str, process: &str) -> PathBuf {
    dirs.logs(app).join(format!("{label}.{process}.log"))
}

/// Removes the logs of all but `keep` releases of an app: those that said something last stay.
pub fn forget(dirs: &Dirs, app: &str, keep: usize) {
    let mut labels: BTreeMap<String, (SystemTime, Vec<PathBuf>)> = BTreeMap::new();
    let Ok(entries) = fs::read_dir(dirs.logs(app)) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(label) = name.split_once(".log").and_then(|(stem, _)| stem.rsplit_once('.')).map(|(label, _)| label) else {
            continue;
        };
        let said = entry.metadata().and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let (last, files) = labels.entry(label.to_owned()).or_insert((said, Vec::new()));
        *last = said.max(*last);
        files.push(entry.path());
    }
    let mut labels: Vec<_> = labels.into_values().collect();
    labels.sort_by_key(|(last, _)| std::cmp::Reverse(*last));
    for file in labels.into_iter().skip(keep).flat_map(|(_, files)| files) {
        if let Err(error) = fs::remove_file(&file) {
            tracing::warn!(path = %file.display(), %error, "cannot remove an old log");
        }
    }
}

/// The log of the requests to an app.
pub fn access_path(dirs: &Dirs, app: &str) -> PathBuf {
    dirs.logs(app).join("access.log")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn logs_of_long_gone_releases_go() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::below(home.path());
        fs::create_dir_all(dirs.logs("a")).unwrap();
        let write = |path: PathBuf, age: u64| {
            let file = fs::File::create(path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        };
        for (label, age) in [("a.20260101_1", 30), ("a.20260101_2", 20), ("a.20260101_10", 10)] {
            write(path(&dirs, "a", label, "web"), age);
            write(path(&dirs, "a", label, "hooks"), age + 100);
        }
        write(file::rotated(&path(&dirs, "a", "a.20260101_1", "web"), 1), 500);
        write(access_path(&dirs, "a"), 1000);
        forget(&dirs, "a", 2);
        let mut left: Vec<_> =
            fs::read_dir(dirs.logs("a")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        let expected =
            ["a.20260101_10.hooks.log", "a.20260101_10.web.log", "a.20260101_2.hooks.log", "a.20260101_2.web.log", "access.log"];
        assert_eq!(left, expected);
    }
}
