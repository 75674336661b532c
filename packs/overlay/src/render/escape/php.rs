//! PHP: <https://www.php.net/manual/en/language.types.string.php>.

use super::{Around, Reader, escaped, first};

pub(super) enum Php {
    Outside,
    Code,
    Single,
    Double,
    LineComment,
    BlockComment,
}

impl Reader for Php {
    fn step(&mut self, rest: &str, _: Option<char>) -> Result<usize, String> {
        let (length, next) = match self {
            Self::Outside if rest.starts_with("<?") => (2, Self::Code),
            Self::Code | Self::LineComment if rest.starts_with("?>") => (2, Self::Outside),
            Self::Code => match rest.as_bytes()[0] {
                b'\'' => (1, Self::Single),
                b'"' => (1, Self::Double),
                b'`' => return Err("a command in backticks: no value can be escaped in such a file".into()),
                b'#' if !rest.starts_with("#[") => (1, Self::LineComment),
                b'/' if rest.starts_with("//") => (2, Self::LineComment),
                b'/' if rest.starts_with("/*") => (2, Self::BlockComment),
                b'<' if rest.starts_with("<<<") => return heredoc(rest),
                _ => return Ok(first(rest)),
            },
            Self::Single | Self::Double if rest.starts_with('\\') => return Ok(escaped(rest)),
            Self::Single if rest.starts_with('\'') => (1, Self::Code),
            Self::Double if rest.starts_with('"') => (1, Self::Code),
            Self::Double if rest.starts_with("{$") || rest.starts_with("${") => {
                let end = rest.find('}').ok_or("`{` in a string is not closed")?;
                if rest[..end].contains(['"', '\'', '\\']) {
                    return Err("an expression with quotes inside of a string: no value can be escaped in such a file".into());
                }
                return Ok(end + 1);
            }
            Self::LineComment if rest.starts_with(['\n', '\r']) => (1, Self::Code),
            Self::BlockComment if rest.starts_with("*/") => (2, Self::Code),
            Self::Outside | Self::Single | Self::Double | Self::LineComment | Self::BlockComment => return Ok(first(rest)),
        };
        *self = next;
        Ok(length)
    }

    fn write(&self, value: &str, around: Around) -> Result<String, String> {
        let single = || value.replace('\\', "\\\\").replace('\'', "\\'");
        match self {
            Self::Code => {
                around.stands_alone()?;
                Ok(format!("'{}'", single()))
            }
            Self::Single => Ok(single()),
            Self::Double => Ok(value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('{', "\\x7B")),
            Self::Outside => Err("a value outside of `<?php … ?>`".into()),
            Self::LineComment | Self::BlockComment => Err("a value in a comment".into()),
        }
    }

    fn may_end(&self) -> bool {
        matches!(self, Self::Outside | Self::Code | Self::LineComment)
    }
}

/// The length of a here-document: up to the first line that starts with its label.
fn heredoc(rest: &str) -> Result<usize, String> {
    let wrong = || "a here-document that is not closed".to_owned();
    let head = rest[3..].trim_start_matches([' ', '\t']).trim_start_matches(['"', '\'']);
    let label: &str = &head[..head.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').ok_or_else(wrong)?];
    if label.is_empty() {
        return Err(wrong());
    }
    let mut at = rest.find('\n').ok_or_else(wrong)? + 1;
    while at < rest.len() {
        let line = &rest[at..at + rest[at..].find('\n').map_or(rest.len() - at, |end| end + 1)];
        let content = line.trim_start();
        let ends = content.strip_prefix(label);
        if ends.is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')) {
            return Ok(at + (line.len() - content.len()) + label.len());
        }
        at += line.len();
    }
    Err(wrong())
}
