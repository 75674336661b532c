//! What a command changed, shown before it is written.

use crate::ui::Ui;
use serde::Serialize;
use silver_pack::{
    commit::{self, Change},
    listing::Node,
    snapshot::Snapshot,
};
use similar::TextDiff;

/// Longer texts are named, not shown.
const SHOWN: u64 = 64 << 10;

/// One row of the report.
#[derive(Debug, Serialize)]
pub struct FileChange {
    path: String,
    change: &'static str,
    size: u64,
    digest: Option<String>,
}

/// The files that differ.
pub fn list(before: &Snapshot, after: &Snapshot) -> Vec<FileChange> {
    let row = |change: &Change<'_>| FileChange {
        path: change.path.to_string(),
        change: word(change),
        size: change.after.map_or(0, |node| node.size),
        digest: change.after.map(|node| node.digest.to_string()),
    };
    commit::changes(before.listing(), after.listing()).iter().map(row).collect()
}

/// The differences: texts line by line, all else by name and size.
pub fn show(ui: &Ui, before: &Snapshot, after: &Snapshot) {
    for change in commit::changes(before.listing(), after.listing()) {
        let (old, new) = (text(before, &change, change.before), text(after, &change, change.after));
        if let (Some(old), Some(new)) = (old, new) {
            let (from, to) = (format!("a/{}", change.path), format!("b/{}", change.path));
            let diff = TextDiff::from_lines(&old, &new);
            ui.line(diff.unified_diff().context_radius(2).header(&from, &to).to_string().trim_end());
        } else {
            let size = change.after.map_or(String::new(), |node| format!(" ({} bytes, {})", node.size, node.digest.short()));
            ui.line(&format!("{} {}{size}", word(&change), change.path));
        }
    }
}

fn word(change: &Change<'_>) -> &'static str {
    match (change.before, change.after) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    }
}

/// The text at one side, empty where nothing is; `None` when it is not for showing.
fn text(tree: &Snapshot, change: &Change<'_>, node: Option<&Node>) -> Option<String> {
    let Some(node) = node else { return Some(String::new()) };
    if node.size > SHOWN {
        return None;
    }
    tree.text(change.path).ok().filter(|text| !text.contains('\0'))
}
