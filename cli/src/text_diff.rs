//! Two contents compared line by line.

use similar::TextDiff;
use std::time::Duration;

/// Two long texts that have nothing in common are compared coarsely after this time.
const PATIENCE: Duration = Duration::from_secs(2);
/// Lines around a difference.
const AROUND: usize = 3;

/// The unified difference, empty when there is none; `None` when one of the two is not text.
pub fn unified(old: &[u8], new: &[u8], from: &str, to: &str) -> Option<String> {
    let (old, new) = (text(old)?, text(new)?);
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    Some(diff.unified_diff().context_radius(AROUND).header(from, to).to_string())
}

/// The content as text, unless it is something else.
pub fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}
