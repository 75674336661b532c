//! `SHA256SUMS`: a line `DIGEST  NAME-VERSION.SUFFIX` for each package, as `sha256sum` of coreutils
//! writes it.

use super::is_plain;
use silver_pack::customization::WheelName;
use silver_plugin_api::Digest;

/// The name of the list.
pub(super) const LIST: &str = "SHA256SUMS";

/// A package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) file: String,
    pub(super) digest: Digest,
}

/// Reads the list; the error names the line.
pub(super) fn parse(text: &str) -> Result<Vec<Row>, String> {
    let mut rows: Vec<Row> = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#')) {
        let wrong = |why: &str| format!("line {}: {why}", at + 1);
        // `*` is how sha256sum marks what it read as binary
        let (digest, file) =
            line.split_once("  ").or_else(|| line.split_once(" *")).ok_or_else(|| wrong("it is not `DIGEST  FILE`"))?;
        let digest = Digest::from_hex(digest).map_err(|_| wrong("it does not begin with a sha256"))?;
        let file = file.strip_prefix("./").unwrap_or(file);
        if !is_plain(file) {
            return Err(wrong(&format!("`{}` is not the name of a file in the directory", file.escape_debug())));
        }
        let (name, version) =
            split(file).ok_or_else(|| wrong(&format!("`{}` is not called NAME-VERSION.SUFFIX", file.escape_debug())))?;
        if let Some(other) = rows.iter().find(|row| row.name == name && row.version == version) {
            return Err(wrong(&format!("`{file}` is the same package and version as `{}`", other.file)));
        }
        rows.push(Row { name, version, file: file.to_owned(), digest });
    }
    Ok(rows)
}

/// Name and version of a file: the version begins behind the first dash before a digit.
fn split(file: &str) -> Option<(String, String)> {
    if let Some(wheel) = WheelName::parse(file) {
        return Some((wheel.name, wheel.version));
    }
    let stem = file.strip_suffix(".tar.gz").or_else(|| {
        let (stem, suffix) = file.rsplit_once('.')?;
        // what begins with a digit is a part of the version
        suffix.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(stem)
    })?;
    let dash = stem.match_indices('-').map(|(at, _)| at).find(|at| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit()))?;
    let (name, version) = (&stem[..dash], &stem[dash + 1..]);
    (!name.is_empty()).then(|| (name.to_owned(), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "5ff2f3394ebee7cc5b8ee465871cfdecb78ee492a74215b47b6d9ddbcc93b5f7";

    #[test]
    fn what_sha256sum_writes_is_read() {
        let text = format!(
            "# packages\n{HASH}  akismet-5.0.2.zip\n{HASH} *two-words-1.0-beta.tar.gz\n\n{HASH}  ./mod-3.py\n{HASH}  A_b-1.0-py3-none-any.whl\n"
        );
        let rows: Vec<_> =
            parse(&text).unwrap().into_iter().map(|row| format!("{} {} {}", row.name, row.version, row.file)).collect();
        assert_eq!(
            rows,
            [
                "akismet 5.0.2 akismet-5.0.2.zip",
                "two-words 1.0-beta two-words-1.0-beta.tar.gz",
                "mod 3 mod-3.py",
                "a-b 1.0 A_b-1.0-py3-none-any.whl"
            ]
        );
    }

    #[test]
    fn what_it_does_not_write_is_refused_with_its_line() {
        for (line, told) in [
            (format!("{HASH} x-1.zip"), "not `DIGEST  FILE`"),
            (format!("{}  x-1.zip", &HASH[1..]), "sha256"),
            (format!("{HASH}  ../x-1.zip"), "not the name of a file"),
            (format!("{HASH}  a/x-1.zip"), "not the name of a file"),
            (format!("{HASH}  x.zip"), "NAME-VERSION.SUFFIX"),
            (format!("{HASH}  x-1"), "NAME-VERSION.SUFFIX"),
            (format!("{HASH}  x-1.5"), "NAME-VERSION.SUFFIX"),
            (format!("{HASH}  -1.zip"), "NAME-VERSION.SUFFIX"),
            (format!("{HASH}  x-1.zip\n{HASH}  x-1.tar.gz"), "same package"),
        ] {
            let error = parse(&format!("\n{line}\n")).unwrap_err();
            assert!(error.contains(told) && error.starts_with("line "), "{line}: {error}");
        }
    }
}
