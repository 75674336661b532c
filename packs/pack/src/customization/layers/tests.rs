//! Customizations on top of each other.

use super::*;
use crate::{customization::Settled, manifest::IndexKind};
use std::fs;
use tempfile::TempDir;

/// Directories below one place, each with its files.
fn world(dirs: &[(&str, &[(&str, &str)])]) -> TempDir {
    let world = tempfile::tempdir().unwrap();
    for (dir, files) in dirs {
        for (name, content) in *files {
            let at = world.path().join(dir).join(name);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::write(at, content).unwrap();
        }
    }
    world
}

fn config(base: &str, rest: &str) -> String {
    let base = if base.is_empty() { String::new() } else { format!("base = \"{base}\"\n") };
    format!("{base}{rest}\n[pack]\nid = \"org.example.app\"\n")
}

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

#[test]
fn what_is_nearer_to_the_site_wins() {
    let site = config(
        "../agency",
        "remove = [\"a\"]\n[index.directory]\nurl = \"https://mirror.example.org\"\n[settings]\ntitle = \"site\"\n[secrets]\nown = \"file:own\"\n[processes.web]\ncount = 2",
    );
    let agency = config(
        "../common",
        "remove = [\"b\", \"a\"]\n[settings]\ntitle = \"agency\"\ncolour = \"red\"\n[secrets]\nmail = \"file:mail\"\n[processes.web]\ncount = 3\nmemory = \"1G\"\n[[deploy]]\nname = \"x\"",
    );
    let common = config(
        "",
        "[settings]\ncolour = \"blue\"\nfont = \"serif\"\n[env]\nA = \"1\"\n[index.python]\ndirectory = \"wheels\"\n[index.directory]\ndirectory = \"themes\"\nkey = \"RWRafL25DX375autQ9TUeX3qV9rCyj65Xzp7nwtieRV7NssPHCiFOMT0\"",
    );
    let world = world(&[
        ("sites/one", &[(CONFIG, &site), ("t/site", "site"), ("t/all", "site")]),
        ("sites/agency", &[(CONFIG, &agency), ("t/agency", "agency"), ("t/all", "agency"), ("README.md", "#")]),
        ("sites/common", &[(CONFIG, &common), ("t/agency", "common"), ("t/common", "common")]),
    ]);
    let one = Customization::load_with_bases(&world.path().join("sites/one")).unwrap();
    let files: Vec<(String, String)> = one
        .files
        .listing()
        .iter()
        .map(|(file, _)| (one.shown(file), one.files.text(file).unwrap()))
        .filter(|(name, _)| name != CONFIG)
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(
        files,
        [("../agency/t/agency", "agency"), ("t/all", "site"), ("../common/t/common", "common"), ("t/site", "site")]
    );
    let settings: Vec<String> = one.config.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(settings, ["colour=\"red\"", "font=\"serif\"", "title=\"site\""]);
    assert_eq!(one.config.remove, [path("a"), path("b")]);
    let web = one.config.processes.values().next().unwrap();
    assert_eq!((web.count, web.memory.is_some()), (Some(2), true));
    assert!(one.config.deploy.is_empty(), "where a base is deployed is its own matter");
    assert_eq!(one.directory_of_secret("mail"), world.path().join("sites/agency"));
    assert_eq!(one.directory_of_secret("own"), world.path().join("sites/one"));
    assert_eq!(one.config.index[&IndexKind::Python].directory.as_deref(), Some("../common/wheels"));
    // another place keeps the key
    let index = &one.config.index[&IndexKind::Directory];
    assert_eq!((index.url.as_deref(), index.directory.as_deref()), (Some("https://mirror.example.org"), None));
    assert_eq!(index.key.map(|key| key.id()).as_deref(), Some("E5FB7D0DB9BD7C5A"));

    let names: Vec<String> = one.digests().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["", "../agency", "../common"]);
    fs::write(world.path().join("sites/common/t/common"), "other").unwrap();
    let other = Customization::load_with_bases(&world.path().join("sites/one")).unwrap();
    assert_ne!(one.digest(), other.digest(), "the digest covers all layers");
    let alone = Customization::load_with_bases(&world.path().join("sites/common")).unwrap();
    assert_eq!(alone.digest(), alone.files.digest());
}

