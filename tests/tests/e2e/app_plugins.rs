//! App plugins that customize.toml wants: resolved for each platform, locked, fetched by their digests,
//! and vendored, so that an update needs no index.

use silver_pack::signature::{SecretKey, SignatureFile};
use silver_tests::{World, trac, wheel, world::skipped};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const SITE: &str = r#"format = 1
[pack]
id = "org.example.site"
name = "site"
version = "1.0.0"
[runtime]
kind = "static"
root = "public"
[[slot]]
name = "themes"
from = "themes/**"
into = "tree:public/themes"
mode = "add"
[index.directory]
into = "themes"
"#;

/// A pack that takes themes from a directory, `packages/`, and a customization that wants these.
struct Site {
    world: World,
    zip: String,
}

impl Site {
    fn new(wanted: &str) -> Self {
        let world = World::new();
        world.write("site/pack.toml", SITE);
        world.write("site/public/index.html", "<h1>site</h1>");
        world.silver(["pack", "site", "-o", "site.zip"]).ok();
        let site = Self { world, zip: "site.zip".into() };
        site.publish(&[("dark-1.0", "dark one"), ("dark-2.0", "dark two"), ("light-1.0", "light")]);
        site.customize(&format!("[plugins]\ndirectory = [{wanted}]\n[index.directory]\ndirectory = \"../packages\"\n"));
        site
    }

    fn customize(&self, more: &str) {
        self.world.write("mine/customize.toml", &format!("{more}[pack]\nid = \"org.example.site\"\n"));
    }

    /// Themes as zips with a directory of their own, and their list.
    fn publish(&self, themes: &[(&str, &str)]) {
        let dir = self.world.work().join("packages");
        fs::create_dir_all(&dir).unwrap();
        for (name, text) in themes {
            zip(&dir.join(format!("{name}.zip")), &[(format!("{name}/style.css"), text)]);
        }
        // as the documentation has it
        let made = Command::new("sh").args(["-c", "sha256sum *-* > SHA256SUMS"]).current_dir(&dir).status().unwrap();
        assert!(made.success());
    }

    fn silver(&self, words: &[&str]) -> silver_tests::Ran {
        self.world.silver(words.iter().chain(&["--customize=mine"]))
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.world.work().join("mine/customize.lock")).unwrap_or_default()
    }

    fn forget_downloads(&self) {
        fs::remove_dir_all(self.world.home().join("cache/downloads")).unwrap();
    }

    fn page(&self, path: &str) -> String {
        self.world.http().page("site.localhost", path)
    }
}

fn zip(path: &Path, files: &[(String, &&str)]) {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, text) in files {
        zip.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
}

#[test]
fn what_is_wanted_is_locked_deployed_and_upgraded_when_asked() {
    let site = Site::new("\"dark==1.0\"");
    let update = ["update", &site.zip, "--yes"];
    // nothing is altered: something is still to be done
    for words in [&update[..], &["customize", "vendor", &site.zip]] {
        let ran = site.silver(words).exits(2);
        assert!(ran.stderr().contains("silver customize lock"), "{}", ran.snapshot());
    }
    let dry = site.silver(&["customize", "lock", &site.zip, "--dry-run"]).ok();
    assert!(dry.stdout().contains("dark") && site.lock().is_empty(), "{}", dry.snapshot());
    site.silver(&["customize", "lock", &site.zip]).ok();
    site.silver(&update).ok();
    assert_eq!(site.page("/themes/dark/style.css"), "dark one");
    assert!(!site.world.work().join("mine/themes").exists(), "packages need not lie in the customization");

    // another row is wanted; what is locked stays, until it is asked for
    site.customize("[plugins]\ndirectory = [\"dark\", \"light\"]\n[index.directory]\ndirectory = \"../packages\"\n");
    site.silver(&["customize", "lock", &site.zip]).ok();
    assert!(site.lock().contains("dark-1.0.zip") && site.lock().contains("light-1.0.zip"), "{}", site.lock());
    site.silver(&["customize", "lock", &site.zip, "--upgrade"]).ok();
    assert!(site.lock().contains("dark-2.0.zip"), "{}", site.lock());
    site.silver(&update).ok();
    assert_eq!(site.page("/themes/dark/style.css"), "dark two");
    let again = site.lock();
    site.silver(&["customize", "lock", &site.zip]).ok();
    assert_eq!(site.lock(), again);
}

