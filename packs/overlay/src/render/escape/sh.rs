//! POSIX shell: <https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html#tag_18_02>.

use super::{Around, Reader, escaped, first};

pub(super) enum Sh {
    Code,
    Single,
    Double,
    Comment,
}

impl Reader for Sh {
    fn step(&mut self, rest: &str, before: Option<char>) -> Result<usize, String> {
        let (length, next) = match self {
            Self::Code | Self::Double if rest.starts_with('\\') => return Ok(escaped(rest)),
            Self::Code | Self::Double if rest.starts_with('`') => {
                return Err("a command in backticks: write `$(…)`".into());
            }
            Self::Code => match rest.as_bytes()[0] {
                b'$' if rest.starts_with("$'") || rest.starts_with("$\"") => {
                    return Err("`$` before a quote: no value can be escaped in such a file".into());
                }
                // arithmetic looks through quotes; a value in it is refused
                b'(' if rest.starts_with("((") => return Ok(rest.find("))").ok_or("`((` is not closed")? + 2),
                b'\'' => (1, Self::Single),
                b'"' => (1, Self::Double),
                b'<' if rest.starts_with("<<<") => return Ok(3),
                b'<' if rest.starts_with("<<") => {
                    return Err("a here-document: no value can be escaped in such a file".into());
                }
                b'#' if before.is_none_or(|c| c.is_whitespace() || ";&|()".contains(c)) => (1, Self::Comment),
                _ => return Ok(first(rest)),
            },
            Self::Single if rest.starts_with('\'') => (1, Self::Code),
            Self::Double if rest.starts_with('"') => (1, Self::Code),
            Self::Double if rest.starts_with("$(") => {
                let end = rest.find(')').ok_or("`$(` is not closed")?;
                let inside = &rest[2..end];
                if inside.contains(['\'', '`', '\\', '(', '#']) || !inside.matches('"').count().is_multiple_of(2) {
                    return Err("a command inside of a string that is too hard to read: give it a variable of its own".into());
                }
                return Ok(end + 1);
            }
            Self::Double if rest.starts_with("${") => {
                let end = rest.find('}').ok_or("`${` is not closed")?;
                if rest[2..end].contains(['"', '\'', '`', '\\', '$']) {
                    return Err("quotes inside of `${…}`: no value can be escaped in such a file".into());
                }
                return Ok(end + 1);
            }
            Self::Comment if rest.starts_with('\n') => (1, Self::Code),
            Self::Single | Self::Double | Self::Comment => return Ok(first(rest)),
        };
        *self = next;
        Ok(length)
    }

    fn write(&self, value: &str, _: Around) -> Result<String, String> {
        let single = value.replace('\'', "'\\''");
        match self {
            Self::Code => Ok(format!("'{single}'")),
            Self::Single => Ok(single),
            Self::Double => {
                let mut text = String::with_capacity(value.len() + 8);
                for c in value.chars() {
                    if matches!(c, '\\' | '"' | '$' | '`') {
                        text.push('\\');
                    }
                    text.push(c);
                }
                Ok(text)
            }
            Self::Comment => Err("a value in a comment".into()),
        }
    }

    fn may_end(&self) -> bool {
        matches!(self, Self::Code | Self::Comment)
    }
}
