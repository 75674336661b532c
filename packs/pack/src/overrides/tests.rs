//! How overrides stand, and conflict markers.

use super::*;
use crate::{hash, overlay::Draft};
use silver_plugin_api::{Collision, Overlay, Reason};

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

fn tree(files: &[(&str, &str)]) -> Snapshot {
    let mut draft = Draft::new(&Snapshot::empty());
    for (name, content) in files {
        draft.put(&path(name), content.as_bytes(), false, Collision::Fail, Reason::new("a test", [])).unwrap();
    }
    draft.finish().0
}

fn row(at: &str, file: &str, base: &str) -> Overridden {
    Overridden::new(path(at), path(file), hash::sha256(base.as_bytes()))
}

const MARKED: &str = "a\n<<<<<<< ours\nmine\n||||||| original\nb\n=======\ntheirs\n>>>>>>> theirs\nc\n";

/// `path state` of each, in the order of paths.
fn told(app: &[(&str, &str)], own: &[(&str, &str)], rows: &[Overridden], found: Option<&[Overridden]>) -> Vec<String> {
    let (app, own) = (tree(app), tree(own));
    let survey = Survey { app: app.listing(), own: &own, rows, found, former: None, base_of: &|_| None };
    survey.overrides().iter().map(|one| format!("{} {}", one.path, one.state.as_str())).collect()
}

#[test]
fn each_file_stands_somehow_to_the_packs() {
    let own = [("t/a", "mine"), ("t/b", MARKED)];
    let merged = Overridden { conflict: Some(hash::sha256(b"older")), ..row("e/t/a", "t/a", "A") };
    let marked = Overridden { conflict: Some(hash::sha256(b"older")), ..row("e/t/b", "t/b", "B") };
    let a = |content| vec![("e/t/a", content)];
    for (app, rows, wanted) in [
        (a("A"), vec![row("e/t/a", "t/a", "A")], vec!["e/t/a current"]),
        (a("A2"), vec![row("e/t/a", "t/a", "A")], vec!["e/t/a changed"]),
        (vec![("e/x/a", "A")], vec![row("e/t/a", "t/a", "A")], vec!["e/t/a moved"]),
        (vec![("e/x/a", "A2")], vec![row("e/t/a", "t/a", "A")], vec!["e/t/a gone"]),
        // the same by chance
        (vec![("e/x/other", "A")], vec![row("e/t/a", "t/a", "A")], vec!["e/t/a gone"]),
        (vec![("e/x/a", "A"), ("e/y/a", "A")], vec![row("e/t/a", "t/a", "A")], vec!["e/t/a gone"]),
        // an empty file is the same as any other empty file: that says nothing about where it went
        (vec![("e/x/a", "")], vec![row("e/t/a", "t/a", "")], vec!["e/t/a gone"]),
        (a("A"), vec![merged.clone()], vec!["e/t/a merged"]),
        (a("A2"), vec![merged], vec!["e/t/a changed"]),
        (vec![("e/t/b", "B")], vec![marked], vec!["e/t/b marked"]),
        // the operator took the file out
        (a("A2"), vec![row("e/t/c", "t/c", "A")], vec![]),
        // nothing is known of the file of a row of the first silver
        (a("A2"), vec![Overridden { file: None, ..row("e/t/a", "t/a", "A") }], vec![]),
    ] {
        assert_eq!(told(&app, &own, &rows, None), wanted, "{app:?} {rows:?}");
    }
}

#[test]
fn what_the_merge_found_completes_what_the_lock_says() {
    let own = [("t/a", "mine"), ("t/n", "new")];
    let app = [("e/t/a", "A2"), ("e/t/n", "N")];
    let found = [row("e/t/a", "t/a", "A2"), row("e/t/n", "t/n", "N")];
    let old = Overridden { file: None, ..row("e/t/a", "t/a", "A") };
    assert_eq!(told(&app, &own, &[old], Some(&found)), ["e/t/a changed", "e/t/n new"]);
    // it is laid over no more
    assert_eq!(told(&app, &own, &[row("e/t/a", "t/a", "A")], Some(&found[1..])), ["e/t/n new"]);
    // the slot leads elsewhere now, and the pack's file went with it
    let elsewhere = [row("e/u/a", "t/a", "A")];
    assert_eq!(told(&[("e/u/a", "A")], &own, &[row("e/t/a", "t/a", "A")], Some(&elsewhere)), ["e/u/a current"]);
}

