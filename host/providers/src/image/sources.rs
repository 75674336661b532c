//! Where Debian's packages come from: as this machine gets them, if it is a Debian 12 itself.

use crate::{ProviderError, run::run};
use std::{fs, path::Path, process::Command};

/// Debian's release of the images.
pub(super) const SUITE: &str = "bookworm";

/// What apt is told.
pub(super) struct Sources {
    /// An apt sources file.
    pub(super) text: String,
    /// Its name's ending, by which apt knows its format.
    pub(super) ending: &'static str,
    /// Options of this machine's apt that say how to get out: proxies.
    pub(super) options: Vec<(String, String)>,
}

/// Used where the machine is something else.
const OWN: &str = "\
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm-updates main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian-security bookworm-security main
";

/// The machine's own sources and proxies.
pub(super) fn find() -> Result<Sources, ProviderError> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let same = release.lines().any(|line| line == format!("VERSION_CODENAME={SUITE}")) && release.contains("\nID=debian\n");
    let here = [("/etc/apt/sources.list.d/debian.sources", "sources"), ("/etc/apt/sources.list", "list")];
    let read = |(path, ending): (&str, &'static str)| {
        let text = fs::read_to_string(Path::new(path)).ok().filter(|text| text.contains(SUITE))?;
        Some((text, ending))
    };
    let found = if same { here.into_iter().find_map(read) } else { None };
    let (text, ending) = found.unwrap_or_else(|| (OWN.into(), "list"));
    let dumped = run(Command::new("apt-config").args(["dump", "Acquire::http::Proxy", "Acquire::https::Proxy"]))?;
    Ok(Sources { text, ending, options: dumped.lines().filter_map(option).collect() })
}

/// Of a line like `Acquire::http::Proxy "http://proxy:3128";`: name and value, if it has one.
fn option(line: &str) -> Option<(String, String)> {
    let (name, value) = line.trim_end_matches(';').split_once(' ')?;
    let value = value.trim_matches('"');
    (!value.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_taken_over() {
        let proxy = ("Acquire::http::Proxy".to_owned(), "http://proxy:3128".to_owned());
        assert_eq!(option("Acquire::http::Proxy \"http://proxy:3128\";"), Some(proxy));
        assert_eq!(option("Acquire::http::Proxy \"\";"), None);
    }
}
