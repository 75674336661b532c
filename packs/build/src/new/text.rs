//! A commented manifest, as it is written.

/// The text, and what in it is only likely.
pub(super) struct Text {
    text: String,
    guesses: Vec<String>,
}

impl Text {
    pub(super) fn new() -> Self {
        let text = "# Written by `silver pack new` from what lies in this directory. What it could not know is marked «guess»:\n\
                    # look at those lines, then run `silver pack`.\nformat = 1\n";
        Self { text: text.to_owned(), guesses: Vec::new() }
    }

    /// A table's header, after an empty line.
    pub(super) fn table(&mut self, header: &str) -> &mut Self {
        self.line("").line(header)
    }

    /// A line as it is.
    pub(super) fn line(&mut self, line: &str) -> &mut Self {
        self.text.push_str(line);
        self.text.push('\n');
        self
    }

    /// A line that is only likely, and why.
    pub(super) fn guess(&mut self, line: &str, why: &str) -> &mut Self {
        self.guesses.push(format!("{line}: {why}"));
        self.line(&format!("{line}   # guess: {why}"))
    }

    /// What is to be known or done, on a line of its own.
    pub(super) fn remark(&mut self, remark: &str) -> &mut Self {
        self.guesses.push(remark.to_owned());
        self.line(&format!("# {remark}"))
    }

    pub(super) fn finish(self) -> (String, Vec<String>) {
        (self.text, self.guesses)
    }
}

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

/// A list of texts.
pub(super) fn list<S: AsRef<str>>(items: &[S]) -> String {
    format!("[{}]", items.iter().map(|item| quoted(item.as_ref())).collect::<Vec<_>>().join(", "))
}
