//! Copies what apps say from the journal into files below `state/apps/<app>`: for people and programs that look for logs
//! there. The journal stays the truth: `silver logs` reads it, and the files can be removed at any time.

use super::journal::{Entries, PROCESS_EXIT, cursor, line, origin};
use crate::{
    dirs::Dirs,
    disk::{read_optional, remove_file, words, write_atomic},
    logs::{self, LogFile, Redactor},
    secrets,
};
use serde_json::Value;
use std::{collections::BTreeMap, io, path::PathBuf, time::Duration};
use tokio::time::{Instant, timeout_at};

/// Everything that runs in the room of an app, whoever it is.
const APPS: &str = "_SYSTEMD_SLICE=silver.slice";
/// How far has been copied is noted that often: lines of this time are there twice after a power cut.
const NOTED: Duration = Duration::from_secs(5);

/// Copies until it fails or `stale` says that somebody else should go on.
pub async fn copy_logs(dirs: &Dirs, stale: impl Fn() -> bool) -> io::Result<()> {
    let place = dirs.copied_logs();
    let noted = read_optional(&place).map_err(io::Error::other)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    // who has never copied does not begin with what was said years ago
    let from = noted.as_ref().map_or_else(|| "--boot".to_owned(), |cursor| format!("--after-cursor={}", cursor.trim()));
    let mut matches = vec![APPS.to_owned(), "+".to_owned()];
    matches.extend(PROCESS_EXIT.map(str::to_owned));
    let mut entries = Entries::follow(&matches, Some(&from))?;
    let mut copied = false;
    loop {
        let Some(first) = entries.next().await else {
            if noted.is_some() && !copied {
                remove_file(&place).map_err(io::Error::other)?; // perhaps it means nothing to this journal
            }
            return Err(io::Error::other("journalctl has ended"));
        };
        // opened anew each time, since files may be removed or put aside
        let mut files = Files { dirs, open: BTreeMap::new(), redactors: BTreeMap::new() };
        let mut last = first;
        files.take(&last);
        let until = Instant::now() + NOTED;
        while let Ok(Some(next)) = timeout_at(until, entries.next()).await {
            files.take(&next);
            last = next;
        }
        if let Some(cursor) = cursor(&last) {
            copied = true;
            write_atomic(&place, cursor.as_bytes(), 0o600).map_err(io::Error::other)?;
        }
        if stale() {
            return Ok(());
        }
    }
}

/// The files that lines go to.
struct Files<'a> {
    dirs: &'a Dirs,
    open: BTreeMap<PathBuf, LogFile>,
    redactors: BTreeMap<String, Redactor>,
}

impl Files<'_> {
    fn take(&mut self, entry: &Value) {
        let Some(name) = origin(entry) else { return };
        let app = name.app();
        let dirs = self.dirs;
        if !dirs.logs(app).is_dir() {
            return; // nothing of this app was started here by silver
        }
        let redactor = self.redactors.entry(app.to_owned()).or_insert_with(|| {
            let all = secrets::all(dirs, app);
            Redactor::new(&all.inspect_err(|error| tracing::warn!(app, "{}", words(error))).unwrap_or_default())
        });
        let Some(line) = line(entry, redactor) else { return };
        let path = logs::path(dirs, app, &line.label, &line.process);
        self.open.entry(path).or_insert_with_key(|path| LogFile::new(path.clone())).dated(&line.text);
    }
}