#[test]
fn an_update_needs_no_index_when_app_plugins_are_vendored() {
    let site = Site::new("\"dark\", \"light\"");
    let update = ["update", &site.zip, "--yes"];
    site.silver(&["customize", "lock", &site.zip]).ok();
    let wanted = "[plugins]\ndirectory = [\"dark\", \"light\"]\n[index.directory]\n";
    // nothing listens on port 1
    let unreachable = format!("{wanted}url = \"http://127.0.0.1:1/packages\"\n");
    site.customize(&unreachable);
    site.forget_downloads();
    let ran = site.silver(&update).exits(1);
    for word in ["cannot be reached", "127.0.0.1:1", "silver customize vendor"] {
        assert!(ran.stderr().contains(word), "`{word}` is not in\n{}", ran.snapshot());
    }

    site.customize(&format!("{wanted}directory = \"../packages\"\n"));
    site.silver(&["customize", "vendor", &site.zip]).ok();
    let vendored = site.world.work().join("mine/app-plugins/directory");
    assert!(vendored.join("dark-2.0.zip").is_file() && vendored.join("light-1.0.zip").is_file());
    site.customize(&unreachable);
    site.forget_downloads();
    site.silver(&update).ok();
    assert_eq!(site.page("/themes/light/style.css"), "light");

    // what is vendored is checked, and follows the lock
    fs::write(vendored.join("light-1.0.zip"), "another file").unwrap();
    site.forget_downloads();
    let ran = site.silver(&["merge", &site.zip]).exits(8);
    assert!(ran.stderr().contains("app-plugins/directory/light-1.0.zip"), "{}", ran.snapshot());
    site.customize("[plugins]\ndirectory = [\"dark\"]\n[index.directory]\ndirectory = \"../packages\"\n");
    site.silver(&["customize", "lock", &site.zip]).ok();
    assert!(vendored.join("dark-2.0.zip").is_file() && !vendored.join("light-1.0.zip").exists());
}

#[test]
fn a_package_that_was_replaced_on_its_index_is_refused() {
    let site = Site::new("\"light\"");
    site.silver(&["customize", "lock", &site.zip]).ok();
    site.forget_downloads();
    site.publish(&[("light-1.0", "not what was locked")]);
    let ran = site.silver(&["update", &site.zip, "--yes"]).exits(8);
    assert!(ran.stderr().contains("light") && ran.stderr().contains("hint:"), "{}", ran.snapshot());
    for (wanted, code, word) in [("nothing", 1, "not in the index"), ("light==9", 1, "it has 1.0"), ("light>=1", 1, "==1.0")] {
        site.customize(&format!("[plugins]\ndirectory = [\"{wanted}\"]\n[index.directory]\ndirectory = \"../packages\"\n"));
        let before = site.lock();
        let ran = site.silver(&["customize", "lock", &site.zip, "--upgrade"]).exits(code);
        assert!(ran.stderr().contains(word), "`{word}` is not in\n{}", ran.snapshot());
        assert_eq!(site.lock(), before);
    }
}

