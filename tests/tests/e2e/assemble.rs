//! `[[assemble]]`: build steps between merge and release.

use silver_tests::{World, world::skipped};
use std::process::{Command, Stdio};

/// A site generator: pages become HTML, and it tries what it must not be able to do.
const GENERATOR: &str = r#"import os, pathlib, socket, sys
out = pathlib.Path("site")
title = os.environ["TITLE"]
for page in sorted(pathlib.Path("docs").glob("*.md")):
    (out / (page.stem + ".html")).write_text(f"<title>{title}</title>{page.read_text()}")
(out / "secret.txt").write_text(os.environ["TOKEN"])
facts = []
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2)
    facts.append("network")
except OSError:
    pass
for path in [sys.argv[2], "private.txt", "/etc/shadow"]:
    if os.path.exists(path):
        facts.append(path)
facts += sorted(name for name in os.environ if name.startswith("LEAK"))
(out / "facts.txt").write_text(" ".join(facts))
if (pathlib.Path("docs") / "broken.md").exists():
    print("cannot read broken.md", flush=True)
    sys.exit(3)
"#;

fn pack(world: &World, version: &str) {
    let port = world.port();
    let home = world.home().display().to_string();
    world.write(
        "book/pack.toml",
        &format!(
            r#"format = 1
[pack]
id = "org.example.book"
name = "book"
version = "{version}"
[runtime]
kind = "static"
root = "site"
[settings.title]
default = "Book"
[secrets.token]
generate = "hex:16"
[[bind]]
from = "setting.title"
to = "env:TITLE"
[[bind]]
from = "secret.token"
to = "env:TOKEN"
[[slot]]
name = "pages"
from = "docs/**"
into = "tree:docs"
mode = "override"
must-exist = false
[[assemble]]
command = ["/usr/bin/python3", "generator.py", "{port}", "{home}"]
inputs = ["docs/**", "generator.py"]
outputs = "site/"
"#
        ),
    );
    world.write("book/generator.py", GENERATOR);
    world.write("book/docs/index.md", "first");
    world.write("book/private.txt", "not an input");
    world.silver(["pack", "book", "-o", "book.zip"]).ok();
}

fn can_sandbox() -> bool {
    let mut probe = Command::new("bwrap");
    probe.args(["--unshare-all", "--ro-bind", "/", "/", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    if probe.status().is_ok_and(|status| status.success()) {
        return true;
    }
    skipped("build steps need bubblewrap and user namespaces");
    false
}

#[test]
fn a_site_is_made_in_a_sandbox_once_and_recorded() {
    if !can_sandbox() {
        return;
    }
    let world = World::new();
    pack(&world, "1.0.0");
    world.write("mine/customize.toml", "[pack]\nid = \"org.example.book\"\n[settings]\ntitle = \"Mine\"\n");
    world.write("mine/docs/extra.md", "an operator's page");
    let update = ["update", "book.zip", "--customize=mine", "--yes"];
    let plan = world.silver(["update", "book.zip", "--customize=mine", "--dry-run"]).ok().stdout();
    assert!(plan.contains("generator.py") && plan.contains("→ site/: run in a sandbox"), "{plan}");
    world.silver(update).ok();
    let (http, host) = (world.http(), "book.localhost");
    assert_eq!(http.page(host, "/"), "<title>Mine</title>first");
    assert_eq!(http.page(host, "/extra.html"), "<title>Mine</title>an operator's page");
    assert_eq!(http.page(host, "/facts.txt"), "", "the step reached what it must not");
    assert_eq!(http.page(host, "/secret.txt"), "assemble", "a secret came into a tree");

    // every file that it made is recorded, with its origin
    let files = world.json(&["registry", "files", "0"]);
    let made: Vec<_> = files.as_array().unwrap().iter().filter(|file| file["origin"] == "assembled").collect();
    assert_eq!(made.len(), 4, "{files:#}");
    assert!(made[0]["rule"].as_str().unwrap().contains("docs/**"), "{files:#}");
    world.silver(["registry", "verify"]).ok();
    let explained = world.silver(["explain", "book", "site/index.html"]).ok().stdout();
    assert!(explained.contains("generator.py"), "{explained}");

    // nothing has changed: nothing is run, nothing is deployed
    let again = world.silver(update).ok().stdout();
    assert!(again.contains("nothing to do"), "{again}");
    // a new version with the same inputs is a new release; what was made before is taken
    pack(&world, "1.0.1");
    let plan = world.silver(["update", "book.zip", "--customize=mine", "--dry-run"]).ok().stdout();
    assert!(plan.contains("→ site/: as it was made before"), "{plan}");
    world.silver(update).ok();
    // a setting that the step sees is one of its inputs
    world.write("mine/customize.toml", "[pack]\nid = \"org.example.book\"\n[settings]\ntitle = \"Other\"\n");
    world.silver(update).ok();
    assert_eq!(http.page(host, "/"), "<title>Other</title>first");
    world.silver(["rollback", "book", "--yes"]).ok();
    assert_eq!(http.page(host, "/"), "<title>Mine</title>first");

    // a step that fails: told why, nothing has changed
    world.write("mine/docs/broken.md", "x");
    let failed = world.silver(update).exits(1);
    assert_eq!(failed.stderr().matches("cannot read broken.md").count(), 1, "{}", failed.stderr());
    // also where no progress is shown
    let quiet = world.silver(update.iter().chain(&["--quiet"])).exits(1).stderr();
    assert_eq!(quiet.matches("cannot read broken.md").count(), 1, "{quiet}");
    let json = world.silver(update.iter().chain(&["--json"])).exits(1).stderr();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["log"].to_string().contains("cannot read broken.md"), "{json}");
    assert_eq!(http.page(host, "/"), "<title>Mine</title>first");
    world.silver(["registry", "verify"]).ok();
}

#[test]
fn without_a_sandbox_a_step_is_refused_and_never_run() {
    let world = World::new();
    pack(&world, "1.0.0");
    // programs without bwrap among them
    let bin = world.work().join("bin");
    std::fs::create_dir(&bin).unwrap();
    for program in ["python3", "getconf"] {
        std::os::unix::fs::symlink(format!("/usr/bin/{program}"), bin.join(program)).unwrap();
    }
    let mut update = world.command(["update", "book.zip", "--yes"]);
    let output = update.env("PATH", &bin).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("runs in a sandbox, which this machine does not have"), "{said}");
    assert!(said.contains("apt-get install bubblewrap"), "{said}");
    assert!(world.json(&["status"]).as_array().unwrap().is_empty());
}
