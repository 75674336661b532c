//! Pinned Debian packages: a file with a line `NAME[:ARCHITECTURE]=VERSION sha256:DIGEST` for each,
//! and comments after `#`. Name and version are as `apt-get download` takes them.

use silver_plugin_api::Digest;

/// One exact package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) name: String,
    /// `amd64`, if one is named.
    pub(crate) architecture: Option<String>,
    pub(crate) version: String,
    pub(crate) digest: Digest,
}

impl Pin {
    /// As apt takes it.
    pub(crate) fn asked(&self) -> String {
        match &self.architecture {
            Some(architecture) => format!("{}:{architecture}={}", self.name, self.version),
            None => format!("{}={}", self.name, self.version),
        }
    }
}

/// A line that is not an exact, hashed pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {why}")]
pub struct PinError {
    /// The file, as it was named.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

impl PinError {
    /// The way out.
    pub fn hint(&self) -> String {
        "write each package as `NAME=VERSION sha256:DIGEST`; `apt-cache show NAME` prints Version and SHA256".to_owned()
    }
}

/// Reads the text of such a file; `file` is only named in errors.
pub(crate) fn parse(text: &str, file: &str) -> Result<Vec<Pin>, PinError> {
    let mut pins: Vec<Pin> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let wrong = |why| PinError { file: file.to_owned(), line: at + 1, why };
        let pin = pin(line).map_err(wrong)?;
        if pins.iter().any(|other| other.name == pin.name) {
            return Err(wrong(format!("`{}` is pinned twice", pin.name)));
        }
        pins.push(pin);
    }
    Ok(pins)
}

fn pin(line: &str) -> Result<Pin, String> {
    let (asked, digest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let (named, version) =
        asked.split_once('=').ok_or_else(|| format!("`{}` is not pinned to a version", asked.escape_debug()))?;
    let (name, architecture) = named.split_once(':').map_or((named, None), |(name, arch)| (name, Some(arch)));
    // Debian policy 5.6.1 and 5.6.12; nothing that apt would read as an option or a pattern
    let starts = |text: &str| text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let name_like =
        |text: &str| starts(text) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    if !name_like(name) || architecture.is_some_and(|architecture| !name_like(architecture)) {
        return Err(format!("`{}` is not the name of a package", named.escape_debug()));
    }
    let version_like = |b: u8| b.is_ascii_alphanumeric() || b".+-~:".contains(&b);
    if !version.starts_with(|c: char| c.is_ascii_digit()) || !version.bytes().all(version_like) {
        return Err(format!("`{}` is not a version", version.escape_debug()));
    }
    let hex = digest.trim().strip_prefix("sha256:").ok_or_else(|| format!("`{name}` has no sha256"))?;
    let digest = Digest::from_hex(hex).map_err(|_| format!("`{}` is not a sha256", hex.escape_debug()))?;
    Ok(Pin { name: name.to_owned(), architecture: architecture.map(str::to_owned), version: version.to_owned(), digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "5ff2f3394ebee7cc5b8ee465871cfdecb78ee492a74215b47b6d9ddbcc93b5f7";

    #[test]
    fn pins_with_comments() {
        let text = format!(
            "# packages\n\nwordpress=6.1.9+dfsg1-0+deb12u1 sha256:{HASH}  # why\nlibicu72:amd64=1:72.1-3  sha256:{HASH}\n"
        );
        let pins = parse(&text, "debian.lock").unwrap();
        let asked: Vec<_> = pins.iter().map(Pin::asked).collect();
        assert_eq!(asked, ["wordpress=6.1.9+dfsg1-0+deb12u1", "libicu72:amd64=1:72.1-3"]);
    }

    #[test]
    fn whatever_is_not_an_exact_hashed_pin_is_refused() {
        for (line, why) in [
            ("wordpress", "not pinned"),
            ("wordpress=6.1", "no sha256"),
            ("wordpress=6.1 sha256:00", "not a sha256"),
            ("wordpress=6.1 md5:00", "no sha256"),
            ("wordpress=* sha256:00", "not a version"),
            ("-o=1 sha256:00", "not the name"),
            ("../a=1 sha256:00", "not the name"),
            ("a:b:c=1 sha256:00", "not the name"),
        ] {
            let error = parse(&format!("\n{line}\n"), "f").unwrap_err();
            assert!(error.why.contains(why) && error.line == 2, "{line}: {error}");
        }
        let twice = format!("a=1 sha256:{HASH}\na=2 sha256:{HASH}\n");
        assert!(parse(&twice, "f").unwrap_err().why.contains("twice"));
    }
}
