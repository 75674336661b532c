//! What npm resolved: `package-lock.json`, version 2 or 3
//! (<https://docs.npmjs.com/cli/configuring-npm/package-lock-json>).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use silver_plugin_api::Failure;

/// A package at its place.
#[derive(Debug, Clone)]
pub(super) struct Locked {
    /// Below `node_modules`.
    pub(super) place: String,
    pub(super) name: String,
    pub(super) version: String,
    /// As npm's lock has it.
    pub(super) sha512: Option<Vec<u8>>,
    /// Does it want to run a script when it is installed?
    pub(super) script: bool,
}

/// The way out of a package that is in no registry.
pub(super) const OF_A_REGISTRY: &str = "choose a version of what needs it that needs packages of a registry only";

/// The package at a place below `node_modules`.
pub(super) fn name_of(place: &str) -> &str {
    place.rsplit("/node_modules/").next().unwrap_or(place)
}

/// Everything in a lock that fits the platform `target`, without what the pack has.
pub(super) fn closure(text: &str, target: &str) -> Result<Vec<Locked>, Failure> {
    let lock: Value =
        serde_json::from_str(text).map_err(|error| Failure::Unavailable(format!("npm's lock cannot be read: {error}")))?;
    let mut locked = Vec::new();
    for (key, entry) in lock["packages"].as_object().into_iter().flatten() {
        let Some(place) = key.strip_prefix("node_modules/") else { continue };
        if entry["link"] == true || !fits(entry, target) {
            continue;
        }
        let name = name_of(place).to_owned();
        let version = entry["version"].as_str().unwrap_or_default().to_owned();
        let sha512 = entry["integrity"].as_str().and_then(|text| {
            let one = text.split(' ').find_map(|one| one.strip_prefix("sha512-"))?;
            STANDARD.decode(one).ok()
        });
        let other_name = entry["name"].as_str().is_some_and(|real| real != name);
        if sha512.is_none() || version.is_empty() || other_name {
            let message = format!("`{name}` is not a package that can be pinned: it has another name, or comes from no registry");
            return Err(Failure::invalid("not-pinned", message, Some(OF_A_REGISTRY)));
        }
        locked.push(Locked { place: place.to_owned(), name, version, sha512, script: entry["hasInstallScript"] == true });
    }
    Ok(locked)
}

/// `os`, `cpu` and `libc` of a package: words, or words with `!` in front.
fn fits(entry: &Value, target: &str) -> bool {
    let mut parts = target.split('-');
    let (os, arch, libc) = (parts.next().unwrap_or("linux"), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let cpu = match arch {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let libc = if libc.starts_with("musl") { "musl" } else { "glibc" };
    let allows = |field: &str, ours: &str| {
        let words: Vec<&str> = entry[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let (not, only): (Vec<&str>, Vec<&str>) = words.into_iter().partition(|word| word.starts_with('!'));
        !not.iter().any(|word| word[1..] == *ours) && (only.is_empty() || only.contains(&ours))
    };
    allows("os", os) && (cpu.is_empty() || allows("cpu", cpu)) && allows("libc", libc)
}

/// What the pack itself has: the packages that a lock is for, or the exact `dependencies` of a
/// `package.json`.
pub(super) fn pins(text: &str) -> Result<Vec<(String, String)>, serde_json::Error> {
    let file: Value = serde_json::from_str(text)?;
    let packages = &file["packages"];
    let root = if packages.is_object() { &packages[""] } else { &file };
    let names = root["dependencies"].as_object().into_iter().flatten();
    let pin = |(name, version): (&String, &Value)| {
        let locked = packages[format!("node_modules/{name}")]["version"].as_str();
        Some((name.clone(), locked.or(version.as_str())?.to_owned()))
    };
    Ok(names.filter_map(pin).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_gives_what_fits_the_platform() {
        let integrity = format!("sha512-{}", STANDARD.encode([7; 64]));
        let lock = serde_json::json!({ "packages": {
            "": {},
            "pins/0": { "version": "3.0.0" },
            "node_modules/core": { "link": true, "resolved": "pins/0" },
            "node_modules/a": { "version": "1.0.0", "integrity": integrity, "hasInstallScript": true },
            "node_modules/a/node_modules/@s/b": { "version": "2.0.0", "integrity": integrity },
            "node_modules/x64": { "version": "1.0.0", "integrity": integrity, "os": ["linux"], "cpu": ["x64"], "libc": ["glibc"] },
            "node_modules/arm": { "version": "1.0.0", "integrity": integrity, "cpu": ["arm64"] },
            "node_modules/mac": { "version": "1.0.0", "integrity": integrity, "os": ["!linux"] },
        }});
        let places = |target: &str| {
            let locked = closure(&lock.to_string(), target).unwrap();
            locked.iter().map(|one| format!("{} {}", one.place, one.name)).collect::<Vec<_>>()
        };
        assert_eq!(places("linux-x86_64-gnu2.36"), ["a a", "a/node_modules/@s/b @s/b", "x64 x64"]);
        assert_eq!(places("linux-aarch64-gnu2.36"), ["a a", "a/node_modules/@s/b @s/b", "arm arm"]);
        assert!(
            closure(r#"{"packages":{"node_modules/a":{"version":"1.0.0","resolved":"git+ssh://x"}}}"#, "linux-x86_64").is_err()
        );
    }

    #[test]
    fn pins_are_those_of_a_lock_or_of_a_package() {
        let lock = r#"{"packages":{"":{"dependencies":{"core":"^3"}},"node_modules/core":{"version":"3.1.0"},"node_modules/other":{"version":"1.0.0"}}}"#;
        let package = r#"{"dependencies":{"core":"3.1.0"}}"#;
        for text in [lock, package] {
            assert_eq!(pins(text).unwrap(), [("core".to_owned(), "3.1.0".to_owned())]);
        }
    }
}
