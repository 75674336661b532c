//! Bringing a customization up to date.

use super::*;
use crate::{
    customization::LockedPack, listing::Listing, manifest, merge, overlay::OverlayLimits, overlay_customizer::OverlayCustomizer,
};
use silver_plugin_api::Settings;
use std::{fs, path::Path, sync::Arc};
use tempfile::TempDir;

const PACK: &str = r#"
format = 1
[pack]
id = "org.example.app"
name = "app"
version = "1.0.0"
[runtime]
kind = "static"
root = "env"
[layout]
root = "env"
[settings.title]
default = "T"
renamed-from = "name"
[[slot]]
name = "templates"
from = "templates/**"
into = "instance:templates"
mode = "override"
must-exist = false
[[slot]]
name = "fixed"
from = "fixed/**"
into = "instance:fixed"
mode = "override"
"#;

const BASE: &str = "head\none\ntwo\nthree\nfour\nfive\nsix\nfoot\n";
const OURS: &str = "head of ours\none\ntwo\nthree\nfour\nfive\nsix\nfoot\n";
const THEIRS: &str = "head\none\ntwo\nthree\nfour\nfive\nsix\nfoot of theirs\n";
const BOTH: &str = "head of ours\none\ntwo\nthree\nfour\nfive\nsix\nfoot of theirs\n";
const CLASH: &str = "head of theirs\none\ntwo\nthree\nfour\nfive\nsix\nfoot\n";

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

fn settled() -> Settled {
    Settled { by: "ada@host".into(), version: "1.1.0".parse().unwrap(), at: "2026-11-22T20:00:00Z".into() }
}

