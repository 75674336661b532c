use super::*;
use crate::{origin::OriginError, pip::PipError, sources::SourceError, test_wheels, wheels::WheelError};
use silver_pack::hash;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

const MANIFEST: &str = r#"format = 1
[pack]
id = "org.example.tiny"
name = "tiny"
version = "1.2.3"   # kept
summary = "tiny"
[runtime]
kind = "static"
"#;

fn write(dir: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn source(manifest: &str, files: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "pack.toml", manifest);
    for file in files {
        write(dir.path(), file, format!("content of {file}"));
    }
    dir
}

fn offline() -> Options<'static> {
    Options { vcs: false, ..Options::default() }
}

fn build(dir: &Path) -> Result<Built, BuildError> {
    let out = tempfile::tempdir().unwrap();
    build_pack(dir, out.path(), &offline())
}

fn names(built: &Built) -> Vec<String> {
    built.pack.tree().listing().iter().map(|(path, _)| path.to_string()).collect()
}

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

#[test]
fn a_directory_as_it_is_but_for_litter() {
    let dir = source(
        MANIFEST,
        &[
            "a/b",
            "c.txt",
            ".git/config",
            ".gitignore",
            "target/debug/x",
            "__pycache__/a.pyc",
            "d.pyc",
            "notes~",
            "d/.hg/store",
            ".well-known/x",
        ],
    );
    symlink("../c.txt", dir.path().join("a/link")).unwrap();
    let built = build(dir.path()).unwrap();
    assert_eq!(names(&built), [".well-known/x", "a/b", "a/link", "c.txt", "pack.toml"]);
    assert_eq!(built.pack.tree().text(&path("pack.toml")).unwrap(), MANIFEST);
    assert!(built.warnings.is_empty());
    assert_eq!(built.pack.path().file_name().unwrap(), "tiny-1.2.3.zip");
}

#[test]
fn rules_say_what_goes_where() {
    let manifest = format!(
        r#"{MANIFEST}
[build]
exclude = ["**/*.bak"]
copy = [{{ from = "src/app", into = "env/app", exclude = ["tests/**"] }}, {{ from = "one.txt" }}]
"#
    );
    let dir = source(&manifest, &["src/app/a.py", "src/app/a.bak", "src/app/tests/t.py", "src/other", "one.txt", "two.txt"]);
    assert_eq!(names(&build(dir.path()).unwrap()), ["env/app/a.py", "one.txt", "pack.toml"]);

    let missing = source(&format!("{MANIFEST}\n[build]\ncopy = [{{ from = \"gone\" }}]\n"), &[]);
    let error = build(missing.path()).unwrap_err();
    assert!(matches!(&error, BuildError::Sources(SourceError::Missing { path, .. }) if path.as_str() == "gone"), "{error:?}");
    let twice =
        source(&format!("{MANIFEST}\n[build]\ncopy = [{{ from = \"a\" }}, {{ from = \"b\", into = \"a\" }}]\n"), &["a", "b"]);
    assert!(matches!(build(twice.path()), Err(BuildError::Sources(SourceError::Twice { .. }))));
}

