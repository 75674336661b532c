//! Which of two versions is newer, whatever their scheme.

use std::cmp::Ordering;

/// A run of digits, or of letters. Letters stand before nothing, and nothing before digits: `1.0-rc`
/// is older than `1.0`, and that older than `1.0.1`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'v> {
    Word(&'v str),
    End,
    Number(u64),
}

/// Compares part by part, numbers as numbers.
pub(in crate::index) fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (parts(a), parts(b));
    loop {
        let (one, two) = (a.next().unwrap_or(Part::End), b.next().unwrap_or(Part::End));
        match one.cmp(&two) {
            Ordering::Equal if one == Part::End => return Ordering::Equal,
            Ordering::Equal => {}
            different => return different,
        }
    }
}

fn parts(version: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = version;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        let first = rest.chars().next()?;
        let end = rest.find(|c: char| c.is_ascii_digit() != first.is_ascii_digit() || !c.is_ascii_alphanumeric());
        let (part, more) = rest.split_at(end.unwrap_or(rest.len()));
        rest = more;
        Some(match first {
            '0'..='9' => Part::Number(part.parse().unwrap_or(u64::MAX)),
            _ => Part::Word(part),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_is_newer() {
        let order = ["0.9", "1.0-alpha", "1.0-beta.2", "1.0rc1", "1.0", "1.0.1", "1.2", "1.10", "2", "2023.04"];
        for pair in order.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(compare("1.0", "1-0"), Ordering::Equal);
    }
}
