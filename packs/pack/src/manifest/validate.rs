//! The rules that look at more than one field. Those of one part of the manifest stand in one file.

mod assemble;
mod binds;
mod building;
mod customizing;
mod front;
mod running;

use super::{FILE_NAME, Manifest, Span};
use crate::document::{Document, DocumentError, Problem, ProblemKind, nearest};
use silver_plugin_api::TreePath;

/// Checks everything that the types do not say; all that is wrong is told.
pub(super) fn validate(manifest: &Manifest, document: &Document<'_>) -> Result<(), DocumentError> {
    let mut rules = Rules { document, problems: Vec::new() };
    if manifest.format != 1 {
        let hint = "this silver reads format 1; a newer pack needs a newer silver";
        rules.wrong(&["format"], format!("format {} is not known", manifest.format), Some(hint));
    }
    rules.pack(manifest);
    rules.building(manifest);
    rules.running(manifest);
    rules.assemble(manifest);
    rules.front(manifest);
    rules.public_state(manifest);
    rules.customizing(manifest);
    rules.binds(manifest);
    if rules.problems.is_empty() { Ok(()) } else { Err(document.error(rules.problems)) }
}

struct Rules<'d, 't> {
    document: &'d Document<'t>,
    problems: Vec<Problem>,
}

impl Rules<'_, '_> {
    fn wrong(&mut self, path: &[&str], message: impl Into<String>, hint: Option<&str>) {
        let kind = ProblemKind::Invalid { message: message.into(), hint: hint.map(Into::into) };
        self.problems.push(self.document.problem(path, kind));
    }

    /// A reference to something that the manifest does not have.
    fn unknown<'n>(&mut self, path: &[&str], what: &str, name: &str, names: impl Iterator<Item = &'n str> + Clone) {
        let hint = match nearest(name, names.clone()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => match names.map(|name| format!("`{name}`")).collect::<Vec<_>>() {
                none if none.is_empty() => format!("the manifest has no {what} at all"),
                some => format!("there is {}", some.join(", ")),
            },
        };
        self.wrong(path, format!("there is no {what} `{name}`"), Some(&hint));
    }

    fn pack(&mut self, manifest: &Manifest) {
        let pack = &manifest.pack;
        let label = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if pack.id.split('.').count() < 2 || !pack.id.split('.').all(label) || pack.id.len() > 255 {
            let hint = "a domain that is yours, backwards: `org.example.wiki`, lower case";
            self.wrong(&["pack", "id"], format!("`{}` is not an id", pack.id.escape_debug()), Some(hint));
        }
        for (name, url) in [("homepage", &pack.homepage), ("source", &pack.source), ("documentation", &pack.documentation)] {
            if url.as_ref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
                self.wrong(&["pack", name], "an address starts with https:// or http://", None);
            }
        }
        for (name, text) in [("summary", &pack.summary), ("app-version", pack.app_version.as_ref().unwrap_or(&pack.summary))] {
            if text.contains('\n') {
                self.wrong(&["pack", name], "it is one line", None);
            }
        }
        if pack.min_upgradable_version.as_ref().is_some_and(|version| *version > pack.version) {
            self.wrong(&["pack", "min-upgradable-version"], format!("it is above the pack's own version {}", pack.version), None);
        }
        let root = &manifest.layout.root;
        if root.is_root() || root.below(&TreePath::new(FILE_NAME).unwrap_or_default()).is_some() {
            self.wrong(&["layout", "root"], "the instance directory is a directory of the pack", Some("`instance`, say"));
        }
    }

    /// A path below the application's location.
    fn location(&mut self, path: &[&str], location: &str) {
        if !location.starts_with('/') || location.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#') {
            self.wrong(
                path,
                format!("`{}` is not a path of the application", location.escape_debug()),
                Some("it starts with `/`"),
            );
        }
    }

    fn status(&mut self, path: &[&str], status: u16) {
        if !(100..=599).contains(&status) {
            self.wrong(path, format!("{status} is not a status of HTTP"), None);
        }
    }

    /// Program and arguments.
    fn argv(&mut self, path: &[&str], argv: &[String]) {
        if argv.first().is_none_or(String::is_empty) {
            self.wrong(path, "a command starts with a program", None);
        }
        for (at, argument) in argv.iter().enumerate() {
            let number = at.to_string();
            let place = [path, &[&number]].concat();
            if argument.contains('\0') {
                self.wrong(&place, "an argument cannot have a NUL character", None);
            }
            for start in argument.match_indices("${").map(|(start, _)| start) {
                let name = argument[start + 2..].split_once('}').map(|(name, _)| name);
                if !name.is_some_and(super::is_variable) {
                    self.wrong(
                        &place,
                        "`${` is not followed by a variable's name and `}`",
                        Some("only ${NAME} is replaced; there is no shell"),
                    );
                }
            }
        }
    }

    fn timeout(&mut self, path: &[&str], timeout: Span) {
        if timeout > Span::seconds(24 * 3600) {
            self.wrong(path, format!("{timeout} is longer than a day"), None);
        }
    }
}
