//! Platforms that app plugins are resolved for.

use crate::manifest::IndexKind;
use std::{fmt, str::FromStr};

/// The platform of a node, as its agent tells it: `linux-x86_64-gnu2.36`, and the interface of its
/// Python behind that: `linux-x86_64-gnu2.36-cp311`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(String);

impl Target {
    /// What of this target matters to packages of an index: only Python's depend on the interpreter.
    #[must_use]
    pub fn of(&self, kind: IndexKind) -> Self {
        if kind == IndexKind::Python {
            return self.clone();
        }
        let mut parts = self.0.splitn(4, '-');
        let platform: Vec<&str> = parts.by_ref().take(3).collect();
        Self(platform.join("-"))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let word =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let library = |part: &str| {
            let version = part.trim_start_matches(|c: char| c.is_ascii_lowercase());
            version.len() < part.len() && version.split('.').all(|number| number.parse::<u32>().is_ok())
        };
        let mut parts = text.split('-');
        let sound = parts.next().is_some_and(word)
            && parts.next().is_some_and(word)
            && parts.next().is_none_or(library)
            && parts.next().is_none_or(word)
            && parts.next().is_none();
        if sound && text.contains('-') {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("`{}` is not a platform: write it as `linux-x86_64-gnu2.36-cp311`", text.escape_debug()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

crate::manifest::text_type!(Target, "^[a-z0-9_]+-[a-z0-9_]+(-[a-z]+[0-9.]+(-[a-z0-9_]+)?)?$", ["linux-x86_64-gnu2.36-cp311"]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_with_and_without_python() {
        for text in ["linux-x86_64", "linux-aarch64-gnu2.36", "linux-x86_64-musl1.2", "linux-x86_64-gnu2.36-cp311"] {
            assert_eq!(text.parse::<Target>().unwrap().as_str(), text);
        }
        for wrong in ["", "any", "linux", "Linux-x86_64", "linux-x86_64-gnu", "linux-x86_64-gnu2.36-", "a-b-c1-d-e", "linux/x"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_packages_of_python_depend_on_the_interpreter() {
        let target: Target = "linux-x86_64-gnu2.36-cp311".parse().unwrap();
        assert_eq!(target.of(IndexKind::Python), target);
        for kind in [IndexKind::Npm, IndexKind::Directory] {
            assert_eq!(target.of(kind).as_str(), "linux-x86_64-gnu2.36");
        }
    }
}