#[test]
fn a_list_that_has_to_be_signed_is_refused_without_a_good_signature() {
    let site = Site::new("\"dark\"");
    let (world, packages) = (&site.world, site.world.work().join("packages"));
    let key = |name: &str| {
        world.silver(["keys", "new", name, "-W"]).ok();
        let files = world.home().join("data/keys/publisher");
        let secret = SecretKey::parse(&fs::read_to_string(files.join(format!("{name}.key"))).unwrap(), None).unwrap();
        (secret.public().to_string(), secret)
    };
    let ((public, secret), (other_public, other)) = (key("packages"), key("other"));
    world.write("site/pack.toml", &format!("{SITE}key = \"{public}\"\n"));
    world.silver(["pack", "site", "-o", &site.zip]).ok();

    let (list, minisig) = (packages.join("SHA256SUMS"), packages.join("SHA256SUMS.minisig"));
    let signed = |by: &SecretKey| SignatureFile::make(by, "", "timestamp:1", &fs::read(&list).unwrap()).to_string();
    let lock = || site.silver(&["customize", "lock", &site.zip]);
    let refused = |what: &str, words: &[&str]| {
        let ran = lock().exits(8);
        for word in words.iter().chain(&["SHA256SUMS.minisig", "hint:"]) {
            assert!(ran.stderr().contains(word), "{what}: `{word}` is not in\n{}", ran.snapshot());
        }
        assert_eq!(site.lock(), "", "{what}");
    };
    // the folder is the operator's, the key is the pack's
    refused("missing", &["is missing", &public, "minisign -S"]);
    let good = signed(&secret);
    for (what, text, word) in [
        ("another key", signed(&other), "is not the signature"),
        ("another comment", good.replace("timestamp:1", "timestamp:2"), "is not the signature"),
        ("cut", good[..good.len() - 10].to_owned(), "is not believed"),
    ] {
        fs::write(&minisig, text).unwrap();
        refused(what, &[word]);
    }
    fs::write(&minisig, &good).unwrap();
    let honest = fs::read_to_string(&list).unwrap();
    fs::write(&list, format!("{honest}# more\n")).unwrap();
    refused("an altered list", &["is not the signature", &public]);
    fs::write(&list, &honest).unwrap();
    lock().ok();
    site.silver(&["update", &site.zip, "--yes"]).ok();
    assert_eq!(site.page("/themes/dark/style.css"), "dark two");

    // the operator's own key takes its place
    fs::remove_file(world.work().join("mine/customize.lock")).unwrap();
    site.customize(&format!(
        "[plugins]\ndirectory = [\"dark\"]\n[index.directory]\ndirectory = \"../packages\"\nkey = \"{other_public}\"\n"
    ));
    refused("the pack's key", &["customize.toml", &other_public]);
    if Command::new("minisign").arg("-v").output().is_err() {
        skipped("there is no program `minisign`");
        return;
    }
    // as the documentation has it
    let secret = world.home().join("data/keys/publisher/other.key");
    let made =
        Command::new("minisign").arg("-S").arg("-s").arg(secret).args(["-m", "SHA256SUMS"]).current_dir(&packages).output();
    assert!(made.as_ref().is_ok_and(|made| made.status.success()), "{made:?}");
    lock().ok();
}

/// A customization of Trac that wants `TracDemo` and is for these targets. The index has another wheel of it for
/// each of two processors.
fn for_targets(world: &World, targets: &str) -> PathBuf {
    let text = format!(
        "targets = [{targets}]\n[pack]\nid = \"org.edgewall.trac\"\n[plugins]\npython = [\"TracDemo\"]\n[index.python]\ndirectory = \"../index\"\n"
    );
    world.write("mine/customize.toml", &text);
    let index = world.work().join("index");
    for processor in ["x86_64", "aarch64"] {
        let tags = format!("cp311-cp311-manylinux_2_17_{processor}");
        // only on one of them it needs something else
        let more = "Requires-Dist: Helper>=2; platform_machine == \"aarch64\"\n";
        wheel::write_for(&index, "TracDemo", "1.0", more, &[("tracdemo/__init__.py", processor)], &tags);
    }
    wheel::write(&index, "Helper", "2.1", "", &[("helper.py", "")]);
    world.work().join("mine")
}

