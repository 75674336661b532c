//! The recipes of `[build]`, with what this machine's package managers are configured for.

use silver_tests::{World, world::skipped};
use std::process::Command;

const MANIFEST: &str = r#"format = 1
[pack]
id = "org.example.site"
name = "site"
version = "1.0.0"
[runtime]
kind = "static"
root = "site"
"#;

/// The line of the lock for the version of a package that apt would install.
fn pin(package: &str) -> Option<String> {
    let output = Command::new("apt-cache").args(["show", "--no-all-versions", package]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned));
    Some(format!("{package}={} sha256:{}\n", field("Version")?, field("SHA256")?))
}

#[test]
fn a_pack_of_debian_packages() {
    let Some(pin) = pin("javascript-common") else {
        skipped("apt knows no package `javascript-common`: no Debian, or no lists");
        return;
    };
    let world = World::new();
    let copy = "{ from = \"usr/share/doc/javascript-common\", into = \"site\" }";
    world
        .write("site/pack.toml", &format!("{MANIFEST}[build]\ncopy = [{{ from = \"own\" }}]\n[build.debian]\ncopy = [{copy}]\n"));
    world.write("site/own", "own\n");
    world.write("site/debian.lock", &format!("# what apt would install\n{pin}"));
    let report = world.json(&["pack", "site"]);
    let all = world.json(&["inspect", "site-1.0.0.zip"]);
    let paths: Vec<&str> = all["files"].as_array().unwrap().iter().filter_map(|file| file["path"].as_str()).collect();
    assert!(paths.contains(&"site/copyright") && paths.contains(&"own"), "{paths:?}");
    assert_eq!(all["provenance"]["packages"][0]["kind"], "deb");
    assert_eq!(all["sbom"]["components"][0]["name"], "javascript-common");
    // again, from the cache of downloads
    assert_eq!(world.json(&["pack", "site"])["archive"], report["archive"]);

    // the same version with other bytes is a matter of integrity
    let wrong = format!("{}{}\n", &pin[..pin.find("sha256:").unwrap() + 7], "0".repeat(64));
    world.write("site/debian.lock", &wrong);
    let told = world.silver(["pack", "site", "-o", "other.zip"]).exits(8).stderr();
    assert!(told.contains("is pinned") && told.contains("hint:"), "{told}");
    assert!(!world.work().join("other.zip").exists());
}

#[test]
fn links_of_packages_that_lead_nowhere_are_told() {
    let Some(pin) = pin("javascript-common") else {
        skipped("apt knows no package `javascript-common`: no Debian, or no lists");
        return;
    };
    let world = World::new();
    world.write("site/pack.toml", &format!("{MANIFEST}[build.debian]\ncopy = [{{ from = \"usr/share/nothing\" }}]\n"));
    world.write("site/debian.lock", &pin);
    let told = world.silver(["pack", "site"]).exits(2).stderr();
    assert!(told.contains("`usr/share/nothing`") && told.contains("dpkg-deb -c"), "{told}");
}

#[test]
fn a_pack_of_npm_packages() {
    let world = World::new();
    world.write("app/pack.toml", &format!("{MANIFEST}[build.npm]\n"));
    world.write("app/site/index.html", "<!doctype html><title>site</title>\n");
    world.write("app/package.json", r#"{"name": "app", "version": "1.0.0", "dependencies": {"ms": "2.1.3"}}"#);
    world.write(
        "app/package-lock.json",
        r#"{"name": "app", "version": "1.0.0", "lockfileVersion": 3, "packages": {
            "": {"name": "app", "version": "1.0.0", "dependencies": {"ms": "2.1.3"}},
            "node_modules/ms": {"version": "2.1.3", "license": "MIT",
                "integrity": "sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA=="}}}"#,
    );
    world.json(&["pack", "app"]);
    let all = world.json(&["inspect", "site-1.0.0.zip"]);
    let paths: Vec<&str> = all["files"].as_array().unwrap().iter().filter_map(|file| file["path"].as_str()).collect();
    assert!(paths.contains(&"node_modules/ms/index.js") && paths.contains(&"package-lock.json"), "{paths:?}");
    assert!(!paths.contains(&"node_modules/.package-lock.json"), "{paths:?}");
    assert_eq!(all["sbom"]["components"][0]["purl"], "pkg:npm/ms@2.1.3");
    assert_eq!(all["provenance"]["packages"][0]["kind"], "npm");
}

