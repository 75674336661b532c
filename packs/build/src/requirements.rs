//! Pinned requirements of Python packages: a file as `pip install --require-hashes` takes it, of
//! which only exact pins are allowed.
//!
//! Source of the format: pip's documentation, «Requirements File Format» and «Secure installs».

use silver_plugin_api::Digest;

/// One exact package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The name as it is written.
    pub name: String,
    /// The exact version.
    pub version: String,
    /// The environment marker, e.g. `python_version < "3.11"`; empty when there is none.
    pub marker: String,
    /// One digest per wheel. All of these wheels belong to the pack.
    pub digests: Vec<Digest>,
    /// 1-based line where it begins.
    pub line: usize,
}

impl Pinned {
    /// `name==version`.
    pub fn pin(&self) -> String {
        format!("{}=={}", self.name, self.version)
    }
}

/// A line that is not an exact, hashed pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {why}")]
pub struct RequirementsError {
    /// The file, as it was named.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// What is wrong.
    pub why: String,
    /// The way out.
    pub hint: &'static str,
}

const PIN: &str = "write each package as `name==version --hash=sha256:…`; `pip hash WHEEL` prints the hash";

/// Reads the text of a requirements file; `file` is only named in errors.
pub fn parse(text: &str, file: &str) -> Result<Vec<Pinned>, RequirementsError> {
    let mut all: Vec<Pinned> = Vec::new();
    for (line, logical) in logical_lines(text) {
        let wrong = |why: String, hint| RequirementsError { file: file.to_owned(), line, why, hint };
        let pinned = parse_line(&logical, line).map_err(|why| wrong(why, PIN))?;
        let same = |other: &&Pinned| normalise(&other.name) == normalise(&pinned.name) && other.marker == pinned.marker;
        if let Some(other) = all.iter().find(same) {
            let why = format!("`{}` is pinned twice, here and in line {}", pinned.name, other.line);
            return Err(wrong(why, "keep one of the two"));
        }
        all.push(pinned);
    }
    Ok(all)
}

/// A package name as indexes compare it (PEP 503).
pub fn normalise(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, '-' | '_' | '.') {
            if !normal.ends_with('-') {
                normal.push('-');
            }
        } else {
            normal.push(c.to_ascii_lowercase());
        }
    }
    normal
}

/// Is this a package name (PEP 508)?
pub(crate) fn is_name(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    edge(name.chars().next())
        && edge(name.chars().next_back())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Is this an exact version, or something that may follow `==`? (No wildcard, nothing that pip
/// would read as an option or another requirement.)
pub(crate) fn is_version(version: &str) -> bool {
    !version.is_empty() && version.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '!' | '+' | '-' | '_'))
}

/// Lines with their continuations joined and comments gone, each with the number of its first line.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut continued = false;
    for (at, line) in text.lines().enumerate() {
        let comment = line.starts_with('#').then_some(0).or_else(|| line.find(" #"));
        let line = &line[..comment.unwrap_or(line.len())];
        let (part, more) = line.trim_end().strip_suffix('\\').map_or((line, false), |part| (part, true));
        match lines.last_mut().filter(|_| continued) {
            Some((_, logical)) => {
                logical.push(' ');
                logical.push_str(part.trim());
            }
            None => lines.push((at + 1, part.trim().to_owned())),
        }
        continued = more;
    }
    lines.retain(|(_, line)| !line.is_empty());
    lines
}

fn parse_line(line: &str, number: usize) -> Result<Pinned, String> {
    if line.starts_with('-') {
        return Err(format!("options are not allowed: `{}`", line.escape_debug()));
    }
    let (requirement, hashes) = line.split_once(" --").map_or((line, String::new()), |(r, h)| (r, format!("--{h}")));
    let (requirement, marker) = requirement.split_once(';').unwrap_or((requirement, ""));
    let (name, version) = requirement
        .split_once("==")
        .ok_or_else(|| format!("`{}` is not pinned to a version", requirement.trim().escape_debug()))?;
    let (name, version) = (name.trim(), version.trim());
    if !is_name(name) {
        return Err(format!("`{}` is not the name of a package", name.escape_debug()));
    }
    if !is_version(version) {
        return Err(format!("`{}` is not an exact version", version.escape_debug()));
    }
    let mut digests = Vec::new();
    for option in hashes.split_whitespace() {
        let hex =
            option.strip_prefix("--hash=sha256:").ok_or_else(|| format!("`{}` is not a sha256 hash", option.escape_debug()))?;
        let digest = Digest::from_hex(hex).map_err(|_| format!("`{}` is not a sha256 hash", option.escape_debug()))?;
        if digests.contains(&digest) {
            return Err(format!("the hash {digest} is there twice"));
        }
        digests.push(digest);
    }
    if digests.is_empty() {
        return Err(format!("`{name}` has no hash"));
    }
    let marker = marker.trim().to_owned();
    Ok(Pinned { name: name.to_owned(), version: version.to_owned(), marker, digests, line: number })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "5ff2f3394ebee7cc5b8ee465871cfdecb78ee492a74215b47b6d9ddbcc93b5f7";

    #[test]
    fn pins_with_continuations_comments_and_markers() {
        let text = format!(
            "# comment\n\nTrac==1.6 \\\n    --hash=sha256:{HASH}\n  zope.event ==5.0 ; python_version < \"3.11\" --hash=sha256:{HASH} # why\n"
        );
        let pins = parse(&text, "requirements.lock").unwrap();
        let seen: Vec<_> = pins.iter().map(|pin| (pin.pin(), pin.marker.as_str(), pin.line)).collect();
        assert_eq!(seen, [("Trac==1.6".to_owned(), "", 3), ("zope.event==5.0".to_owned(), "python_version < \"3.11\"", 5)]);
        assert_eq!(pins[0].digests, [Digest::from_hex(HASH).unwrap()]);
    }

    #[test]
    fn whatever_is_not_an_exact_hashed_pin_is_refused() {
        for (line, why) in [
            ("Trac", "not pinned"),
            ("Trac>=1.6 --hash=sha256:00", "not pinned"),
            ("Trac==1.*", "not an exact version"),
            ("Trac==1.6", "no hash"),
            ("Trac==1.6 --hash=md5:00", "not a sha256"),
            ("Trac==1.6 --hash=sha256:00", "not a sha256"),
            ("-r other.txt", "options are not allowed"),
            ("--index-url x", "options are not allowed"),
            ("Trac @ file:///tmp/x.whl", "not pinned"),
            ("-e .", "options are not allowed"),
            ("a b==1", "not the name"),
        ] {
            let error = parse(&format!("\n{line}\n"), "f").unwrap_err();
            assert!(error.why.contains(why) && error.line == 2, "{line}: {error}");
        }
        let twice = format!("A.b==1 --hash=sha256:{HASH}\na-B==2 --hash=sha256:{HASH}\n");
        assert!(parse(&twice, "f").unwrap_err().why.contains("twice"));
    }

    #[test]
    fn names_are_compared_as_indexes_do() {
        assert_eq!(normalise("Zope.Event__x"), "zope-event-x");
    }
}
