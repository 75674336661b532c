//! Values that are written as text: names, durations, sizes, globs.

use crate::{
    document::{HINT, NOT_YET},
    globs,
};
use globset::GlobSet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use silver_plugin_api::{TreePath, path::PathError};
use std::{borrow::Borrow, borrow::Cow, fmt, ops::Deref, time::Duration};

/// A field or value of the format that this version of silver does not support yet: reading one
/// always fails, so no value of this type exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotYet {}

impl<'de> Deserialize<'de> for NotYet {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom(NOT_YET))
    }
}

impl Serialize for NotYet {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        match *self {}
    }
}

impl JsonSchema for NotYet {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "NotYet".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "not": {}, "$comment": "reserved: not supported yet" })
    }
}

/// An error of a `Deserialize` for a word that the format knows and this version does not.
pub(super) fn not_yet<E: de::Error>(value: &str, supported: &str) -> E {
    E::custom(format_args!("{NOT_YET}{value}{HINT}supported today: {supported}"))
}

/// Reads a path that names a directory: people end it with a slash or not.
pub(super) fn directory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TreePath, D::Error> {
    let text = String::deserialize(deserializer)?;
    let path = text.strip_suffix('/').unwrap_or(&text);
    path.parse()
        .map_err(|why: PathError| de::Error::custom(format_args!("not a path inside a tree: `{}`: {why}", text.escape_debug())))
}

/// As [`directory`], where the field may be absent.
pub(super) fn maybe_directory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TreePath>, D::Error> {
    directory(deserializer).map(Some)
}

/// Derives (de)serialization and schema of a type from `FromStr`, `Display` and a pattern.
macro_rules! text_type {
    ($name:ident, $pattern:literal, $examples:tt) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern, "examples": $examples })
            }
        }
    };
}
pub(crate) use text_type;

/// A name of something in a manifest: a lower-case letter, then letters, digits and dashes, at most
/// 63.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl std::str::FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
        let rest = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if starts && rest && !text.ends_with('-') && text.len() <= 63 {
            return Ok(Self(text.to_owned()));
        }
        let better: String = text.to_ascii_lowercase().replace(['_', ' ', '.'], "-");
        let hint =
            if better == text || better.parse::<Self>().is_err() { String::new() } else { format!("{HINT}write `{better}`") };
        let shown = text.escape_debug();
        Err(format!("`{shown}` is not a name: a lower-case letter, then letters, digits and dashes, at most 63{hint}"))
    }
}

text_type!(Name, "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", ["web"]);

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A duration: `"500ms"`, `"30s"`, `"2m"`, `"1h"`, `"7d"`. At least a millisecond, at most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

const DURATIONS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Span {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds * 1000)
    }

    /// In milliseconds, as plans have it.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// As the standard library has it.
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is not a duration: write \"500ms\", \"30s\", \"2m\", \"1h\" or \"7d\"", text.escape_debug());
        let (number, unit) = split_number(text).ok_or_else(wrong)?;
        let (_, factor) = DURATIONS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let millis = number.checked_mul(*factor).ok_or_else(wrong)?;
        match millis {
            0 => Err("a duration is at least \"1ms\"".into()),
            1..=31_536_000_000 => Ok(Self(millis)),
            _ => Err("a duration is at most \"365d\"".into()),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = DURATIONS.iter().rev().find(|(_, factor)| self.0.is_multiple_of(*factor));
        let (unit, factor) = whole.unwrap_or(&DURATIONS[0]);
        write!(f, "{}{unit}", self.0 / factor)
    }
}

text_type!(Span, "^[0-9]+(ms|s|m|h|d)$", ["30s"]);

/// An amount of bytes: `"300M"`, `"64K"`, `"2G"`, `"512"`; the units are powers of 1,024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

const SIZES: [(&str, u64); 4] = [("", 1), ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)];

impl ByteSize {
    /// In bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl std::str::FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is not a size: write \"512\", \"64K\", \"300M\" or \"2G\"", text.escape_debug());
        let (number, unit) = split_number(text).ok_or_else(wrong)?;
        let (_, factor) = SIZES.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        match number.checked_mul(*factor) {
            Some(0) => Err("a size is at least one byte".into()),
            Some(bytes) if i64::try_from(bytes).is_ok() => Ok(Self(bytes)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = SIZES.iter().rev().find(|(_, factor)| self.0.is_multiple_of(*factor));
        let (unit, factor) = whole.unwrap_or(&SIZES[0]);
        write!(f, "{}{unit}", self.0 / factor)
    }
}

text_type!(ByteSize, "^[0-9]+[KMG]?$", ["300M"]);

/// `300M` → 300 and `M`; no sign, no space.
fn split_number(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..digits].parse().ok()?, &text[digits..]))
}

/// A glob over paths of a tree: `templates/**/*.html`. `*` and `?` stay within a directory, `**`
/// crosses them, `{a,b}` and `[a-z]` are alternatives.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    matcher: GlobSet,
}

impl Glob {
    /// Does the whole path match?
    pub fn matches(&self, path: &str) -> bool {
        self.matcher.is_match(path)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl std::str::FromStr for Glob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.starts_with('/') || text.split('/').any(|part| part == ".." || part == ".") {
            return Err(format!("`{}` is not a glob inside a tree: relative, without `.` and `..`", text.escape_debug()));
        }
        let matcher = globs::compile(&[text]).map_err(|error| error.to_string())?;
        Ok(Self { text: text.to_owned(), matcher })
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Glob {}

text_type!(Glob, "^[^/].*$", ["templates/**"]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_round_trip_and_refuse_the_rest() {
        for (text, millis) in [("500ms", 500), ("30s", 30_000), ("2m", 120_000), ("1h", 3_600_000), ("7d", 604_800_000)] {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.as_millis(), span.to_string()), (millis, text.into()));
        }
        for wrong in ["", "s", "30", "-1s", "1.5s", "1 s", "0s", "366d", "99999999999999999999s", "1w"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
        for (text, bytes) in [("512", 512), ("64K", 65_536), ("300M", 314_572_800), ("2G", 2_147_483_648)] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size.bytes(), size.to_string()), (bytes, text.into()));
        }
        for wrong in ["", "M", "0", "1k", "1.5G", "300MB", "-1", "99999999999G"] {
            assert!(wrong.parse::<ByteSize>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_strict_and_wrong_ones_get_a_hint() {
        for fine in ["a", "web", "session-key", "db2"] {
            assert!(fine.parse::<Name>().is_ok(), "{fine}");
        }
        for wrong in ["", "Web", "2db", "a_b", "a-", "-a", "ä", "a b", &"a".repeat(64)] {
            assert!(wrong.parse::<Name>().is_err(), "{wrong}");
        }
        assert!("Session_Key".parse::<Name>().unwrap_err().ends_with("write `session-key`"));
    }

    #[test]
    fn stars_stay_within_a_directory() {
        let glob: Glob = "templates/*.html".parse().unwrap();
        assert!(glob.matches("templates/a.html") && !glob.matches("templates/b/a.html"));
        let glob: Glob = "templates/**".parse().unwrap();
        assert!(glob.matches("templates/b/a.html") && !glob.matches("other/a"));
        for wrong in ["", "/a", "../a", "a/./b", "[", "{a"] {
            assert!(wrong.parse::<Glob>().is_err(), "{wrong}");
        }
    }
}
