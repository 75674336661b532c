//! The recipes, with packages that are made here: nothing of this reaches a network.

use super::*;
use crate::{DebianError, NpmError};
use base64::{Engine, prelude::BASE64_STANDARD};
use silver_pack::hash;
use std::{os::unix::fs::symlink, process::Command};
use tempfile::TempDir;

const MANIFEST: &str =
    "format = 1\n[pack]\nid = \"org.example.tiny\"\nname = \"tiny\"\nversion = \"1.2.3\"\n[runtime]\nkind = \"static\"\n";

fn write(dir: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn source(manifest: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "pack.toml", format!("{MANIFEST}{manifest}"));
    dir
}

fn names(built: &Built) -> Vec<String> {
    built.pack.tree().listing().iter().map(|(path, _)| path.to_string()).collect()
}

fn text(built: &Built, path: &str) -> String {
    built.pack.tree().text(&TreePath::new(path).unwrap()).unwrap()
}

fn build(dir: &Path) -> Result<Built, BuildError> {
    build_with(dir, &Options { vcs: false, ..Options::default() })
}

fn build_with(dir: &Path, options: &Options<'_>) -> Result<Built, BuildError> {
    let out = tempfile::tempdir().unwrap();
    let built = build_pack(dir, out.path(), options)?;
    // the same input gives the same bytes
    let again = build_pack(dir, &out.path().join("again.zip"), options)?;
    assert_eq!(again.pack.archive(), built.pack.archive());
    // contents are read from the pack: it is kept until the test ends
    std::mem::forget(out);
    Ok(built)
}

/// A package of Debian with these files and links; returns its line in a lock.
fn deb(folder: &Path, name: &str, files: &[&str], links: &[(&str, &str)]) -> String {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        write(root.path(), file, format!("content of {file}"));
    }
    for (link, target) in links {
        let link = root.path().join(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(target, link).unwrap();
    }
    let control = format!("Package: {name}\nVersion: 1.0-1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n");
    write(root.path(), "DEBIAN/control", control);
    let file = folder.join(format!("{name}_1.0-1_all.deb"));
    let status = Command::new("dpkg-deb").args(["--root-owner-group", "-b"]).arg(root.path()).arg(&file).output().unwrap().status;
    assert!(status.success());
    format!("{name}=1.0-1 sha256:{}\n", hash::sha256(&fs::read(file).unwrap()).hex())
}

#[test]
fn debian_packages_become_files_without_links() {
    let folder = tempfile::tempdir().unwrap();
    let blog = deb(
        folder.path(),
        "blog",
        &["usr/share/blog/index.php", "usr/share/blog/drop/x", "usr/share/doc/blog/copyright"],
        &[
            ("usr/share/blog/lib", "/usr/share/php/lib"),
            ("usr/share/blog/again.php", "index.php"),
            ("usr/share/blog/config", "/etc/blog"),
            ("usr/share/blog/out", "../../../../etc/passwd"),
            ("usr/share/blog/round", "../blog"),
        ],
    );
    let lib = deb(folder.path(), "php-lib", &["usr/share/php/lib/a.php"], &[]);
    let recipe = |exclude: &str| {
        let rule = format!("{{ from = \"usr/share/blog\", into = \"app\", exclude = [\"drop/**\"{exclude}] }}");
        format!("[build]\ncopy = [{{ from = \"keep\" }}]\n[build.debian]\ncopy = [{rule}]\n")
    };
    let dir = source(&recipe(""));
    write(dir.path(), "keep", "kept");
    let downloads = tempfile::tempdir().unwrap();
    let options = |folder: &Path| Options {
        debs: Some(folder.to_owned()),
        downloads: Some(downloads.path().to_owned()),
        vcs: false,
        ..Options::default()
    };

    // every link that leads nowhere is told, at once
    write(dir.path(), "debian.lock", &blog);
    let error = build_with(dir.path(), &options(folder.path())).unwrap_err();
    let BuildError::Debian(DebianError::Links(links)) = &error else { panic!("{error:?}") };
    let bad: Vec<_> = links.iter().map(|link| (link.path.rsplit('/').next().unwrap(), link.target.as_str())).collect();
    assert_eq!(
        bad,
        [("config", "/etc/blog"), ("lib", "/usr/share/php/lib"), ("out", "../../../../etc/passwd"), ("round", "../blog")]
    );
    assert!(error.hint().unwrap().contains("exclude"));

    write(dir.path(), "debian.lock", format!("{blog}{lib}"));
    write(dir.path(), "pack.toml", format!("{MANIFEST}{}", recipe(", \"config\", \"out\", \"round\"")));
    let built = build_with(dir.path(), &options(folder.path())).unwrap();
    assert_eq!(names(&built), ["app/again.php", "app/index.php", "app/lib/a.php", "debian.lock", "keep", "pack.toml"]);
    assert_eq!(text(&built, "app/again.php"), "content of usr/share/blog/index.php");
    let (sbom, provenance) = (built.pack.sbom().unwrap().unwrap(), built.pack.provenance().unwrap().unwrap());
    assert!(
        sbom.contains("pkg:deb/debian/php-lib@1.0-1?arch=all") && provenance.contains("\"kind\": \"deb\""),
        "{sbom}{provenance}"
    );
    // the second time the folder is not needed
    let bytes = built.pack.archive();
    assert_eq!(build_with(dir.path(), &options(Path::new("/nonexistent"))).unwrap().pack.archive(), bytes);
}

