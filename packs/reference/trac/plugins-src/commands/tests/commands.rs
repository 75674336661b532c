//! The commands over an index that is a table, and the host's own trees.

use silver_pack::{hash, overlay::Draft, snapshot::Snapshot};
use silver_plugin::{
    Digest, Failure, Overlay, Settings, Tree,
    commands::{Commands, Console, HttpFetch, Invocation, Outcome, Reach, Reply, Workspace},
    customizer::{AppPlugin, EXTRA_APP_PLUGINS},
    index::{Index, PackageRef, Requirement},
};
use std::{cell::RefCell, collections::BTreeMap, fs};
use tempfile::TempDir;
use trac_commands::TracCommands;

/// Name, version, what it needs.
const PACKAGES: [(&str, &str, &[&str]); 5] = [
    ("TracAccountManager", "0.6.0", &[]),
    ("TracAccountManager", "0.5.0", &[]),
    ("TracFancy", "2.0", &["fancy-core", "trac"]),
    ("TracOther", "1.0", &["fancy-core"]),
    ("fancy-core", "3.1", &[]),
];

struct Table;

fn package(name: &str, version: &str) -> PackageRef {
    let digest = hash::sha256(format!("{name} {version}").as_bytes());
    PackageRef {
        name: name.to_lowercase(),
        version: version.into(),
        digest,
        summary: String::new(),
        size: 0,
        yanked: false,
        extra: silver_plugin::Settings::new(),
    }
}

impl Index for Table {
    fn search(&self, query: &str, _: u32) -> Result<Vec<PackageRef>, Failure> {
        let found = PACKAGES.iter().filter(|(name, ..)| name.contains(query));
        Ok(found.map(|(name, version, _)| package(name, version)).collect())
    }

    fn versions(&self, _: &str) -> Result<Vec<PackageRef>, Failure> {
        Ok(Vec::new())
    }

    fn resolve_all(&self, wanted: &[Requirement], constraints: &[Requirement], target: &str) -> Result<Vec<PackageRef>, Failure> {
        assert_eq!(target, "linux-x86_64-gnu2.36-cp311");
        let pinned: Vec<String> = constraints.iter().map(|pin| pin.name.to_lowercase()).collect();
        assert_eq!(pinned, ["trac"]);
        let mut open: Vec<(String, String)> = wanted.iter().map(|row| (row.name.to_lowercase(), row.versions.clone())).collect();
        let mut closure = BTreeMap::new();
        while let Some((name, versions)) = open.pop() {
            if pinned.contains(&name) {
                continue;
            }
            let fits = |row: &&(&str, &str, &[&str])| {
                row.0.to_lowercase() == name && (versions.is_empty() || versions == format!("=={}", row.1))
            };
            let row = PACKAGES.iter().find(fits).ok_or_else(|| Failure::NotFound(format!("{name} {versions}")))?;
            closure.entry(name).or_insert_with(|| package(row.0, row.1));
            open.extend(row.2.iter().map(|need| ((*need).to_owned(), String::new())));
        }
        Ok(closure.into_values().collect())
    }

    fn fetch(&self, what: &PackageRef) -> Result<Box<dyn Tree>, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let name = PACKAGES.iter().find(|row| row.0.to_lowercase() == what.name).unwrap().0.replace('-', "_");
        let mut archive =
            zip::ZipWriter::new(fs::File::create(dir.path().join(format!("{name}-{}-py3-none-any.whl", what.version))).unwrap());
        if name.starts_with("Trac") {
            archive.start_file("x-1.dist-info/entry_points.txt", zip::write::SimpleFileOptions::default()).unwrap();
            std::io::Write::write_all(&mut archive, b"[trac.plugins]\na = a\n").unwrap();
        }
        archive.finish().unwrap();
        let captured = Snapshot::capture(dir.path()).unwrap();
        // the directory goes: the blobs have to be in memory by then
        let mut draft = Draft::new(&Snapshot::empty());
        for (path, _) in captured.listing().iter() {
            let bytes = captured.read(path)?;
            draft.put(path, &bytes, false, silver_plugin::Collision::Fail, silver_plugin::Reason::new("test", []))?;
        }
        Ok(Box::new(draft.finish().0))
    }
}

