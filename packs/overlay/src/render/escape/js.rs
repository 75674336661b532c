//! JavaScript. Every character of a value that is not a letter, digit, space or `_` is written as
//! `\uXXXX`, so that it stays harmless even where a regular expression has misled the reader.

use super::{Around, Reader, escaped, first};
use std::fmt::Write as _;

pub(super) enum Js {
    Code,
    Single,
    Double,
    Template,
    LineComment,
    BlockComment,
}

const BREAKS: [char; 4] = ['\n', '\r', '\u{2028}', '\u{2029}'];

impl Reader for Js {
    fn step(&mut self, rest: &str, _: Option<char>) -> Result<usize, String> {
        let (length, next) = match self {
            Self::Code => match rest.as_bytes()[0] {
                b'\'' => (1, Self::Single),
                b'"' => (1, Self::Double),
                b'`' => (1, Self::Template),
                b'/' if rest.starts_with("//") => (2, Self::LineComment),
                b'/' if rest.starts_with("/*") => (2, Self::BlockComment),
                b'<' if rest.starts_with("<!--") => (4, Self::LineComment),
                _ => return Ok(first(rest)),
            },
            Self::Single | Self::Double | Self::Template if rest.starts_with('\\') => return Ok(escaped(rest)),
            Self::Single | Self::Double if rest.starts_with(['\n', '\r']) => {
                return Err("a string is not closed on its line (a quote in a regular expression? write it as \\x27)".into());
            }
            Self::Single if rest.starts_with('\'') => (1, Self::Code),
            Self::Double if rest.starts_with('"') => (1, Self::Code),
            Self::Template if rest.starts_with('`') => (1, Self::Code),
            Self::Template if rest.starts_with("${") => {
                let end = rest.find('}').ok_or("`${` is not closed")?;
                if rest[2..end].contains(['`', '"', '\'', '{', '/']) {
                    return Err("an expression with quotes inside of a template string".into());
                }
                return Ok(end + 1);
            }
            Self::LineComment if rest.starts_with(BREAKS) => (first(rest), Self::Code),
            Self::BlockComment if rest.starts_with("*/") => (2, Self::Code),
            Self::Single | Self::Double | Self::Template | Self::LineComment | Self::BlockComment => return Ok(first(rest)),
        };
        *self = next;
        Ok(length)
    }

    fn write(&self, value: &str, around: Around) -> Result<String, String> {
        match self {
            Self::Code => {
                around.stands_alone()?;
                Ok(format!("\"{}\"", escape(value)))
            }
            Self::Single | Self::Double => Ok(escape(value)),
            Self::Template => Err("a value in a template string: write it in quotes".into()),
            Self::LineComment | Self::BlockComment => Err("a value in a comment".into()),
        }
    }

    fn may_end(&self) -> bool {
        matches!(self, Self::Code | Self::LineComment)
    }
}

fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len() * 2);
    for c in value.chars() {
        if c.is_ascii_alphanumeric() || c == ' ' || c == '_' {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}
