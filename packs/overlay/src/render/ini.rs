//! Ini files as Python's `configparser` reads them, edited line by line so that comments, order
//! and lines that nobody understands stay.
//!
//! Section names are compared as they are, keys without regard to case. A key's value goes on in
//! the lines below that are indented deeper. `#` and `;` start a comment only at the start of a
//! line. (No crate was found that keeps all of this: those that keep comments read another
//! dialect.)

use super::{RenderError, covers};

/// A file as lines, each with its line end.
struct Ini<'t> {
    lines: Vec<Line<'t>>,
    newline: &'static str,
}

struct Line<'t> {
    text: std::borrow::Cow<'t, str>,
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    /// `[name]`.
    Section(String),
    /// The first line of a key, by section and lower-case key.
    Key { section: String, key: String },
    /// A further line of the key above.
    More,
    /// Comment, blank, or not understood.
    Other,
}

impl<'t> Ini<'t> {
    fn parse(text: &'t str) -> Self {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let mut lines: Vec<Line<'t>> = Vec::new();
        let mut section = None::<String>;
        let mut key_indent = None::<usize>;
        for text in text.split_inclusive('\n') {
            let bare = text.trim_start_matches('\u{feff}');
            let content = bare.trim();
            let indent = bare.len() - bare.trim_start().len();
            let kind = if content.is_empty() || content.starts_with(['#', ';']) {
                Kind::Other
            } else if key_indent.is_some_and(|key_indent| indent > key_indent) {
                // comments and blank lines on the way belong to the value, too
                for line in lines.iter_mut().rev().take_while(|line| line.kind == Kind::Other) {
                    line.kind = Kind::More;
                }
                Kind::More
            } else if let Some(name) = header(content) {
                section = Some(name.to_owned());
                key_indent = None;
                Kind::Section(name.to_owned())
            } else {
                key_indent = Some(indent);
                match (&section, split(content)) {
                    (Some(section), Some((key, _))) => Kind::Key { section: section.clone(), key: key.to_lowercase() },
                    _ => Kind::Other,
                }
            };
            lines.push(Line { text: text.into(), kind });
        }
        Self { lines, newline }
    }

    fn render(&self) -> String {
        self.lines.iter().map(|line| line.text.as_ref()).collect()
    }

    /// All keys with their values, as they stand in the file: section, key, value.
    fn entries(&self) -> Vec<(String, String, String)> {
        let mut entries: Vec<(String, String, String)> = Vec::new();
        for line in &self.lines {
            let content = line.text.trim_start_matches('\u{feff}').trim();
            match &line.kind {
                Kind::Key { section, .. } => {
                    if let Some((key, value)) = split(content) {
                        entries.push((section.clone(), key.to_owned(), value.to_owned()));
                    }
                }
                Kind::More if !content.starts_with(['#', ';']) => {
                    if let Some((_, _, value)) = entries.last_mut() {
                        value.push('\n');
                        value.push_str(content);
                    }
                }
                _ => {}
            }
        }
        for (_, _, value) in &mut entries {
            value.truncate(value.trim_end().len());
        }
        entries
    }

    /// Removes every line of a key.
    fn remove(&mut self, section: &str, key: &str) {
        while let Some(at) = self.find(section, key) {
            let end = self.end_of_value(at);
            self.lines.drain(at..end);
        }
    }

    fn find(&self, section: &str, key: &str) -> Option<usize> {
        let wanted = Kind::Key { section: section.to_owned(), key: key.to_lowercase() };
        self.lines.iter().position(|line| line.kind == wanted)
    }

    fn end_of_value(&self, at: usize) -> usize {
        let more = self.lines[at + 1..].iter().take_while(|line| line.kind == Kind::More).count();
        at + 1 + more
    }

    /// Sets a key: where it stands, else at the end of its section, else in a new section.
    fn set(&mut self, section: &str, key: &str, value: &str) {
        // a value of several lines goes on in lines that are indented
        let value = value.split('\n').map(str::trim).collect::<Vec<_>>().join(&format!("{}    ", self.newline));
        let new = |indent: &str, key: &str, newline: &str| Line {
            text: format!("{indent}{key} = {value}{newline}").into(),
            kind: Kind::Key { section: section.to_owned(), key: key.to_lowercase() },
        };
        if let Some(at) = self.find(section, key) {
            let text = self.lines[at].text.trim_start_matches('\u{feff}');
            let indent = text[..text.len() - text.trim_start().len()].to_owned();
            let written = split(text.trim()).map_or(key, |(key, _)| key).to_owned();
            let mut line = new(&indent, &written, self.newline);
            if self.lines[at].text.starts_with('\u{feff}') {
                line.text.to_mut().insert(0, '\u{feff}');
            }
            let end = self.end_of_value(at);
            self.lines.splice(at..end, [line]);
            // configparser refuses a file that has a key twice; the first place stays
            while let Some(more) = self.lines[at + 1..].iter().position(|line| line.kind == self.lines[at].kind) {
                let more = at + 1 + more;
                let end = self.end_of_value(more);
                self.lines.drain(more..end);
            }
            return;
        }
        self.end_last_line();
        let last = self.lines.iter().rposition(|line| match &line.kind {
            Kind::Section(name) | Kind::Key { section: name, .. } => name == section,
            _ => false,
        });
        if let Some(at) = last {
            let end = self.end_of_value(at);
            let line = new("", key, self.newline);
            self.lines.insert(end, line);
        } else {
            if self.lines.last().is_some_and(|line| !line.text.trim().is_empty()) {
                self.lines.push(Line { text: self.newline.into(), kind: Kind::Other });
            }
            let header = format!("[{section}]{}", self.newline);
            self.lines.push(Line { text: header.into(), kind: Kind::Section(section.to_owned()) });
            let line = new("", key, self.newline);
            self.lines.push(line);
        }
    }

