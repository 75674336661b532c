//! Customizations that fit their pack, and those that do not.

use super::*;
use crate::{
    hash,
    manifest::{self, IndexKind, Need, PluginDef, World},
};
use std::fs;

const PACK: &str = r#"
format = 1
[pack]
id = "org.example.app"
name = "app"
version = "1.6.0"
[runtime]
kind = "python"
[processes.web]
callable = "app:app"
[settings.title]
default = "T"
[secrets.mail]
[secrets.key]
generate = "hex:32"
[index.python]
"#;

fn shown(error: &DocumentError, dir: &Path) -> String {
    let text = error.to_string().replace(&dir.display().to_string(), "mine");
    match error.hint() {
        Some(hint) => format!("{text}\nhint: {hint}"),
        None => text,
    }
}

fn load(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Customization, CustomizationError>) {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let loaded = Customization::load(dir.path());
    (dir, loaded)
}

fn fit(config: &str) -> String {
    let (dir, loaded) = load(&[(CONFIG, config)]);
    let manifest = manifest::parse(PACK, "pack.toml").unwrap();
    match loaded.and_then(|customization| Ok(customization.fit(&manifest, None)?)) {
        Ok(settings) => format!("{settings:?}"),
        Err(CustomizationError::Document(error)) => shown(&error, dir.path()),
        Err(other) => format!("{other}\nhint: {:?}", other.hint()),
    }
}

