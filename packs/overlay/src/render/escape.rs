//! Escaping by place: a rendered text is read as its language reads it, and every mark is
//! replaced by its value, written so that it means exactly itself where it stands.
//!
//! The readers know strings and comments, not grammars. Where their knowledge ends (a
//! here-document, a script inside of HTML) a value is refused.

mod data;
mod html;
mod ini;
mod js;
mod php;
mod sh;

/// Encloses the number of a value in a rendered text. A noncharacter of Unicode, so no honest text
/// has it; others are refused.
pub(super) const MARK: char = '\u{10fffe}';

/// A language that values can be escaped for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `.php`
    Php,
    /// `.js`, `.mjs`
    JavaScript,
    /// `.ini`, `.cfg`, `.conf`
    Ini,
    /// `.sh`
    Shell,
    /// `.json`
    Json,
    /// `.toml`
    Toml,
    /// `.html`, `.htm`, `.xml`, `.svg`
    Html,
}

impl Language {
    /// The language of the template `name`, by the suffix before `.j2`.
    pub fn of(name: &str) -> Option<Self> {
        let name = name.strip_suffix(".j2").unwrap_or(name);
        let (_, suffix) = name.rsplit('/').next()?.rsplit_once('.')?;
        match suffix {
            "php" => Some(Self::Php),
            "js" | "mjs" => Some(Self::JavaScript),
            "ini" | "cfg" | "conf" => Some(Self::Ini),
            "sh" => Some(Self::Shell),
            "json" => Some(Self::Json),
            "toml" => Some(Self::Toml),
            "html" | "htm" | "xml" | "svg" => Some(Self::Html),
            _ => None,
        }
    }

    fn reader(self) -> Box<dyn Reader> {
        match self {
            Self::Php => Box::new(php::Php::Outside),
            Self::JavaScript => Box::new(js::Js::Code),
            Self::Ini => Box::new(ini::Ini::default()),
            Self::Shell => Box::new(sh::Sh::Code),
            Self::Json => Box::new(data::Data::json()),
            Self::Toml => Box::new(data::Data::toml()),
            Self::Html => Box::new(html::Html::Text),
        }
    }
}

/// Reads a language just well enough to know in what kind of place it is.
trait Reader {
    /// How many bytes of `rest` are read as one, moving on to the place behind them; `before` is
    /// the character before.
    fn step(&mut self, rest: &str, before: Option<char>) -> Result<usize, String>;
    /// `value`, written for the place where the reader is.
    fn write(&self, value: &str, around: Around) -> Result<String, String>;
    /// May the text end here?
    fn may_end(&self) -> bool;
}

/// What stands directly before and behind a mark.
#[derive(Clone, Copy)]
struct Around {
    before: Option<char>,
    after: Option<char>,
}

impl Around {
    /// Would a literal grow together with what is around it?
    fn is_glued(self) -> bool {
        let glues = |c: char| c == MARK || c == '_' || c.is_alphanumeric() || "\"'`".contains(c);
        self.before.is_some_and(glues) || self.after.is_some_and(glues)
    }

    /// For code: an error when a literal would grow together with what is around it.
    fn stands_alone(self) -> Result<(), String> {
        if self.is_glued() {
            return Err("a value in code becomes a whole string: put space around it, or quotes".into());
        }
        Ok(())
    }
}

/// Replaces all marks of `text`; an error is a line and why.
pub(super) fn fill(language: Language, text: &str, values: &[String]) -> Result<String, (usize, String)> {
    let mut reader = language.reader();
    let (mut out, mut at, mut before) = (String::with_capacity(text.len() * 2), 0, None);
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    while at < text.len() {
        let rest = &text[at..];
        if let Some(marked) = rest.strip_prefix(MARK) {
            let (number, after) = marked.split_once(MARK).ok_or_else(|| (line(at), "a broken mark".to_owned()))?;
            let value = number.parse().ok().and_then(|number: usize| values.get(number));
            let value = value.ok_or_else(|| (line(at), "a filter changed a mark".to_owned()))?;
            if value.contains('\0') {
                return Err((line(at), "the value has a NUL character".into()));
            }
            if let Some(c @ ('\\' | '$')) = before {
                return Err((line(at), format!("`{c}` directly before a value would change its meaning")));
            }
            let around = Around { before, after: after.chars().next() };
            out.push_str(&reader.write(value, around).map_err(|why| (line(at), why))?);
            before = Some(MARK);
            at = text.len() - after.len();
            continue;
        }
        let length = reader.step(rest, before).map_err(|why| (line(at), why))?;
        let (read, _) = rest.split_at_checked(length).ok_or_else(|| (line(at), "the text ends too early".to_owned()))?;
        if read.contains(MARK) {
            return Err((line(at), "no value can be escaped here".into()));
        }
        out.push_str(read);
        before = read.chars().next_back();
        at += length;
    }
    if reader.may_end() { Ok(out) } else { Err((line(at), "a string or comment is not closed".into())) }
}

/// The length of the first character.
fn first(rest: &str) -> usize {
    rest.chars().next().map_or(0, char::len_utf8)
}

/// The length of a backslash and what it escapes.
fn escaped(rest: &str) -> usize {
    1 + rest[1..].chars().next().map_or(0, char::len_utf8)
}