type Files<'a> = &'a [(&'a str, &'a str)];
type Choices<'a> = &'a [(&'a str, Side)];

/// A customization directory and the packs it meets.
struct World {
    dir: TempDir,
    bases: crate::snapshot::MemoryBlobs,
}

impl World {
    /// Its files were made from what `pack` has, and the lock says so.
    fn new(pack: &[(&str, &str)], files: &[(&str, &str)]) -> Self {
        let mut world = Self { dir: tempfile::tempdir().unwrap(), bases: crate::snapshot::MemoryBlobs::new() };
        world.write(CONFIG, "[pack]\nid = \"org.example.app\"\n");
        for (name, content) in files {
            world.write(name, content);
        }
        for (_, content) in pack {
            world.bases.put(content.as_bytes());
        }
        world.rebase(pack, &[]).unwrap();
        world
    }

    fn write(&self, name: &str, content: &str) {
        let at = self.dir.path().join(name);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()
    }

    fn load(&self) -> Customization {
        Customization::load(self.dir.path()).unwrap()
    }

    fn look(app: &Snapshot, customization: &Customization) -> Vec<Override> {
        let manifest = manifest::parse(PACK, "pack.toml").unwrap();
        let options = merge::options(&manifest, Some(customization), "app", Settings::new(), "any");
        let layers = [merge::Layer { name: "overlay".into(), digest: hash::sha256(b""), customizer: &OverlayCustomizer }];
        let input = merge::Input {
            app,
            manifest: &manifest,
            customization: Some(customization),
            layers: &layers,
            options: &options,
            limits: OverlayLimits::default(),
            cache: None,
            former: None,
        };
        merge::look(&input, customization).unwrap().overrides
    }

    /// What is done with each file, written to the directory.
    fn rebase(&self, pack: &[(&str, &str)], choices: &[(&str, Side)]) -> Result<Vec<String>, RebaseError> {
        let app = tree(pack);
        let customization = self.load();
        let overrides = Self::look(&app, &customization);
        let choices = choices.iter().map(|(file, side)| (path(file), *side)).collect();
        let manifest = manifest::parse(PACK, "pack.toml").unwrap();
        let rebased = Rebase {
            customization: &customization,
            overrides: &overrides,
            app: &app,
            manifest: &manifest,
            former_known: customization.lock.pack.is_none(),
            bases: &self.bases,
            choices: &choices,
            settled: settled(),
        }
        .run()?;
        crate::commit::lock(self.dir.path()).unwrap().commit(&customization.files, &rebased.files).unwrap();
        let told = overrides.iter().zip(&rebased.overrides).map(|(one, done)| format!("{} {}", one.file, done.as_str()));
        Ok(told.collect())
    }

    /// All files, to see that nothing changed.
    fn all(&self) -> Arc<Listing> {
        self.load().files.listing().clone()
    }

    fn row(&self, file: &str) -> Overridden {
        let lock = self.load().lock;
        lock.overrides.into_iter().find(|row| row.file == Some(path(file))).unwrap_or_else(|| panic!("no row of {file}"))
    }
}

fn tree(files: &[(&str, &str)]) -> Snapshot {
    let mut draft = Draft::new(&Snapshot::empty());
    for (name, content) in files {
        draft.put(&path(name), content.as_bytes(), false, Collision::Fail, Reason::new("a test", [])).unwrap();
    }
    draft.finish().0
}

const A: &str = "env/templates/a.html";
const MINE: &str = "templates/a.html";

#[test]
fn changes_of_both_sides_are_merged_and_recorded() {
    let world = World::new(&[(A, BASE)], &[(MINE, OURS)]);
    assert_eq!(world.row(MINE).settled, None);
    assert_eq!(world.rebase(&[(A, THEIRS)], &[]).unwrap(), ["templates/a.html merged"]);
    assert_eq!(world.read(MINE), BOTH);
    let row = world.row(MINE);
    assert_eq!((row.base, row.settled, row.conflict), (hash::sha256(THEIRS.as_bytes()), Some(settled()), None));
    let before = world.all();
    assert_eq!(world.rebase(&[(A, THEIRS)], &[]).unwrap(), ["templates/a.html nothing"]);
    assert_eq!(world.all(), before, "twice is once");
}

#[test]
fn conflicts_are_marked_and_settled_by_hand_or_by_choice() {
    let settle: [(&str, Choices<'_>, Option<&str>, &str); 3] = [
        ("by hand", &[], Some("head of both\nfoot\n"), "head of both\nfoot\n"),
        ("ours", &[(MINE, Side::Ours)], None, OURS),
        ("theirs", &[(MINE, Side::Theirs)], None, CLASH),
    ];
    for (how, choices, edited, wanted) in settle {
        let world = World::new(&[(A, BASE)], &[(MINE, OURS)]);
        assert_eq!(world.rebase(&[(A, CLASH)], &[]).unwrap(), ["templates/a.html marked"], "{how}");
        let marked = world.read(MINE);
        assert!(
            marked.starts_with(
                "<<<<<<< ours\nhead of ours\n||||||| original\nhead\n=======\nhead of theirs\n>>>>>>> theirs\none\n"
            ),
            "{marked}"
        );
        let row = world.row(MINE);
        assert_eq!(
            (row.base, row.conflict, row.settled),
            (hash::sha256(CLASH.as_bytes()), Some(hash::sha256(BASE.as_bytes())), None)
        );
        let before = world.all();
        assert_eq!(world.rebase(&[(A, CLASH)], &[]).unwrap(), ["templates/a.html marked"], "{how}");
        assert_eq!(world.all(), before, "twice is once");
        if let Some(text) = edited {
            world.write(MINE, text);
        }
        world.rebase(&[(A, CLASH)], choices).unwrap();
        assert_eq!(world.read(MINE), wanted, "{how}");
        let row = world.row(MINE);
        assert_eq!((row.conflict, row.settled), (None, Some(settled())), "{how}");
        let before = world.all();
        assert_eq!(world.rebase(&[(A, CLASH)], &[]).unwrap(), ["templates/a.html nothing"], "{how}");
        assert_eq!(world.all(), before);
    }
}

#[test]
fn a_choice_settles_at_once() {
    for (side, wanted) in [(Side::Ours, OURS), (Side::Theirs, CLASH)] {
        let world = World::new(&[(A, BASE)], &[(MINE, OURS)]);
        // by the pack's path, too
        world.rebase(&[(A, CLASH)], &[(A, side)]).unwrap();
        assert_eq!(world.read(MINE), wanted);
        assert_eq!(world.row(MINE).settled, Some(settled()));
    }
}

#[test]
fn what_cannot_be_merged_waits_for_a_choice() {
    // (the pack before, the pack now, what is done, with ours: file and row, with theirs)
    let binary: (Files<'_>, Files<'_>, &str, bool) = (&[(A, "\0one")], &[(A, "\0two")], "open", true);
    let gone: (Files<'_>, Files<'_>, &str, bool) = (&[(A, BASE)], &[], "open", false);
    for (before, now, done, row_stays) in [binary, gone] {
        let world = World::new(before, &[(MINE, "\0mine")]);
        let listing = world.all();
        assert_eq!(world.rebase(now, &[]).unwrap(), [format!("templates/a.html {done}")]);
        assert_eq!(world.all(), listing, "nothing is written");
        assert_eq!(world.rebase(now, &[(MINE, Side::Ours)]).unwrap(), ["templates/a.html ours"]);
        assert_eq!(world.read(MINE), "\0mine");
        assert_eq!(world.load().lock.overrides.len(), usize::from(row_stays));

        let world = World::new(before, &[(MINE, "\0mine")]);
        assert_eq!(world.rebase(now, &[(MINE, Side::Theirs)]).unwrap(), ["templates/a.html removed"]);
        assert!(!world.dir.path().join(MINE).exists());
        assert_eq!(world.load().lock.overrides, []);
    }
}

#[test]
fn what_only_replaces_cannot_stay_when_the_packs_file_is_gone() {
    const FIXED: &str = "env/fixed/a.html";
    const FILE: &str = "fixed/a.html";
    let keep = [("env/fixed/b.html", "b")];
    let world = World::new(&[(FIXED, BASE)], &[(FILE, OURS)]);
    let before = world.all();
    let customization = world.load();
    let [one] = World::look(&tree(&keep), &customization).try_into().unwrap();
    assert_eq!((&one.state, one.may_stay), (&State::Gone, false));
    let help = overrides::conflicts(&[one])[0].help.clone().unwrap();
    assert!(help.contains("--theirs fixed/a.html") && !help.contains("--ours"), "{help}");

    for side in [FILE, FIXED] {
        let error = world.rebase(&keep, &[(side, Side::Ours)]).unwrap_err();
        assert!(matches!(&error, RebaseError::CannotStay { file, .. } if *file == path(FILE)), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("--theirs fixed/a.html")), "{:?}", error.hint());
    }
    assert_eq!(world.rebase(&keep, &[]).unwrap(), ["fixed/a.html open"]);
    assert_eq!(world.all(), before, "nothing is written, the row of the lock stays");
    assert_eq!(world.rebase(&keep, &[(FILE, Side::Theirs)]).unwrap(), ["fixed/a.html removed"]);
    assert_eq!((world.read(FILE).as_str(), world.load().lock.overrides.len()), ("", 0));

    // where the pack moved it to, out of the slot's reach: as good as gone
    let world = World::new(&[(FIXED, BASE)], &[(FILE, OURS)]);
    let away = [("env/other/a.html", BASE)];
    assert!(matches!(world.rebase(&away, &[(FILE, Side::Ours)]), Err(RebaseError::CannotStay { .. })));
    // another file that does not fit says nothing about this one
    let world = World::new(&[(A, BASE)], &[(MINE, OURS)]);
    world.write("nowhere.txt", "");
    assert_eq!(world.rebase(&[], &[(MINE, Side::Ours)]).unwrap(), ["templates/a.html ours"]);
}

#[test]
fn a_file_that_the_pack_moved_moves_along() {
    let world = World::new(&[(A, BASE)], &[(MINE, OURS)]);
    let now = [("env/templates/pages/a.html", BASE)];
    assert_eq!(world.rebase(&now, &[]).unwrap(), ["templates/a.html moved"]);
    assert_eq!((world.read(MINE).as_str(), world.read("templates/pages/a.html").as_str()), ("", OURS));
    assert_eq!(world.row("templates/pages/a.html").path, path("env/templates/pages/a.html"));
    assert_eq!(world.rebase(&now, &[]).unwrap(), ["templates/pages/a.html nothing"]);
    // out of the slot's reach
    let world = World::new(&[(A, BASE)], &[(MINE, OURS)]);
    assert_eq!(world.rebase(&[("env/other/a.html", BASE)], &[]).unwrap(), ["templates/a.html open"]);
}

#[test]
fn the_base_is_checked_and_may_be_missing() {
    let mut world = World::new(&[(A, BASE)], &[(MINE, OURS)]);
    world.bases = crate::snapshot::MemoryBlobs::new();
    let before = world.all();
    assert_eq!(world.rebase(&[(A, THEIRS)], &[]).unwrap(), ["templates/a.html open"]);
    assert_eq!(world.all(), before);

    struct Liar;
    impl Blobs for Liar {
        fn open(&self, _: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
            Ok(Box::new(&b"something else"[..]))
        }
    }
    let digest = hash::sha256(BASE.as_bytes());
    assert!(matches!(base(&Liar, &path(MINE), &digest), Err(RebaseError::Altered { expected, .. }) if expected == digest));
}

#[test]
fn a_choice_for_nothing_is_an_error() {
    let world = World::new(&[(A, BASE)], &[(MINE, OURS)]);
    let error = world.rebase(&[(A, THEIRS)], &[("templates/b.html", Side::Ours)]).unwrap_err();
    assert_eq!(error.to_string(), "`templates/b.html` replaces no file of the pack");
    assert_eq!(error.hint().as_deref(), Some("did you mean `templates/a.html`?"));
    assert_eq!(world.read(MINE), OURS);
}

#[test]
fn new_files_are_recorded_only_for_the_pack_that_they_can_come_from() {
    let world = World::new(&[(A, BASE)], &[]);
    let customization = world.load();
    let mut lock = customization.lock.clone();
    lock.pack = Some(LockedPack {
        id: "org.example.app".into(),
        version: "1.0.0".parse().unwrap(),
        digest: hash::sha256(b"1"),
        key: None,
    });
    customization.save_lock(&lock).unwrap();
    world.write(MINE, OURS);
    assert_eq!(world.rebase(&[(A, THEIRS)], &[]).unwrap(), ["templates/a.html unknown"]);
    assert_eq!(world.load().lock.overrides, []);
    assert_eq!(world.rebase(&[(A, THEIRS)], &[(MINE, Side::Ours)]).unwrap(), ["templates/a.html recorded"]);
    assert_eq!(world.row(MINE).base, hash::sha256(THEIRS.as_bytes()));
}

#[test]
fn renamed_settings_move_with_their_comments() {
    let text = "[pack]\nid = \"org.example.app\"\n\n[settings]\n# what stands on top\nname = \"Ours\" # for now\n";
    let world = World::new(&[(A, BASE)], &[]);
    world.write(CONFIG, text);
    world.rebase(&[(A, BASE)], &[]).unwrap();
    assert_eq!(world.read(CONFIG), text.replace("name = ", "title = "));
    // the new name counts already: the old one is left to its operator
    let both = text.replace("name = ", "title = \"New\"\nname = ");
    world.write(CONFIG, &both);
    world.rebase(&[(A, BASE)], &[]).unwrap();
    assert_eq!(world.read(CONFIG), both);
    assert!(Path::new(&world.dir.path().join(CONFIG)).exists());
}
