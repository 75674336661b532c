//! Where sshd listens and looks for keys, as it tells by itself; what it told is believed for as long as it and its
//! configuration stay the same.

use super::{find, kept, output};
use serde::{Deserialize, Serialize};
use silver_pack::{hash::sha256, stamp::Stamp};
use std::{collections::BTreeMap, fs, path::Path, process::Command};

/// Where its configuration lies.
const CONFIGURATION: &str = "/etc/ssh";
/// What Debian's configuration includes; silver's part is there.
const INCLUDED: &str = "Include /etc/ssh/sshd_config.d/*.conf";
/// Where silver puts the keys of operators.
const OWN_KEYS: &str = "/etc/ssh/silver/";

/// What sshd tells of its configuration.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sshd {
    /// The ports, divided by spaces.
    pub(super) ports: String,
    /// Where it looks for keys, but for silver's own place.
    pub(super) keys: String,
}

/// Asks it, unless `file` knows what it told; `None` when there is none, or it does not understand its configuration.
pub(super) fn ask(file: &Path, path: &str) -> Option<Sshd> {
    let sshd = find("sshd", path)?;
    let stamp = configuration(Path::new(CONFIGURATION)).and_then(|configuration| {
        let program = Stamp::of(&fs::metadata(&sshd).ok()?);
        Some(format!("{}; {} {}; {configuration}", env!("CARGO_PKG_VERSION"), sshd.display(), program.as_str()))
    });
    kept::or_ask(file, stamp, || Some(told(&output(Command::new(&sshd).arg("-T"), path)?)))
}

/// What names the content of the configuration; `None` where parts of it may lie elsewhere, or cannot be read.
fn configuration(dir: &Path) -> Option<String> {
    let main = fs::read_to_string(dir.join("sshd_config")).ok()?;
    let mut more = BTreeMap::new();
    for entry in fs::read_dir(dir.join("sshd_config.d")).into_iter().flatten() {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        if entry.path().extension().is_some_and(|end| end == "conf") {
            more.insert(name, fs::read_to_string(entry.path()).ok()?);
        }
    }
    if includes(&main, INCLUDED) || more.values().any(|text| includes(text, "")) {
        return None;
    }
    Some(sha256(serde_json::to_string(&(main, more)).ok()?.as_bytes()).to_string())
}

/// May it include something else than the line `known` does? Words may be written in many ways, so a line is suspect
/// early.
fn includes(text: &str, known: &str) -> bool {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#') && *line != known);
    lines.map(str::to_ascii_lowercase).any(|line| line.contains("include"))
}

/// From what `sshd -T` prints: a line for each word of its configuration, with its value.
fn told(said: &str) -> Sshd {
    let values = |name: &str| said.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).collect::<Vec<_>>();
    let files = values("authorizedkeysfile").join(" ");
    let keys: Vec<&str> = files.split(' ').filter(|file| !file.starts_with(OWN_KEYS)).collect();
    Sshd { ports: values("port").join(" "), keys: keys.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_places_of_keys_are_told_without_silvers_own() {
        let said = "port 22\nport 2222\nportable no\npermitrootlogin no\nauthorizedkeysfile .ssh/authorized_keys /etc/ssh/silver/%u.keys\n";
        let sshd = told(said);
        assert_eq!((sshd.ports.as_str(), sshd.keys.as_str()), ("22 2222", ".ssh/authorized_keys"));
    }

    #[test]
    fn another_configuration_is_another_and_one_that_lies_elsewhere_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let configuration = || super::configuration(dir.path());
        assert_eq!(configuration(), None, "there is none");
        let main = |text: &str| fs::write(dir.path().join("sshd_config"), text).unwrap();
        main("# includes\nInclude /etc/ssh/sshd_config.d/*.conf\nPort 22\n");
        let mut known = vec![configuration().unwrap()];
        let mut another = || {
            let found = configuration().unwrap();
            assert!(!known.contains(&found));
            known.push(found);
        };
        let more = dir.path().join("sshd_config.d");
        fs::create_dir(&more).unwrap();
        fs::write(more.join("silver.conf"), "Port 22\n").unwrap();
        another();
        fs::write(more.join("silver.conf"), "Port 23\n").unwrap();
        another();
        fs::rename(more.join("silver.conf"), more.join("z.conf")).unwrap();
        another();
        fs::write(more.join("README"), "Include everything").unwrap();
        assert_eq!(configuration().as_ref(), known.last(), "it is not read by sshd");
        for elsewhere in ["Include /etc/other.conf", "  iNcLuDe=\"/etc/ssh/sshd_config.d/*.conf\"", "\"include\" more/*"] {
            fs::write(more.join("z.conf"), elsewhere).unwrap();
            assert_eq!(configuration(), None, "{elsewhere}");
            fs::write(more.join("z.conf"), "").unwrap();
            main(elsewhere);
            assert_eq!(configuration(), None, "{elsewhere}");
            main("");
        }
        fs::write(more.join("z.conf"), b"Port \xff").unwrap();
        assert_eq!(configuration(), None, "it is no text");
    }
}
