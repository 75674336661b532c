//! A secret's value is looked for in every blob, event, log, plan and process list.

use silver_tests::World;
use std::io::Read;
use std::{fs, path::Path};

const HOST: &str = "hello.localhost";

#[test]
fn the_value_of_a_secret_is_where_it_belongs_and_nowhere_else() {
    let world = World::new();
    // the operator gives the token instead of the node
    let dir = silver_tests::hello::variant("good");
    let manifest = dir.path().join("pack.toml");
    let text = fs::read_to_string(&manifest).unwrap().replace("generate = \"hex:16\"", "prompt = \"The token\"");
    fs::write(&manifest, text).unwrap();
    let zip = "given.zip";
    world.silver(["pack", dir.path().to_str().unwrap(), "-o", zip]).ok();
    let canary = "canary-5e1f0c2a9b";
    world.write("token.txt", canary);
    world.write(
        "mine/customize.toml",
        &format!(
            "[pack]\nid = \"org.silver.hello\"\nversion = \"1\"\n\n[secrets]\ntoken = \"file:{}\"\n",
            world.work().join("token.txt").display()
        ),
    );
    let mut said = String::new();
    for args in [
        &["update", zip, "--customize=mine/", "--dry-run"][..],
        &["update", zip, "--customize=mine/", "--dry-run", "--json"],
        &["update", zip, "--customize=mine/", "--yes"],
        &["status"],
        &["env", "hello"],
        &["env", "hello", "--json"],
        &["logs", "hello"],
        &["explain", "hello", "conf/hello.ini"],
        &["registry", "log"],
        &["registry", "show", "0", "--json"],
    ] {
        let ran = world.silver(args).ok();
        said.extend([ran.stdout(), ran.stderr()]);
        assert_no_process_shows(canary);
    }
    assert!(!said.contains(canary), "a command said the secret:\n{said}");

    // the application has it: it answers with the digest of its token
    let facts: serde_json::Value = serde_json::from_str(&world.http().page(HOST, "/who")).unwrap();
    assert_eq!(facts["settings"]["token-sha256"].as_str().unwrap().len(), 64);
    assert_ne!(
        facts["settings"]["token-sha256"], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "not the empty one"
    );

    let found = files_with(&world.home(), canary);
    let allowed = |path: &str| path.contains("/secrets/hello/") || (path.contains("/run/") && path.contains("/conf/"));
    assert!(found.iter().any(|path| path.contains("/secrets/hello/")), "kept on the node: {found:?}");
    assert!(found.iter().all(|path| allowed(path)), "{found:?}");

    // the same value again is nothing new, another one is: it reaches the application
    let update = ["update", zip, "--customize=mine/", "--yes"];
    assert!(world.silver(update).ok().stdout().contains("nothing to do"));
    world.write("token.txt", "another-canary-77");
    let ran = world.silver(update).ok();
    assert!(ran.stdout().contains("token (given, another value)"), "{}", ran.snapshot());
    assert!(!ran.stdout().contains("canary"), "{}", ran.snapshot());
    let after: serde_json::Value = serde_json::from_str(&world.http().page(HOST, "/who")).unwrap();
    assert_ne!(after["settings"]["token-sha256"], facts["settings"]["token-sha256"]);
    assert!(world.silver(update).ok().stdout().contains("nothing to do"));
}

#[test]
fn a_generated_secret_survives_updates_and_rollback() {
    let world = World::new();
    world.update("good").ok();
    let first = token(&world);
    world.update("next").ok();
    assert_eq!(token(&world), first);
    world.silver(["rollback", "hello", "--yes"]).ok();
    assert_eq!(token(&world), first);
}

fn token(world: &World) -> String {
    let facts: serde_json::Value = serde_json::from_str(&world.http().page(HOST, "/who")).unwrap();
    facts["settings"]["token-sha256"].as_str().unwrap().to_owned()
}

/// The command lines of all processes, as any user of the machine sees them.
fn assert_no_process_shows(text: &str) {
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        // a process may end while it is looked at
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        assert!(!line.contains(text), "{line}");
    }
}

/// Files below `dir` that hold `text`, also inside zstd and zip containers.
fn files_with(dir: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else {
        assert!(!dir.exists(), "{} cannot be listed", dir.display());
        return found;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files_with(&path, text));
        } else if kind.is_file() && holds(&path, text) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn holds(path: &Path, text: &str) -> bool {
    // the agent runs: a file may go while it is looked at
    let Ok(bytes) = fs::read(path) else {
        assert!(!path.exists(), "{} cannot be read", path.display());
        return false;
    };
    let within = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    if within(&bytes) {
        return true;
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension {
        Some("zst") => within(&zstd::decode_all(&*bytes).unwrap()),
        Some("zip") => {
            let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
            (0..zip.len()).any(|index| {
                let mut content = Vec::new();
                zip.by_index(index).unwrap().read_to_end(&mut content).unwrap();
                within(&content)
            })
        }
        Some("json") => within(&decoded_base64(&bytes)),
        _ => false,
    }
}

/// DSSE envelopes hold their statement in base64.
fn decoded_base64(bytes: &[u8]) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let envelope: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    STANDARD.decode(envelope["payload"].as_str().unwrap_or_default()).unwrap_or_default()
}
