//! Platforms of native code: `linux-x86_64-gnu2.36` is the system, the processor, and the C library
//! with the version that is needed at least. What is linked with no C library says only
//! `linux-x86_64`; what is made for one interpreter says so at the end: `linux-x86_64-gnu2.36-cp311`.

use crate::manifest::text_type;
use std::{fmt, str::FromStr};

/// What native code needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    /// `linux`.
    pub system: String,
    /// `x86_64`, `aarch64`: as Rust names it.
    pub processor: String,
    /// The C library; none where the code needs none.
    pub library: Option<Library>,
    /// The interface of the one interpreter that it is made for: `cp311`, `node115`.
    pub abi: Option<String>,
}

/// A C library and its version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Library {
    /// `gnu`, `musl`.
    pub name: String,
    /// Major and minor; 0.0 when no version is named.
    pub version: (u32, u32),
}

impl Platform {
    /// Does code for this platform run on `node`, a platform in the same words? `abis` are the
    /// interfaces of the node's interpreters, as far as they are known.
    pub fn runs_on(&self, node: &Self, abis: &[&str]) -> bool {
        let library = match (&self.library, &node.library) {
            (None, _) => true,
            (Some(needed), Some(there)) => needed.name == there.name && needed.version <= there.version,
            (Some(_), None) => false,
        };
        let abi = self.abi.as_deref().is_none_or(|needed| {
            let same_kind = |abi: &&&str| interpreter(abi) == interpreter(needed);
            // an interpreter that is not known is for the runtime to miss
            abis.iter().find(same_kind).is_none_or(|there| *there == needed)
        });
        self.system == node.system && self.processor == node.processor && library && abi
    }
}

/// `cp311` → `cp`.
fn interpreter(abi: &str) -> &str {
    abi.trim_end_matches(|c: char| c.is_ascii_digit())
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let shown = text.escape_debug();
            format!(
                "`{shown}` is not a platform: write \"linux-x86_64-gnu2.36\", or \"linux-x86_64\" for code without a C library"
            )
        };
        let mut parts = text.split('-').peekable();
        let word = |part: Option<&str>| {
            part.filter(|part| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            })
            .map(str::to_owned)
        };
        let (system, processor) = word(parts.next()).zip(word(parts.next())).ok_or_else(wrong)?;
        let library = parts.next_if(|part| part.starts_with("gnu") || part.starts_with("musl"));
        let library = library.map(|part| self::library(part).ok_or_else(wrong)).transpose()?;
        let abi =
            parts.next().map(|part| word(Some(part)).filter(|abi| interpreter(abi) != abi).ok_or_else(wrong)).transpose()?;
        if parts.next().is_some() {
            return Err(wrong());
        }
        Ok(Self { system, processor, library, abi })
    }
}

/// `gnu2.36`.
fn library(text: &str) -> Option<Library> {
    let (name, version) = text.split_at(text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len()));
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let number = |text: &str| if text.is_empty() { Some(0) } else { text.parse().ok() };
    (name == "gnu" || name == "musl").then_some(())?;
    Some(Library { name: name.to_owned(), version: (number(major)?, number(minor)?) })
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.system, self.processor)?;
        match &self.library {
            Some(Library { name, version: (0, 0) }) => write!(f, "-{name}")?,
            Some(Library { name, version: (major, minor) }) => write!(f, "-{name}{major}.{minor}")?,
            None => {}
        }
        self.abi.iter().try_for_each(|abi| write!(f, "-{abi}"))
    }
}

text_type!(Platform, "^[a-z0-9_]+-[a-z0-9_]+(-(gnu|musl)[0-9.]*)?(-[a-z]+[0-9]+)?$", ["linux-x86_64-gnu2.36"]);

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Platform {
        text.parse().unwrap()
    }

    #[test]
    fn a_newer_library_runs_older_code() {
        for (pack, node, fine) in [
            ("linux-x86_64-gnu2.36", "linux-x86_64-gnu2.36", true),
            ("linux-x86_64-gnu2.9", "linux-x86_64-gnu2.36", true),
            ("linux-x86_64-gnu2.36", "linux-x86_64-gnu2.9", false),
            ("linux-x86_64-gnu2.36", "linux-aarch64-gnu2.36", false),
            ("linux-x86_64-gnu2.36", "linux-x86_64-musl1.2", false),
            ("linux-x86_64-gnu2.36", "linux-x86_64", false),
            ("linux-x86_64", "linux-x86_64-musl1.2", true),
            ("linux-x86_64-musl", "linux-x86_64-musl1.2", true),
            ("linux-x86_64-gnu2.4-cp311", "linux-x86_64-gnu2.36", true),
            ("linux-x86_64-gnu2.4-cp312", "linux-x86_64-gnu2.36", false),
            ("linux-x86_64-node115", "linux-x86_64-gnu2.36", true),
        ] {
            assert_eq!(parse(pack).runs_on(&parse(node), &["cp311"]), fine, "{pack} on {node}");
        }
    }

    #[test]
    fn text_round_trips_and_the_rest_is_refused() {
        for text in
            ["linux-x86_64-gnu2.36", "linux-aarch64", "linux-x86_64-musl", "linux-x86_64-gnu2.17-cp311", "linux-x86_64-node115"]
        {
            assert_eq!(parse(text).to_string(), text);
        }
        for wrong in [
            "",
            "linux",
            "linux-",
            "linux-x86_64-",
            "linux-x86_64-glibc",
            "linux-x86_64-gnu2.x",
            "Linux-x86_64",
            "linux-x86_64-gnu2.36-cp311-x",
        ] {
            assert!(wrong.parse::<Platform>().is_err(), "{wrong}");
        }
    }
}