#[test]
fn another_debian_package_than_the_pinned_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let line = deb(folder.path(), "blog", &["usr/share/blog/a"], &[]);
    let dir = source("[build.debian]\n");
    let error = |lock: &str| {
        write(dir.path(), "debian.lock", lock);
        let error = build_with(dir.path(), &Options { debs: Some(folder.path().to_owned()), vcs: false, ..Options::default() });
        let BuildError::Debian(error) = error.unwrap_err() else { panic!("another error") };
        error
    };
    let other = format!("blog=1.0-1 sha256:{}\n", "0".repeat(64));
    assert!(matches!(error(&other), DebianError::OtherFile { .. }));
    assert!(error(&other).is_integrity());
    assert!(matches!(error("absent=1 sha256:\n"), DebianError::Pins(_)));
    assert!(matches!(error(&other.replace("blog", "absent")), DebianError::Absent { .. }));
    assert!(matches!(error(&line.replace("1.0-1", "2.0-1")), DebianError::OtherPackage { .. }));
}

/// A package of npm in a tarball below the source directory; returns its rows in a lock.
fn tarball(dir: &Path, name: &str, more: &str) -> String {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "package/package.json", format!("{{\"name\": \"{name}\", \"version\": \"1.0.0\"{more}}}"));
    write(root.path(), "package/index.js", "module.exports = 1\n");
    write(root.path(), "package/readme.md", "read me\n");
    let file = dir.join(format!("vendor/{name}.tgz"));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let status = Command::new("tar").arg("-czf").arg(&file).arg("-C").arg(root.path()).arg("package").status().unwrap();
    assert!(status.success());
    let digest = Command::new("sha512sum").arg(&file).output().unwrap().stdout;
    let hex = String::from_utf8(digest).unwrap()[..128].to_owned();
    let bytes: Vec<u8> = (0..64).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap()).collect();
    format!(
        "\"version\": \"1.0.0\", \"resolved\": \"file:vendor/{name}.tgz\", \"integrity\": \"sha512-{}\"",
        BASE64_STANDARD.encode(bytes)
    )
}

#[test]
fn npm_packages_become_node_modules_and_no_script_runs() {
    let dir = source("[build]\ncopy = [{ from = \"app.js\" }]\nnpm = { exclude = [\"**/*.md\"] }\n");
    write(dir.path(), "app.js", "require('one')\n");
    write(dir.path(), "node_modules/stale/index.js", "stale");
    let script = ", \"scripts\": {\"postinstall\": \"touch ran\"}, \"bin\": {\"one\": \"index.js\"}";
    let one = tarball(dir.path(), "one", script);
    let dev = tarball(dir.path(), "dev-only", "");
    write(
        dir.path(),
        "package.json",
        r#"{"name": "app", "version": "1.0.0", "dependencies": {"one": "file:vendor/one.tgz"}, "devDependencies": {"dev-only": "file:vendor/dev-only.tgz"}}"#,
    );
    let lock = format!(
        r#"{{"name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {{
            "": {{"name": "app", "version": "1.0.0", "dependencies": {{"one": "file:vendor/one.tgz"}}, "devDependencies": {{"dev-only": "file:vendor/dev-only.tgz"}}}},
            "node_modules/dev-only": {{{dev}, "dev": true}},
            "node_modules/one": {{{one}, "hasInstallScript": true, "license": "MIT", "bin": {{"one": "index.js"}}}}
        }}}}"#
    );
    write(dir.path(), "package-lock.json", &lock);
    let built = build(dir.path()).unwrap();
    assert_eq!(
        names(&built),
        [
            "app.js",
            "node_modules/.bin/one",
            "node_modules/one/index.js",
            "node_modules/one/package.json",
            "pack.toml",
            "package-lock.json",
            "package.json"
        ]
    );
    assert!(built.warnings[0].contains("`one` of npm wants to run a script"), "{:?}", built.warnings);
    let sbom: serde_json::Value = serde_json::from_str(&built.pack.sbom().unwrap().unwrap()).unwrap();
    assert_eq!(sbom["components"][0]["purl"], "pkg:npm/one@1.0.0");
    assert_eq!(sbom["components"][0]["hashes"][0]["alg"], "SHA-512");
    assert!(built.pack.provenance().unwrap().unwrap().contains("sha512:"));

    // a tarball that is not the pinned one (and that npm has not kept, as it keeps those with the right digest)
    let at = lock.rfind("sha512-").unwrap() + 7;
    write(dir.path(), "package-lock.json", format!("{}AAAA{}", &lock[..at], &lock[at + 4..]));
    let error = build(dir.path()).unwrap_err();
    assert!(matches!(&error, BuildError::Npm(NpmError::Integrity(_))), "{error:?}");
}

