//! `silver pack` and `silver inspect`.

use serde_json::Value;
use silver_tests::{World, hello};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

/// The umask, time zone and home of the one who packs are those of `shell`'s environment.
fn pack_in(world: &World, dir: &Path, out: &str, umask: &str, zone: &str) {
    let command = world.command(["pack", dir.to_str().unwrap(), "-o", out]);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]).arg(command.get_program()).args(command.get_args());
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.env("TZ", zone).current_dir(world.work()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (one, two) = (World::new(), World::new());
    let edition = hello::find("good");
    let (first, second) = (one.work().join("source"), two.work().join("another/place/source"));
    hello::write(edition, &first).unwrap();
    hello::write(edition, &second).unwrap();
    fs::set_permissions(second.join("app.py"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(first.join("app.py"), fs::Permissions::from_mode(0o666)).unwrap();
    let file = fs::File::open(second.join("app.py")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    pack_in(&one, &first, "hello.zip", "022", "UTC");
    pack_in(&two, &second, "hello.zip", "077", "Pacific/Auckland");
    let bytes = |world: &World| fs::read(world.work().join("hello.zip")).unwrap();
    assert!(bytes(&one) == bytes(&two));
}

#[test]
fn a_pack_says_what_it_is() {
    let world = World::new();
    let dir = hello::variant("good");
    let report = world.json(&["pack", dir.path().to_str().unwrap()]);
    assert_eq!(report["path"], "hello-1.0.0.zip");
    assert_eq!((report["name"].as_str(), report["version"].as_str()), (Some("hello"), Some("1.0.0")));

    let all = world.json(&["inspect", "hello-1.0.0.zip"]);
    assert_eq!(all["pack"]["id"], "org.silver.hello");
    assert_eq!(all["pack"]["digest"], report["digest"]);
    assert_eq!(all["pack"]["archive"], report["archive"]);
    let paths: Vec<&str> = all["files"].as_array().unwrap().iter().filter_map(|file| file["path"].as_str()).collect();
    assert!(paths.contains(&"app.py") && paths.contains(&"pack.toml"), "{paths:?}");
    assert_eq!(all["sbom"]["bomFormat"], "CycloneDX");
    assert_eq!(all["provenance"]["source"], Value::Null);
    assert!(all["settings"].as_array().unwrap().iter().any(|setting| setting["name"] == "greeting"));
    // one part alone is the list itself
    let files = world.json(&["inspect", "hello-1.0.0.zip", "--only", "files"]);
    assert_eq!(files, all["files"]);

    let text = world.silver(["inspect", "hello-1.0.0.zip"]).ok().stdout();
    for word in ["org.silver.hello", "app.py", "greeting", "templates/**", "BILL OF MATERIALS", "PROVENANCE"] {
        assert!(text.contains(word), "`{word}` is not in\n{text}");
    }
}

#[test]
fn what_cannot_be_packed() {
    let world = World::new();
    let refused = |args: &[&str], code: i32, words: &[&str]| {
        let ran = world.silver(args.iter().copied()).exits(code);
        for word in words.iter().chain(&["error:", "hint:"]) {
            assert!(ran.stderr().contains(word), "`{word}` is not in\n{}", ran.snapshot());
        }
    };
    let manifest = "format = 1\n[pack]\nid = \"org.example.x\"\nname = \"x\"\nversion = \"1.0.0\"\nsummary = \"x\"\n[runtime]\nkind = \"static\"\n";
    fs::create_dir(world.work().join("empty")).unwrap();
    refused(&["pack", "empty"], 2, &["pack.toml"]);
    refused(&["pack", "absent"], 2, &["absent"]);
    world.write("wrong/pack.toml", &manifest.replace("static", "statik"));
    refused(&["pack", "wrong"], 2, &["statik", "static", "pack.toml:8"]);
    let plugin = "[[plugin]]\nfile = \"plugins/c.wasm\"\nworld = \"customizer-plugin\"\n";
    world.write("uncompiled/pack.toml", &format!("{manifest}{plugin}"));
    refused(&["pack", "uncompiled"], 2, &["plugins/c.wasm", "cargo xtask plugins"]);
    let python = "[build]\npython = { requirements = \"requirements.lock\" }\n";
    world.write("python/pack.toml", &format!("{manifest}{python}"));
    world.write("python/requirements.lock", "foo==1.0\n");
    refused(&["pack", "python"], 2, &["requirements.lock:1", "foo", "--hash"]);
    world.write("python/requirements.lock", &format!("foo==1.0 --hash=sha256:{}\n", "0".repeat(64)));
    // nothing listens on port 1
    refused(&["pack", "python", "--index", "http://127.0.0.1:1/simple"], 1, &["foo==1.0", "cannot be reached"]);
    let left: Vec<_> = fs::read_dir(world.work()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        left.iter().all(|name| !name.to_string_lossy().contains(".zip") && !name.to_string_lossy().starts_with('.')),
        "{left:?}"
    );
}

#[test]
fn what_cannot_be_inspected() {
    let world = World::new();
    let zip = world.hello("good");
    let bytes = fs::read(&zip).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    for (name, content, code) in [
        ("noise.zip", &b"not a zip"[..], 2),
        ("cut.zip", &bytes[..bytes.len() - 1], 8),
        ("half.zip", &bytes[..bytes.len() / 2], 2),
        ("flipped.zip", &flipped, 8),
        ("longer.zip", &[&bytes[..], b"!"].concat(), 8),
    ] {
        fs::write(world.work().join(name), content).unwrap();
        let ran = world.silver(["inspect", name]).exits(code);
        for word in [name, "error:", "hint:"] {
            assert!(ran.stderr().contains(word), "{}", ran.snapshot());
        }
        assert_eq!(ran.stdout(), "");
    }
    world.silver(["inspect", "."]).exits(2);
    world.silver(["inspect", "absent.zip"]).exits(2);
}
