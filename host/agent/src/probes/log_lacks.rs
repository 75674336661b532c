//! What an app logs while it is being checked.

use crate::{apps::AppFailure, dirs::Dirs, logs::read_lines};
use silver_plugin_api::{
    TreePath,
    plan::{CheckTarget, Release},
};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

/// So many lines after an offending one are shown with it: the reason often stands in a traceback.
const AFTER: usize = 30;
/// More than this of a log is not looked through.
const MOST: u64 = 64 << 20;

/// How long logs were when a release was started for a check, by app, label and file.
#[derive(Debug, Default)]
pub(crate) struct Marks(Mutex<BTreeMap<(String, String, String), u64>>);

impl Marks {
    /// Remembers how long each log is that a check of the release will look at.
    pub(crate) fn set(&self, dirs: &Dirs, release: &Release, label: &str) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for check in &release.checks {
            if let CheckTarget::LogLacks { file, .. } = &check.target {
                let length = path(dirs, release, label, file).metadata().map_or(0, |file| file.len());
                marks.insert((release.app.clone(), label.to_owned(), file.to_string()), length);
            }
        }
    }

    /// Fails with the offending line when one that was logged since then has the pattern. A file
    /// that is not there has no lines; one that is shorter than it was has begun anew.
    pub(crate) fn look(
        &self,
        dirs: &Dirs,
        release: &Release,
        label: &str,
        file: &TreePath,
        pattern: &str,
    ) -> Result<(), AppFailure> {
        let key = (release.app.clone(), label.to_owned(), file.to_string());
        let mark = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied().unwrap_or(0);
        let path = path(dirs, release, label, file);
        let length = path.metadata().map_or(0, |file| file.len());
        let mut from = if length < mark { 0 } else { mark };
        let most = from + MOST;
        let (mut offending, mut shown, mut after) = (0_u32, Vec::new(), 0);
        while from < most {
            let (lines, next) = read_lines(&path, from);
            for line in lines {
                if line.contains(pattern) {
                    (offending, after) = (offending + 1, AFTER + 1);
                }
                if after > 0 {
                    after -= 1;
                    shown.push(line);
                }
            }
            if next == from {
                break;
            }
            from = next;
        }
        let Some(first) = shown.first() else { return Ok(()) };
        let more = if offending > 1 { format!(" (and {} more)", offending - 1) } else { String::new() };
        Err(AppFailure { message: format!("`{file}` has `{pattern}`: {first}{more}"), log: shown })
    }
}

fn path(dirs: &Dirs, release: &Release, label: &str, file: &TreePath) -> PathBuf {
    dirs.instance(&release.app, label).join(file.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use silver_plugin_api::plan::Check;
    use std::{fs, io::Write as _};

    #[test]
    fn only_lines_since_the_start_count() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::below(home.path());
        let file = TreePath::new("log/trac.log").unwrap();
        let mut release = testing::release("a");
        let target = CheckTarget::LogLacks { file: file.clone(), pattern: "Skipping \"".into() };
        release.checks = vec![Check { name: "plugins load".into(), target, timeout_ms: 1000 }];
        let marks = Marks::default();
        let look = || marks.look(&dirs, &release, "a.1", &file, "Skipping \"");

        marks.set(&dirs, &release, "a.1");
        assert!(look().is_ok(), "a log that is not there has no lines");
        let path = dirs.instance("a", "a.1").join("log/trac.log");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "old: Skipping \"X\"\n").unwrap();
        assert!(look().is_err(), "the log began after the start");
        marks.set(&dirs, &release, "a.1");
        assert!(look().is_ok(), "an old line");
        let append = |text: &str| fs::File::options().append(true).open(&path).unwrap().write_all(text.as_bytes()).unwrap();
        append("fine\nERROR: Skipping \"TracTags = 0.12\": no module\nSkipping \"Other\"\n");
        let failure = look().unwrap_err();
        assert_eq!(
            failure.message,
            "`log/trac.log` has `Skipping \"`: ERROR: Skipping \"TracTags = 0.12\": no module (and 1 more)"
        );
        assert_eq!(failure.log.len(), 2);
        fs::write(&path, "Skipping \"Y\"\n").unwrap();
        assert!(look().is_err(), "rotated");
    }
}