#[test]
fn a_lock_that_is_not_there_is_told_with_how_to_make_it() {
    let dir = source("[build]\ncopy = [{ from = \"app.js\" }]\nnpm = {}\n");
    write(dir.path(), "app.js", "");
    write(dir.path(), "package.json", "{}");
    let error = build(dir.path()).unwrap_err();
    assert!(matches!(&error, BuildError::Sources(_)), "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("npm install --package-lock-only")), "{:?}", error.hint());
}

const COMMAND: &str = r#"
[build]
copy = [{ from = "page.html" }]
[[build.command]]
command = ["sh", "-c", "mkdir -p out && cat src/* > out/all && env | sort > env && cut -d: -f1 /proc/net/dev | tail -n +3 > out/net && echo stray > stray"]
inputs = ["src/**"]
outputs = ["out", "env"]
env = { MODE = "production" }
[[build.command]]
command = ["cp", "out/all", "out/copy"]
outputs = ["out"]
"#;

#[test]
fn commands_make_files_in_a_sandbox() {
    let dir = source(COMMAND);
    for name in ["page.html", "src/a", "src/b", "other", "out/stale"] {
        write(dir.path(), name, format!("{name}\n"));
    }
    let built = build(dir.path()).unwrap();
    assert_eq!(names(&built), ["env", "out/all", "out/copy", "out/net", "pack.toml", "page.html"]);
    assert_eq!(text(&built, "out/copy"), "src/a\nsrc/b\n");
    assert_eq!(text(&built, "out/net").trim(), "lo", "a network");
    let env = text(&built, "env");
    assert!(
        env.contains("MODE=production\n") && env.contains("SOURCE_DATE_EPOCH=315532800\n") && env.contains("HOME=/tmp\n"),
        "{env}"
    );
    assert!(!env.contains("CARGO"), "{env}");
    let provenance: serde_json::Value = serde_json::from_str(&built.pack.provenance().unwrap().unwrap()).unwrap();
    assert_eq!(provenance["commands"][1]["command"], serde_json::json!(["cp", "out/all", "out/copy"]));
    // the source directory is as it was
    assert!(!dir.path().join("stray").exists() && dir.path().join("out/stale").exists());
}

#[test]
fn a_command_that_does_not_do_its_work_is_told() {
    for (command, wanted) in [
        (r#"["sh", "-c", "echo the reason >&2; exit 3"]"#, "failed with status 3\n    the reason"),
        (r#"["true"]"#, "did not make `made`"),
        (r#"["no-such-program"]"#, "failed with status 1"),
        (r#"["ln", "-s", "/etc/passwd", "made"]"#, "cannot be part of a pack"),
        (r#"["sleep", "100"]"#, "took longer than 1 s"),
    ] {
        // a sandbox takes its time, too
        let timeout = if wanted.contains("1 s") { "1s" } else { "10m" };
        let dir = source(&format!("[[build.command]]\ncommand = {command}\noutputs = [\"made\"]\ntimeout = \"{timeout}\"\n"));
        let BuildError::Command(error) = build(dir.path()).unwrap_err() else { panic!("{command}: another error") };
        assert!(error.to_string().contains(wanted), "{command}: {error}");
    }
    let dir = source("[[build.command]]\ncommand = [\"true\"]\ninputs = [\"absent/*\"]\noutputs = [\"made\"]\n");
    assert!(build(dir.path()).unwrap_err().hint().is_some());
}

#[test]
fn what_native_code_needs_is_recorded() {
    let dir = source("");
    fs::copy(std::env::current_exe().unwrap(), dir.path().join("program")).unwrap();
    let built = build(dir.path()).unwrap();
    let platform = built.pack.manifest().pack.platform.clone().unwrap();
    assert_eq!((platform.processor.as_str(), platform.library.unwrap().name.as_str()), (std::env::consts::ARCH, "gnu"));
    // what the author says stays, and is compared
    write(dir.path(), "pack.toml", MANIFEST.replace("[runtime]", "platform = \"linux-riscv64-gnu2.36\"\n[runtime]"));
    let built = build(dir.path()).unwrap();
    assert_eq!(built.pack.manifest().pack.platform, Some("linux-riscv64-gnu2.36".parse().unwrap()));
    assert!(built.warnings[0].contains("but what is inside needs"), "{:?}", built.warnings);
}