#[test]
fn what_fits_gives_the_settings() {
    let config = "pack = { id = \"org.example.app\", version = \">=1.6, <2\" }\n[settings]\ntitle = \"Mine\"\n\
                  [secrets]\nmail = \"env:MAIL\"\n[plugins]\npython = [\"A==1\", \"B\"]\n[processes.web]\ncount = 3\n";
    assert_eq!(fit(config), r#"{"title": "Mine"}"#);
}

#[test]
fn what_the_version_before_had_is_told_as_gone() {
    let former = |text: &str, version: &str| Former {
        manifest: manifest::parse(&text.replace("1.6.0", version), "pack.toml").unwrap(),
        listing: std::sync::Arc::default(),
    };
    let now = format!("{PACK}[settings.colour]\ndefault = \"red\"\n").replace("1.6.0", "1.7.0");
    let now = manifest::parse(&now, "pack.toml").unwrap();
    let before = PACK
        .replace("[processes.web]", "[processes.mail]\ncommand = [\"x\"]\n[processes.web]")
        .replace("[secrets.mail]", "[secrets.token]\n[secrets.mail]")
        + "[settings.color]\ndefault = \"\"\n[settings.skin]\ndefault = \"\"\n";
    let config = "[pack]\nid = \"org.example.app\"\n[settings]\ncolor = \"blue\"\nskin = \"x\"\nnever = 1\n\
                  [secrets]\ntoken = \"env:T\"\n[processes.mail]\ncount = 2\n";
    let told = |version: &str| {
        let (_dir, loaded) = load(&[(CONFIG, config)]);
        let error = loaded.unwrap().fit(&now, Some(&former(&before, version))).unwrap_err();
        let line = |problem: &Problem| format!("{} | {}", problem.message(), problem.hint().unwrap_or_default());
        error.problems.iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        told("1.6.0"),
        [
            "`color` was a setting of 1.6.0 and is gone in 1.7.0 | `colour` is new, and may be what it became; if it is not, take `color` out of customize.toml",
            "`skin` was a setting of 1.6.0 and is gone in 1.7.0 | take it out of customize.toml; new are `colour`",
            "the pack has no setting `never` | it has `colour`, `title`",
            "`token` was a secret of 1.6.0 and is gone in 1.7.0 | take it out of customize.toml",
            "`mail` was a process of 1.6.0 and is gone in 1.7.0 | take it out of customize.toml",
        ]
    );
    assert!(told("1.8.0")[0].starts_with("`color` is a setting of 1.8.0 that 1.7.0 does not have |"), "{:?}", told("1.8.0"));

    // `heading` became `title` in 1.6.0, and 1.7.0 does not take it any more
    let renamed = former(&PACK.replace("[settings.title]", "[settings.title]\nrenamed-from = \"heading\""), "1.6.0");
    let (_dir, loaded) = load(&[(CONFIG, "[pack]\nid = \"org.example.app\"\n[settings]\nheading = \"x\"\n")]);
    let error = loaded.unwrap().fit(&now, Some(&renamed)).unwrap_err();
    assert_eq!(error.problems[0].message(), "`heading` is called `title`: 1.6.0 took its former name, 1.7.0 does not");
}

#[test]
fn misfits_are_told_with_place_and_hint() {
    insta::assert_snapshot!(fit("[pack]\nid = \"org.example.ap\"\n[settings]\ntitel = \"x\"\n[processes.wep]\ncount = 2\n[secrets]\nkey = \"env:K\"\nmial = \"env:M\"\n"), @r#"
    mine/customize.toml:2:6: this customization is for the pack `org.example.ap`, not for `org.example.app`
    2 | id = "org.example.ap"
      |      ^^^^^^^^^^^^^^^^
    hint: did you mean `org.example.app`?
    mine/customize.toml:4:1: the pack has no setting `titel`
    4 | titel = "x"
      | ^^^^^
    hint: did you mean `title`?
    mine/customize.toml:5:12: the pack has no process `wep`
    5 | [processes.wep]
      |            ^^^
    hint: did you mean `web`?
    mine/customize.toml:8:7: the node makes the secret `key` itself
    8 | key = "env:K"
      |       ^^^^^^^
    hint: take it out
    mine/customize.toml:9:8: the pack has no secret `mial`
    9 | mial = "env:M"
      |        ^^^^^^^
    hint: did you mean `mail`?
    "#);
    insta::assert_snapshot!(fit("[pack]\nid = \"org.example.app\"\nversion = \"<1.6\"\n"), @r#"
    mine/customize.toml:3:11: this customization is for versions <1.6, the pack is 1.6.0
    3 | version = "<1.6"
      |           ^^^^^^
    hint: try it with `silver update --dry-run` after widening the range
    "#);
    insta::assert_snapshot!(fit("[pack]\nid = \"org.example.app\"\n[[cron]]\n[env]\nSILVER_APP = \"x\"\n\"a b\" = \"y\"\n"), @r#"
    mine/customize.toml:3:3: `cron` is not supported yet
    3 | [[cron]]
      |   ^^^^
    "#);
    insta::assert_snapshot!(fit("[pack]\nid = \"org.example.app\"\n[env]\nSILVER_APP = \"x\"\n\"a b\" = \"y\"\n"), @r#"
    mine/customize.toml:4:14: `env.SILVER_APP`: names with SILVER_ are silver's own
    4 | SILVER_APP = "x"
      |              ^^^
    mine/customize.toml:5:9: `env."a b"`: not the name of a variable: letters, digits and `_`
    5 | "a b" = "y"
      |         ^^^
    "#);
}

#[test]
fn another_place_of_an_index_is_one_place_and_its_key_belongs_to_a_directory() {
    let (url, key) =
        ("url = \"https://mirror.example.org\"\n", "key = \"RWRafL25DX375autQ9TUeX3qV9rCyj65Xzp7nwtieRV7NssPHCiFOMT0\"\n");
    let both = format!("{url}directory = \"../packages\"\n");
    let with = |table: &str, text: &str| {
        let (dir, loaded) = load(&[(CONFIG, &format!("[pack]\nid = \"org.example.app\"\n[index.{table}]\n{text}"))]);
        match loaded {
            Ok(_) => String::new(),
            Err(CustomizationError::Document(error)) => shown(&error, dir.path()),
            Err(other) => other.to_string(),
        }
    };
    for sound in [url, key, &format!("{url}{key}")] {
        assert_eq!(with("directory", sound), "");
    }
    for (table, text, told) in [
        ("directory", both.as_str(), "either `url` or `directory`"),
        ("directory", "", "either `url` or `directory`"),
        ("npm", key, "only the list of the kind `directory` is signed"),
        ("directory", "key = \"RW\"\n", "`RW` is not a public key of minisign"),
    ] {
        let refused = with(table, text);
        assert!(refused.contains(told), "{table} {text}: {refused}");
    }
}

#[test]
fn fields_that_are_not_supported_yet_are_not_offered() {
    let told = fit("[pack]\nid = \"org.example.app\"\n[service]\n[front]\ncanonical = true\ncanonica = true\n");
    assert!(told.contains("unknown field `service`\n") && told.contains("unknown field `front.canonica`\n"), "{told}");
    assert!(told.contains("hint: did you mean `canonical`? Allowed: `canonical`"), "{told}");
    for (field, offered) in [("services", false), ("cron", false), ("secrets", true), ("settings", true), ("deploy", true)] {
        assert_eq!(told.contains(&format!("`{field}`")), offered, "{field}: {told}");
    }
}

#[test]
fn a_secret_that_was_written_down_is_not_shown() {
    let told = fit("[pack]\nid = \"org.example.app\"\n[secrets]\nmail = \"hunter2\"\n");
    assert!(!told.contains("hunter2") && told.contains("mine/customize.toml:4:8: `secrets.mail`"), "{told}");
}

#[test]
fn a_directory_without_config_says_how_to_make_one() {
    let (_dir, loaded) = load(&[("templates/a.html", "x")]);
    let error = loaded.unwrap_err();
    assert!(matches!(error, CustomizationError::NoConfig { .. }) && error.hint().unwrap().contains("silver inspect"));
}

const WHEEL: &str = "plugins/Trac_AccountManager-0.6.0-py3-none-any.whl";

#[test]
fn wheels_are_pinned_and_found_to_be_others() {
    let config = "# mine\n[pack]\nid = \"org.example.app\"\n[plugins]\npython = [\"trac.accountmanager\"]\n";
    let (dir, loaded) = load(&[(CONFIG, config), (WHEEL, "wheel"), ("plugins/dep-1.0-1-cp311-cp311-linux_x86_64.whl", "dep")]);
    let customization = loaded.unwrap();
    let mut lock = Lock::default();
    lock.pin_app_plugins(Vec::new(), &customization.files, &customization.config);
    let needs = vec![Need::EditCustomization, Need::Index(IndexKind::Python)];
    let file = TreePath::new("plugins/c.wasm").unwrap();
    let def = PluginDef { file, world: World::CommandPlugin, sha256: None, needs: needs.clone() };
    lock.decide(hash::sha256(b"c"), &def, &needs, Decision::Allowed);
    lock.pack = Some(LockedPack {
        id: "org.example.app".into(),
        version: "1.6.0".parse().unwrap(),
        digest: hash::sha256(b"p"),
        key: None,
    });
    customization.save_lock(&lock).unwrap();

    let again = Customization::load(dir.path()).unwrap();
    assert_eq!(again.lock, lock);
    let rows: Vec<_> = lock.app_plugins.iter().map(|p| (p.name.as_str(), p.target.as_str(), p.requested)).collect();
    assert_eq!(rows, [("dep", "cp311-cp311-linux_x86_64", false), ("trac-accountmanager", "any", true)]);
    assert!(again.check_lock().is_ok());

    // comments stay, also when a row changes
    let text = fs::read_to_string(dir.path().join(LOCK)).unwrap();
    fs::write(dir.path().join(LOCK), text.replace("[[grant]]", "# trusted by Eve\n[[grant]]")).unwrap();
    let again = Customization::load(dir.path()).unwrap();
    let mut lock = again.lock.clone();
    lock.grants[0].needs.pop();
    again.save_lock(&lock).unwrap();
    let text = fs::read_to_string(dir.path().join(LOCK)).unwrap();
    assert!(text.contains("# trusted by Eve\n[[grant]]") && text.contains("needs = [\"edit-customization\"]"), "{text}");

    // what is wanted has to be locked
    let wanted = fs::read_to_string(dir.path().join(CONFIG)).unwrap();
    for (row, told) in
        [("A", "`A` is wanted, but nothing is locked"), ("Trac_AccountManager==0.5", "is wanted, but 0.6.0 is locked")]
    {
        fs::write(dir.path().join(CONFIG), wanted.replace("trac.accountmanager", row)).unwrap();
        let customization = Customization::load(dir.path()).unwrap();
        assert!(customization.check_lock().is_ok(), "nothing is altered");
        let error = customization.check_wanted().unwrap_err();
        assert!(error.to_string().contains(told) && error.hint().unwrap().contains("silver customize lock"), "{error}");
    }
    fs::write(dir.path().join(CONFIG), wanted).unwrap();

    fs::write(dir.path().join(WHEEL), "other").unwrap();
    fs::remove_file(dir.path().join("plugins/dep-1.0-1-cp311-cp311-linux_x86_64.whl")).unwrap();
    let changed = Customization::load(dir.path()).unwrap();
    insta::assert_snapshot!(shown(&changed.check_lock().unwrap_err(), dir.path()), @r#"
    mine/customize.lock:14:8: `plugins/dep-1.0-1-cp311-cp311-linux_x86_64.whl` is locked, but not there
    14 | path = "plugins/dep-1.0-1-cp311-cp311-linux_x86_64.whl"
       |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: install it again with `silver manage-app`, or bring the file back from version control
    mine/customize.lock:24:10: `plugins/Trac_AccountManager-0.6.0-py3-none-any.whl` is not the file that was locked: it has d9298a10d1b0, not ba59926159d2
    24 | digest = "sha256:ba59926159d2aa256eb8739b8da7e2b574b960e1202c6d624cbe981cef996c91"
       |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: bring the file back from version control, or install it again with `silver manage-app`
    "#);
}

#[test]
fn the_same_version_with_other_bytes_is_refused() {
    let lock = format!("format = 1\n[pack]\nid = \"a.b\"\nversion = \"1.0.0\"\ndigest = \"{}\"\n", hash::sha256(b"x"));
    let (_dir, loaded) = load(&[(CONFIG, "[pack]\nid = \"a.b\"\n"), (LOCK, &lock)]);
    let customization = loaded.unwrap();
    let pack = |version: &str, bytes: &[u8]| LockedPack {
        id: "a.b".into(),
        version: version.parse().unwrap(),
        digest: hash::sha256(bytes),
        key: None,
    };
    assert!(customization.check_pack(&pack("1.0.0", b"x")).is_ok());
    assert!(customization.check_pack(&pack("1.0.1", b"y")).is_ok());
    assert!(customization.check_pack(&pack("1.0.0", b"y")).is_err());
}

#[test]
fn edits_keep_comments() {
    let text = "# mine\n[pack]\nid = \"a.b\" # which\n[plugins]\npython = [\n  \"A==1\", # the first\n  \"b_c\",\n]\n[settings]\nt = \"old\" # title\n";
    let wanted = |text: &str| text.parse::<AppPluginWanted>().unwrap();
    let edited = set_setting(text, "t", &serde_json::json!("it's")).unwrap();
    assert!(edited.contains("t = \"it's\" # title"), "{edited}");
    let edited = want_plugin(text, IndexKind::Python, &wanted("B.C==2")).unwrap();
    assert!(edited.contains("\"A==1\", # the first") && edited.contains("\"B.C==2\""), "{edited}");
    assert!(!edited.contains("b_c"), "{edited}");
    let edited = unwant_plugin(&edited, IndexKind::Python, "b-c").unwrap();
    let edited = unwant_plugin(&edited, IndexKind::Python, "a").unwrap();
    assert!(!edited.contains("plugins") && edited.starts_with("# mine\n"), "{edited}");
    assert_eq!(unwant_plugin(text, IndexKind::Python, "none").unwrap(), text);
    for wrong in ["", "==1", "-a", "a b", "a @ file:///x"] {
        assert!(wrong.parse::<AppPluginWanted>().is_err(), "{wrong}");
    }
}

/// A row of an app plugin that was resolved for a platform.
fn row(name: &str, target: &str, content: &str) -> LockedPlugin {
    LockedPlugin {
        index: IndexKind::Python,
        name: name.into(),
        version: "1.0".into(),
        target: target.into(),
        path: TreePath::new(&format!("plugins/{name}-1.0-{}.whl", content.len())).unwrap(),
        digest: hash::sha256(content.as_bytes()),
        requested: true,
        file: None,
        tree: None,
        built_from: None,
    }
}

fn tree(files: &[(&str, &str)]) -> Snapshot {
    let (mut listing, mut blobs) = (crate::listing::Listing::new(), crate::snapshot::MemoryBlobs::new());
    for (path, content) in files {
        let kind = crate::listing::Kind::File;
        let node = crate::listing::Node { kind, size: content.len() as u64, digest: blobs.put(content.as_bytes()) };
        listing.insert(TreePath::new(path).unwrap(), node).unwrap();
    }
    Snapshot::new(listing, std::sync::Arc::new(blobs))
}

const HERE: &str = "linux-x86_64-gnu2.36-cp311";
const THERE: &str = "linux-aarch64-gnu2.36-cp312";

#[test]
fn rows_are_taken_by_platform() {
    let mut lock = Lock::default();
    lock.app_plugins = vec![row("a", HERE, "1"), row("a", THERE, "22"), row("b", HERE, "1"), row("hand", "any", "x")];
    let names = |target: &str| {
        let rows = lock.app_plugins_for(&target.parse().unwrap());
        rows.map(|rows| rows.iter().map(|row| format!("{} {}", row.name, row.path.name())).collect::<Vec<_>>())
    };
    assert_eq!(names(HERE).unwrap(), ["a a-1.0-1.whl", "b b-1.0-1.whl", "hand hand-1.0-1.whl"]);
    let error = names(THERE).unwrap_err();
    assert_eq!(error.to_string(), format!("the app plugin `b` is locked for {HERE}, not for {THERE}"));
    assert!(error.hint().unwrap().contains(THERE) && error.hint().unwrap().contains("silver customize lock"));
    // what only another one needs may be needed on one platform alone
    lock.app_plugins[2].requested = false;
    assert_eq!(lock.app_plugins_for(&THERE.parse().unwrap()).unwrap().len(), 2);
    assert_eq!(lock.targets().iter().map(Target::as_str).collect::<Vec<_>>(), [THERE, HERE]);
}

#[test]
fn customizers_see_the_app_plugins_of_one_platform() {
    let vendored = "app-plugins/python/a-1.0-1.whl";
    let (_dir, loaded) = load(&[(CONFIG, "[pack]\nid = \"org.example.app\"\n"), (vendored, "1"), ("plugins/b-1.0-2.whl", "bb")]);
    let mut customization = loaded.unwrap();
    let site = LockedPlugin { tree: Some(tree(&[("x/y.php", "y")]).digest()), ..row("site", HERE, "zip") };
    let site = LockedPlugin { path: TreePath::new("plugins/site").unwrap(), file: Some("site-1.zip".into()), ..site };
    customization.lock.app_plugins = vec![row("a", HERE, "1"), row("b", THERE, "bb"), site.clone()];

    let rows = vec![(row("a", HERE, "1"), Some(tree(&[("a.whl", "1")]))), (site, Some(tree(&[("x/y.php", "y")])))];
    let equipped = customization.equipped(rows).unwrap();
    let paths: Vec<&str> = equipped.files.listing().iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["customize.toml", "plugins/a-1.0-1.whl", "plugins/site/x/y.php"]);
    assert_eq!(equipped.files.text(&TreePath::new("plugins/site/x/y.php").unwrap()).unwrap(), "y");
    assert_eq!(equipped.app_plugins().len(), 2);

    // what is on disk where an app plugin shall be
    let clash = LockedPlugin { path: TreePath::new("plugins/b-1.0-2.whl/c").unwrap(), ..row("c", HERE, "c") };
    customization.lock.app_plugins.clear();
    let error = customization.equipped(vec![(clash, Some(tree(&[("c", "c")])))]).unwrap_err();
    assert!(error.to_string().contains("plugins/b-1.0-2.whl/c") && error.hint().is_some());
}

#[test]
fn app_plugins_are_written_as_their_index_writes_them() {
    for (text, name, specifier, exact) in [
        ("TracNav==4.3", "TracNav", "==4.3", Some("4.3")),
        ("TracNav >=4,<5", "TracNav", ">=4,<5", None),
        ("TracNav==4.*", "TracNav", "==4.*", None),
        ("@scope/node-x@^1.2", "@scope/node-x", "^1.2", None),
        ("node-x@1.2.3", "node-x", "1.2.3", Some("1.2.3")),
        ("node-x@1", "node-x", "1", None),
        ("akismet", "akismet", "", None),
    ] {
        let wanted: AppPluginWanted = text.parse().unwrap();
        assert_eq!((wanted.name.as_str(), wanted.specifier(), wanted.exact()), (name, specifier, exact), "{text}");
    }
    for wrong in ["@/x", "@scope", "a/b", "@a/b/c", "a b", "", "-x", "@a/-b"] {
        assert!(wrong.parse::<AppPluginWanted>().is_err(), "{wrong}");
    }
}

#[test]
fn a_row_is_for_a_node_or_for_a_group() {
    let with = |rows: &str| {
        let (dir, loaded) = load(&[(CONFIG, &format!("[pack]\nid = \"org.example.app\"\n{rows}"))]);
        match loaded {
            Ok(mine) => mine.config.deploy.iter().map(|row| row.place().to_owned()).collect::<Vec<_>>().join(" "),
            Err(CustomizationError::Document(error)) => shown(&error, dir.path()),
            Err(other) => other.to_string(),
        }
    };
    assert_eq!(with("[[deploy]]\ngroup = \"web\"\n[[deploy]]\nnode = \"web1\"\n[[deploy]]\n"), "web web1 local");
    assert!(with("[[deploy]]\ngroup = \"web\"\nnode = \"web1\"\n").contains("either `node` or `group`"));
    assert!(with("[[deploy]]\ngroup = \"web\"\n[[deploy]]\nnode = \"web\"\n").contains("as in a row above"));
}
