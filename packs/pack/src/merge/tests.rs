//! Merging a pack and a customization.

use super::*;
use crate::{
    customization::{CONFIG, LOCK, Settled},
    overlay_customizer::{self, OverlayCustomizer},
};
use silver_plugin_api::{Collision, Overlay, Reason, Tree, customizer::Claim};
use std::{cell::Cell, fs};

const PACK: &str = r#"
format = 1
[pack]
id = "org.example.app"
name = "app"
version = "1.0.0"
[runtime]
kind = "static"
root = "env/htdocs"
[layout]
root = "env"
[[slot]]
name = "templates"
from = "templates/**"
into = "instance:templates"
mode = "override"
must-exist = false
summary = "page templates"
[[slot]]
name = "ini"
from = "site.ini"
into = "instance:conf/site.ini"
mode = "merge-ini"
[[slot]]
name = "conf"
from = "conf/**"
into = "instance:conf"
mode = "override"
must-exist = false
[state."conf/app.ini"]
nature = "config"
seed = "conf/app.ini"
[state."conf/log"]
nature = "log"
"#;

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

fn app(header: &str) -> Snapshot {
    tree(&[
        ("pack.toml", PACK),
        ("env/templates/header.html", header),
        ("env/conf/site.ini", "[a]\nx = 1\n"),
        ("env/old.txt", "old"),
    ])
}

/// The overlay customizer, counting its calls.
#[derive(Default)]
struct Counting(Cell<u32>);

impl Customizer for Counting {
    fn claims(&self, options: &Options) -> Result<Vec<Claim>, Failure> {
        OverlayCustomizer.claims(options)
    }
    fn check(&self, app: &dyn Tree, mine: &dyn Tree, options: &Options) -> Result<Vec<Diagnostic>, Failure> {
        OverlayCustomizer.check(app, mine, options)
    }
    fn merge(
        &self,
        app: &dyn Tree,
        mine: &dyn Tree,
        into: &mut dyn Overlay,
        options: &Options,
    ) -> Result<Vec<Diagnostic>, Failure> {
        self.0.set(self.0.get() + 1);
        OverlayCustomizer.merge(app, mine, into, options)
    }
}

struct World {
    dir: tempfile::TempDir,
    cache: tempfile::TempDir,
    calls: Counting,
}

impl World {
    fn new(config: &str, files: &[(&str, &str)]) -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap(), cache: tempfile::tempdir().unwrap(), calls: Counting::default() };
        world.write(CONFIG, &format!("{config}\n[pack]\nid = \"org.example.app\"\n"));
        for (name, content) in files {
            world.write(name, content);
        }
        world
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn merge(&self, app: &Snapshot) -> Result<Merged, MergeError> {
        self.merge_after(app, None)
    }

    /// With a customization that was used with a pack of the usual files that has `former` as its manifest.
    fn merge_after(&self, app: &Snapshot, former: Option<&str>) -> Result<Merged, MergeError> {
        let former = former.map(|text| Former {
            manifest: manifest::parse(text, "pack.toml").unwrap(),
            listing: self::app("before").listing().clone(),
        });
        let customization = Customization::load(self.dir.path()).unwrap();
        let manifest = manifest::parse(PACK, "pack.toml").unwrap();
        let options = options(&manifest, Some(&customization), "app", Settings::new(), "any");
        let layer = Layer {
            name: "overlay".into(),
            digest: hash::sha256(overlay_customizer::VERSION.as_bytes()),
            customizer: &self.calls,
        };
        merge(&Input {
            app,
            manifest: &manifest,
            customization: Some(&customization),
            layers: &[layer],
            options: &options,
            limits: OverlayLimits::default(),
            cache: Some(self.cache.path()),
            former: Some(&|| former.clone()),
        })
    }

    fn told(&self, app: &Snapshot) -> Vec<String> {
        self.told_after(app, None)
    }

    fn told_after(&self, app: &Snapshot, former: Option<&str>) -> Vec<String> {
        match self.merge_after(app, former) {
            Ok(_) => vec!["fine".into()],
            Err(MergeError::Findings(findings)) => {
                let line = |f: &Diagnostic| format!("{}: {} | {}", f.code, f.message, f.help.clone().unwrap_or_default());
                findings.iter().map(line).collect()
            }
            Err(other) => vec![other.to_string()],
        }
    }
}

