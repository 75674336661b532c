//! What an overlay does and refuses.

use super::*;
use proptest::prelude::*;

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

fn why() -> Reason {
    Reason::new("a test", ["test:x".to_owned()])
}

fn tree(files: &[(&str, &str)]) -> Snapshot {
    let mut draft = Draft::new(&Snapshot::empty());
    for (name, content) in files {
        draft.put(&path(name), content.as_bytes(), false, Collision::Fail, why()).unwrap();
    }
    draft.finish().0
}

fn code(result: Result<impl Sized, Failure>) -> String {
    match result.map(drop) {
        Ok(()) => "ok".into(),
        Err(Failure::Invalid(findings)) => findings[0].code.clone(),
        Err(Failure::NotFound(_)) => "not-found".into(),
        Err(Failure::Denied(_)) => "denied".into(),
        Err(Failure::Limit(_)) => "limit".into(),
        Err(other) => other.to_string(),
    }
}

/// A tree that shows nothing but the trait, as a plugin's own would.
struct Hidden(Snapshot);

impl Tree for Hidden {
    fn digest(&self) -> Digest {
        Tree::digest(&self.0)
    }
    fn stat(&self, path: &TreePath) -> Option<Entry> {
        self.0.stat(path)
    }
    fn list(&self, under: &TreePath, after: Option<&TreePath>, limit: u32) -> Result<Vec<Entry>, Failure> {
        self.0.list(under, after, limit)
    }
    fn glob(&self, patterns: &[String], after: Option<&TreePath>, limit: u32) -> Result<Vec<Entry>, Failure> {
        self.0.glob(patterns, after, limit)
    }
    fn read(&self, path: &TreePath) -> Result<Vec<u8>, Failure> {
        self.0.read(path)
    }
    fn read_range(&self, path: &TreePath, offset: u64, length: u32) -> Result<Vec<u8>, Failure> {
        self.0.read_range(path, offset, length)
    }
    fn read_link(&self, path: &TreePath) -> Result<String, Failure> {
        self.0.read_link(path)
    }
}

#[test]
fn links_move_no_bytes_and_hidden_trees_are_read() {
    let other = tree(&[("d/x", "X"), ("d/e/y", "Y")]);
    let dest = path("at");
    let mut linked = Draft::new(&tree(&[("a", "A")]));
    assert_eq!(linked.link_all(&other, &path("d"), &dest, Collision::Fail, why()), Ok(2));
    assert!(linked.made().is_empty());
    let mut read = Draft::new(&tree(&[("a", "A")]));
    assert_eq!(read.link_all(&Hidden(other), &path("d"), &dest, Collision::Fail, why()), Ok(2));
    assert_eq!(read.made().len(), 2);
    let (linked, read) = (linked.finish().0, read.finish().0);
    assert_eq!(linked.digest(), read.digest());
    assert_eq!(linked.text(&path("at/e/y")).unwrap(), "Y");
    assert_eq!(linked.digest(), tree(&[("a", "A"), ("at/x", "X"), ("at/e/y", "Y")]).digest());
}

#[test]
fn every_refusal_leaves_the_tree_as_it_was() {
    let base = tree(&[("a", "A"), ("d/x", "X"), ("pack.toml", "")]);
    let other = tree(&[("d/new", "N"), ("d/x", "2"), ("pack.toml", "evil"), ("l/a/b", "B")]);
    let all = |from: &str, dest: &str, on| {
        let (other, from, dest) = (other.clone(), path(from), path(dest));
        move |draft: &mut Draft| code(draft.link_all(&other, &from, &dest, on, why()))
    };
    type Operation = Box<dyn Fn(&mut Draft) -> String>;
    let cases: Vec<(&str, Operation)> = vec![
        ("collision", Box::new(|draft| code(draft.put(&path("a"), b"2", false, Collision::Fail, why())))),
        ("path-conflict", Box::new(|draft| code(draft.put(&path("a/b"), b"2", false, Collision::Replace, why())))),
        ("path-conflict", Box::new(|draft| code(draft.put(&path("d"), b"2", false, Collision::Replace, why())))),
        ("path-conflict", Box::new(|draft| code(draft.put(&path("D/x"), b"2", false, Collision::Replace, why())))),
        ("no-name", Box::new(|draft| code(draft.put(&TreePath::root(), b"2", false, Collision::Replace, why())))),
        ("not-found", Box::new(|draft| code(draft.remove(&path("d"), why())))),
        ("not-found", Box::new(|draft| code(draft.remove_all(&path("none"), why())))),
        ("not-found", Box::new(|draft| code(draft.set_executable(&path("d"), true, why())))),
        ("denied", Box::new(|draft| code(draft.remove(&path("pack.toml"), why())))),
        ("denied", Box::new(|draft| code(draft.remove_all(&TreePath::root(), why())))),
        ("bad-link", Box::new(|draft| code(draft.symlink(&path("d/l"), "../../x", Collision::Fail, why())))),
        ("bad-link", Box::new(|draft| code(draft.symlink(&path("d/l"), "/etc/passwd", Collision::Fail, why())))),
        ("collision", Box::new(all("d", "d", Collision::Fail))),
        ("path-conflict", Box::new(all("l", "", Collision::Replace))),
        ("denied", Box::new(all("", "", Collision::Replace))),
    ];
    for (wanted, operation) in cases {
        let mut draft = Draft::new(&base);
        draft.protect(path("pack.toml"));
        assert_eq!(operation(&mut draft), wanted);
        let (after, reasons) = draft.finish();
        assert_eq!(after.digest(), base.digest(), "{wanted}");
        assert!(reasons.is_empty(), "{wanted}");
    }
}

