use super::*;
use crate::fake::{self, path};
use silver_pack::{
    hash,
    listing::{Kind, Node},
};
use silver_plugin_api::plan::{Rendered, RenderedSource, StateNature, StatePath};
use std::sync::Arc;

fn state(at: &str) -> StatePath {
    let (nature, directory) = (StateNature::Data, true);
    StatePath { path: path(at), nature, directory, seed: None, backup: true, owned: None, set: Vec::new(), serve: None }
}

fn order(states: &[&str], rendered: &[&str]) -> Order {
    let mut release = fake::release("1");
    release.state = states.iter().map(|at| state(at)).collect();
    let source = RenderedSource::Template { template: path("t.j2"), values: Vec::new() };
    release.rendered = rendered.iter().map(|at| Rendered { path: path(at), source: source.clone() }).collect();
    Order { app: "shop".into(), label: "shop.20261122_1".into(), release: Arc::new(release), secrets: Vec::new() }
}

fn listing(files: &[&str]) -> Listing {
    let mut listing = Listing::new();
    for file in files {
        listing.insert(path(file), Node { kind: Kind::File, size: 0, digest: hash::sha256(b"") }).unwrap();
    }
    listing
}

/// The view in words: `path → target`, `path/` for a real directory.
fn view(states: &[&str], rendered: &[&str], files: &[&str]) -> Result<Vec<String>, String> {
    let dirs = Dirs::below(Path::new("/home"));
    let entries = plan(&dirs, &order(states, rendered), &listing(files)).map_err(|error| error.to_string())?;
    let words = entries.into_iter().map(|(path, entry)| match entry {
        Entry::Directory => format!("{path}/"),
        Entry::Link(target) => format!("{path} → {}", target.display()),
    });
    Ok(words.collect())
}

#[test]
fn directories_are_real_only_where_something_else_is_in_them() {
    let files = ["env/a/b/c", "env/a/d", "env/e", "outside"];
    assert_eq!(view(&[], &[], &files).unwrap(), ["a → ../tree/env/a", "e → ../tree/env/e"]);
    assert_eq!(
        view(&["a/b/data"], &["conf/x.ini"], &files).unwrap(),
        [
            "a/",
            "a/b/",
            "a/b/c → ../../../tree/env/a/b/c",
            "a/b/data → ../../../../../../data/shop/a/b/data",
            "a/d → ../../tree/env/a/d",
            "conf/",
            "conf/x.ini → /home/run/apps/shop/shop.20261122_1/conf/conf/x.ini",
            "e → ../tree/env/e",
        ]
    );
}

#[test]
fn state_stands_before_files_of_the_tree() {
    let files = ["env/conf/trac.ini", "env/log/.keep"];
    let expected = ["conf/", "conf/trac.ini → ../../../../../data/shop/conf/trac.ini", "log → ../../../../data/shop/log"];
    assert_eq!(view(&["conf/trac.ini", "log"], &[], &files).unwrap(), expected);
}

#[test]
fn a_view_that_cannot_be_is_refused() {
    for (states, rendered) in [(["a", "a/b"], ["x"]), (["a/b/c", "a"], ["x"]), (["a", "b"], ["b"]), (["a", "b"], ["a/b"])] {
        assert!(view(&states, &rendered, &[]).is_err(), "{states:?} {rendered:?}");
    }
}