#[test]
fn a_pack_of_what_a_command_makes() {
    let world = World::new();
    let row = "[[build.command]]\ncommand = [\"sh\", \"-c\", \"mkdir -p site && sed s/NAME/world/ src/page >site/index.html\"]\n";
    world.write("app/pack.toml", &format!("{MANIFEST}[build]\ncopy = [{{ from = \"README\" }}]\n{row}outputs = [\"site\"]\n"));
    world.write("app/README", "read me\n");
    world.write("app/src/page", "Hello NAME\n");
    world.json(&["pack", "app"]);
    let all = world.json(&["inspect", "site-1.0.0.zip"]);
    let paths: Vec<&str> = all["files"].as_array().unwrap().iter().filter_map(|file| file["path"].as_str()).collect();
    assert_eq!(paths, ["README", "pack.toml", "site/index.html"]);
    assert_eq!(all["provenance"]["commands"][0]["outputs"][0], "site");
    let told = world.silver(["inspect", "site-1.0.0.zip", "--only", "provenance"]).ok().stdout();
    assert!(told.contains("command `sh -c") && told.contains("made site"), "{told}");
    // what was made is served
    world.silver(["update", "site-1.0.0.zip", "--yes"]).ok();
    assert_eq!(world.http().page("site.localhost", "/"), "Hello world\n");

    // without the sandbox nothing runs
    let path = world.work().join("bin");
    std::fs::create_dir(&path).unwrap();
    let mut command = world.command(["pack", "app", "-o", "other.zip"]);
    let output = command.env("PATH", &path).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("bwrap") && told.contains("apt-get install bubblewrap"), "{told}");
    assert!(!world.work().join("other.zip").exists());
}

#[test]
fn a_pack_for_another_platform_is_refused() {
    let world = World::new();
    for (platform, why) in [("linux-sparc9-gnu2.1", "linux-sparc9-gnu2.1"), ("linux-x86_64-gnu9.99", "linux-x86_64-gnu9.99")] {
        world.write("app/pack.toml", &MANIFEST.replace("[runtime]", &format!("platform = \"{platform}\"\n[runtime]")));
        world.write("app/site/index.html", "page\n");
        world.silver(["pack", "app"]).ok();
        let told = world.silver(["update", "site-1.0.0.zip", "--yes"]).exits(1).stderr();
        assert!(told.contains("the pack has native code for") && told.contains(why) && told.contains("hint:"), "{told}");
        assert_eq!(world.json(&["status"]).as_array().map(Vec::len), Some(0));
    }
}

#[test]
fn a_first_manifest_for_a_directory() {
    let world = World::new();
    world.write(
        "board/server.js",
        "require('http').createServer((_, answer) => answer.end('hello\\n')).listen(process.env.PORT, '127.0.0.1')\n",
    );
    world.write("board/package.json", r#"{"name": "board", "version": "1.0.0", "scripts": {"start": "node server.js"}}"#);
    let shown = world.silver(["pack", "new", "board", "--dry-run"]).ok().stdout();
    assert!(shown.contains("kind = \"nodejs\"") && shown.contains("# guess:"), "{shown}");
    assert!(!world.work().join("board/pack.toml").exists());
    let report = world.json(&["pack", "new", "board"]);
    assert_eq!((report["what"].as_str(), report["supported"].as_bool()), (Some("a Node.js application"), Some(true)));
    // as it is, it can be packed and served
    world.silver(["pack", "board"]).ok();
    world.silver(["update", "board-1.0.0.zip", "--yes"]).ok();
    assert_eq!(world.http().page("board.localhost", "/"), "hello\n");
    let told = world.silver(["pack", "new", "board"]).exits(2).stderr();
    assert!(told.contains("pack.toml` is there already") && told.contains("hint:"), "{told}");

    world.write("blog/index.php", "<?php echo 1;\n");
    let told = world.silver(["pack", "new", "blog"]).ok();
    assert!(told.stderr().contains("not supported yet"), "{}", told.snapshot());
    let told = world.silver(["pack", "blog"]).exits(2).stderr();
    assert!(told.contains("is not supported yet"), "{told}");
    world.silver(["pack", "new", "absent"]).exits(2);
}
