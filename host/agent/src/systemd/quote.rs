//! Words as systemd reads them.

use std::fmt::Write as _;

/// A word of a command line in a unit file (systemd.service(5), «Command lines»): C escapes in double quotes, and
/// no specifiers. Variables are not meant: the line begins with `:`.
pub(super) fn word(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '%' => quoted.push_str("%%"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_ascii_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(c)); // memory takes everything
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A file for `EnvironmentFile=` (systemd.exec(5)): values in double quotes, in which a backslash keeps `"`, `\`, `` ` `` and
/// `$` as they are. Fails with the name of a value that systemd would leave out: it passes on no control
/// characters but tab and newline.
pub(super) fn environment<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> Result<String, String> {
    let mut text = String::new();
    for (name, value) in entries {
        if value.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            return Err(name.to_owned());
        }
        text.push_str(name);
        text.push_str("=\"");
        for c in value.chars() {
            if matches!(c, '"' | '\\' | '`' | '$') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push_str("\"\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_themselves() {
        for (text, expected) in [
            ("plain", r#""plain""#),
            ("", r#""""#),
            ("a b", r#""a b""#),
            ("100%", r#""100%%""#),
            ("$HOME ${X}", r#""$HOME ${X}""#),
            ("say \"x\"\\", r#""say \"x\"\\""#),
            ("two\nlines\t\u{1b}", r#""two\nlines\t\x1b""#),
            ("é;", "\"é;\""),
        ] {
            assert_eq!(word(text), expected);
        }
    }

    #[test]
    fn values_mean_themselves_or_are_refused() {
        let entries = [("A", "b"), ("Q", "a\"b\\c`d$e'f #g"), ("L", "one\n two\t"), ("E", "")];
        let text = environment(entries.into_iter()).unwrap();
        assert_eq!(text, "A=\"b\"\nQ=\"a\\\"b\\\\c\\`d\\$e'f #g\"\nL=\"one\n two\t\"\nE=\"\"\n");
        assert_eq!(environment([("A", "b"), ("KEY", "a\rb")].into_iter()), Err("KEY".to_owned()));
    }
}
