//! Ini files: a value is the rest of its line and knows no escapes, so what would break out is
//! refused.

use super::{Around, Reader, first};
use crate::render::ini::judge_value;

#[derive(Default)]
pub(super) struct Ini {
    /// The line so far.
    line: String,
}

impl Reader for Ini {
    fn step(&mut self, rest: &str, _: Option<char>) -> Result<usize, String> {
        let length = first(rest);
        if rest.starts_with('\n') {
            self.line.clear();
        } else {
            self.line.push_str(&rest[..length]);
        }
        Ok(length)
    }

    fn write(&self, value: &str, _: Around) -> Result<String, String> {
        judge_value(value.trim())?;
        judge_value(&format!("|{value}|"))?;
        let line = self.line.trim_start();
        if !line.starts_with(['#', ';']) && (line.starts_with('[') || !line.contains(['=', ':'])) {
            return Err("a value stands only behind `key =`".into());
        }
        for quote in ['"', '\''] {
            let inside = !line.matches(quote).count().is_multiple_of(2);
            if inside && value.contains([quote, '\\']) {
                return Err(format!("the value has {quote} or \\ and stands in quotes, which an ini file cannot escape"));
            }
        }
        Ok(value.to_owned())
    }

    fn may_end(&self) -> bool {
        true
    }
}
