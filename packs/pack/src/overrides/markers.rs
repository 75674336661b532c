//! Conflict markers, as three-way merges of lines write them:
//!
//! ```text
//! <<<<<<< ours
//! ||||||| original
//! =======
//! >>>>>>> theirs
//! ```
//!
//! They are seven characters long, or longer where a merged file has such lines of its own.

/// What stands behind the markers, in their order; nothing behind the separator.
pub const LABELS: [(u8, &str); 4] = [(b'<', " ours"), (b'|', " original"), (b'=', ""), (b'>', " theirs")];

/// The shortest marker.
const SHORTEST: usize = 7;

/// Whose lines count where both changed the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The operator's.
    Ours,
    /// The pack's.
    Theirs,
}

/// The length and the number in [`LABELS`] of the marker that this line is.
fn marker(line: &[u8]) -> Option<(usize, usize)> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let kind = LABELS.iter().position(|(mark, _)| line.first() == Some(mark))?;
    let length = line.iter().take_while(|byte| **byte == LABELS[kind].0).count();
    (length >= SHORTEST && line[length..] == *LABELS[kind].1.as_bytes()).then_some((length, kind))
}

/// The number in [`LABELS`] of the marker that this line is, among markers of this length.
fn kind(line: &[u8], length: usize) -> Option<usize> {
    marker(line).filter(|(found, _)| *found == length).map(|(_, kind)| kind)
}

/// How long the markers of this text are; shorter ones are lines of its own. Separators do not tell.
fn length(text: &[u8]) -> usize {
    let labelled = text.split(|byte| *byte == b'\n').filter_map(marker).filter(|(_, kind)| *kind != 2);
    labelled.map(|(length, _)| length).max().unwrap_or(SHORTEST)
}

/// A length for markers that no line of these texts looks like.
pub fn separator(texts: &[&[u8]]) -> usize {
    let run = |line: &[u8]| match line.first() {
        Some(first) if LABELS.iter().any(|(mark, _)| mark == first) => line.iter().take_while(|byte| *byte == first).count(),
        _ => 0,
    };
    let longest = texts.iter().flat_map(|text| text.split(|byte| *byte == b'\n')).map(run).max();
    longest.filter(|longest| *longest >= SHORTEST).map_or(SHORTEST, |longest| longest + 1)
}

/// The lines (1-based) that are conflict markers. A separator counts only between the two others: it may
/// be the underline of a heading.
pub fn lines(text: &[u8]) -> Vec<usize> {
    let (mut found, length, mut open) = (Vec::new(), length(text), false);
    for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
        match kind(line, length) {
            None => continue,
            Some(2) if !open => continue,
            Some(2) => {}
            Some(kind) => open = kind != 3,
        }
        found.push(number);
    }
    found
}

/// The text with each conflict replaced by the lines of one side; `None` when a marker stands where none
/// belongs.
pub fn resolve(text: &[u8], side: Side) -> Option<Vec<u8>> {
    let mut settled = Vec::with_capacity(text.len());
    let length = length(text);
    // the last marker of the conflict that is being read
    let mut open: Option<usize> = None;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match (open, kind(line, length)) {
            (None, Some(0)) => open = Some(0),
            (Some(last), Some(kind)) => {
                // the original may have been taken out by hand
                if kind != last + 1 && (last, kind) != (0, 2) {
                    return None;
                }
                open = (kind != 3).then_some(kind);
            }
            (None, Some(2)) | (_, None) => {
                let wanted = match open {
                    None => true,
                    Some(0) => side == Side::Ours,
                    Some(2) => side == Side::Theirs,
                    Some(_) => false,
                };
                if wanted {
                    settled.extend_from_slice(line);
                }
            }
            (_, Some(_)) => return None,
        }
    }
    open.is_none().then_some(settled)
}
