//! A log that is written.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// A file is rotated when it would grow over so many bytes.
const LIMIT: u64 = 10 << 20;
/// So many rotated files are kept.
const KEEP: u32 = 3;

/// A log file; lines of several processes may go to the same one.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    limit: u64,
    open: Mutex<Option<(File, u64)>>,
}

impl LogFile {
    /// The log at `path`; nothing is made before the first line.
    pub fn new(path: PathBuf) -> Self {
        Self { path, limit: LIMIT, open: Mutex::new(None) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line with the current time before it. That a log cannot be written must not stop
    /// an app, so failures go to the agent's own log.
    pub fn line(&self, text: &str) {
        self.dated(&format!("{:.3} {text}", jiff::Timestamp::now()));
    }

    /// The same of a line that has its time.
    pub fn dated(&self, text: &str) {
        let line = format!("{text}\n");
        if let Err(error) = self.append(line.as_bytes()) {
            tracing::warn!(path = %self.path.display(), %error, "cannot write a log");
        }
    }

    fn append(&self, line: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, size)) = &*open
            && size + line.len() as u64 > self.limit
        {
            *open = None;
            rotate(&self.path)?;
        }
        if open.is_none() {
            if let Some(directory) = self.path.parent() {
                fs::create_dir_all(directory)?;
            }
            let file = File::options().append(true).create(true).open(&self.path)?;
            let size = file.metadata()?.len();
            *open = Some((file, size));
        }
        if let Some((file, size)) = &mut *open {
            file.write_all(line)?;
            *size += line.len() as u64;
        }
        Ok(())
    }
}

/// `….log` → `….log.1` → … ; the oldest is dropped.
fn rotate(path: &Path) -> io::Result<()> {
    for number in (1..KEEP).rev() {
        let from = rotated(path, number);
        if from.exists() {
            fs::rename(from, rotated(path, number + 1))?;
        }
    }
    fs::rename(path, rotated(path, 1))
}

/// The name of a rotated file.
pub(super) fn rotated(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_dated_and_old_files_rotate_away() {
        let home = tempfile::tempdir().unwrap();
        let mut log = LogFile::new(home.path().join("deep/a.log"));
        log.limit = 100;
        for number in 0..20 {
            log.line(&format!("line {number:02}"));
        }
        let text = |number: u32| {
            let path = if number == 0 { log.path().to_owned() } else { rotated(log.path(), number) };
            fs::read_to_string(path).unwrap_or_default()
        };
        let last = text(0);
        assert!(last.ends_with("Z line 19\n"), "{last}");
        assert!((1..=KEEP).all(|number| !text(number).is_empty() && text(number).len() <= 100));
        assert_eq!(text(KEEP + 1), "");
        let joined = format!("{}{}", text(1), text(0));
        let numbers: Vec<&str> = joined.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "in order: {numbers:?}");
    }
}
