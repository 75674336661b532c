//! A real application, customised, extended and updated: what an operator of Trac does.

use silver_tests::{World, trac};
use std::{
    fs,
    path::{Path, PathBuf},
};

const HOST: &str = "trac.localhost";

/// A Trac that was deployed with the example customization.
struct Site {
    world: World,
    archive: PathBuf,
    mine: PathBuf,
}

impl Site {
    fn new() -> Self {
        let world = World::new();
        let (archive, mine) = (trac::pack(&world), trac::example(&world));
        let site = Self { world, archive, mine };
        site.update().ok();
        site
    }

    fn update(&self) -> silver_tests::Ran {
        self.world.silver(["update", &self.archive(), &self.customize(), "--yes"])
    }

    fn manage(&self, words: &[&str]) -> silver_tests::Ran {
        let (archive, customize) = (self.archive(), self.customize());
        self.world.silver(["manage-app", &archive, &customize, "--yes"].iter().chain(words))
    }

    fn archive(&self) -> String {
        self.archive.display().to_string()
    }

    fn customize(&self) -> String {
        format!("--customize={}", self.mine.display())
    }

    fn page(&self, path: &str) -> String {
        self.world.http().page(HOST, path)
    }

    fn status(&self, path: &str) -> u16 {
        self.world.http().get(HOST, path).unwrap().status
    }

    /// `trac.ini`, where it lies.
    fn ini(&self) -> PathBuf {
        self.world.home().join("data/nodes/local/data/trac/conf/trac.ini")
    }

    fn releases(&self) -> usize {
        self.world.json(&["releases", "trac"]).as_array().unwrap().len()
    }
}

#[test]
fn a_customised_trac_is_deployed_extended_and_kept() {
    let site = Site::new();
    let wiki = site.page("/wiki");
    assert!(wiki.contains("deployed by silver with a header of its own"), "the template of the customization");
    assert!(wiki.contains("Example Project"), "a setting");
    assert!(wiki.contains("/chrome/site/logo.svg"), "an option of the customization's trac.ini");
    assert!(site.page("/chrome/site/logo.svg").contains("<svg"), "a static file of the customization");
    assert!(site.page("/wiki/WikiMacros").contains("Greets somebody"), "the plugin in a single file");

    // nothing changed: no new release
    let before = site.releases();
    site.update().ok();
    assert_eq!(site.releases(), before);

    // an administrator changes options in the web administration
    let ini = fs::read_to_string(site.ini()).unwrap();
    assert!(ini.contains("base_url = http://trac.localhost"), "{ini}");
    fs::write(site.ini(), format!("{ini}\n[timeline]\ndefault_daysback = 7\n\n[components]\nacct_mgr.register.* = disabled\n"))
        .unwrap();

    assert_eq!(site.status("/login"), 500, "Trac has no login of its own");
    site.manage(&["install-plugin", "TracAccountManager"]).ok();
    assert!(site.manage(&["list-plugins"]).ok().stdout().contains("TracAccountManager"));
    site.update().ok();
    assert_eq!(site.status("/login"), 200, "the first visitor gets the form, and is not made an administrator");
    let ini = fs::read_to_string(site.ini()).unwrap();
    assert!(ini.contains("default_daysback = 7"), "what the administrator set is kept: {ini}");
    assert_eq!(site.status("/register"), 404, "what the administrator disabled stays disabled");

    // gone again
    site.manage(&["uninstall-plugin", "TracAccountManager"]).ok();
    site.update().ok();
    assert_eq!(site.status("/wiki"), 200);
    assert!(!has_wheel(&site.mine));
    site.world.silver(["registry", "verify"]).ok();

    let why = site.world.silver(["explain", "trac", "templates/site_header.html"]).ok().stdout();
    assert!(why.contains("customization:templates/site_header.html"), "{why}");

    // and back, with the environment that has the app plugin
    site.world.silver(["rollback", "trac", "--yes"]).ok();
    assert!([200, 302].contains(&site.status("/login")), "the app plugin answers again");
}

#[test]
fn an_app_plugin_that_does_not_load_is_reverted_with_tracs_own_reason() {
    let site = Site::new();
    let before = site.releases();
    for (name, text, reason) in [
        ("broken.py", "import no_such_module_anywhere\n", "no_such_module_anywhere"),
        ("broken.py", "raise RuntimeError('written for another Trac')\n", "written for another Trac"),
    ] {
        fs::write(site.mine.join("plugins").join(name), text).unwrap();
        let ran = site.update().exits(4);
        assert!(ran.stderr().contains(reason), "{}", ran.stderr());
        assert!(site.page("/wiki").contains("deployed by silver"), "the old release serves");
    }
    fs::remove_file(site.mine.join("plugins/broken.py")).unwrap();
    site.update().ok();
    assert_eq!(site.releases(), before, "back to what is deployed already: nothing to do");
}

#[test]
fn packages_that_do_not_exist_or_conflict() {
    let site = Site::new();
    let before = fs::read(site.mine.join("customize.toml")).unwrap();
    for name in ["no-such-package-of-silver", "TracAccountManager==99.9"] {
        let ran = site.manage(&["install-plugin", name]).exits(1);
        let package = name.split("==").next().unwrap();
        assert!(ran.stderr().contains(package) && ran.stderr().contains("hint:"), "{}", ran.snapshot());
        assert_eq!(fs::read(site.mine.join("customize.toml")).unwrap(), before);
    }
}

fn has_wheel(mine: &Path) -> bool {
    fs::read_dir(mine.join("plugins"))
        .unwrap()
        .any(|entry| entry.unwrap().path().extension().is_some_and(|suffix| suffix == "whl"))
}
