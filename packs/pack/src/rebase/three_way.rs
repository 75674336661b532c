//! Merging three versions of a text, line by line.

use crate::overrides::separator;
use diffy::{ConflictStyle, IncompleteHunkStyle, MergeOptions};

/// Longer texts are not merged, in bytes.
pub const MAX_TEXT: usize = 8 << 20;
/// Nor those with more lines: two that have nothing in common take quadratic time, some seconds for these.
pub const MAX_LINES: usize = 20_000;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ThreeWay {
    /// Both sides' changes are in it.
    Clean(Vec<u8>),
    /// Both changed the same lines; those stand between markers.
    Conflicts(Vec<u8>),
    /// Not texts, or too long ones.
    Opaque,
}

/// Merges what `ours` and `theirs` made of `base`. Encodings do not matter as long as lines end with a line
/// feed; a file that an editor gave the line ends of another system is merged as if it had not.
pub fn merge(base: &[u8], ours: &[u8], theirs: &[u8]) -> ThreeWay {
    if ours == theirs || base == theirs {
        return ThreeWay::Clean(ours.to_vec());
    }
    if base == ours {
        return ThreeWay::Clean(theirs.to_vec());
    }
    if ![base, ours, theirs].into_iter().all(is_text) {
        return ThreeWay::Opaque;
    }
    if is_crlf(ours) && !base.contains(&b'\r') && !theirs.contains(&b'\r') {
        return match merge(base, &without_cr(ours), theirs) {
            ThreeWay::Clean(text) => ThreeWay::Clean(with_cr(&text)),
            ThreeWay::Conflicts(text) => ThreeWay::Conflicts(with_cr(&text)),
            ThreeWay::Opaque => ThreeWay::Opaque,
        };
    }
    let mut options = MergeOptions::new();
    options.set_conflict_style(ConflictStyle::Diff3).set_incomplete_hunk_style(IncompleteHunkStyle::Git);
    options.set_conflict_marker_length(separator(&[base, ours, theirs]));
    match options.merge_bytes(base, ours, theirs) {
        Ok(text) => ThreeWay::Clean(text),
        Err(text) => ThreeWay::Conflicts(text),
    }
}

fn is_text(text: &[u8]) -> bool {
    text.len() <= MAX_TEXT && !text.contains(&0) && text.split(|byte| *byte == b'\n').take(MAX_LINES + 2).count() <= MAX_LINES + 1
}

/// Does every line end with carriage return and line feed?
fn is_crlf(text: &[u8]) -> bool {
    let mut lines = text.split_inclusive(|byte| *byte == b'\n').peekable();
    lines.peek().is_some() && lines.all(|line| line.ends_with(b"\r\n") || !line.ends_with(b"\n")) && text.contains(&b'\n')
}

fn without_cr(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| *byte != b'\r').collect()
}

fn with_cr(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 20);
    for byte in text {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overrides::{self, Side};
    use proptest::prelude::*;

    fn merged(base: &str, ours: &str, theirs: &str) -> ThreeWay {
        merge(base.as_bytes(), ours.as_bytes(), theirs.as_bytes())
    }

    #[test]
    fn one_sided_changes_need_no_merge() {
        let clean = |text: &str| ThreeWay::Clean(text.into());
        assert_eq!(merged("\0b", "\0o", "\0b"), clean("\0o"));
        assert_eq!(merged("\0b", "\0b", "\0t"), clean("\0t"));
        assert_eq!(merged("\0b", "\0t", "\0t"), clean("\0t"));
        assert_eq!(merged("\0b", "\0o", "\0t"), ThreeWay::Opaque);
    }

    #[test]
    fn line_ends_of_an_editor_are_no_conflict() {
        let merged = merged("a\nb\nc\nd\ne\n", "a\r\nb\r\nc\r\nd\r\nours\r\n", "theirs\nb\nc\nd\ne\n");
        assert_eq!(merged, ThreeWay::Clean("theirs\r\nb\r\nc\r\nd\r\nours\r\n".into()));
    }

    #[test]
    fn bytes_of_any_encoding_are_merged() {
        let merged = merge(b"caf\xe9\nb\nc\nd\n", b"caf\xe9\nb\nc\nD\n", b"Caf\xe9\nb\nc\nd\n");
        assert_eq!(merged, ThreeWay::Clean(b"Caf\xe9\nb\nc\nD\n".to_vec()));
    }

    #[test]
    fn markers_stand_on_lines_of_their_own() {
        let ThreeWay::Conflicts(text) = merged("a", "b\n=======", "c") else { panic!("no conflict") };
        let wanted = "<<<<<<<< ours\nb\n=======\n|||||||| original\na\n========\nc\n>>>>>>>> theirs\n";
        assert_eq!(String::from_utf8(text).unwrap(), wanted);
    }

    #[test]
    fn texts_that_would_take_too_long_are_not_merged() {
        let lines = |text: &str, count: usize| text.repeat(count);
        assert_eq!(merged(&lines("a\n", MAX_LINES + 1), "b\n", "c\n"), ThreeWay::Opaque);
        assert!(matches!(merged(&lines("a\n", 100), "b\n", "c\n"), ThreeWay::Conflicts(_)));
    }

    /// A few lines, some of which look like markers, with and without a line end at the end.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let line = prop::sample::select(vec!["a", "b", "c", "", "=======", "<<<<<<< ours", ">>>>>>> theirs", "d\r"]);
        (prop::collection::vec(line, 0..12), any::<bool>()).prop_map(|(lines, end)| {
            let text = lines.join("\n");
            if end { text + "\n" } else { text }.into_bytes()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Whatever the texts are: markers are in what conflicts, and each side can be chosen.
        #[test]
        fn conflicts_are_marked_and_can_be_settled(base in text(), ours in text(), theirs in text()) {
            match merge(&base, &ours, &theirs) {
                ThreeWay::Clean(text) => {
                    let known: Vec<&[u8]> = [&base, &ours, &theirs].into_iter().flat_map(|text| text.split(|byte| *byte == b'\n')).collect();
                    let cut = |line: &[u8]| line.strip_suffix(b"\r").unwrap_or(line).to_vec();
                    let is_known = |line: &[u8]| known.iter().any(|known| cut(known) == cut(line));
                    prop_assert!(text.split(|byte| *byte == b'\n').all(is_known), "no line comes from nowhere");
                }
                ThreeWay::Conflicts(text) => {
                    prop_assert!(!overrides::marker_lines(&text).is_empty());
                    for side in [Side::Ours, Side::Theirs] {
                        prop_assert!(overrides::resolve(&text, side).is_some(), "{}", String::from_utf8_lossy(&text));
                    }
                }
                ThreeWay::Opaque => prop_assert!(false, "these are texts"),
            }
        }

        #[test]
        fn one_side_alone_is_taken_as_it_is(base in text(), changed in text()) {
            prop_assert_eq!(merge(&base, &changed, &base), ThreeWay::Clean(changed.clone()));
            prop_assert_eq!(merge(&base, &base, &changed), ThreeWay::Clean(changed.clone()));
            prop_assert_eq!(merge(&base, &changed, &changed), ThreeWay::Clean(changed));
        }
    }
}
