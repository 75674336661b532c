//! A customised Trac and what Trac's own developers changed: the templates of Trac 1.4.4 and 1.6, from the
//! package index.
//!
//! Trac 1.4 needs Python 2, so both packs run the code of 1.6; the first one has the templates of 1.4.4,
//! which 1.6 understands. Nothing of Trac is in this repository: the wheels are fetched when the test runs.

use silver_tests::{
    Ran, World, hello,
    world::{repository, skipped},
};
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

/// Templates that upstream changed, and their place in the wheel.
const TEMPLATES: [(&str, &str); 2] =
    [("roadmap.html", "trac/ticket/templates/roadmap.html"), ("timeline.html", "trac/timeline/templates/timeline.html")];

/// Templates of a released Trac, from its wheel; `None` when there is no index to be reached.
fn templates(world: &World, version: &str, tags: &[&str]) -> Option<Vec<(&'static str, String)>> {
    let dir = world.work().join(format!("trac-{version}"));
    let wanted = format!("Trac=={version}");
    let pip = Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest"])
        .arg(&dir)
        .args(tags)
        .arg(&wanted)
        .output()
        .ok()?;
    if !pip.status.success() {
        skipped(&format!("pip download {wanted}: {}", String::from_utf8_lossy(&pip.stderr)));
        return None;
    }
    let wheel = fs::read_dir(dir).ok()?.next()?.ok()?.path();
    let mut wheel = zip::ZipArchive::new(fs::File::open(wheel).unwrap()).unwrap();
    let mut text = |place: &str| {
        let mut text = String::new();
        wheel.by_name(place).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    Some(TEMPLATES.iter().map(|(name, place)| (*name, text(place))).collect())
}

/// The reference pack with these templates.
fn pack(world: &World, version: &str, templates: &[(&str, String)]) -> PathBuf {
    let dir = world.work().join(format!("pack-{version}"));
    hello::copy(&repository().join("packs/reference/trac"), &dir).unwrap();
    for (name, text) in templates {
        fs::write(dir.join("env/templates").join(name), text).unwrap();
    }
    let manifest = fs::read_to_string(dir.join("pack.toml")).unwrap();
    fs::write(dir.join("pack.toml"), manifest.replace("version = \"1.6.0\"", &format!("version = \"{version}\""))).unwrap();
    let zip = world.work().join(format!("trac-{version}.zip"));
    world.silver([Path::new("pack"), &dir, Path::new("-o"), &zip]).ok();
    zip
}

#[test]
fn what_upstream_changed_is_merged_into_a_customised_trac() {
    let world = World::new();
    let python2 = ["--python-version", "27", "--implementation", "py", "--abi", "none", "--platform", "any"];
    let Some(old) = templates(&world, "1.4.4", &python2) else { return };
    let Some(new) = templates(&world, "1.6", &[]) else { return };
    let [(_, roadmap), (_, timeline)] = old.as_slice() else { panic!("{old:?}") };
    assert!(old.iter().zip(&new).all(|((_, old), (_, new))| old != new), "upstream changed both");
    pack(&world, "1.6.0", &old);
    pack(&world, "1.6.1", &new);

    // one change far from upstream's, one in the line that upstream changed
    world.write("mine/customize.toml", "[pack]\nid = \"org.edgewall.trac\"\n");
    let heading = "<h1>${_(\"Roadmap\")}</h1>";
    assert!(roadmap.contains(heading));
    world.write("mine/templates/roadmap.html", &roadmap.replace(heading, "<h1>Where we are going</h1>"));
    let form = "<form id=\"prefs\" method=\"get\" action=\"#\">";
    assert!(timeline.contains(form));
    world.write(
        "mine/templates/timeline.html",
        &timeline.replace(form, "<form id=\"prefs\" class=\"ours\" method=\"get\" action=\"#\">"),
    );
    let silver = |words: &[&str]| -> Ran { world.silver(words.iter().chain(&["--customize=mine"])) };
    let page = |path: &str| world.http().page("trac.localhost", path);
    silver(&["update", "trac-1.6.0.zip", "--yes"]).ok();
    assert!(page("/roadmap").contains("Where we are going"));
    assert!(page("/timeline").contains("class=\"ours\""));

    let ran = silver(&["update", "trac-1.6.1.zip", "--yes"]).exits(2);
    for (name, _) in TEMPLATES {
        assert!(ran.stderr().contains(&format!("`env/templates/{name}` has changed since")), "{}", ran.snapshot());
    }
    let ran = silver(&["customize", "rebase", "trac-1.6.1.zip"]).exits(3);
    assert!(ran.stdout().contains("merged    templates/roadmap.html"), "{}", ran.snapshot());
    assert!(ran.stdout().contains("marked    templates/timeline.html"), "{}", ran.snapshot());
    let merged = fs::read_to_string(world.work().join("mine/templates/roadmap.html")).unwrap();
    assert_eq!(merged, new[0].1.replace(heading, "<h1>Where we are going</h1>"), "upstream's change and ours, nothing else");
    silver(&["update", "trac-1.6.1.zip", "--yes"]).exits(2);

    let path = world.work().join("mine/templates/timeline.html");
    let marked = fs::read_to_string(&path).unwrap();
    let start = marked.find("<<<<<<< ours").unwrap();
    let end = marked.find(">>>>>>> theirs\n").unwrap() + ">>>>>>> theirs\n".len();
    let settled = "      <form id=\"prefs\" class=\"ours\" method=\"get\" action=\"${req.request_path}\">\n";
    fs::write(&path, format!("{}{settled}{}", &marked[..start], &marked[end..])).unwrap();
    silver(&["update", "trac-1.6.1.zip", "--yes"]).ok();
    let timeline = page("/timeline");
    assert!(timeline.contains("class=\"ours\" method=\"get\" action=\"/timeline\""), "{timeline}");
    let roadmap = page("/roadmap");
    assert!(roadmap.contains("Where we are going") && roadmap.contains("action=\"/roadmap\""), "{roadmap}");
    let lock = fs::read_to_string(world.work().join("mine/customize.lock")).unwrap();
    assert_eq!(lock.matches("settled = {").count(), 2, "{lock}");
}