#[test]
fn a_file_that_the_lock_does_not_know_is_compared_with_the_former_pack() {
    let (app, own, former) = (tree(&[("e/t/n", "N2")]), tree(&[("t/n", "mine")]), tree(&[("e/t/n", "N")]));
    let found = [row("e/t/n", "t/n", "N2")];
    let look =
        |former| Survey { app: app.listing(), own: &own, rows: &[], found: Some(&found), former, base_of: &|_| None }.overrides();
    assert_eq!(look(None)[0].state, State::New);
    assert_eq!(look(Some(app.listing()))[0].state, State::New);
    let changed = &look(Some(former.listing()))[0];
    assert_eq!((&changed.state, changed.base), (&State::Changed, Some(hash::sha256(b"N"))));
}

#[test]
fn all_conflicts_are_told_each_with_a_way_out() {
    let own = tree(&[("t/a", "mine"), ("t/b", MARKED), ("t/c", "mine"), ("t/d", "mine"), ("t/e", "mine")]);
    let app = tree(&[("e/t/a", "A2"), ("e/t/b", "B"), ("e/t/moved", "C"), ("e/t/e", "E")]);
    let marked = Overridden { conflict: Some(hash::sha256(b"older")), ..row("e/t/b", "t/b", "B") };
    let rows = [row("e/t/a", "t/a", "A"), marked, row("e/t/c", "t/c", "C"), row("e/t/d", "t/d", "D"), row("e/t/e", "t/e", "E")];
    let overrides =
        Survey { app: app.listing(), own: &own, rows: &rows, found: None, former: None, base_of: &|_| None }.overrides();
    let findings = conflicts(&overrides);
    let told: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        told,
        [
            "the pack's `e/t/a` has changed since `t/a` was made from it",
            "`t/b` still holds conflict markers, in lines 2, 4, 6, 8",
            "the pack's `e/t/c`, which `t/c` was made from, is `e/t/moved` now",
            "the pack has no `e/t/d` any more, which `t/d` was made from",
        ]
    );
    assert!(findings.iter().all(|finding| finding.help.as_ref().is_some_and(|help| help.contains("silver customize"))));
    assert_eq!(findings[1].at.as_ref().map(|at| at.line), Some(2));
}

#[test]
fn markers_are_found_and_nothing_else() {
    for (text, wanted) in [
        (MARKED, vec![2, 4, 6, 8]),
        ("Heading\n=======\n", vec![]),
        ("<<<<<<< HEAD\n=======\n>>>>>>> branch\n", vec![]),
        ("<<<<<<< ours\r\nx\r\n>>>>>>> theirs\r\n", vec![1, 3]),
        // what is forgotten counts
        ("a\n>>>>>>> theirs\n", vec![2]),
        ("a\n||||||| original", vec![2]),
        ("<<<<<<<< ours\n=======\n========\n>>>>>>>> theirs\n", vec![1, 3, 4]),
        ("", vec![]),
    ] {
        assert_eq!(marker_lines(text.as_bytes()), wanted, "{text}");
    }
}

#[test]
fn a_side_is_taken_where_both_changed_the_same() {
    let resolved = |text: &str, side| resolve(text.as_bytes(), side).map(|text| String::from_utf8(text).unwrap());
    assert_eq!(resolved(MARKED, Side::Ours).unwrap(), "a\nmine\nc\n");
    assert_eq!(resolved(MARKED, Side::Theirs).unwrap(), "a\ntheirs\nc\n");
    let twice = format!("{MARKED}{MARKED}");
    assert_eq!(resolved(&twice, Side::Theirs).unwrap(), "a\ntheirs\nc\na\ntheirs\nc\n");
    let without_original = "<<<<<<< ours\n1\n=======\n2\n>>>>>>> theirs\n";
    assert_eq!(resolved(without_original, Side::Theirs).unwrap(), "2\n");
    assert_eq!(resolved("T\n=======\n", Side::Ours).unwrap(), "T\n=======\n");
    for broken in ["<<<<<<< ours\n1\n", ">>>>>>> theirs\n", "<<<<<<< ours\n<<<<<<< ours\n", "<<<<<<< ours\n>>>>>>> theirs\n"] {
        assert_eq!(resolved(broken, Side::Ours), None, "{broken}");
    }
}

#[test]
fn shorter_markers_are_lines_of_the_text() {
    let text = "<<<<<<<< ours\n<<<<<<< ours\n|||||||| original\n=======\n========\n>>>>>>> theirs\n>>>>>>>> theirs\n";
    assert_eq!(marker_lines(text.as_bytes()), [1, 3, 5, 7]);
    assert_eq!(resolve(text.as_bytes(), Side::Ours).unwrap(), b"<<<<<<< ours\n");
    assert_eq!(resolve(text.as_bytes(), Side::Theirs).unwrap(), b">>>>>>> theirs\n");
}

#[test]
fn markers_are_longer_than_what_looks_like_them() {
    assert_eq!(separator(&[b"a\nb\n", b"<<< x\n"]), 7);
    assert_eq!(separator(&[b"a\n", b"T\n==========\n"]), 11);
}
