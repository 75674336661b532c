//! A customised application and a new version of its pack: `silver customize`.

use serde_json::Value;
use silver_tests::{Ran, World, hello};
use std::{
    fs,
    path::{Path, PathBuf},
};

const BASE: &str = "<!doctype html>
<title>$title</title>
<h1>$greeting</h1>
<p>Counted so far: <b>$count</b>, says version $version of release $release.</p>
";
const OURS: &str = "<!doctype html>
<title>$title</title>
<h1>Our $greeting</h1>
<p>Counted so far: <b>$count</b>, says version $version of release $release.</p>
";

/// A hello with a template that the operator replaced, deployed.
struct Site {
    world: World,
    mine: PathBuf,
}

impl Site {
    fn new() -> Self {
        let world = World::new();
        world.write("mine/customize.toml", "[pack]\nid = \"org.silver.hello\"\n\n[[deploy]]\nname = \"hello\"\n");
        world.write("mine/templates/index.html", OURS);
        let mine = world.work().join("mine");
        let site = Self { world, mine };
        site.pack("1.0.0", |_| {});
        site.silver(&["update", "hello-1.0.0.zip", "--yes"]).ok();
        site
    }

    /// A version of hello, with what `edit` makes of its directory.
    fn pack(&self, version: &str, edit: impl FnOnce(&Path)) {
        let dir = hello::variant("good");
        let manifest = dir.path().join("pack.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, text.replace("\nversion = \"1.0.0\"", &format!("\nversion = \"{version}\""))).unwrap();
        edit(dir.path());
        let zip = format!("hello-{version}.zip");
        self.world.silver(["pack", &dir.path().display().to_string(), "-o", &zip]).ok();
    }

    /// A version whose template is `text`.
    fn pack_template(&self, version: &str, text: &str) {
        self.pack(version, |dir| fs::write(dir.join("instance/templates/index.html"), text).unwrap());
    }

    fn silver(&self, words: &[&str]) -> Ran {
        self.world.silver(words.iter().copied().chain(["--customize=mine"]))
    }

    fn rows(&self, words: &[&str]) -> Vec<Value> {
        let ran = self.silver(&[words, &["--json"]].concat());
        serde_json::from_str(&ran.stdout()).unwrap_or_else(|error| panic!("{error}\n{}", ran.snapshot()))
    }

    fn template(&self) -> String {
        fs::read_to_string(self.mine.join("templates/index.html")).unwrap()
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.mine.join("customize.lock")).unwrap()
    }

    fn page(&self) -> String {
        self.world.http().page("hello.localhost", "/")
    }
}

#[test]
fn a_change_of_the_pack_is_merged_into_the_operators_file() {
    let site = Site::new();
    assert!(site.page().contains("Our Hello"));
    site.pack_template("1.1.0", &BASE.replace("</p>", "</p>\n<p>And a line of theirs.</p>"));

    let ran = site.silver(&["update", "hello-1.1.0.zip", "--yes"]).exits(2);
    assert!(ran.stderr().contains("has changed since `templates/index.html` was made from it"), "{}", ran.snapshot());
    assert!(ran.stderr().contains("`silver customize rebase hello-1.1.0.zip --customize=mine`"), "{}", ran.snapshot());
    let status = &site.rows(&["customize", "status", "hello-1.1.0.zip"])[0];
    assert!(status["hint"].as_str().unwrap().contains("`silver customize diff hello-1.1.0.zip --customize=mine`"), "{status}");
    assert_eq!((&status["kind"], &status["state"], &status["stops"]), (&"override".into(), &"changed".into(), &true.into()));
    site.silver(&["customize", "status", "hello-1.1.0.zip", "--exit-code"]).exits(3);
    let diff = site.silver(&["customize", "diff", "hello-1.1.0.zip"]).exits(3).stdout();
    assert!(diff.contains("+<p>And a line of theirs.</p>") && diff.contains("+<h1>Our $greeting</h1>"), "{diff}");

    let lock = site.lock();
    let dry = site.silver(&["customize", "rebase", "hello-1.1.0.zip", "--dry-run"]).ok().stdout();
    assert!(dry.contains("+<p>And a line of theirs.</p>"), "{dry}");
    assert_eq!((site.template().as_str(), &site.lock()), (OURS, &lock), "a dry run writes nothing");

    site.silver(&["customize", "rebase", "hello-1.1.0.zip"]).ok();
    let (template, lock) = (site.template(), site.lock());
    assert!(template.contains("Our $greeting") && template.contains("And a line of theirs."), "{template}");
    assert!(lock.contains("settled = {") && lock.contains("version = \"1.1.0\""), "{lock}");
    let again = site.silver(&["customize", "rebase", "hello-1.1.0.zip"]).ok();
    assert!(again.stderr().contains("nothing to do"), "{}", again.snapshot());
    assert_eq!((site.template(), site.lock()), (template, lock), "twice is once");

    site.silver(&["update", "hello-1.1.0.zip", "--yes"]).ok();
    assert!(site.page().contains("Our Hello") && site.page().contains("And a line of theirs."));
    assert!(site.lock().contains("settled = {"), "who settled it stays in the lock: {}", site.lock());
    site.silver(&["customize", "diff", "hello-1.1.0.zip"]).ok();
}

