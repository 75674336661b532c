//! Patterns over the addresses of an application, as `[front]` has them: `/wiki/*`, `/**/*.sql`.
//!
//! `*` stands for anything within one segment, `**` for anything at all, `/**/` for one or more
//! whole segments or none. Every other character stands for itself. Each star is remembered, so
//! that a rewrite can put it elsewhere.

use regex::Regex;
use std::{fmt, str::FromStr};

/// A pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    /// Of the whole address.
    whole: Regex,
}

impl Pattern {
    /// Does the path match, or what it lies below? `/a/b/c` lies below `/a/b`. For refusals, which
    /// must not be got around by `/secret.php/more`.
    pub fn covers(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0).chain([path.len()]);
        ends.into_iter().any(|end| self.whole.is_match(&path[..end]))
    }

    /// What the stars stand for in a path that matches.
    pub fn captures<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        let found = self.whole.captures(path)?;
        Some(found.iter().skip(1).map(|group| group.map_or("", |group| group.as_str())).collect())
    }

    /// As a regular expression without anchors, in the syntax of RE2: for a front that is not written in Rust. Each
    /// star is a group.
    pub fn regex(&self) -> &str {
        let text = self.whole.as_str();
        text.strip_prefix('^').and_then(|text| text.strip_suffix('$')).unwrap_or(text)
    }

    /// How many stars it has.
    pub fn stars(&self) -> usize {
        self.whole.captures_len() - 1
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{}` is not a pattern of addresses: {why}", text.escape_debug());
        let Some(rest) = text.strip_prefix('/') else { return Err(wrong("it starts with `/`")) };
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || "?#%[]{}\\".contains(c)) {
            return Err(wrong("it is a path as people read it; only `*` and `**` have a meaning"));
        }
        if text.len() > 1 && rest.split('/').any(|segment| matches!(segment, "." | ".." | "")) && !text.ends_with('/') {
            return Err(wrong("it has an empty, `.` or `..` segment"));
        }
        let mut pattern = String::from("^");
        let mut left = text;
        while !left.is_empty() {
            if let Some(after) = left.strip_prefix("/**/") {
                pattern.push_str("/(?:(.*)/)?");
                left = after;
            } else if let Some(after) = left.strip_prefix("**") {
                pattern.push_str("(.*)");
                left = after;
            } else if let Some(after) = left.strip_prefix('*') {
                pattern.push_str("([^/]*)");
                left = after;
            } else {
                let next = left[1..].find(['/', '*']).map_or(left.len(), |at| at + 1);
                pattern.push_str(&regex::escape(&left[..next]));
                left = &left[next..];
            }
        }
        pattern.push('$');
        let whole = Regex::new(&pattern).map_err(|_| wrong("it is too long"))?;
        Ok(Self { text: text.to_owned(), whole })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

crate::manifest::text_type!(Pattern, "^/.*$", ["/wiki/*"]);

/// The path that a visitor means: percent escapes decoded once, empty and `.` segments left out,
/// `..` followed. Two addresses that an application could take for the same have the same one.
pub fn plain(path: &str) -> String {
    let mut bytes = path.bytes();
    let mut decoded = Vec::with_capacity(path.len());
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let escaped = if byte == b'%' { digit(ahead.next()).zip(digit(ahead.next())) } else { None };
        match escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(value) => {
                decoded.push(value);
                bytes = ahead;
            }
            None => decoded.push(byte),
        }
    }
    let text = String::from_utf8_lossy(&decoded);
    let mut segments: Vec<&str> = Vec::new();
    for segment in text.split(['/', '\\']) {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

/// `to` with `$1`, `$2`, … replaced by what the stars of the pattern stood for. In a query, what
/// would divide its parts is escaped.
pub fn fill(to: &str, captures: &[&str]) -> String {
    let mut text = String::new();
    let mut rest = to;
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let capture = after[..digits].parse::<usize>().ok().and_then(|number| captures.get(number.checked_sub(1)?));
        match capture {
            Some(capture) if text.contains('?') => {
                for c in capture.chars() {
                    match c {
                        '&' | '=' | '+' | ';' | '#' | '?' => text.extend(['%', hex(c, 4), hex(c, 0)]),
                        c => text.push(c),
                    }
                }
            }
            Some(capture) => text.push_str(capture),
            None => {
                text.push('$');
                text.push_str(&after[..digits]);
            }
        }
        rest = &after[digits..];
    }
    text.push_str(rest);
    text
}

/// Four bits of a character of ASCII, as a hex digit.
fn hex(c: char, shift: u32) -> char {
    char::from_digit((u32::from(c) >> shift) & 15, 16).unwrap_or('0').to_ascii_uppercase()
}

/// Splits what a redirect leads to: scheme and host, empty where it stays where it is, and the rest. `None` where
/// it is neither an address of the application nor one of the web.
pub fn origin(to: &str) -> Option<(&str, &str)> {
    if to.starts_with('/') {
        return (!to.starts_with("//")).then_some(("", to));
    }
    let host = ["https://", "http://"].into_iter().find_map(|scheme| to.strip_prefix(scheme))?;
    let end = host.find('/').filter(|end| *end > 0)?;
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    host.as_bytes()[..end].iter().all(|byte| fine(*byte)).then(|| to.split_at(to.len() - host.len() + end))
}

/// The numbers that follow a `$` in `to`.
pub fn numbers(to: &str) -> impl Iterator<Item = usize> {
    to.split('$').skip(1).filter_map(|after| {
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        after[..digits].parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_redirects_lead() {
        assert_eq!(origin("/new/$1?x"), Some(("", "/new/$1?x")));
        assert_eq!(origin("https://example.org:8443/$1"), Some(("https://example.org:8443", "/$1")));
        for wrong in
            ["https://example.org", "https:///x", "https://$1/x", "//example.org/", "javascript:alert(1)", "ftp://a/", "a"]
        {
            assert_eq!(origin(wrong), None, "{wrong}");
        }
    }

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_refusal_covers_what_lies_below() {
        for (text, path, covered) in [
            ("/wp-config.php", "/wp-config.php", true),
            ("/wp-config.php", "/wp-config.php/x", true),
            ("/wp-config.php", "/wp-config.phps", false),
            ("/wp-config.php", "/a/wp-config.php", false),
            ("/.git", "/.git/config", true),
            ("/**/*.sql", "/dump.sql", true),
            ("/**/*.sql", "/a/b/dump.sql", true),
            ("/**/*.sql", "/a/b/dump.sql/info", true),
            ("/**/*.sql", "/a/b/dump.sqlite", false),
            ("/private/**", "/private/x/y", true),
            ("/private/**", "/private", false),
            ("/a.c", "/abc", false),
            ("/**", "/", true),
        ] {
            assert_eq!(pattern(text).covers(path), covered, "{text} {path}");
        }
    }

    #[test]
    fn other_spellings_of_an_address_are_the_same_address() {
        for (path, meant) in [
            ("/wp-config.php", "/wp-config.php"),
            ("//wp-config.php", "/wp-config.php"),
            ("/./wp-config.php", "/wp-config.php"),
            ("/x/../wp-config.php", "/wp-config.php"),
            ("/x/%2e%2E/wp-config.php", "/wp-config.php"),
            ("/%77p-config.php", "/wp-config.php"),
            ("/x%2F..%2Fwp-config.php", "/wp-config.php"),
            ("/x\\..\\wp-config.php", "/wp-config.php"),
            ("/wp-config.php/", "/wp-config.php"),
            ("/../..", "/"),
            ("/100%", "/100%"),
            ("/%zz", "/%zz"),
            ("/%C3%A4", "/ä"),
        ] {
            assert_eq!(plain(path), meant, "{path}");
        }
    }

    #[test]
    fn stars_are_put_where_a_rewrite_wants_them() {
        for (from, path, to, result) in [
            ("/wiki/*", "/wiki/Main", "/index.php?title=$1", Some("/index.php?title=Main")),
            ("/wiki/*", "/wiki/a&action=delete", "/index.php?title=$1", Some("/index.php?title=a%26action%3Ddelete")),
            ("/wiki/*", "/wiki/a/b", "/index.php?title=$1", None),
            ("/**", "/any/thing", "/index.html", Some("/index.html")),
            ("/u/*/p/**", "/u/joe/p/1/2", "/$2/by/$1", Some("/1/2/by/joe")),
            ("/a", "/a", "/$1", Some("/$1")),
        ] {
            let captures = pattern(from).captures(path).map(|captures| fill(to, &captures));
            assert_eq!(captures.as_deref(), result, "{from} {path}");
        }
        assert_eq!(numbers("/$2/by/$1?$x").collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn what_is_no_address_is_no_pattern() {
        for wrong in ["", "a", "*", "/a b", "/a?b", "/%2e", "/a//b", "/../a", "/[a]"] {
            assert!(wrong.parse::<Pattern>().is_err(), "{wrong}");
        }
        for fine in ["/", "/a", "/a/", "/**", "/*.php", "/a/**/b.x"] {
            assert_eq!(pattern(fine).to_string(), fine);
        }
    }
}
