//! `Range` (RFC 9110 §14): one range of bytes; several are answered with the whole.

/// What part of a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// So many bytes from there; at least one.
    Part { from: u64, length: u64 },
    /// A part that is not there.
    Nothing,
}

/// Reads a header; one that is not understood is as good as none.
pub(super) fn parse(header: &str, size: u64) -> Wanted {
    let Some((first, last)) = header.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::Whole;
    };
    let number = |text: &str| if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse::<u64>().ok() } else { None };
    match (first.is_empty(), last.is_empty()) {
        (true, false) => match number(last) {
            None => Wanted::Whole,
            Some(0) => Wanted::Nothing,
            Some(_) if size == 0 => Wanted::Nothing,
            Some(count) => part(size.saturating_sub(count), size),
        },
        (false, true) => match number(first) {
            None => Wanted::Whole,
            Some(from) if from >= size => Wanted::Nothing,
            Some(from) => part(from, size),
        },
        (false, false) => match (number(first), number(last)) {
            (Some(from), Some(last)) if from <= last && from >= size => Wanted::Nothing,
            (Some(from), Some(last)) if from <= last => part(from, size.min(last.saturating_add(1))),
            _ => Wanted::Whole,
        },
        (true, true) => Wanted::Whole,
    }
}

fn part(from: u64, end: u64) -> Wanted {
    Wanted::Part { from, length: end - from }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_a_range() {
        for (header, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-", part(2, 10)),
            ("bytes=-3", part(7, 10)),
            ("bytes=-99", part(0, 10)),
            ("bytes=5-99", part(5, 10)),
            ("bytes=5-18446744073709551615", part(5, 10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=10-12", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=3-2", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
        ] {
            assert_eq!(parse(header, 10), expected, "{header}");
        }
        assert_eq!(parse("bytes=0-", 0), Wanted::Nothing);
        assert_eq!(parse("bytes=-1", 0), Wanted::Nothing);
    }
}