#[test]
fn conflicts_stop_the_update_until_no_marker_is_left() {
    let site = Site::new();
    site.pack_template("1.1.0", &BASE.replace("<h1>$greeting</h1>", "<h1 class=\"theirs\">$greeting</h1>"));
    let diff = &site.rows(&["customize", "diff", "hello-1.1.0.zip"])[0];
    assert_eq!(diff["merge"], "conflicts");
    let rows = site.rows(&["customize", "rebase", "hello-1.1.0.zip"]);
    assert_eq!((&rows[0]["done"], &rows[0]["lines"]), (&"marked".into(), &serde_json::json!([3, 5, 7, 9])));
    let marked = site.template();
    assert!(marked.contains("<<<<<<< ours\n<h1>Our $greeting</h1>\n||||||| original\n"), "{marked}");
    site.silver(&["customize", "rebase", "hello-1.1.0.zip"]).exits(3);
    assert_eq!(site.template(), marked, "twice is once");

    let ran = site.silver(&["update", "hello-1.1.0.zip", "--yes"]).exits(2);
    assert!(ran.stderr().contains("templates/index.html:3:") && ran.stderr().contains("lines 3, 5, 7, 9"), "{}", ran.snapshot());
    assert!(site.page().contains("Our Hello"), "the old release serves");

    // by hand; whoever updates has settled it
    let settled = OURS.replace("<h1>", "<h1 class=\"theirs\">");
    site.world.write("mine/templates/index.html", &settled);
    assert_eq!(site.rows(&["customize", "status", "hello-1.1.0.zip"])[0]["state"], "merged");
    site.silver(&["update", "hello-1.1.0.zip", "--yes"]).ok();
    assert!(site.page().contains("<h1 class=\"theirs\">Our Hello"));
    let lock = site.lock();
    assert!(lock.contains("settled = {") && !lock.contains("conflict ="), "{lock}");

    // or by a choice
    site.pack_template("1.2.0", &BASE.replace("<h1>$greeting</h1>", "<h1 class=\"other\">$greeting</h1>"));
    site.silver(&["customize", "rebase", "hello-1.2.0.zip", "--ours", "templates/index.html"]).ok();
    assert_eq!(site.template(), settled);
    site.silver(&["customize", "rebase", "hello-1.2.0.zip", "--ours", "templates/nothing.html"]).exits(2);
}