/// A world for a command: the customization directory, what the lock pins, what was said.
struct World {
    dir: TempDir,
    locked: Vec<AppPlugin>,
    tables: RefCell<Vec<Vec<Vec<String>>>>,
}

impl Console for World {
    fn line(&self, _: &str) {}
    fn table(&self, _: &[String], rows: &[Vec<String>]) {
        self.tables.borrow_mut().push(rows.to_vec());
    }
    fn progress(&self, _: &str, _: u64, _: Option<u64>) {}
    fn confirm(&self, _: &str, _: bool) -> Result<bool, Failure> {
        Err(Failure::Denied("nobody is there".into()))
    }
}

impl HttpFetch for World {
    fn get(&self, _: &str, _: Option<&str>, _: Option<&Digest>) -> Result<Reply, Failure> {
        Err(Failure::Denied("http".into()))
    }
}

impl Reach for World {
    fn index(&self, name: &str) -> Result<Box<dyn Index + '_>, Failure> {
        assert_eq!(name, "python");
        Ok(Box::new(Table))
    }
    fn http(&self) -> &dyn HttpFetch {
        self
    }
    fn console(&self) -> &dyn Console {
        self
    }
}

struct Staging {
    app: Snapshot,
    current: Snapshot,
    edits: Draft,
}

impl Workspace for Staging {
    fn current(&self) -> Box<dyn Tree> {
        Box::new(self.current.clone())
    }
    fn app(&self) -> Box<dyn Tree> {
        Box::new(self.app.clone())
    }
    fn edits(&mut self) -> &mut dyn Overlay {
        &mut self.edits
    }
}

impl World {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), locked: Vec::new(), tables: RefCell::default() }
    }

    /// Runs a command as the host does: what it edits and pins stays only when it succeeds.
    fn run(&mut self, command: &str, plugins: &[&str], dry_run: bool) -> Result<Outcome, Failure> {
        let pack = tempfile::tempdir().unwrap();
        fs::create_dir(pack.path().join("wheels")).unwrap();
        fs::write(pack.path().join("wheels/trac-1.6-py3-none-any.whl"), "").unwrap();
        let app = Snapshot::capture(pack.path()).unwrap();
        let current = Snapshot::capture(self.dir.path()).unwrap();
        let mut staging = Staging { app, edits: Draft::new(&current), current };
        let pinned = serde_json::to_string(&self.locked).unwrap();
        let what = Invocation {
            command: command.into(),
            arguments: vec![("plugin".into(), plugins.iter().map(|&plugin| plugin.into()).collect())],
            target: "linux-x86_64-gnu2.36-cp311".into(),
            dry_run,
            extra: Settings::from([(EXTRA_APP_PLUGINS.into(), pinned)]),
            ..Invocation::default()
        };
        let outcome = TracCommands.run(&what, &mut staging, self)?;
        let edited = staging.edits.finish().0;
        fs::remove_dir_all(self.dir.path()).unwrap();
        for (path, _) in edited.listing().iter() {
            let to = self.dir.path().join(path.as_str());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(to, edited.read(path).unwrap()).unwrap();
        }
        fs::create_dir_all(self.dir.path()).unwrap();
        if let Some(pinned) = outcome.extra.get(EXTRA_APP_PLUGINS) {
            self.locked = serde_json::from_str(pinned).unwrap();
        }
        Ok(outcome)
    }

    fn files(&self) -> Vec<String> {
        let tree = Snapshot::capture(self.dir.path()).unwrap();
        tree.listing().iter().map(|(path, _)| path.name().to_owned()).collect()
    }

    fn pinned(&self) -> Vec<(&str, &str, bool)> {
        self.locked.iter().map(|plugin| (plugin.name.as_str(), plugin.version.as_str(), plugin.requested)).collect()
    }
}