#[test]
fn a_customization_is_laid_over_and_every_path_has_its_reason() {
    let files =
        [("templates/header.html", "mine"), ("templates/new.html", "new"), ("site.ini", "[a]\ny = 2\n"), ("README.md", "#")];
    let world = World::new("remove = [\"old.txt\"]", &files);
    let merged = world.merge(&app("pack")).unwrap();
    let paths: Vec<&str> = merged.tree.listing().iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["env/conf/site.ini", "env/templates/header.html", "env/templates/new.html", "pack.toml"]);
    let rules: Vec<(&str, &str, bool)> = merged
        .reasons
        .iter()
        .map(|(path, changes)| (path.as_str(), changes[0].rule.as_str(), changes[0].replaced.is_some()))
        .collect();
    assert_eq!(
        rules,
        [
            ("env/conf/site.ini", "slot ini: merge-ini", true),
            ("env/old.txt", "remove", true),
            ("env/templates/header.html", "slot templates: override", true),
            ("env/templates/new.html", "slot templates: override", false),
        ]
    );
    let [header] = merged.overrides.as_slice() else { panic!("{:?}", merged.overrides) };
    assert_eq!((header.path.as_str(), header.file.as_str()), ("env/templates/header.html", "templates/header.html"));
    assert_eq!((&header.state, header.theirs), (&overrides::State::New, Some(hash::sha256(b"pack"))));
}

#[test]
fn results_are_kept_until_something_changes_or_they_are_damaged() {
    let world = World::new("", &[("templates/header.html", "mine"), ("site.ini", "[a]\ny = 2\n")]);
    let app = app("pack");
    let first = world.merge(&app).unwrap();
    let again = world.merge(&app).unwrap();
    assert_eq!((first.cached, again.cached, world.calls.0.get()), (false, true, 1));
    assert_eq!(first.tree.digest(), again.tree.digest());
    assert_eq!(first.reasons, again.reasons);
    assert_eq!(again.tree.text(&path("env/conf/site.ini")).unwrap(), "[a]\nx = 1\ny = 2\n");

    let kept = fs::read_dir(world.cache.path()).unwrap().next().unwrap().unwrap().path();
    let sound = fs::read(&kept).unwrap();
    for at in [0, 80, sound.len() - 1] {
        let mut damaged = sound.clone();
        damaged[at] ^= 1;
        fs::write(&kept, damaged).unwrap();
        let merged = world.merge(&app).unwrap();
        assert_eq!((merged.cached, merged.tree.digest()), (false, first.tree.digest()), "byte {at}");
    }
    assert_eq!(fs::read(&kept).unwrap(), sound, "what was damaged is written anew, byte by byte the same");

    world.write("templates/header.html", "other");
    assert!(!world.merge(&app).unwrap().cached);
    world.write(CONFIG, "# only a comment\n[pack]\nid = \"org.example.app\"\n");
    assert!(world.merge(&app).unwrap().cached, "what customizers do not see does not count");
}

#[test]
fn all_that_does_not_fit_is_told_with_a_way_out() {
    let world = World::new("", &[("template/header.html", ""), ("logo.png", "")]);
    let told = world.told(&app("pack"));
    assert_eq!(
        told,
        [
            "unclaimed-file: nothing in the pack takes `logo.png` | the pack takes `templates/**` (page templates), `site.ini`, `conf/**`",
            "unclaimed-file: nothing in the pack takes `template/header.html` | did you mean `templates/header.html`?",
        ]
    );
    let world = World::new("remove = [\"env/olt.txt\", \"pack.toml\"]", &[]);
    assert_eq!(
        world.told(&app("pack")),
        [
            "remove-of-nothing: `remove` names `env/olt.txt`, which is not there | did you mean `env/old.txt`?",
            "cannot-remove: `pack.toml` cannot be removed: denied: `pack.toml` is not for plugins to change | ",
        ]
    );
}

#[test]
fn a_slot_that_is_gone_is_named() {
    let world = World::new("", &[("notes/today.txt", ""), ("site/a.conf", ""), ("logo.png", "")]);
    let slot = |name: &str, from: &str| {
        format!("[[slot]]\nname = \"{name}\"\nfrom = \"{from}\"\ninto = \"instance:x\"\nmode = \"add\"\n")
    };
    let before = PACK.replace("1.0.0", "0.9.0").replace("from = \"conf/**\"", "from = \"site/**\"") + &slot("notes", "notes/**");
    assert_eq!(
        world.told_after(&app("pack"), Some(&before)),
        [
            "unclaimed-file: nothing in the pack takes `logo.png` | the pack takes `templates/**` (page templates), `site.ini`, `conf/**`",
            "unclaimed-file: nothing in the pack takes `notes/today.txt`: `notes` was a slot of 0.9.0 and is gone in 1.0.0 | take the file out, or move it to another slot: the pack takes `templates/**` (page templates), `site.ini`, `conf/**`",
            "unclaimed-file: the slot `conf` of 0.9.0 took `site/a.conf`; that of 1.0.0 takes `conf/**` | give the file a path that it takes, or take it out",
        ]
    );
}

