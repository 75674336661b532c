//! `package-lock.json`, versions 2 and 3: which packages npm installs, each with its integrity.
//!
//! Source of the format: npm's documentation, «package-lock.json».

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use silver_plugin_api::TreePath;
use std::collections::BTreeMap;

/// A package that is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Locked {
    /// Where it goes: `node_modules/a/node_modules/@b/c`.
    pub(crate) at: TreePath,
    pub(crate) name: String,
    pub(crate) version: String,
    /// SHA-512 of its tarball, as hex digits.
    pub(crate) sha512: String,
    pub(crate) license: Option<String>,
    /// Does it want to run a script when it is installed?
    pub(crate) script: bool,
    /// Its tarball, when that lies beside the lock.
    pub(crate) file: Option<TreePath>,
}

/// A lock that does not pin everything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {why}")]
pub struct LockError {
    /// The file, as it was named.
    pub file: String,
    /// What is wrong.
    pub why: String,
    /// The way out.
    pub hint: &'static str,
}

const AGAIN: &str = "make it again with `npm install --package-lock-only` of npm 7 or later";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lock {
    lockfile_version: Option<u32>,
    #[serde(default)]
    packages: BTreeMap<String, Row>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Row {
    name: Option<String>,
    version: Option<String>,
    resolved: Option<String>,
    integrity: Option<String>,
    license: Option<serde_json::Value>,
    dev: bool,
    link: bool,
    in_bundle: bool,
    has_install_script: bool,
}

/// The packages of a lock, in the order of their places; those for development only with `dev`.
/// `file` is only named in errors.
pub(crate) fn parse(text: &str, file: &str, dev: bool) -> Result<Vec<Locked>, LockError> {
    let wrong = |why: String, hint| LockError { file: file.to_owned(), why, hint };
    let lock: Lock = serde_json::from_str(text).map_err(|error| wrong(error.to_string(), AGAIN))?;
    if !matches!(lock.lockfile_version, Some(2 | 3)) {
        return Err(wrong("its `lockfileVersion` is neither 2 nor 3".to_owned(), AGAIN));
    }
    let mut locked = Vec::new();
    for (at, row) in lock.packages {
        if at.is_empty() || row.in_bundle || row.dev && !dev {
            continue;
        }
        let shown = at.escape_debug().to_string();
        if row.link || !at.starts_with("node_modules/") {
            let why = format!("`{shown}` is a directory beside it (a workspace), not a pinned package");
            return Err(wrong(why, "publish it, or make a tarball with `npm pack` and name that"));
        }
        let path = TreePath::new(&at).map_err(|error| wrong(format!("`{shown}`: {error}"), AGAIN))?;
        let name = row.name.or_else(|| Some(at.rsplit_once("node_modules/")?.1.to_owned())).unwrap_or_default();
        let resolved = row.resolved.unwrap_or_default();
        let tarball = resolved.strip_prefix("file:").map(TreePath::new);
        let tarball = tarball.transpose().map_err(|error| wrong(format!("`{shown}`: `resolved`: {error}"), AGAIN))?;
        // npm can leave out the address of a package of the index
        if tarball.is_none() && !resolved.is_empty() && !resolved.starts_with("https://") && !resolved.starts_with("http://") {
            let why = format!("`{shown}` comes from `{}`, which is no package of an index", resolved.escape_debug());
            return Err(wrong(why, "take it from the index, or make a tarball with `npm pack` and name that"));
        }
        let sha512 = row.integrity.as_deref().and_then(sha512);
        let sha512 = sha512.ok_or_else(|| wrong(format!("`{shown}` has no `integrity` with sha512"), AGAIN))?;
        let version = row.version.unwrap_or_default();
        let license = row.license.and_then(|license| Some(license.as_str()?.to_owned()));
        locked.push(Locked { at: path, name, version, sha512, license, script: row.has_install_script, file: tarball });
    }
    Ok(locked)
}

/// The SHA-512 of subresource integrity (`sha512-BASE64`, several divided by spaces), as hex.
fn sha512(integrity: &str) -> Option<String> {
    let encoded = integrity.split_whitespace().find_map(|part| part.strip_prefix("sha512-"))?;
    let bytes = BASE64_STANDARD.decode(encoded.split('?').next()?).ok()?;
    (bytes.len() == 64).then(|| hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(row: &str) -> String {
        format!(r#"{{"lockfileVersion": 3, "packages": {{"": {{"name": "x"}}, "node_modules/a": {{{row}}}}}}}"#)
    }

    #[test]
    fn packages_with_their_integrity() {
        let integrity = format!("sha1-abc sha512-{}", BASE64_STANDARD.encode([7; 64]));
        let text = format!(
            r#"{{"lockfileVersion": 3, "packages": {{
                "": {{"name": "app", "devDependencies": {{"t": "1"}}}},
                "node_modules/a": {{"version": "1.2.3", "resolved": "https://x/a.tgz", "integrity": "{integrity}", "license": "MIT"}},
                "node_modules/a/node_modules/@s/b": {{"version": "2.0.0", "resolved": "file:vendor/b.tgz", "integrity": "{integrity}", "hasInstallScript": true}},
                "node_modules/a/node_modules/bundled": {{"version": "1.0.0", "inBundle": true}},
                "node_modules/t": {{"version": "3.0.0", "integrity": "{integrity}", "dev": true}}
            }}}}"#
        );
        let shown = |dev| -> Vec<String> {
            parse(&text, "l", dev).unwrap().iter().map(|one| format!("{} {}@{}", one.at, one.name, one.version)).collect()
        };
        assert_eq!(shown(false), ["node_modules/a a@1.2.3", "node_modules/a/node_modules/@s/b @s/b@2.0.0"]);
        assert_eq!(shown(true).len(), 3);
        let locked = parse(&text, "l", false).unwrap();
        assert_eq!(locked[0].sha512, "07".repeat(64));
        assert_eq!((locked[0].license.as_deref(), locked[0].script, locked[1].script), (Some("MIT"), false, true));
        assert_eq!(locked[1].file.as_deref(), Some("vendor/b.tgz"));
    }

    #[test]
    fn whatever_is_not_pinned_is_refused() {
        for (text, why) in [
            ("[".to_owned(), "EOF"),
            ("{}".to_owned(), "neither 2 nor 3"),
            (r#"{"lockfileVersion": 1, "dependencies": {}}"#.to_owned(), "neither 2 nor 3"),
            (lock(r#""version": "1", "resolved": "https://x/a.tgz""#), "no `integrity`"),
            (lock(r#""version": "1", "resolved": "https://x/a.tgz", "integrity": "sha1-abc""#), "no `integrity`"),
            (lock(r#""version": "1", "resolved": "https://x/a.tgz", "integrity": "sha512-abc=""#), "no `integrity`"),
            (lock(r#""version": "1", "resolved": "git+ssh://x/a""#), "no package of an index"),
            (lock(r#""version": "1", "resolved": "file:../a.tgz""#), "`resolved`"),
            (lock(r#""link": true, "resolved": "packages/a""#), "a workspace"),
            (r#"{"lockfileVersion": 3, "packages": {"packages/a": {}}}"#.to_owned(), "a workspace"),
            (r#"{"lockfileVersion": 3, "packages": {"node_modules/../../a": {}}}"#.to_owned(), "`node_modules/../../a`"),
        ] {
            let error = parse(&text, "lock.json", false).unwrap_err();
            assert!(error.to_string().contains(why) && error.to_string().starts_with("lock.json: "), "{text}: {error}");
        }
    }
}
