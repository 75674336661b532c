//! The frozen interface: what was released does not change, and what was built for it keeps working.
//!
//! `plugins-sdk/wit-released/VERSION/` holds the WIT of each release and components that were built for it, as
//! source; they are encoded here with that WIT and no other.

use super::{
    memory::{Asked, Desk, Memory},
    wasm::encode,
};
use crate::{ABI, Extensions, Grants, Limits, Plugin, Refusal, World, cache::sha256, inspect};
use silver_plugin_api::{
    Severity, Tree, TreePath,
    commands::{Commands, Invocation, ParamKind},
    customizer::{Customizer, Options},
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use wit_component::dummy_module;
use wit_parser::{ManglingAndAbi, Resolve, WorldId};

/// Version and sha256 of what [`meaning`] leaves of its files. A release adds a row; no row ever changes.
const RELEASED: [(&str, &str); 1] = [("0.1.0", "sha256:fd6639b6a0ea0323b58205b4b1c5afb32420b2a7baa75bfec4f3d74c427407cd")];

fn sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins-sdk")
}

fn release(version: &str) -> PathBuf {
    sdk().join("wit-released").join(version)
}

/// The WIT files of a folder without comments and layout, which may be improved.
fn meaning(dir: &Path) -> String {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|suffix| suffix == "wit")).collect();
    files.sort();
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
    let code = texts.flat_map(|text| text.lines().map(|line| line.split("//").next().unwrap().to_owned()).collect::<Vec<_>>());
    code.flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect::<Vec<_>>().join(" ")
}

/// The version that the files of a folder give their package.
fn version(dir: &Path) -> String {
    let meaning = meaning(dir);
    let rest = meaning.split_once("package silver:").expect("a package").1;
    rest.split_once('@').unwrap().1.split(';').next().unwrap().to_owned()
}

#[test]
fn what_was_released_does_not_change() {
    for (version, digest) in RELEASED {
        let found = sha256(meaning(&release(version)).as_bytes()).to_string();
        assert_eq!(found, digest, "the interface {version} is frozen: see «The plugin interface» in CONTRIBUTING.md");
    }
    let kept = fs::read_dir(sdk().join("wit-released")).unwrap().count();
    assert_eq!(kept, RELEASED.len(), "each release has a row here");
}

#[test]
fn the_interface_is_the_newest_release_or_a_later_version() {
    let current = version(&sdk().join("wit"));
    let (newest, _) = RELEASED.last().unwrap();
    assert_eq!(current, ABI, "`ABI` is the version of plugins-sdk/wit");
    if current == *newest {
        assert_eq!(meaning(&sdk().join("wit")), meaning(&release(newest)), "a change needs another version");
    }
}

#[test]
fn the_node_package_is_a_draft() {
    assert!(version(&sdk().join("wit-node")).contains("-draft."));
}

fn world(version: &str, name: &str) -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(release(version)).unwrap();
    let world = resolve.select_world(&[package], Some(name)).unwrap();
    (resolve, world)
}

/// A component that imports every function of its world can be joined with the host: nothing is gone, nothing has
/// another type.
#[test]
fn every_function_of_a_release_is_there() {
    let host = Extensions::new(None, Limits::default()).unwrap();
    for (version, _) in RELEASED {
        for kind in [World::Customizer, World::Commands] {
            let (resolve, world) = world(version, kind.as_str());
            let module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
            let component = encode(module, &resolve, world);
            let imports = inspect(&component).unwrap().imports;
            assert_eq!(imports.len(), kind.interfaces().len(), "{imports:?}");
            let plugin = Plugin::new(format!("everything of {version}"));
            let loaded = if kind == World::Customizer {
                host.customizer(&plugin, &component).map(drop)
            } else {
                host.commands(&plugin, &component, Grants::default()).map(drop)
            };
            loaded.unwrap_or_else(|error| panic!("{version} {}: {error}", kind.as_str()));
        }
    }
}

fn kept(version: &str, name: &str, kind: World) -> Vec<u8> {
    let (resolve, world) = world(version, kind.as_str());
    let text = fs::read_to_string(release(version).join(name)).unwrap();
    encode(wat::parse_str(&text).unwrap(), &resolve, world)
}

