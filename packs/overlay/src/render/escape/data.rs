//! JSON and TOML: strings in double quotes with the same escapes.

use super::{Around, Reader, escaped, first};
use std::fmt::Write as _;

pub(super) struct Data {
    toml: bool,
    place: Place,
}

enum Place {
    Code,
    Basic,
    Literal,
    Comment,
}

impl Data {
    pub(super) fn json() -> Self {
        Self { toml: false, place: Place::Code }
    }

    pub(super) fn toml() -> Self {
        Self { toml: true, place: Place::Code }
    }
}

impl Reader for Data {
    fn step(&mut self, rest: &str, _: Option<char>) -> Result<usize, String> {
        let (length, next) = match self.place {
            Place::Code if self.toml && (rest.starts_with("\"\"\"") || rest.starts_with("'''")) => {
                // the whole string; a mark inside of it is refused
                let end = rest[3..].find(&rest[..3]).ok_or("a string of several lines is not closed")?;
                return Ok(end + 6);
            }
            Place::Code if rest.starts_with('"') => (1, Place::Basic),
            Place::Code if self.toml && rest.starts_with('\'') => (1, Place::Literal),
            Place::Code if self.toml && rest.starts_with('#') => (1, Place::Comment),
            Place::Basic if rest.starts_with('\\') => return Ok(escaped(rest)),
            Place::Basic if rest.starts_with('"') => (1, Place::Code),
            Place::Literal if rest.starts_with('\'') => (1, Place::Code),
            Place::Basic | Place::Literal if rest.starts_with('\n') => return Err("a string is not closed on its line".into()),
            Place::Comment if rest.starts_with('\n') => (1, Place::Code),
            _ => return Ok(first(rest)),
        };
        self.place = next;
        Ok(length)
    }

    fn write(&self, value: &str, around: Around) -> Result<String, String> {
        match self.place {
            Place::Code => {
                around.stands_alone()?;
                Ok(format!("\"{}\"", escape(value)))
            }
            Place::Basic => Ok(escape(value)),
            Place::Literal => Err("a value in single quotes, which know no escapes: use double quotes".into()),
            Place::Comment => Err("a value in a comment".into()),
        }
    }

    fn may_end(&self) -> bool {
        matches!(self.place, Place::Code | Place::Comment)
    }
}

/// Escapes for both; `<`, `>` and `&` too, so that the text can stand inside of HTML.
fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text
}