#[test]
fn all_that_stops_an_update_is_told_at_once() {
    let site = Site::new();
    site.world.write("mine/notes/today.txt", "A note\n");
    site.silver(&["update", "hello-1.0.0.zip", "--yes"]).ok();
    site.world.write("mine/customize.toml", "[pack]\nid = \"org.silver.hello\"\n\n[settings]\n# who comes\ngreeting = \"Hi\"\n");
    // the template changed, the slot for notes is gone, the setting has another name
    site.pack("2.0.0", |dir| {
        fs::write(dir.join("instance/templates/index.html"), BASE.replace("<h1>", "<h1 class=\"theirs\">")).unwrap();
        let manifest = fs::read_to_string(dir.join("pack.toml")).unwrap();
        let (start, end) = (manifest.find("[[slot]]\nname = \"notes\"").unwrap(), manifest.find("[state.db]").unwrap());
        let manifest = format!("{}{}", &manifest[..start], &manifest[end..])
            .replace("[settings.greeting]", "[settings.welcome]\nrenamed-from = \"greeting\"")
            .replace("setting.greeting", "setting.welcome");
        fs::write(dir.join("pack.toml"), manifest).unwrap();
    });
    let ran = site.silver(&["update", "hello-2.0.0.zip", "--yes"]).exits(2);
    let gone = "nothing in the pack takes `notes/today.txt`: `notes` was a slot of 1.0.0 and is gone in 2.0.0";
    for part in ["instance/templates/index.html` has changed", gone] {
        assert!(ran.stderr().contains(part), "{part}: {}", ran.snapshot());
    }
    let rows = site.rows(&["customize", "status", "hello-2.0.0.zip"]);
    let told: Vec<_> = rows.iter().map(|row| (row["kind"].as_str().unwrap(), row["state"].as_str().unwrap())).collect();
    assert_eq!(told, [("override", "changed"), ("setting", "renamed"), ("finding", "error")]);
    assert!(rows[2]["message"].as_str().unwrap().contains("notes/today.txt"));

    site.silver(&["customize", "rebase", "hello-2.0.0.zip", "--ours", "templates/index.html"]).exits(3);
    let config = fs::read_to_string(site.mine.join("customize.toml")).unwrap();
    assert!(config.contains("# who comes\nwelcome = \"Hi\""), "{config}");
    fs::remove_dir_all(site.mine.join("notes")).unwrap();
    site.silver(&["update", "hello-2.0.0.zip", "--yes"]).ok();
    assert!(site.page().contains("Our Hi"));
}

#[test]
fn a_setting_that_is_gone_is_not_told_as_unknown() {
    let site = Site::new();
    let config = "[pack]\nid = \"org.silver.hello\"\n\n[settings]\ngreeting = \"Hi\"\nnever = \"x\"\n";
    site.world.write("mine/customize.toml", config);
    site.pack("2.0.0", |dir| {
        let manifest = fs::read_to_string(dir.join("pack.toml")).unwrap();
        let manifest =
            manifest.replace("[settings.greeting]", "[settings.welcome]").replace("setting.greeting", "setting.welcome");
        fs::write(dir.join("pack.toml"), manifest).unwrap();
    });
    let gone = "`greeting` was a setting of 1.0.0 and is gone in 2.0.0";
    let new = "take it out of customize.toml; new are `welcome`";
    let update = site.silver(&["update", "hello-2.0.0.zip", "--yes"]).exits(2);
    for part in [gone, new, "the pack has no setting `never`"] {
        assert!(update.stderr().contains(part), "{part}: {}", update.snapshot());
    }
    let rows = site.rows(&["customize", "status", "hello-2.0.0.zip"]);
    assert!(rows.iter().any(|row| row["message"] == gone && row["hint"] == new && row["stops"] == true), "{rows:?}");
    // where nothing was deployed, the former pack is given
    site.world.silver(["local", "stop"]).ok();
    fs::rename(site.world.home(), site.world.work().join("elsewhere")).unwrap();
    let alone = site.silver(&["customize", "status", "hello-2.0.0.zip"]).ok().stdout();
    assert!(alone.contains("the pack has no setting `greeting`"), "{alone}");
    let given = site.silver(&["customize", "status", "hello-2.0.0.zip", "--base", "hello-1.0.0.zip"]).ok().stdout();
    assert!(given.contains(gone), "{given}");
}