#[test]
fn what_cannot_stand_on_each_other_is_told_with_the_way() {
    let loops = config("../b", "");
    let back = config("../a", "");
    let own = config("../a", "");
    let other = "[pack]\nid = \"org.example.other\"\n";
    let to_other = config("../other", "");
    let missing = config("../nowhere", "");
    let file = config("../file/x", "");
    let around = config("../../c/d/../../c", "");
    let clash = config("../plain", "");
    let plain = config("", "");
    let deep: Vec<(String, String)> = (0..9).map(|n| (format!("d{n}"), config(&format!("../d{}", n + 1), ""))).collect();
    let mut dirs: Vec<(&str, Vec<(&str, &str)>)> = vec![
        ("a", vec![(CONFIG, &loops)]),
        ("b", vec![(CONFIG, &back)]),
        ("self/a", vec![(CONFIG, &own)]),
        ("other", vec![(CONFIG, other)]),
        ("to-other", vec![(CONFIG, &to_other)]),
        ("missing", vec![(CONFIG, &missing)]),
        ("to-file", vec![(CONFIG, &file)]),
        ("file", vec![("x", "")]),
        ("c", vec![(CONFIG, &plain)]),
        ("c/d", vec![(CONFIG, &around)]),
        ("clash", vec![(CONFIG, &clash), ("t/x", "a file")]),
        ("plain", vec![(CONFIG, &plain), ("t/x/y", "below a directory")]),
        ("d9", vec![(CONFIG, &plain)]),
    ];
    dirs.extend(deep.iter().map(|(dir, text)| (dir.as_str(), vec![(CONFIG, text.as_str())])));
    let dirs: Vec<(&str, &[(&str, &str)])> = dirs.iter().map(|(dir, files)| (*dir, files.as_slice())).collect();
    let world = world(&dirs);
    for (site, wanted) in [
        ("a", "customizations stand on each other in a circle: W/a → W/b → W/a"),
        ("self/a", "customizations stand on each other in a circle: W/self/a → W/self/a"),
        ("to-other", "the base is for the pack `org.example.other`, not for `org.example.app`: W/to-other → W/other"),
        ("missing", "the base of a customization is not there: W/missing → W/nowhere"),
        ("to-file", "the base of a customization is not there: W/to-file → W/file/x"),
        ("c/d", "a customization and its base lie inside one another: W/c/d → W/c"),
        ("clash", "the files do not go together: W/clash → W/plain"),
        ("d0", "more than 8 customizations on top of each other: W/d0 → W/d1 → W/d2 → W/d3 → W/d4 → W/d5 → W/d6 → W/d7 → W/d8"),
    ] {
        let error = Customization::load_with_bases(&world.path().join(site)).unwrap_err();
        assert_eq!(error.to_string().replace(&world.path().display().to_string(), "W"), wanted);
        assert!(error.hint().is_some(), "{site}");
    }
}

#[test]
fn a_base_is_beside_and_relative() {
    for text in ["../agency", "../../shared/agency/", "../x/../agency"] {
        assert!(text.parse::<BasePath>().is_ok(), "{text}");
    }
    for text in ["/srv/agency", "~/agency", "agency", ".", "..", "../..", "", "../a//b", "..\\agency", "../a\nb", "./../agency"] {
        assert!(text.parse::<BasePath>().is_err(), "{text}");
    }
}

#[test]
fn a_conflict_settled_in_the_base_is_settled_for_its_sites() {
    let row = |file: &str, base: &[u8]| Overridden::new(path(&format!("env/{file}")), path(file), hash::sha256(base));
    let lock = |rows: Vec<Overridden>| {
        let mut lock = Lock::default();
        lock.overrides = rows;
        lock.write_over("")
    };
    let settled = Settled { by: "ada@host".into(), version: "1.1.0".parse().unwrap(), at: "2026-11-22T20:00:00Z".into() };
    let of_base = Overridden { settled: Some(settled), ..row("t/shared", b"new") };
    let agency_lock = lock(vec![of_base.clone(), row("t/taken", b"agency's")]);
    // what the site's lock still says of the base's file is old
    let site_lock =
        lock(vec![row("t/alone", b"first"), row("t/own", b"own"), row("t/shared", b"old"), row("t/taken", b"site's")]);
    let (site, agency) = (config("../agency", ""), config("", ""));
    let world = world(&[
        ("site", &[(CONFIG, &site), (super::super::LOCK, &site_lock), ("t/own", ""), ("t/taken", "site")]),
        ("agency", &[(CONFIG, &agency), (super::super::LOCK, &agency_lock), ("t/shared", ""), ("t/alone", ""), ("t/taken", "")]),
    ]);
    let one = Customization::load_with_bases(&world.path().join("site")).unwrap();
    assert_eq!(one.lock.overrides, [row("t/alone", b"first"), row("t/own", b"own"), of_base, row("t/taken", b"site's")]);
    let kept: Vec<String> = one.own_overrides(one.lock.overrides.clone()).into_iter().map(|row| row.path.to_string()).collect();
    assert_eq!(kept, ["env/t/alone", "env/t/own", "env/t/taken"], "the base's row is not copied");
}
