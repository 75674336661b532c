//! Paths inside a tree.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use core::{borrow::Borrow, fmt, ops::Deref, str::FromStr};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::is_nfc;

/// The longest path, in bytes.
pub const MAX_PATH: usize = 1024;
/// The longest segment, in bytes.
pub const MAX_SEGMENT: usize = 255;
/// The deepest path, in segments.
pub const MAX_DEPTH: usize = 64;

/// A path relative to the root of a tree: UTF-8 in NFC, `/` separated, no leading or trailing
/// slash, no empty, `.` or `..` segment, nothing that a terminal, a Windows or a macOS machine
/// would read differently. The empty path names the root.
///
/// This is the only place where a path is judged; whoever holds a `TreePath` need not ask again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TreePath(String);

/// Why a text is not a [`TreePath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Starts with `/`.
    #[error("it is absolute")]
    Absolute,
    /// Has an empty segment: `a//b`, `a/`.
    #[error("it has an empty segment")]
    EmptySegment,
    /// Has a `.` or `..` segment.
    #[error("it has a `.` or `..` segment")]
    DotSegment,
    /// Has a backslash.
    #[error("it has a backslash")]
    Backslash,
    /// Starts with a drive letter, `C:`.
    #[error("it starts with a drive letter")]
    Drive,
    /// Has NUL, another control character, or a character that changes the direction of text.
    #[error("it has a control or text-direction character")]
    Control,
    /// Is not in Unicode normal form C.
    #[error("it is not in Unicode normal form C")]
    NotNfc,
    /// Longer than [`MAX_PATH`].
    #[error("it is longer than 1,024 bytes")]
    TooLong,
    /// Has a segment longer than [`MAX_SEGMENT`].
    #[error("it has a segment of over 255 bytes")]
    SegmentTooLong,
    /// Deeper than [`MAX_DEPTH`].
    #[error("it is deeper than 64 levels")]
    TooDeep,
    /// Has a segment that Windows reserves: `CON`, `nul.txt`.
    #[error("it has a name that Windows reserves")]
    Reserved,
    /// Has a segment that ends with a dot or a space.
    #[error("it has a segment that ends with a dot or a space")]
    TrailingDotOrSpace,
}

impl TreePath {
    /// The root of a tree.
    pub const fn root() -> Self {
        Self(String::new())
    }

