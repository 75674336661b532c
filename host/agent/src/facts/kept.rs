//! What programs told, kept on a server for as long as all that it depends on stays the same: to ask a Python takes
//! longer than most commands, and each command has an agent of its own.

use super::{find, interpreters};
use crate::disk::{make_dir, write_atomic};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use silver_pack::stamp::{Stamp, is_settled};
use silver_plugin_api::Settings;
use std::{fs, path::Path, time::SystemTime};

/// What dpkg writes whenever it installs or removes something.
const INSTALLED: &str = "/var/lib/dpkg/status";

#[derive(Serialize, Deserialize)]
struct Kept<T> {
    stamp: String,
    told: T,
}

/// As [`interpreters`].
pub(super) fn interpreters_or_ask(file: &Path, path: &str) -> (Settings, Option<String>) {
    or_ask(file, stamp(path, Path::new(INSTALLED)), || Some(interpreters(path))).unwrap_or_default()
}

/// What was told under this stamp, or else what is told now; without a stamp nothing is kept.
pub(super) fn or_ask<T: Serialize + DeserializeOwned>(
    file: &Path,
    stamp: Option<String>,
    ask: impl FnOnce() -> Option<T>,
) -> Option<T> {
    let Some(stamp) = stamp else { return ask() };
    if let Some(told) = known(file, &stamp) {
        return Some(told);
    }
    let kept = Kept { stamp, told: ask()? };
    keep(file, &kept);
    Some(kept.told)
}

/// What the interpreters' answers depend on; `None` where that cannot be told, or is changing now.
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

fn known<T: DeserializeOwned>(file: &Path, stamp: &str) -> Option<T> {
    let kept: Kept<T> = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    (kept.stamp == stamp).then_some(kept.told)
}

/// What cannot be kept is asked again.
fn keep<T: Serialize>(file: &Path, kept: &Kept<T>) {
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
        let told = "3.11.2".to_owned();
        let ask = |stamp: &str, told: Option<&str>| or_ask(&file, Some(stamp.to_owned()), || told.map(str::to_owned));
        assert_eq!(ask(&without, None), None, "no answer is not kept");
        assert_eq!(ask(&without, Some(&told)), Some(told.clone()));
        assert_eq!(ask(&without, None), Some(told));
        fs::write(&python, "").unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        let with = stamp(path, old).unwrap();
        assert_eq!(ask(&with, None), None, "there is a program");
        age(&python);
        assert_ne!(stamp(path, old).unwrap(), with, "it is another");
    }
}
