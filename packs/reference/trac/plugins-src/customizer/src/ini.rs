//! Ini files as Trac reads them: `[section]`, `key = value` or `key: value`, values that go on in
//! indented lines, `#` and `;` at the start of a line for comments.

/// One option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) section: String,
    pub(crate) key: String,
    /// Lines after the first are kept as they were.
    pub(crate) value: String,
    /// 1-based line of the key.
    pub(crate) line: u32,
}

/// A line that is none of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) line: u32,
    pub(crate) why: &'static str,
}

/// The options of a file, in order, and the lines that are wrong.
pub(crate) fn parse(text: &str) -> (Vec<Entry>, Vec<Wrong>) {
    let (mut entries, mut wrong): (Vec<Entry>, Vec<Wrong>) = (Vec::new(), Vec::new());
    let mut section: Option<String> = None;
    let mut open = false; // may the next line go on with a value?
    for (line, raw) in (1u32..).zip(text.strip_prefix('\u{feff}').unwrap_or(text).lines()) {
        let trimmed = raw.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if raw.starts_with([' ', '\t']) {
            match entries.last_mut().filter(|_| open) {
                Some(entry) => {
                    entry.value.push('\n');
                    entry.value.push_str(raw.trim_end());
                }
                None => wrong.push(Wrong { line, why: "an indented line that goes on with nothing" }),
            }
            continue;
        }
        open = false;
        if let Some(name) = trimmed.strip_prefix('[') {
            match name.strip_suffix(']') {
                Some(name) if !name.is_empty() => section = Some(name.to_owned()),
                _ => wrong.push(Wrong { line, why: "a section is written `[name]`" }),
            }
            continue;
        }
        let (Some(section), Some((key, value))) = (&section, trimmed.split_once(['=', ':'])) else {
            let why =
                if section.is_none() { "an option before the first `[section]`" } else { "an option is written `key = value`" };
            wrong.push(Wrong { line, why });
            continue;
        };
        if key.trim().is_empty() {
            wrong.push(Wrong { line, why: "an option without a name" });
            continue;
        }
        let (section, key, value) = (section.clone(), key.trim().to_owned(), value.trim().to_owned());
        entries.push(Entry { section, key, value, line });
        open = true;
    }
    (entries, wrong)
}

/// The text of such a file. Options of one section stand together, in the order in which section
/// and option came first; a later value of the same option (case does not count) stands in place of the
/// earlier one.
pub(crate) fn write<'a>(entries: impl Iterator<Item = &'a Entry>) -> String {
    let mut sections: Vec<(&str, Vec<&Entry>)> = Vec::new();
    for entry in entries {
        let known = sections.iter().position(|(name, _)| *name == entry.section);
        let at = known.unwrap_or_else(|| {
            sections.push((&entry.section, Vec::new()));
            sections.len() - 1
        });
        let options = &mut sections[at].1;
        match options.iter_mut().find(|other| other.key.eq_ignore_ascii_case(&entry.key)) {
            Some(other) => *other = entry,
            None => options.push(entry),
        }
    }
    let mut text = String::new();
    for (name, options) in sections {
        text.extend(["\n[", name, "]\n"]);
        for option in options {
            text.extend([&option.key, " = ", &option.value, "\n"]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_can_be_written() {
        let text = "# c\n[a]\nx = 1\n; c\ny: two\n  and a half\n\n[b]\nz =\n[a]\nX = 3\n";
        let (entries, wrong) = parse(text);
        assert_eq!(wrong, []);
        assert_eq!(write(entries.iter()), "\n[a]\nX = 3\ny = two\n  and a half\n\n[b]\nz = \n");
    }

    #[test]
    fn wrong_lines_are_found_with_their_numbers() {
        let (_, wrong) = parse("x = 1\n[a\n[b]\n  lost\nnothing\n= 3\n");
        assert_eq!(wrong.iter().map(|wrong| wrong.line).collect::<Vec<_>>(), [1, 2, 4, 5, 6]);
    }
}