#[test]
fn each_platform_has_its_row_and_one_without_is_told_plainly() {
    let world = World::new();
    let zip = trac::pack(&world).display().to_string();
    let (here, there) = ("linux-x86_64-gnu2.36-cp311", "linux-aarch64-gnu2.36-cp311");
    let mine = for_targets(&world, &format!("\"{here}\", \"{there}\""));
    let lock = || fs::read_to_string(mine.join("customize.lock")).unwrap();
    world.silver(["customize", "lock", &zip, "--customize=mine"]).ok();
    for row in [
        format!(
            "name = \"tracdemo\"\nversion = \"1.0\"\ntarget = \"{here}\"\npath = \"plugins/TracDemo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl\""
        ),
        format!(
            "name = \"tracdemo\"\nversion = \"1.0\"\ntarget = \"{there}\"\npath = \"plugins/TracDemo-1.0-cp311-cp311-manylinux_2_17_aarch64.whl\""
        ),
        format!("name = \"helper\"\nversion = \"2.1\"\ntarget = \"{there}\""),
    ] {
        assert!(lock().contains(&row), "{row}\nis not in\n{}", lock());
    }
    assert_eq!(lock().matches("[[app-plugin]]").count(), 3, "{}", lock());

    let merged = |target: &str| world.silver(["merge", &zip, "--customize=mine", "--target", target]).ok().stdout();
    let (x86, arm) = (merged(here), merged(there));
    assert!(x86.contains("x86_64.whl") && !x86.contains("aarch64") && !x86.contains("Helper"), "{x86}");
    assert!(arm.contains("aarch64.whl") && !arm.contains("x86_64.whl") && arm.contains("Helper"), "{arm}");
    let ran = world.silver(["merge", &zip, "--customize=mine"]).exits(2);
    assert!(ran.stderr().contains("--target"), "{}", ran.snapshot());
    let ran = world.silver(["merge", &zip, "--customize=mine", "--target", "linux-x86_64-gnu2.36-cp312"]).exits(2);
    for word in ["tracdemo", here, "linux-x86_64-gnu2.36-cp312", "`targets`"] {
        assert!(ran.stderr().contains(word), "`{word}` is not in\n{}", ran.snapshot());
    }

    // no wheel for the third platform: it is named, and nothing changes
    let before = lock();
    let arm12 = "linux-riscv64-gnu2.36-cp311";
    for_targets(&world, &format!("\"{here}\", \"{arm12}\""));
    let ran = world.silver(["customize", "lock", &zip, "--customize=mine"]).exits(1);
    assert!(ran.stderr().contains(arm12) && ran.stderr().contains("TracDemo"), "{}", ran.snapshot());
    assert_eq!(lock(), before);
}

#[test]
fn a_command_of_the_pack_locks_for_every_platform() {
    let world = World::new();
    let zip = trac::pack(&world).display().to_string();
    let (here, there) = ("linux-x86_64-gnu2.36-cp311", "linux-aarch64-gnu2.36-cp311");
    let mine = for_targets(&world, &format!("\"{here}\", \"{there}\""));
    let text = fs::read_to_string(mine.join("customize.toml")).unwrap();
    fs::write(mine.join("customize.toml"), text.replace("[plugins]\npython = [\"TracDemo\"]\n", "")).unwrap();
    let manage = |words: &[&str]| world.silver([&["manage-app", &zip, "--customize=mine", "--yes"], words].concat());
    manage(&["install-plugin", "TracDemo"]).ok();
    let lock = fs::read_to_string(mine.join("customize.lock")).unwrap();
    assert_eq!(lock.matches("[[app-plugin]]").count(), 3, "{lock}");
    manage(&["uninstall-plugin", "TracDemo"]).ok();
    let lock = fs::read_to_string(mine.join("customize.lock")).unwrap();
    assert_eq!(lock.matches("[[app-plugin]]").count(), 0, "{lock}");
}

/// A source package without a wheel, whose build backend is its own.
const SOURCE: &str = r#"
import io, tarfile
backend = r'''
import os, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "TracSource-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        info = "TracSource-1.0.dist-info/"
        wheel.writestr("tracsource.py", "")
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: TracSource\nVersion: 1.0\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(info + "RECORD", "")
    return name
'''
project = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
with tarfile.open("TracSource-1.0.tar.gz", "w:gz") as package:
    for name, text in [("PKG-INFO", "Metadata-Version: 2.1\nName: TracSource\nVersion: 1.0\n"), ("pyproject.toml", project), ("backend.py", backend)]:
        member = tarfile.TarInfo("TracSource-1.0/" + name)
        member.size = len(text.encode())
        package.addfile(member, io.BytesIO(text.encode()))
"#;

