use super::*;
use crate::{
    build::{Options, build_pack},
    unpack::tests::npm_package,
};
use tempfile::TempDir;

/// A folder of packages, and a pack that has `core` 3.1.0.
struct World {
    folder: TempDir,
    work: TempDir,
    pack: Pack,
}

impl World {
    fn new() -> Self {
        let (folder, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let source = work.path().join("source");
        fs::create_dir(&source).unwrap();
        let manifest = "format = 1\n[pack]\nid = \"org.example.app\"\nname = \"app\"\nversion = \"1.0.0\"\n[runtime]\nkind = \"static\"\n[index.npm]\nconstraints = \"pins.json\"\n";
        fs::write(source.join("pack.toml"), manifest).unwrap();
        fs::write(source.join("pins.json"), r#"{"dependencies":{"core":"3.1.0"}}"#).unwrap();
        let options = Options { downloads: Some(work.path().join("downloads")), vcs: false, ..Options::default() };
        let pack = build_pack(&source, work.path(), &options).unwrap().pack;
        let world = Self { folder, work, pack };
        world.publish(
            "node-a",
            "1.0.0",
            &json!({ "dependencies": { "lib": "^1", "@s/util": "2" }, "peerDependencies": { "core": "^3" } }),
        );
        world.publish("node-b", "1.0.0", &json!({ "dependencies": { "lib": "^2" } }));
        world.publish("lib", "1.5.0", &json!({}));
        world.publish("lib", "2.0.0", &json!({}));
        world.publish("@s/util", "2.0.0", &json!({ "scripts": { "install": "touch /tmp/never" } }));
        world.publish("node-new", "1.0.0", &json!({ "peerDependencies": { "core": "^4" } }));
        world
    }

    fn publish(&self, name: &str, version: &str, more: &Value) {
        let mut manifest = json!({ "name": name, "version": version });
        manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let file = format!("{}-{version}.tgz", name.replace('@', "").replace('/', "-"));
        fs::write(self.folder.path().join(file), npm_package(&[("package.json", &manifest.to_string()), ("index.js", name)]))
            .unwrap();
    }

    fn index(&self) -> NpmIndex {
        NpmIndex::new(&self.pack, None, Some(self.folder.path().to_owned()), &self.work.path().join("cache")).unwrap()
    }
}

const TARGET: &str = "linux-x86_64-gnu2.36";

fn want(list: &[(&str, &str)]) -> Vec<Requirement> {
    list.iter().map(|(name, versions)| Requirement::new(*name, *versions)).collect()
}

fn refusal(failure: Failure) -> (String, String) {
    match failure {
        Failure::Invalid(findings) => (findings[0].code.clone(), findings[0].message.clone()),
        other => (String::new(), other.to_string()),
    }
}

#[test]
fn a_closure_is_hoisted_and_leaves_out_what_the_pack_has() {
    let world = World::new();
    let index = world.index();
    let packages = index.resolve_all(&want(&[("node-a", ""), ("node-b", "^1")]), &[], TARGET).unwrap();
    let shown: Vec<String> = packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect();
    // which of the two versions of lib is at the top is npm's to choose
    let nested = shown.iter().filter(|name| name.contains("/node_modules/lib ")).count();
    assert_eq!((shown.len(), nested), (5, 1), "{shown:?}");
    assert!(shown.contains(&"@s/util 2.0.0".to_owned()) && !shown.iter().any(|name| name.starts_with("core")), "{shown:?}");

    let tree = index.fetch(packages.iter().find(|package| package.name == "node-a").unwrap()).unwrap();
    let file = silver_plugin_api::TreePath::new("index.js").unwrap();
    assert_eq!(tree.read_text(&file).unwrap(), "node-a");

    // by its digest, once more
    fs::remove_dir_all(world.work.path().join("cache")).unwrap();
    for package in &packages {
        assert_eq!(index.file(package).unwrap().digest, package.digest);
    }
    fs::remove_dir_all(world.work.path().join("cache")).unwrap();
    world.publish("node-b", "1.0.0", &json!({ "description": "another file" }));
    let b = packages.iter().find(|package| package.name == "node-b").unwrap();
    assert_eq!(refusal(index.file(b).unwrap_err()).0, "other-digest");
}

#[test]
fn what_cannot_be_had_says_why() {
    let world = World::new();
    let index = world.index();
    let refused = |name: &str, versions: &str| refusal(index.resolve_all(&want(&[(name, versions)]), &[], TARGET).unwrap_err());
    let (code, message) = refused("node-new", "");
    assert!(code == "conflict" && message.contains("core@3.1.0") && message.contains("core@\"^4\""), "{message}");
    let (code, message) = refused("core", "^4");
    assert!(code == "conflict" && message.contains("^4") && message.contains("3.1.0"), "{message}");
    assert_eq!(refused("node-a", "^9").0, "no-version");
    assert!(refused("nowhere", "").1.contains("not in the index"));
    for (name, versions) in [("node-a", "file:../x"), ("node-a", "git+ssh://x"), ("../x", ""), ("-x", ""), ("node-a", "==1")] {
        assert!(["bad-name", "bad-versions"].contains(&refused(name, versions).0.as_str()), "{name} {versions}");
    }
    // nothing listens on port 1
    let closed = NpmIndex::new(&world.pack, Some("http://127.0.0.1:1/".into()), None, world.work.path()).unwrap();
    let error = closed.resolve_all(&want(&[("node-a", "")]), &[], TARGET).unwrap_err();
    assert!(matches!(&error, Failure::Unavailable(text) if text.contains("cannot be reached")), "{error}");
    let away = NpmIndex::new(&world.pack, None, Some("/nonexistent".into()), world.work.path()).unwrap();
    assert!(matches!(away.resolve_all(&want(&[("node-a", "")]), &[], TARGET), Err(Failure::Unavailable(_))));
}

#[test]
fn nothing_of_a_package_in_git_is_cloned_or_run() {
    let world = World::new();
    let (repository, ran) = (world.work.path().join("evil"), world.work.path().join("ran"));
    fs::create_dir(&repository).unwrap();
    let address = format!("git+file://{}", repository.display());
    // npm would install what the clone needs, with the `git` of its `.npmrc`, in spite of `--ignore-scripts`
    let manifest = json!({
        "name": "evil", "version": "1.0.0", "scripts": { "prepare": "true" },
        "bundleDependencies": ["more"], "dependencies": { "more": address },
    });
    fs::write(repository.join("package.json"), manifest.to_string()).unwrap();
    fs::write(repository.join(".npmrc"), "git=./git.sh\n").unwrap();
    fs::write(repository.join("git.sh"), format!("#!/bin/sh\ntouch '{}'\n", ran.display())).unwrap();
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "-A"],
        &["update-index", "--chmod=+x", "git.sh"],
        &["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "one"],
    ] {
        assert!(Command::new("git").current_dir(&repository).args(arguments).status().unwrap().success(), "{arguments:?}");
    }
    world.publish("node-git", "1.0.0", &json!({ "dependencies": { "evil": address } }));
    let (code, message) = refusal(world.index().resolve_all(&want(&[("node-git", "")]), &[], TARGET).unwrap_err());
    assert!(code == "not-pinned" && message.contains("in git"), "{message}");
    assert!(!ran.exists(), "{message}");
}
