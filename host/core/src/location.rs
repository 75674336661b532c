//! Locations: `host[/path]`, where an application answers.

/// What is wrong with a text that should be a location; `None` when it is one.
///
/// A host is what a browser sends as `Host` without the port: letters, digits, `-` and `.` in lower
/// case; `*.` at its beginning stands for one label. The path has no empty, `.` or `..` segment and does not end with `/`.
pub fn problem(text: &str) -> Option<&'static str> {
    let (host, path) = split(text);
    if text.contains("://") {
        return Some("leave out the scheme");
    }
    if host.contains(':') {
        return Some("leave out the port: the node's front decides it");
    }
    if host.is_empty() || host.len() > 253 {
        return Some("its host is empty or longer than 253 bytes");
    }
    let label = |label: &str| {
        let fine = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        fine && !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    };
    if !host.strip_prefix(WILD).unwrap_or(host).split('.').all(label) {
        return Some("a host is made of lower-case letters, digits and `-`, divided by dots; only its first label can be `*`");
    }
    let segment = |segment: &str| {
        let fine = segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        fine && !matches!(segment, "" | "." | "..")
    };
    if text.contains('/') && !path.split('/').all(segment) {
        return Some("its path has an empty, `.` or `..` segment, or a character beyond letters, digits, `-._~`");
    }
    None
}

/// What stands for any one label.
const WILD: &str = "*.";

/// Does it stand for many hosts?
pub fn is_wild(text: &str) -> bool {
    text.starts_with(WILD)
}

/// Host and path (without its leading slash; empty for none).
pub fn split(text: &str) -> (&str, &str) {
    text.split_once('/').unwrap_or((text, ""))
}

/// Where an application answers when nobody says otherwise.
pub fn default_for(app: &str) -> String {
    format!("{app}.localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_hosts_with_an_optional_path() {
        for fine in [
            "*.localhost",
            "*.example.org/trac",
            "trac.localhost",
            "localhost",
            "a-1.example.org",
            "example.org/trac",
            "example.org/a/b_c.d~e",
        ] {
            assert_eq!(problem(fine), None, "{fine}");
        }
        for wrong in [
            "",
            "/trac",
            "http://trac.localhost",
            "trac.localhost:80",
            "Trac.localhost",
            "trac..org",
            "-a.org",
            "*",
            "*.",
            "a.*.org",
            "*a.org",
            "*.*.org",
            "a.org/",
            "a.org/../b",
            "a.org//b",
            "a.org/b c",
            "a\u{202e}.org",
        ] {
            assert!(problem(wrong).is_some(), "{wrong}");
        }
    }
}