#[test]
fn a_source_package_is_built_only_when_that_was_said_and_is_kept() {
    let world = World::new();
    let zip = trac::pack(&world).display().to_string();
    let mine = for_targets(&world, "");
    let index = world.work().join("index");
    assert!(Command::new("python3").args(["-c", SOURCE]).current_dir(&index).status().unwrap().success());
    let text = fs::read_to_string(mine.join("customize.toml")).unwrap();
    fs::write(mine.join("customize.toml"), text.replace("[\"TracDemo\"]", "[\"TracSource\"]")).unwrap();

    let lock = |more: &[&str]| world.silver([&["customize", "lock", &zip, "--customize=mine", "--yes"], more].concat());
    let ran = lock(&[]).exits(1);
    for word in ["TracSource", "--allow-build", "sandbox"] {
        assert!(ran.stderr().contains(word), "`{word}` is not in\n{}", ran.snapshot());
    }
    assert!(!mine.join("customize.lock").exists() && !mine.join("app-plugins").exists());

    let ran = lock(&["--allow-build"]).ok();
    assert!(ran.stdout().contains("built here"), "{}", ran.snapshot());
    let text = fs::read_to_string(mine.join("customize.lock")).unwrap();
    assert!(text.contains("built-from = \"sha256:") && text.contains("requested = true"), "{text}");
    // no index has it: it is kept here
    let wheel = mine.join("app-plugins/python/TracSource-1.0-py3-none-any.whl");
    assert!(wheel.is_file());
    fs::remove_dir_all(world.home().join("cache/downloads")).unwrap();
    fs::remove_dir_all(&index).unwrap();
    world.silver(["merge", &zip, "--customize=mine"]).ok();

    fs::remove_file(&wheel).unwrap();
    fs::remove_dir_all(world.home().join("cache/downloads")).unwrap();
    let ran = world.silver(["merge", &zip, "--customize=mine"]).exits(1);
    assert!(ran.stderr().contains("was built here") && ran.stderr().contains("hint:"), "{}", ran.snapshot());
}

#[test]
fn packages_of_npm_lie_where_node_looks_for_them() {
    let world = World::new();
    let manifest = SITE.replace("name = \"themes\"", "name = \"nodes\"").replace("\"themes/**\"", "\"node_modules/**\"");
    let manifest =
        manifest.replace("public/themes", "public/node_modules").replace("[index.directory]\ninto = \"themes\"", "[index.npm]");
    world.write("site/pack.toml", &manifest);
    world.write("site/public/index.html", "<h1>site</h1>");
    world.silver(["pack", "site", "-o", "site.zip"]).ok();
    for (name, version, needs) in [("node-a", "1.0.0", "\"lib\": \"^1\""), ("lib", "1.2.0", ""), ("lib", "2.0.0", "")] {
        let text = format!("{{\"name\": \"{name}\", \"version\": \"{version}\", \"dependencies\": {{{needs}}}}}");
        world.write("sources/package/package.json", &text);
        let script = format!("mkdir -p ../packages && tar czf ../packages/{name}-{version}.tgz package");
        assert!(Command::new("sh").args(["-c", &script]).current_dir(world.work().join("sources")).status().unwrap().success());
    }
    let config = |index: &str| {
        let text = format!("[pack]\nid = \"org.example.site\"\n[plugins]\nnpm = [\"node-a@^1.0\"]\n[index.npm]\n{index}\n");
        world.write("mine/customize.toml", &text);
    };
    config("directory = \"../packages\"");
    let run = |words: &[&str]| world.silver(words.iter().chain(&["site.zip", "--customize=mine"]));
    run(&["customize", "lock"]).ok();
    run(&["customize", "vendor"]).ok();
    assert!(world.work().join("mine/app-plugins/npm/lib-1.2.0.tgz").is_file());
    fs::remove_dir_all(world.home().join("cache/downloads")).unwrap();
    // nothing listens on port 1
    config("url = \"http://127.0.0.1:1/\"");
    run(&["update", "--yes"]).ok();
    let package = world.http().page("site.localhost", "/node_modules/lib/package.json");
    assert!(package.contains("1.2.0"), "{package}");
}