#[test]
fn the_bytes_depend_on_the_input_only() {
    let files = ["z/file", "a/file", "run.sh", "é"];
    let first = source(MANIFEST, &files);
    let second_home = tempfile::tempdir().unwrap();
    let second = second_home.path().join("a much longer/path");
    for name in files.iter().rev() {
        write(&second, name, format!("content of {name}"));
    }
    write(&second, "pack.toml", MANIFEST);
    for name in files.iter().chain(&["pack.toml"]) {
        let mode = if *name == "run.sh" { 0o755 } else { 0o644 };
        fs::set_permissions(first.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        // another umask, and long ago
        let file = fs::File::open(second.join(name)).unwrap();
        file.set_permissions(fs::Permissions::from_mode(mode & 0o700)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_hours(1)).unwrap();
    }
    let out = tempfile::tempdir().unwrap();
    let (one, two) = (out.path().join("one.zip"), out.path().join("two.zip"));
    let built = build_pack(first.path(), &one, &offline()).unwrap();
    build_pack(&second, &two, &offline()).unwrap();
    assert!(fs::read(&one).unwrap() == fs::read(&two).unwrap());
    // nothing of this machine is in it
    for (path, _) in built.pack.all().listing().iter() {
        let text = String::from_utf8(built.pack.all().bytes(path).unwrap()).unwrap();
        for dir in [first.path(), out.path()] {
            assert!(!text.contains(dir.to_str().unwrap()), "{path}: {text}");
        }
    }
}

#[test]
fn a_pack_made_into_its_own_source_does_not_grow() {
    let dir = source(MANIFEST, &["a"]);
    let out = dir.path().join("tiny-1.2.3.zip");
    build_pack(dir.path(), dir.path(), &offline()).unwrap();
    let bytes = fs::read(&out).unwrap();
    let built = build_pack(dir.path(), dir.path(), &offline()).unwrap();
    assert!(fs::read(&out).unwrap() == bytes);
    assert_eq!(names(&built), ["a", "pack.toml"]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
}

#[test]
fn plugins_are_pinned() {
    let row = "\n# the plugin\n[[plugin]]\nfile = \"plugins/c.wasm\"   # compiled\nworld = \"customizer-plugin\"\n";
    let dir = source(&format!("{MANIFEST}{row}"), &[]);
    let error = build(dir.path()).unwrap_err();
    let BuildError::Sources(source) = &error else { panic!("{error:?}") };
    assert!(source.to_string().contains("plugins/c.wasm"), "{source}");
    assert!(error.hint().unwrap().contains("cargo xtask plugins"));

    let component = [&b"\0asm\x0d\0\x01\0"[..], b"rest"].concat();
    write(dir.path(), "plugins/c.wasm", &component);
    let built = build(dir.path()).unwrap();
    let digest = hash::sha256(&component);
    assert_eq!(built.pack.manifest().plugin[0].sha256, Some(digest));
    let text = built.pack.tree().text(&path("pack.toml")).unwrap();
    assert!(text.contains("# the plugin") && text.contains("# compiled") && text.contains("# kept"), "{text}");
    assert!(built.pack.provenance().unwrap().unwrap().contains(&digest.hex()));
    assert!(built.pack.sbom().unwrap().unwrap().contains(&digest.hex()));

    write(dir.path(), "pack.toml", format!("{MANIFEST}{row}sha256 = \"{}\"\n", "0".repeat(64)));
    assert!(matches!(build(dir.path()), Err(BuildError::OtherPlugin { .. })));
    write(dir.path(), "pack.toml", format!("{MANIFEST}{row}"));
    write(dir.path(), "plugins/c.wasm", "no component");
    assert_eq!(build(dir.path()).unwrap().warnings.len(), 1);
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_written() {
    let out = tempfile::tempdir().unwrap();
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(build_pack(empty.path(), out.path(), &offline()), Err(BuildError::Origin(OriginError::NoManifest { .. }))));
    let wrong = source("format = 1\n[pack]\nid = 3\n", &[]);
    assert!(matches!(build_pack(wrong.path(), out.path(), &offline()), Err(BuildError::Manifest(_))));
    let hostile = source(MANIFEST, &[]);
    symlink("/etc/passwd", hostile.path().join("out")).unwrap();
    assert!(matches!(build_pack(hostile.path(), out.path(), &offline()), Err(BuildError::Sources(SourceError::Capture(_)))));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
}

const PYTHON: &str = "\n[build]\npython = { requirements = \"requirements.lock\", wheels = \"wheels\" }\n";

fn with_folder(folder: &Path, downloads: &Path) -> Options<'static> {
    let pip = Pip { folder: Some(folder.to_owned()), ..Pip::default() };
    Options { pip, downloads: Some(downloads.to_owned()), vcs: false, ..Options::default() }
}

#[test]
fn wheels_are_fetched_verified_and_kept_in_the_pack() {
    let index = tempfile::tempdir().unwrap();
    let demo = test_wheels::wheel(index.path(), "demo", "1.0", &["not-fetched"]);
    // native code for machines that this one is not: all pinned wheels belong to the pack
    let arm = test_wheels::wheel_for(index.path(), "native", "2.0", &[], "cp312-cp312-manylinux_2_17_aarch64");
    let old = test_wheels::wheel_for(index.path(), "native", "2.0", &[], "cp310-cp310-manylinux_2_17_aarch64");
    let lock =
        format!("demo==1.0 --hash=sha256:{}\nnative==2.0 --hash=sha256:{} --hash=sha256:{}\n", demo.hex(), arm.hex(), old.hex());
    let dir = source(&format!("{MANIFEST}{PYTHON}"), &["wheels/stale.whl"]);
    write(dir.path(), "requirements.lock", &lock);
    let (out, downloads) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let built = build_pack(dir.path(), out.path(), &with_folder(index.path(), downloads.path())).unwrap();
    assert_eq!(
        names(&built),
        [
            "pack.toml",
            "requirements.lock",
            "wheels/demo-1.0-py3-none-any.whl",
            "wheels/native-2.0-cp310-cp310-manylinux_2_17_aarch64.whl",
            "wheels/native-2.0-cp312-cp312-manylinux_2_17_aarch64.whl",
        ]
    );
    let wheel = built.pack.tree().listing().get(&path("wheels/demo-1.0-py3-none-any.whl")).unwrap().digest;
    assert_eq!(wheel, demo);
    assert_eq!(built.pack.manifest().pack.platform, Some("linux-aarch64-gnu2.17".parse().unwrap()));
    let sbom: serde_json::Value = serde_json::from_str(&built.pack.sbom().unwrap().unwrap()).unwrap();
    assert_eq!(sbom["specVersion"], "1.6");
    assert_eq!(sbom["components"][0]["purl"], "pkg:pypi/demo@1.0?file_name=demo-1.0-py3-none-any.whl");
    assert_eq!(sbom["components"][0]["hashes"][0]["content"], demo.hex());
    assert_eq!(sbom["components"][0]["licenses"][0]["license"]["name"], "MIT");

    // the second time nothing is fetched, and the bytes are the same
    let bytes = fs::read(built.pack.path()).unwrap();
    let mut options = with_folder(Path::new("/nonexistent"), downloads.path());
    options.pip.python = "/nonexistent/python".into();
    let again = build_pack(dir.path(), &out.path().join("again.zip"), &options).unwrap();
    assert!(fs::read(again.pack.path()).unwrap() == bytes);
    // a cache that was tampered with is not used
    let kept = downloads.path().join("wheels").join(demo.hex()).join("demo-1.0-py3-none-any.whl");
    fs::write(&kept, "tampered").unwrap();
    assert!(build_pack(dir.path(), out.path(), &options).is_err());
    let healed = build_pack(dir.path(), out.path(), &with_folder(index.path(), downloads.path())).unwrap();
    assert!(fs::read(healed.pack.path()).unwrap() == bytes);
}

#[test]
fn another_wheel_than_the_pinned_one_is_refused() {
    let index = tempfile::tempdir().unwrap();
    test_wheels::wheel(index.path(), "demo", "1.0", &[]);
    let dir = source(&format!("{MANIFEST}{PYTHON}"), &[]);
    let (out, downloads) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let build = |lock: &str| {
        write(dir.path(), "requirements.lock", lock);
        build_pack(dir.path(), out.path(), &with_folder(index.path(), downloads.path())).unwrap_err()
    };
    let other = "1".repeat(64);
    let error = build(&format!("demo==1.0 --hash=sha256:{other}\n"));
    assert!(
        matches!(&error, BuildError::Wheels(WheelError::Fetch { pin, source: PipError::OtherHash { .. } }) if pin == "demo==1.0"),
        "{error:?}"
    );
    let error = build(&format!("demo==9.9 --hash=sha256:{other}\n"));
    assert!(matches!(&error, BuildError::Wheels(WheelError::Fetch { source: PipError::NoMatch { .. }, .. })), "{error:?}");
    assert!(matches!(build("demo==1.0\n"), BuildError::Requirements(_)));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
}
