//! All entries of a tree, page by page.

use crate::{Entry, Failure, Tree, TreePath, tree::MAX_PAGE};
use alloc::{string::String, vec, vec::Vec};

/// The files and links below `under`, in path order. After an error the iterator ends.
pub fn below<'a>(tree: &'a dyn Tree, under: &TreePath) -> impl Iterator<Item = Result<Entry, Failure>> + use<'a> {
    let under = under.clone();
    pages(move |after| tree.list(&under, after, MAX_PAGE))
}

/// The files and links that one of `patterns` matches, in path order. After an error the iterator
/// ends.
pub fn matching<'a>(tree: &'a dyn Tree, patterns: &[&str]) -> impl Iterator<Item = Result<Entry, Failure>> + use<'a> {
    let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.into()).collect();
    pages(move |after| tree.glob(&patterns, after, MAX_PAGE))
}

fn pages(mut page: impl FnMut(Option<&TreePath>) -> Result<Vec<Entry>, Failure>) -> impl Iterator<Item = Result<Entry, Failure>> {
    let mut entries = vec![].into_iter();
    let mut last: Option<TreePath> = None;
    let mut done = false;
    core::iter::from_fn(move || {
        if entries.len() == 0 && !done {
            match page(last.as_ref()) {
                // a page may be shorter than asked for: only an empty one is the end
                Ok(next) => {
                    done = next.is_empty();
                    last = next.last().map(|entry: &Entry| entry.path.clone());
                    entries = next.into_iter();
                }
                Err(failure) => {
                    done = true;
                    return Some(Err(failure));
                }
            }
        }
        entries.next().map(Ok)
    })
}
