//! What programs told of themselves, kept on a server for as long as they and all that is installed stay the same: to
//! ask a Python takes longer than most commands, and each command has an agent of its own.

use super::{find, interpreters};
use crate::disk::{make_dir, write_atomic};
use serde::{Deserialize, Serialize};
use silver_pack::stamp::{Stamp, is_settled};
use silver_plugin_api::Settings;
use std::{fs, path::Path, time::SystemTime};

/// What dpkg writes whenever it installs or removes something.
const INSTALLED: &str = "/var/lib/dpkg/status";

#[derive(Serialize, Deserialize)]
struct Kept {
    stamp: String,
    told: (Settings, Option<String>),
}

/// As [`interpreters`].
pub(super) fn or_ask(file: &Path, path: &str) -> (Settings, Option<String>) {
    let Some(stamp) = stamp(path, Path::new(INSTALLED)) else { return interpreters(path) };
    known(file, &stamp).unwrap_or_else(|| {
        let told = interpreters(path);
        keep(file, &Kept { stamp, told: told.clone() });
        told
    })
}

/// What the answers depend on; `None` where that cannot be told, or is changing now.
fn stamp(path: &str, installed: &Path) -> Option<String> {
    let meta = fs::metadata(installed).ok().filter(|meta| is_settled(meta, SystemTime::now()))?;
    let program = |name: &str| {
        let found = find(name, path)?;
        let stamp = Stamp::of(&fs::metadata(&found).ok()?);
        Some(format!("{} {}", found.display(), stamp.as_str()))
    };
    let programs = ["python3", "node"].map(|name| program(name).unwrap_or_else(|| "none".into()));
    Some(format!("{}; {}; {}", env!("CARGO_PKG_VERSION"), Stamp::of(&meta).as_str(), programs.join("; ")))
}

fn known(file: &Path, stamp: &str) -> Option<(Settings, Option<String>)> {
    let kept: Kept = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    (kept.stamp == stamp).then_some(kept.told)
}

/// What cannot be kept is asked again.
fn keep(file: &Path, kept: &Kept) {
    let written = file.parent().map_or(Ok(()), make_dir).and_then(|()| {
        let json = serde_json::to_vec(kept).expect("plain data");
        write_atomic(file, &json, 0o600)
    });
    if let Err(error) = written {
        tracing::debug!("what programs told is not kept: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::fs::PermissionsExt, time::Duration};

    #[test]
    fn what_was_told_holds_until_a_program_or_what_is_installed_changes() {
        let dir = tempfile::tempdir().unwrap();
        let [installed, python, file] = ["status", "python3", "cache/facts"].map(|name| dir.path().join(name));
        let path = dir.path().to_str().unwrap();
        fs::write(&installed, "").unwrap();
        assert_eq!(stamp(path, &installed), None, "it is changing now");
        let age = |path: &Path| {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_mins(1)).unwrap();
        };
        let old = Path::new("/etc/passwd"); // the other time of an own one cannot be set
        let without = stamp(path, old).unwrap();
        let told = (Settings::from([("python.version".to_owned(), "3.11.2".to_owned())]), Some("2.36".to_owned()));
        keep(&file, &Kept { stamp: without.clone(), told: told.clone() });
        assert_eq!(known(&file, &without), Some(told));
        fs::write(&python, "").unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        let with = stamp(path, old).unwrap();
        assert_eq!(known(&file, &with), None, "there is a program");
        age(&python);
        assert_ne!(stamp(path, old).unwrap(), with, "it is another");
    }
}
