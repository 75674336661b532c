//! What was given on the command line, in place of the words that stand for it: a hint can be copied as it is.

use clap::ArgMatches;
use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

/// How a hint begins a command.
const COMMAND: &str = "`silver ";

/// What was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// In place of `PACK`.
    pack: Option<String>,
    /// In place of `--customize=DIR`.
    customize: Option<String>,
}

impl Words {
    /// What the innermost command was given.
    pub fn given(matches: &ArgMatches) -> Self {
        let mut matches = matches;
        while let Some((_, inner)) = matches.subcommand() {
            matches = inner;
        }
        let path = |name: &str| matches.try_get_one::<PathBuf>(name).ok().flatten().map(|path| quoted(path));
        let customize = path("customize").map(|dir| format!("--customize={dir}"));
        Self { pack: path("pack"), customize }
    }

    /// Only a pack.
    pub fn of_pack(pack: &Path) -> Self {
        Self { pack: Some(quoted(pack)), customize: None }
    }

    /// `text` with what was given in all commands that it names.
    pub fn fill<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if *self == Self::default() || !text.contains(COMMAND) {
            return Cow::Borrowed(text);
        }
        let mut parts = text.split(COMMAND);
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (command, rest) = part.split_at(part.find('`').unwrap_or(0));
            let words: Vec<&str> = command.split(' ').map(|word| self.word(word)).collect();
            filled.extend([COMMAND, &words.join(" "), rest]);
        }
        Cow::Owned(filled)
    }

    fn word<'w>(&'w self, word: &'w str) -> &'w str {
        match (word, &self.pack, &self.customize) {
            ("PACK", Some(pack), _) => pack,
            ("--customize=DIR", _, Some(option)) => option,
            _ => word,
        }
    }
}

/// As a shell takes it for one word.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::CommandFactory;

    fn filled(line: &[&str], text: &str) -> String {
        let matches = Args::command().try_get_matches_from(line).unwrap();
        Words::given(&matches).fill(text).into_owned()
    }

    #[test]
    fn commands_of_hints_name_what_was_given() {
        const HINT: &str =
            "`silver customize diff PACK --customize=DIR` shows it, the PACK in DIR, or `silver inspect PACK`; `--customize=DIR`";
        for (line, wanted) in [
            (
                &["silver", "update", "a.zip", "--customize", "mine/"][..],
                "`silver customize diff a.zip --customize=mine/` shows it, the PACK in DIR, or `silver inspect a.zip`; `--customize=DIR`",
            ),
            (
                &["silver", "customize", "rebase", "my app's.zip", "--customize=x y"],
                r"`silver customize diff 'my app'\''s.zip' --customize='x y'` shows it, the PACK in DIR, or `silver inspect 'my app'\''s.zip'`; `--customize=DIR`",
            ),
            (
                &["silver", "merge", "a.zip"],
                "`silver customize diff a.zip --customize=DIR` shows it, the PACK in DIR, or `silver inspect a.zip`; `--customize=DIR`",
            ),
            (
                &["silver", "update", "--customize=mine"],
                "`silver customize diff PACK --customize=mine` shows it, the PACK in DIR, or `silver inspect PACK`; `--customize=DIR`",
            ),
            (&["silver", "status"], HINT),
        ] {
            assert_eq!(filled(line, HINT), wanted, "{line:?}");
        }
        // text that others wrote need not be in order
        assert_eq!(filled(&["silver", "merge", "a.zip"], "`silver PACK"), "`silver PACK");
    }
}