    /// Judges `text`.
    pub fn new(text: &str) -> Result<Self, PathError> {
        judge(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The text; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is this the root?
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// `self/below`.
    pub fn join(&self, below: &str) -> Result<Self, PathError> {
        match (self.is_root(), below.is_empty()) {
            (true, _) => Self::new(below),
            (_, true) => Ok(self.clone()),
            _ => Self::new(&alloc::format!("{self}/{below}")),
        }
    }

    /// The path without its last segment; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        Some(Self(self.0.rsplit_once('/').map_or_else(String::new, |(parent, _)| parent.to_owned())))
    }

    /// The last segment; empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// What is left of `self` below `base`; the root when they are the same, `None` when `self`
    /// is not below.
    pub fn below(&self, base: &Self) -> Option<Self> {
        if base.is_root() {
            return Some(self.clone());
        }
        let rest = self.0.strip_prefix(base.as_str())?;
        match rest.strip_prefix('/') {
            Some(rest) => Some(Self(rest.to_owned())),
            None => rest.is_empty().then(Self::root),
        }
    }

    /// Where a relative link `target`, standing at `self`, leads inside the tree. Segments `..`
    /// are allowed at its start as long as the way stays inside; anything else is judged as a
    /// path. (After a name, `..` could be read from where another link leads, which is elsewhere.)
    pub fn resolve_link(&self, target: &str) -> Result<Self, PathError> {
        if target.starts_with('/') {
            return Err(PathError::Absolute);
        }
        let mut at = self.parent().unwrap_or_default();
        let mut climbing = true;
        for segment in target.split('/') {
            climbing &= segment == "..";
            match segment {
                ".." if !climbing => return Err(PathError::DotSegment),
                ".." => at = at.parent().ok_or(PathError::DotSegment)?,
                "" => return Err(PathError::EmptySegment),
                "." => return Err(PathError::DotSegment),
                name => at = at.join(name)?,
            }
        }
        Ok(at)
    }
}

fn judge(text: &str) -> Result<(), PathError> {
    if text.is_empty() {
        return Ok(());
    }
    if text.len() > MAX_PATH {
        return Err(PathError::TooLong);
    }
    if text.starts_with('/') {
        return Err(PathError::Absolute);
    }
    if text.contains('\\') {
        return Err(PathError::Backslash);
    }
    let ascii = text.is_ascii(); // as nearly all are
    if if ascii { text.bytes().any(|byte| byte.is_ascii_control()) } else { text.chars().any(is_control) } {
        return Err(PathError::Control);
    }
    if text.as_bytes().get(1) == Some(&b':') && text.as_bytes()[0].is_ascii_alphabetic() {
        return Err(PathError::Drive);
    }
    let mut depth = 0;
    for segment in text.split('/') {
        depth += 1;
        judge_segment(segment)?;
    }
    if depth > MAX_DEPTH {
        return Err(PathError::TooDeep);
    }
    if !ascii && !is_nfc(text) {
        return Err(PathError::NotNfc);
    }
    Ok(())
}

fn judge_segment(segment: &str) -> Result<(), PathError> {
    match segment {
        "" => return Err(PathError::EmptySegment),
        "." | ".." => return Err(PathError::DotSegment),
        _ => {}
    }
    if segment.len() > MAX_SEGMENT {
        return Err(PathError::SegmentTooLong);
    }
    if segment.ends_with(['.', ' ']) {
        return Err(PathError::TrailingDotOrSpace);
    }
    if is_reserved(segment) {
        return Err(PathError::Reserved);
    }
    Ok(())
}

/// Control characters (C0, C1, DEL) and the characters that reorder text on a terminal
/// (Unicode's Bidi_Control).
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` with every character that could steer a terminal replaced by `\u{fffd}`, but for line
/// feeds and tabs: what a plugin, a node or an application said, fit to be shown to a person.
pub fn plain(text: &str) -> Cow<'_, str> {
    let steers = |c: char| is_control(c) && c != '\n' && c != '\t';
    if text.chars().any(steers) {
        Cow::Owned(text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// The device names of Windows, with or without an extension.
fn is_reserved(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or_default().trim_end();
    let is = |name: &str| stem.eq_ignore_ascii_case(name);
    if ["con", "prn", "aux", "nul", "conin$", "conout$"].into_iter().any(is) {
        return true;
    }
    let numbered = stem.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("com") || start.eq_ignore_ascii_case("lpt"));
    numbered && matches!(stem.get(3..), Some("0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"))
}

impl Deref for TreePath {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for TreePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for TreePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for TreePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::new(text)
    }
}

impl TryFrom<String> for TreePath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        judge(&text)?;
        Ok(Self(text))
    }
}

impl Serialize for TreePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TreePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(|error| {
            serde::de::Error::custom(alloc::format!("not a path inside a tree: `{}`: {error}", text.escape_debug()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_own_error() {
        let long = "a".repeat(256);
        let deep = ["a"; 65].join("/");
        let huge = ["abcdefghi"; 120].join("/");
        for (text, error) in [
            ("/etc/passwd", PathError::Absolute),
            ("a//b", PathError::EmptySegment),
            ("a/", PathError::EmptySegment),
            ("a/../b", PathError::DotSegment),
            ("./a", PathError::DotSegment),
            ("a\\b", PathError::Backslash),
            ("C:a", PathError::Drive),
            ("a\0b", PathError::Control),
            ("a\x1b[31m", PathError::Control),
            ("a\u{202e}b", PathError::Control),
            ("e\u{301}", PathError::NotNfc),
            (&huge, PathError::TooLong),
            (&long, PathError::SegmentTooLong),
            (&deep, PathError::TooDeep),
            ("a/con.txt", PathError::Reserved),
            ("LPT1", PathError::Reserved),
            ("a./b", PathError::TrailingDotOrSpace),
            ("a ", PathError::TrailingDotOrSpace),
        ] {
            assert_eq!(TreePath::new(text), Err(error), "{text:?}");
        }
        for fine in ["", "a", "a/b.c", ".silver/tree", "é/ü", "console.log", "com10", "a b/c"] {
            assert!(TreePath::new(fine).is_ok(), "{fine:?}");
        }
    }

    #[test]
    fn plain_text_cannot_steer_a_terminal() {
        assert_eq!(plain("a\tb\né"), "a\tb\né");
        assert_eq!(plain("\x1b[31mred\r\u{9b}x\u{202e}"), "\u{fffd}[31mred\u{fffd}\u{fffd}x\u{fffd}");
    }

    #[test]
    fn links_stay_inside() {
        let at = TreePath::new("a/b/link").unwrap();
        assert_eq!(at.resolve_link("../c").unwrap().as_str(), "a/c");
        assert_eq!(at.resolve_link("c").unwrap().as_str(), "a/b/c");
        assert_eq!(at.resolve_link("../../../c"), Err(PathError::DotSegment));
        assert_eq!(at.resolve_link("../x/../c"), Err(PathError::DotSegment));
        assert_eq!(at.resolve_link("/c"), Err(PathError::Absolute));
    }

    #[test]
    fn below_respects_segments() {
        let path = TreePath::new("ab/c").unwrap();
        assert_eq!(path.below(&TreePath::new("a").unwrap()), None);
        assert_eq!(path.below(&TreePath::new("ab").unwrap()).unwrap().as_str(), "c");
        assert_eq!(path.below(&TreePath::root()).unwrap().as_str(), "ab/c");
    }
}