fn code(result: Result<Outcome, Failure>) -> String {
    match result {
        Err(Failure::Invalid(findings)) => findings[0].code.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plugin_comes_and_goes() {
    let mut world = World::new();
    let outcome = world.run("install-plugin", &["TracAccountManager"], false).unwrap();
    assert_eq!((outcome.status, outcome.diagnostics.len()), (0, 0));
    assert_eq!(world.files(), ["TracAccountManager-0.6.0-py3-none-any.whl"]);
    assert_eq!(world.pinned(), [("TracAccountManager", "0.6.0", true)]);
    assert_eq!(world.locked[0].path, "plugins/TracAccountManager-0.6.0-py3-none-any.whl");

    let again = world.run("install-plugin", &["tracaccountmanager"], false).unwrap();
    assert_eq!(again.summary, "installed already; nothing to do");

    // another version takes its place
    world.run("install-plugin", &["TracAccountManager==0.5.0"], false).unwrap();
    assert_eq!(world.files(), ["TracAccountManager-0.5.0-py3-none-any.whl"]);
    assert_eq!(world.pinned(), [("TracAccountManager", "0.5.0", true)]);
    // and stays when something else comes
    world.run("install-plugin", &["TracFancy"], false).unwrap();
    assert_eq!(world.pinned()[1], ("TracAccountManager", "0.5.0", true));

    world.run("uninstall-plugin", &["TracAccountManager", "TracFancy"], false).unwrap();
    assert!(world.files().is_empty() && world.locked.is_empty());
}

#[test]
fn what_two_need_stays_until_both_are_gone() {
    let mut world = World::new();
    world.run("install-plugin", &["TracFancy", "TracOther"], false).unwrap();
    assert_eq!(world.pinned(), [("fancy_core", "3.1", false), ("TracFancy", "2.0", true), ("TracOther", "1.0", true)]);
    assert_eq!(code(world.run("uninstall-plugin", &["fancy-core"], false)), "needed");
    world.run("uninstall-plugin", &["TracFancy"], false).unwrap();
    assert_eq!(world.files(), ["TracOther-1.0-py3-none-any.whl", "fancy_core-3.1-py3-none-any.whl"]);
    world.run("uninstall-plugin", &["TracOther"], false).unwrap();
    assert!(world.files().is_empty());
}

#[test]
fn a_dry_run_changes_nothing() {
    let mut world = World::new();
    let outcome = world.run("install-plugin", &["TracFancy"], true).unwrap();
    assert_eq!(outcome.summary, "would install fancy-core 3.1, tracfancy 2.0");
    assert!(world.files().is_empty() && world.locked.is_empty());
}

#[test]
fn a_library_is_told_apart_from_a_plugin() {
    let outcome = World::new().run("install-plugin", &["fancy-core"], false).unwrap();
    assert_eq!(outcome.diagnostics[0].code, "no-trac-plugin");
}

#[test]
fn mistakes_change_nothing() {
    let mut world = World::new();
    assert_eq!(code(world.run("install-plugin", &["Trac==1.4"], false)), "part-of-the-pack");
    assert_eq!(code(world.run("install-plugin", &["../x"], false)), "plugin-name");
    assert!(matches!(world.run("install-plugin", &["NoSuchThing"], false), Err(Failure::NotFound(_))));
    assert_eq!(code(world.run("uninstall-plugin", &["TracFancy"], false)), "not-installed");
    fs::create_dir_all(world.dir.path().join("plugins")).unwrap();
    fs::write(world.dir.path().join("plugins/TracFancy-1.0-py3-none-any.whl"), "").unwrap();
    assert_eq!(code(world.run("install-plugin", &["TracFancy"], false)), "wheel-by-hand");
    assert_eq!(world.files(), ["TracFancy-1.0-py3-none-any.whl"]);
}

#[test]
fn all_kinds_of_plugins_are_listed() {
    let mut world = World::new();
    world.run("install-plugin", &["TracFancy"], false).unwrap();
    fs::write(world.dir.path().join("plugins/own.py"), "").unwrap();
    fs::write(world.dir.path().join("plugins/Hand-1-py3-none-any.whl"), "").unwrap();
    world.tables.borrow_mut().clear();
    assert_eq!(world.run("list-plugins", &[], false).unwrap().summary, "4 plugins");
    let how: Vec<String> = world.tables.borrow()[0].iter().map(|row| format!("{}: {}", row[0], row[2])).collect();
    assert_eq!(how, ["fancy_core: needed by another", "TracFancy: installed", "hand: put there by hand", "own.py: single file"]);
}
