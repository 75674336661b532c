//! The main job: a real Trac, customised by WASM plugins.

use silver_tests::{World, trac};
use std::fs;

const HOST: &str = "trac.localhost";

#[test]
fn trac_is_customised_deployed_and_kept() {
    let world = World::new();
    let zip = trac::pack(&world).display().to_string();
    trac::example(&world);
    let commands = world.silver(["manage-app", &zip, "--customize=mine/", "--list-commands"]).ok();
    for command in ["search", "install-plugin", "uninstall-plugin", "list-plugins"] {
        assert!(commands.stdout().contains(command), "{}", commands.stdout());
    }
    world.silver(["manage-app", &zip, "--customize=mine/", "--yes", "install-plugin", "TracAccountManager"]).ok();
    assert!(fs::read_to_string(world.work().join("mine/customize.lock")).unwrap().contains("TracAccountManager"));

    world.silver(["merge", &zip, "--customize=mine/", "-o", "out/"]).ok();
    assert_eq!(
        fs::read(world.work().join("out/env/templates/site_header.html")).unwrap(),
        fs::read(world.work().join("mine/templates/site_header.html")).unwrap()
    );

    world.silver(["update", &zip, "--customize=mine/", "--yes"]).ok();
    let page = world.http().page(HOST, "/wiki");
    let header = fs::read_to_string(world.work().join("mine/templates/site_header.html")).unwrap();
    let words = header.lines().find(|line| line.contains("class=") || line.contains("id=")).unwrap_or_default().trim();
    assert!(page.contains(words.split('>').next().unwrap_or_default()), "the customised header is not on the page:\n{page}");
    assert_eq!(world.http().get(HOST, "/register").unwrap().status, 200, "AccountManager is loaded");

    // what an administrator changed in trac.ini survives the next update, what silver owns is silver's
    let ini = world.home().join("data/nodes/local/data/trac/conf/trac.ini");
    let text = fs::read_to_string(&ini).unwrap();
    fs::write(&ini, format!("{text}\n[notification]\nsmtp_server = mail.example.org\n")).unwrap();
    let customize = world.work().join("mine/customize.toml");
    let text = fs::read_to_string(&customize).unwrap();
    assert!(text.contains("project-name"), "{text}");
    let changed: String = text
        .lines()
        .map(|line| if line.starts_with("project-name") { "project-name = \"Renamed\"\n".into() } else { format!("{line}\n") })
        .collect();
    fs::write(&customize, changed).unwrap();
    world.silver(["update", &zip, "--customize=mine/", "--yes"]).ok();
    assert!(world.http().page(HOST, "/wiki").contains("Renamed"));
    assert!(fs::read_to_string(&ini).unwrap().contains("smtp_server = mail.example.org"));

    let why = world.silver(["explain", "trac", "templates/site_header.html"]).ok().stdout();
    assert!(why.contains("customization:templates/site_header.html"), "{why}");
    world.silver(["registry", "verify"]).ok();
    world.silver(["rollback", "trac", "--yes"]).ok();
    assert!(!world.http().page(HOST, "/wiki").contains("Renamed"));
}

#[test]
fn an_app_plugin_that_does_not_load_makes_the_update_revert_with_tracs_own_reason() {
    let world = World::new();
    let zip = trac::pack(&world).display().to_string();
    trac::example(&world);
    world.silver(["update", &zip, "--customize=mine/", "--yes"]).ok();
    world.write("mine/plugins/broken.py", "import nothing_of_this_name\n");
    let ran = world.silver(["update", &zip, "--customize=mine/", "--yes"]).exits(4);
    assert!(ran.stderr().contains("nothing_of_this_name"), "{}", ran.stderr());
    assert_eq!(world.http().get(HOST, "/wiki").unwrap().status, 200);
}

#[test]
fn packages_that_do_not_exist_or_conflict() {
    let world = World::new();
    let zip = trac::pack(&world).display().to_string();
    trac::example(&world);
    let before = fs::read(world.work().join("mine/customize.toml")).unwrap();
    for (name, words) in
        [("no-such-package-of-silver", &["no-such-package-of-silver"][..]), ("TracAccountManager==99.9", &["TracAccountManager"])]
    {
        let ran = world.silver(["manage-app", &zip, "--customize=mine/", "--yes", "install-plugin", name]);
        for word in words {
            assert!(ran.stderr().contains(word) && ran.stderr().contains("hint:"), "{}", ran.snapshot());
        }
        ran.exits(1);
        assert_eq!(fs::read(world.work().join("mine/customize.toml")).unwrap(), before);
    }
}