    fn end_last_line(&mut self) {
        let newline = self.newline;
        if let Some(last) = self.lines.last_mut().filter(|line| !line.text.ends_with('\n')) {
            last.text.to_mut().push_str(newline);
        }
    }
}

/// `[name]`, where the name goes to the last bracket.
fn header(content: &str) -> Option<&str> {
    let (name, _) = content.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

/// `key = value` or `key: value`, whichever comes first.
fn split(content: &str) -> Option<(&str, &str)> {
    let (key, value) = content.split_once(['=', ':'])?;
    let key = key.trim_end();
    (!key.is_empty()).then_some((key, value.trim()))
}

/// Section and key of `section.key`: the first dot divides.
fn divide(dotted: &str) -> Result<(&str, &str), RenderError> {
    let refuse = |why: &str| Err(RenderError::Key { key: dotted.into(), why: why.into() });
    let Some((section, key)) = dotted.split_once('.') else { return refuse("it names no section") };
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if section.is_empty() || section.contains(breaks) || section.contains(['[', ']']) || section.trim() != section {
        return refuse("no section can have such a name");
    }
    if key.is_empty() || key.contains(breaks) || key.trim() != key {
        return refuse("no key can have such a name");
    }
    if key.contains(['=', ':']) || key.starts_with(['#', ';', '[']) {
        return refuse("a key has no `=` or `:` and does not start with `#`, `;` or `[`");
    }
    Ok((section, key))
}

/// What one line of an ini file cannot hold.
pub(super) fn judge_value(value: &str) -> Result<(), String> {
    if value.contains(['\n', '\r']) {
        return Err("it has a line break, and a value in an ini file is one line".into());
    }
    if value.chars().any(|c| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err("it has a control character".into());
    }
    if value.trim() != value {
        return Err("it starts or ends with white space, which an ini file does not keep".into());
    }
    Ok(())
}

pub(super) fn set_keys(base: &str, owned: &[String], set: &[(String, String)]) -> Result<String, RenderError> {
    let mut ini = Ini::parse(base);
    for (section, key, _) in ini.entries() {
        let dotted = format!("{section}.{key}");
        let same =
            |other: &str| other.split_once('.').is_some_and(|(s, k)| s == section && k.to_lowercase() == key.to_lowercase());
        let ours = owned.iter().any(|pattern| covers(pattern, &dotted) || same(pattern));
        if ours && !set.iter().any(|(dotted, _)| same(dotted)) {
            ini.remove(&section, &key);
        }
    }
    for (dotted, value) in set {
        let (section, key) = divide(dotted)?;
        judge_value(value).map_err(|why| RenderError::Value { key: dotted.clone(), why })?;
        ini.set(section, key, value);
    }
    Ok(ini.render())
}

pub(super) fn read_keys(text: &str, owned: &[String]) -> Vec<(String, String)> {
    let entries = Ini::parse(text).entries().into_iter();
    let dotted = entries.map(|(section, key, value)| (format!("{section}.{key}"), value));
    let same = |a: &str, b: &str| match (a.split_once('.'), b.split_once('.')) {
        (Some((s, k)), Some((t, l))) => s == t && k.to_lowercase() == l.to_lowercase(),
        _ => false,
    };
    dotted.filter(|(key, _)| owned.iter().any(|pattern| covers(pattern, key) || same(pattern, key))).collect()
}

pub(super) fn merge(base: &str, over: &str) -> Result<String, RenderError> {
    let over_ini = Ini::parse(over);
    let lost = over_ini.lines.iter().position(|line| {
        let content = line.text.trim_start_matches('\u{feff}').trim();
        line.kind == Kind::Other && !content.is_empty() && !content.starts_with(['#', ';'])
    });
    if let Some(at) = lost {
        let why = format!("line {} is neither a section, nor a key in a section, nor a comment", at + 1);
        return Err(RenderError::Parse { format: "an ini file", why });
    }
    let mut ini = Ini::parse(base);
    for (section, key, value) in over_ini.entries() {
        ini.set(&section, &key, &value);
    }
    Ok(ini.render())
}