#[test]
fn a_customizer_of_a_release_keeps_working() {
    let host = Extensions::new(None, Limits::default()).unwrap();
    for (version, _) in RELEASED {
        let plugin = host.customizer(&Plugin::new("kept"), &kept(version, "customizer.wat", World::Customizer)).unwrap();
        let claims = plugin.claims(&Options::default()).unwrap();
        assert_eq!((claims[0].pattern.as_str(), claims[0].summary.as_str()), ("header.html", "site"));

        let (app, mine) = (Memory::new(&[("old.html", "old"), ("a", "1")]), Memory::new(&[("header.html", "hello")]));
        let found = plugin.check(&app, &mine, &Options::default()).unwrap();
        let at = found[0].at.as_ref().unwrap();
        assert_eq!((found[0].severity, found[0].code.as_str()), (Severity::Note, "site"));
        assert_eq!((at.path.as_str(), at.line, &found[0].help), ("old.html", 7, &None));

        let mut into = app.clone();
        assert_eq!(plugin.merge(&app, &mine, &mut into, &Options::default()), Ok(Vec::new()));
        let expected = Memory::new(&[("a", "1"), ("env/header.html", "hello"), ("made.txt", "hello")]);
        assert_eq!(Tree::digest(&into), Tree::digest(&expected));
    }
}

#[test]
fn commands_of_a_release_keep_working() {
    let host = Extensions::new(None, Limits::default()).unwrap();
    let powers = || ["index:python", "http:a.example", "edit-customization"].map(str::to_owned);
    for (version, _) in RELEASED {
        let wasm = kept(version, "commands.wat", World::Commands);
        let plugin = host.commands(&Plugin::new("kept"), &wasm, Grants::new(powers(), powers())).unwrap();
        let specs = plugin.list().unwrap();
        let param = &specs[0].params[0];
        assert_eq!((specs[0].name.as_str(), param.name.as_str()), ("look", "name"));
        assert_eq!((param.kind, param.required, param.repeated), (ParamKind::Choice, true, false));
        assert_eq!(param.choices, ["look"]);

        let (mut desk, asked) = (Desk::default(), Asked::default());
        let outcome = plugin.run(&Invocation::default(), &mut desk, &asked).unwrap();
        assert_eq!((outcome.summary.as_str(), outcome.status), ("look", 3));
        assert_eq!(*asked.0.borrow(), ["line look", "search look", "get https://a.example/x"]);
        assert_eq!(desk.edits.read(&TreePath::new("name").unwrap()).unwrap(), b"look");
    }
}

/// A plugin that was built for a later version of the same track runs if it needs nothing of what is new; if it does,
/// both versions are named.
#[test]
fn a_later_version_of_the_same_track_is_tried() {
    let later = |text: &str| text.replace("0.1.0", "0.1.9");
    let (newest, _) = RELEASED.last().unwrap();
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(release(newest)).unwrap() {
        let path = entry.unwrap().path();
        let text = later(&fs::read_to_string(&path).unwrap());
        let text = text.replace("digest: func() -> digest;", "digest: func() -> digest; age: func() -> u64;");
        fs::write(dir.path().join(path.file_name().unwrap()), text).unwrap();
    }
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(dir.path()).unwrap();
    let world = resolve.select_world(&[package], Some(World::Customizer.as_str())).unwrap();
    let host = Extensions::new(None, Limits::default()).unwrap();

    let text = fs::read_to_string(dir.path().join("customizer.wat")).unwrap();
    let modest = encode(wat::parse_str(&text).unwrap(), &resolve, world);
    let plugin = host.customizer(&Plugin::new("modest"), &modest).unwrap();
    assert_eq!(plugin.inspection().abi, "0.1.9");

    let demanding = encode(dummy_module(&resolve, world, ManglingAndAbi::Standard32), &resolve, world);
    let error = host.customizer(&Plugin::new("demanding 1.2"), &demanding).err().unwrap();
    let crate::ExtensionError::Refused { source, .. } = &error else { panic!("{error}") };
    assert_eq!(*source, Refusal::WrongAbi { found: "0.1.9".into() });
    assert_eq!(source.to_string(), format!("it needs silver ABI 0.1.9, this silver has {ABI}"));
}
