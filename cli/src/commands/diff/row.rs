//! What is shown of a file that differs.

use super::Ours;
use crate::text_diff;
use serde::Serialize;
use silver_pack::listing::Kind;
use silver_plugin_api::{TreePath, plan::MAX_CONTENT};
use silver_registry::diff::{Difference, FileDifference};
use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
    io::Read,
};

/// So many bytes of lines are shown in all.
const SHOWN: usize = 1 << 20;

/// A file that differs; `--json` shows these.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    path: String,
    /// `added`, `removed`, `changed`; `odd`: only the node has it, and it can be part of no release.
    difference: &'static str,
    /// Digest before.
    before: Option<String>,
    /// Digest after.
    after: Option<String>,
    /// The lines that differ, where they can be shown.
    lines: Option<String>,
    /// Why there are none: `binary`, `long`, `kind` (executable, link), `unknown` (the content is not here),
    /// `cut` (too many lines in all).
    instead: Option<&'static str>,
}

impl Row {
    /// What can be part of no tree.
    pub(super) fn odd(name: &str) -> Self {
        Self { path: name.to_owned(), difference: "odd", before: None, after: None, lines: None, instead: None }
    }

    /// Were its lines left out because there are too many?
    pub(super) fn is_cut(&self) -> bool {
        self.instead == Some("cut")
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(lines) = &self.lines {
            return f.write_str(lines.trim_end());
        }
        let sign = match self.difference {
            "added" => '+',
            "removed" => '-',
            "odd" => '?',
            _ => '~',
        };
        write!(f, "{sign} {}", self.path)?;
        let why = match self.instead {
            Some("binary") => " (not text)",
            Some("long") => " (too long to be shown)",
            Some("kind") => " (executable, link or plain file)",
            Some("unknown") => " (the former content is not on this machine)",
            None if self.difference == "odd" => " (neither file nor link, or no name that a release can have)",
            _ => "",
        };
        f.write_str(why)
    }
}

/// Is it short enough on both sides, and does its content differ?
pub(super) fn can_be_shown(file: &FileDifference) -> bool {
    let sizes = [&file.before, &file.after].into_iter().flatten().map(|node| node.size);
    sizes.max().unwrap_or_default() <= MAX_CONTENT && content_differs(file)
}

fn content_differs(file: &FileDifference) -> bool {
    file.before.map(|node| (node.digest, node.kind == Kind::Link))
        != file.after.map(|node| (node.digest, node.kind == Kind::Link))
}

/// Makes rows, until enough is shown.
pub(super) struct Shown<'a> {
    ours: &'a Ours,
    theirs: &'a BTreeMap<TreePath, Vec<u8>>,
    name_only: bool,
    left: usize,
}

impl<'a> Shown<'a> {
    /// `theirs` are the contents that the node gave.
    pub(super) fn new(ours: &'a Ours, theirs: &'a BTreeMap<TreePath, Vec<u8>>, name_only: bool) -> Self {
        Self { ours, theirs, name_only, left: SHOWN }
    }

    /// The row of a file; before is the node, after is ours.
    pub(super) fn row(&mut self, file: &FileDifference) -> Row {
        let (lines, instead) = match self.lines(file) {
            _ if self.name_only => (None, None),
            Ok(lines) if lines.len() > self.left => (None, Some("cut")),
            Ok(lines) => {
                self.left -= lines.len();
                (Some(lines), None)
            }
            Err(why) => (None, Some(why)),
        };
        let digest = |node: Option<silver_pack::listing::Node>| node.map(|node| node.digest.to_string());
        let (mut before, mut after) = (digest(file.before), digest(file.after));
        let mut difference = match file.difference {
            Difference::Added => "added",
            Difference::Removed => "removed",
            Difference::Changed => "changed",
        };
        if self.ours.node_is_new {
            std::mem::swap(&mut before, &mut after);
            difference = match difference {
                "added" => "removed",
                "removed" => "added",
                same => same,
            };
        }
        Row { path: file.path.to_string(), difference, before, after, lines, instead }
    }

    fn lines(&self, file: &FileDifference) -> Result<String, &'static str> {
        if !content_differs(file) {
            return Err("kind");
        }
        if !can_be_shown(file) {
            return Err("long");
        }
        let theirs = match &file.before {
            Some(_) => Some(self.theirs.get(&file.path).ok_or("unknown")?.clone()),
            None => None,
        };
        let ours = file.after.map(|_| self.content(file)).transpose()?;
        let [before, after] = self.ours.names;
        let (old, new) = if self.ours.node_is_new { (ours, theirs) } else { (theirs, ours) };
        let name = |side: &str, content: &Option<Vec<u8>>| match content {
            Some(_) => format!("{side}/{}", file.path),
            None => "/dev/null".to_owned(),
        };
        let (from, to) = (name(before, &old), name(after, &new));
        let lines = text_diff::unified(&old.unwrap_or_default(), &new.unwrap_or_default(), &from, &to).ok_or("binary")?;
        // an empty file comes or goes without a line
        if lines.is_empty() { Ok(format!("--- {from}\n+++ {to}\n")) } else { Ok(lines) }
    }

    fn content(&self, file: &FileDifference) -> Result<Vec<u8>, &'static str> {
        let node = file.after.ok_or("unknown")?;
        let mut content = Vec::new();
        let opened = self.ours.tree.blobs().open(&node.digest).map_err(|_| "unknown")?;
        opened.take(MAX_CONTENT + 1).read_to_end(&mut content).map_err(|_| "unknown")?;
        if silver_pack::hash::sha256(&content) == node.digest { Ok(content) } else { Err("unknown") }
    }
}