#[test]
fn a_file_that_was_removed_and_is_gone_is_named() {
    let before = PACK.replace("1.0.0", "0.9.0");
    let without = tree(&[("pack.toml", PACK), ("env/conf/site.ini", "[a]\n"), ("env/olt.txt", "")]);
    for named in ["old.txt", "env/old.txt", "templates"] {
        let world = World::new(&format!("remove = [\"{named}\"]"), &[]);
        assert_eq!(
            world.told_after(&without, Some(&before)),
            [format!(
                "remove-of-nothing: `remove` names `{named}`, which was there in 0.9.0 and is not in 1.0.0 | take it out of `remove` in customize.toml"
            )]
        );
        assert!(!world.told(&without)[0].contains("0.9.0"));
    }
}

fn settled() -> Settled {
    Settled { by: "ada@host".into(), version: "1.0.0".parse().unwrap(), at: "2026-11-22T20:00:00Z".into() }
}

#[test]
fn a_file_that_the_pack_changed_meanwhile_is_a_conflict() {
    let world = World::new("", &[("templates/header.html", "mine")]);
    let merged = world.merge(&app("pack")).unwrap();
    let customization = Customization::load(world.dir.path()).unwrap();
    let mut lock = customization.lock.clone();
    lock.overrides = overrides::rows(&merged.overrides, &settled());
    customization.save_lock(&lock).unwrap();
    assert_eq!(world.told(&app("pack")), ["fine"]);
    let told = world.told(&app("pack, second edition"));
    assert!(
        told[0]
            .starts_with("override-conflict: the pack's `env/templates/header.html` has changed since `templates/header.html`"),
        "{told:?}"
    );
    fs::remove_file(world.dir.path().join(LOCK)).unwrap();
    assert_eq!(world.told(&app("pack, second edition")), ["fine"]);
}

#[test]
fn files_behind_the_applications_data_are_found() {
    let world = World::new("", &[("conf/app.ini", "[a]\n")]);
    let merged = world.merge(&app("pack")).unwrap();
    assert_eq!((merged.diagnostics[0].code.as_str(), merged.diagnostics[0].severity), ("only-a-seed", Severity::Warning));
    let world = World::new("", &[("conf/log/x.log", "")]);
    assert_eq!(
        world.told(&app("pack")),
        ["behind-state: `env/conf/log/x.log` would never be seen: `conf/log` is the application's own data | "]
    );
}

/// A customizer that misbehaves in one way.
struct Rogue(&'static str);

impl Customizer for Rogue {
    fn claims(&self, _: &Options) -> Result<Vec<Claim>, Failure> {
        Ok(vec![Claim { pattern: if self.0 == "claim" { "[".into() } else { "**".into() }, summary: String::new() }])
    }
    fn check(&self, _: &dyn Tree, _: &dyn Tree, _: &Options) -> Result<Vec<Diagnostic>, Failure> {
        if self.0 == "check" { Err(Failure::Internal("trap".into())) } else { Ok(vec![]) }
    }
    fn merge(&self, _: &dyn Tree, _: &dyn Tree, into: &mut dyn Overlay, _: &Options) -> Result<Vec<Diagnostic>, Failure> {
        match self.0 {
            "manifest" => into.put(&path("pack.toml"), b"", false, Collision::Replace, Reason::new("", [])).map(|()| vec![]),
            "empty" => Err(Failure::Invalid(vec![])),
            _ => Ok(vec![Diagnostic::error("late", "found while merging")]),
        }
    }
}

#[test]
fn customizers_that_misbehave_are_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(CONFIG), "[pack]\nid = \"org.example.app\"\n").unwrap();
    let customization = Customization::load(dir.path()).unwrap();
    let manifest = manifest::parse(PACK, "pack.toml").unwrap();
    let options = Options::default();
    for (how, wanted) in [
        ("claim", "the customization does not fit the pack: the customizer `rogue` claims `[` is not a glob"),
        ("check", "the customizer `rogue` failed"),
        ("manifest", "the customizer `rogue` failed"),
        ("empty", "the customization does not fit the pack: the customizer `rogue` gave up"),
        ("late", "the customization does not fit the pack: found while merging"),
    ] {
        let rogue = Rogue(how);
        let layers = [Layer { name: "rogue".into(), digest: hash::sha256(b""), customizer: &rogue }];
        let input = Input {
            app: &app("pack"),
            manifest: &manifest,
            customization: Some(&customization),
            layers: &layers,
            options: &options,
            limits: OverlayLimits::default(),
            cache: None,
            former: None,
        };
        let told = merge(&input).unwrap_err().to_string();
        assert!(told.starts_with(wanted), "{how}: {told}");
    }
}