#[test]
fn a_file_that_the_pack_dropped_can_stay_only_where_its_slot_takes_it_alone() {
    let site = Site::new();
    let without = |loose: bool| {
        move |dir: &Path| {
            fs::rename(dir.join("instance/templates/index.html"), dir.join("page.html")).unwrap();
            fs::write(dir.join("page.html"), "another page\n").unwrap();
            if loose {
                let manifest = fs::read_to_string(dir.join("pack.toml")).unwrap();
                let slot = "into = \"instance:templates\"\nmode = \"override\"\n";
                let manifest = manifest.replace(slot, &format!("{slot}must-exist = false\n"));
                fs::write(dir.join("pack.toml"), manifest).unwrap();
            }
        }
    };
    site.pack("2.0.0", without(false));
    site.pack("2.1.0", without(true));
    let (template, lock) = (site.template(), site.lock());

    let ran = site.silver(&["customize", "rebase", "hello-2.0.0.zip", "--ours", "templates/index.html"]).exits(2);
    assert!(ran.stderr().contains("cannot stay") && ran.stderr().contains("--theirs templates/index.html"), "{}", ran.snapshot());
    let open = site.silver(&["customize", "rebase", "hello-2.0.0.zip"]).exits(3).stdout();
    assert!(open.contains("--theirs templates/index.html") && !open.contains("--ours"), "{open}");
    assert_eq!((site.template(), site.lock()), (template.clone(), lock));

    site.silver(&["customize", "rebase", "hello-2.1.0.zip", "--ours", "templates/index.html"]).ok();
    assert_eq!(site.template(), template);
    assert!(!site.lock().contains("[[override]]"), "it replaces nothing any more: {}", site.lock());
    site.silver(&["merge", "hello-2.1.0.zip"]).ok();
    let rows = site.rows(&["customize", "status", "hello-2.1.0.zip"]);
    assert!(rows.iter().all(|row| row["stops"] == false), "{rows:?}");
}

#[test]
fn without_a_registry_the_base_is_given() {
    let site = Site::new();
    site.pack_template("1.1.0", &BASE.replace("</p>", "</p>\n<p>And a line of theirs.</p>"));
    site.world.silver(["local", "stop"]).ok();
    fs::rename(site.world.home(), site.world.work().join("elsewhere")).unwrap();

    let before = site.template();
    let ran = site.silver(&["customize", "rebase", "hello-1.1.0.zip"]).exits(3);
    assert!(ran.stdout().contains("--base"), "{}", ran.snapshot());
    // a pack that the file was not made from does not help, another application's is refused
    site.silver(&["customize", "rebase", "hello-1.1.0.zip", "--base", "hello-1.1.0.zip"]).exits(3);
    assert_eq!(site.template(), before);
    site.silver(&["customize", "rebase", "hello-1.1.0.zip", "--base", "hello-1.0.0.zip"]).ok();
    assert!(site.template().contains("And a line of theirs."));
}

#[test]
fn an_override_made_after_the_last_update_is_noticed_too() {
    let site = Site::new();
    site.world.write("mine/templates/more.html", "<p>ours</p>\n");
    let with_more = |text: &'static str| move |dir: &Path| fs::write(dir.join("instance/templates/more.html"), text).unwrap();
    site.pack("1.1.0", with_more("<p>theirs</p>\n"));
    fs::remove_file(site.mine.join("templates/more.html")).unwrap();
    site.silver(&["update", "hello-1.1.0.zip", "--yes"]).ok();
    // made from 1.1.0, never deployed with it
    site.world.write("mine/templates/more.html", "<p>theirs</p>\n<p>ours</p>\n");
    site.pack("1.2.0", with_more("<p>theirs, corrected</p>\n"));
    let ran = site.silver(&["update", "hello-1.2.0.zip", "--yes"]).exits(2);
    assert!(ran.stderr().contains("more.html` has changed since"), "{}", ran.snapshot());
}

#[test]
fn an_update_without_a_pack_uses_the_one_of_the_lock() {
    let site = Site::new();
    site.world.write("mine/templates/index.html", &OURS.replace("Our", "Our new"));
    site.silver(&["update", "--yes"]).ok();
    assert!(site.page().contains("Our new Hello"));
    fs::remove_file(site.mine.join("customize.lock")).unwrap();
    let ran = site.silver(&["update", "--yes"]).exits(2);
    assert!(ran.stderr().contains("silver update PACK"), "{}", ran.snapshot());
    site.world.silver(["update", "--yes"]).exits(2);
}