#[test]
fn limits_are_per_customizer() {
    let mut draft = Draft::new(&Snapshot::empty());
    let limits = OverlayLimits { operations: 3, bytes: 10 };
    draft.enter("one", limits);
    assert_eq!(code(draft.put(&path("a"), &[0; 8], false, Collision::Fail, why())), "ok");
    assert_eq!(code(draft.put(&path("b"), &[0; 8], false, Collision::Fail, why())), "limit");
    draft.enter("two", limits);
    {
        let mut writer = draft.open(&path("c"), true, Collision::Fail, why()).unwrap();
        writer.write(&[1; 6]).unwrap();
        assert_eq!(code(writer.write(&[1; 6])), "limit");
    }
    assert!(Overlay::stat(&draft, &path("c")).is_none(), "a dropped writer leaves nothing");
    draft.enter("three", limits);
    let results: Vec<String> = (0..4).map(|_| code(draft.put(&path("a"), b"", false, Collision::Keep, why()))).collect();
    assert_eq!(results, ["ok", "ok", "ok", "limit"]);
}

#[test]
fn reasons_tell_who_changed_what() {
    let mut draft = Draft::new(&tree(&[("a", "A"), ("b", "B")]));
    draft.enter("overlay", OverlayLimits::default());
    draft.put(&path("a"), b"2", false, Collision::Replace, why()).unwrap();
    draft.put(&path("a"), b"3", false, Collision::Keep, why()).unwrap();
    draft.enter("plugin", OverlayLimits::default());
    draft.remove(&path("a"), why()).unwrap();
    draft.symlink(&path("c"), "b", Collision::Fail, Reason::new("x".repeat(5000), vec![String::new(); 100])).unwrap();
    let (_, reasons) = draft.finish();
    let told: Vec<_> = reasons.of(&path("a")).iter().map(|c| (c.by.as_str(), c.replaced, c.digest)).collect();
    let (old, new) = (hash::sha256(b"A"), hash::sha256(b"2"));
    assert_eq!(told, [("overlay", Some(old), Some(new)), ("plugin", Some(new), None)]);
    assert!(reasons.of(&path("b")).is_empty());
    let long = &reasons.of(&path("c"))[0];
    assert_eq!((long.rule.len(), long.inputs.len()), (MAX_REASON, MAX_INPUTS));
    let json = reasons.to_json();
    assert_eq!(serde_json::from_str::<Reasons>(&json).unwrap(), reasons);
}

proptest! {
    /// Whatever is tried, the result is a tree whose every content is there.
    #[test]
    fn any_order_of_operations_gives_a_sound_tree(
        operations in prop::collection::vec((0u8..5, "[abA]{1,2}(/[ab]{1,2}){0,2}", "[abA]{1,2}(/[ab]{1,2}){0,2}"), 0..40)
    ) {
        let base = tree(&[("a/b", "1"), ("b", "2")]);
        let mut draft = Draft::new(&base);
        for (what, one, two) in operations {
            let (one, two) = (path(&one), path(&two));
            let _ = match what {
                0 => draft.put(&one, two.as_bytes(), false, Collision::Replace, why()),
                1 => draft.remove(&one, why()),
                2 => draft.link_all(&base, &one, &two, Collision::Keep, why()).map(drop),
                3 => draft.symlink(&one, &two, Collision::Fail, why()),
                _ => draft.remove_all(&one, why()).map(drop),
            };
        }
        let (after, _) = draft.finish();
        let lines = after.listing().to_lines();
        prop_assert_eq!(Listing::parse(&lines).unwrap().digest(), after.digest());
        for (path, node) in after.listing().iter() {
            if node.kind == Kind::Link {
                prop_assert!(path.resolve_link(&after.link_target(path).unwrap()).is_ok());
            } else {
                prop_assert_eq!(after.bytes(path).unwrap().len() as u64, node.size);
            }
        }
    }
}
