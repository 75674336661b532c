//! Who published a pack: signing, trust on first use, and what happens when somebody else's pack comes.

use crate::hostile_pack;
use silver_tests::{Ran, World, terminal, trac, world::skipped};
use std::{fs, io::Read, os::unix::fs::PermissionsExt, path::Path, process::Command};

const HOST: &str = "site.localhost";
const MINE: &str = "[pack]\nid = \"org.example.site\"\n";
const SIGNATURE: &str = ".silver/signature";
const ROTATIONS: &str = ".silver/rotations";

/// Packs a small site of this id and version, signed or not.
fn site(world: &World, id: &str, version: &str, key: Option<&str>) -> String {
    let zip = format!("{id}-{version}-{}.zip", key.unwrap_or("unsigned").replace('/', "_"));
    let manifest = format!(
        "format = 1\n[pack]\nid = \"{id}\"\nname = \"site\"\nversion = \"{version}\"\napp-version = \"1\"\n[runtime]\nkind = \"static\"\nroot = \"public\"\n"
    );
    world.write("site/pack.toml", &manifest);
    world.write("site/public/index.html", version);
    let sign = key.map(|key| format!("--sign={key}"));
    world.silver(["pack", "site", "-o", &zip].into_iter().chain(sign.as_deref())).ok();
    zip
}

fn own(world: &World, version: &str, key: Option<&str>) -> String {
    site(world, "org.example.site", version, key)
}

/// Makes keys without a passphrase.
fn keys(world: &World, names: &[&str]) {
    for name in names {
        world.silver(["keys", "new", name, "-W"]).ok();
    }
}

fn public(world: &World, name: &str) -> String {
    let text = fs::read_to_string(world.home().join(format!("data/keys/publisher/{name}.pub"))).unwrap();
    text.lines().nth(1).unwrap().to_owned()
}

fn update(world: &World, zip: &str) -> Ran {
    world.silver(["update", zip, "--yes"])
}

fn page(world: &World) -> String {
    world.http().page(HOST, "/")
}

/// Refused with exit code 8, with these words, and what was served before is served still.
fn refused(world: &World, ran: Ran, words: &[&str]) {
    for word in words.iter().chain(&["error:"]) {
        assert!(ran.stderr().contains(word), "`{word}` is not in\n{}", ran.snapshot());
    }
    assert!(!ran.stderr().contains("panicked"), "{}", ran.stderr());
    ran.exits(8);
    assert_eq!(page(world), "1.0.0");
}

/// One entry of a pack.
fn entry(world: &World, zip: &str, name: &str) -> Option<String> {
    let mut archive = zip::ZipArchive::new(fs::File::open(world.work().join(zip)).unwrap()).unwrap();
    let mut text = String::new();
    archive.by_name(name).ok()?.read_to_string(&mut text).unwrap();
    Some(text)
}

/// The pack as somebody without the key would change it.
fn forged(world: &World, zip: &str, changes: &[(&str, Option<&str>)]) -> String {
    fs::write(world.work().join("forged.zip"), hostile_pack::forged(&world.work().join(zip), changes)).unwrap();
    "forged.zip".to_owned()
}

#[test]
fn the_same_content_has_the_same_digest_whoever_signs_it() {
    let world = World::new();
    keys(&world, &["acme", "other"]);
    let digest = |zip: &str| world.json(&["inspect", zip, "--only=pack"])["digest"].clone();
    let packs = [None, Some("acme"), Some("other")].map(|key| own(&world, "1.0.0", key));
    assert_eq!(digest(&packs[0]), digest(&packs[1]));
    assert_eq!(digest(&packs[1]), digest(&packs[2]));
    // signing twice gives the same bytes
    let once = fs::read(world.work().join(&packs[1])).unwrap();
    own(&world, "1.0.0", Some("acme"));
    assert_eq!(fs::read(world.work().join(&packs[1])).unwrap(), once);

    let shown = world.json(&["inspect", &packs[1], "--only=pack"]);
    assert_eq!(shown["signature"], public(&world, "acme").as_str());
    assert_eq!(shown["known_to"], serde_json::json!(["key acme"]));
    assert_eq!(world.json(&["inspect", &packs[0], "--only=pack"])["signature"], "unsigned");
}

#[test]
fn attacks_on_a_signed_pack_are_refused() {
    let world = World::new();
    keys(&world, &["acme", "mallory"]);
    let good = own(&world, "1.0.0", Some("acme"));
    update(&world, &good).ok();
    let next = own(&world, "1.0.1", Some("acme"));
    let (old, new) = (entry(&world, &good, SIGNATURE).unwrap(), entry(&world, &next, SIGNATURE).unwrap());
    let lines: Vec<&str> = new.lines().collect();
    let comment = lines[2].replace("1.0.1", "1.0.9");
    let with = |line: usize, text: &str| {
        let mut lines = lines.clone();
        lines[line] = text;
        lines.join("\n") + "\n"
    };
    let theirs = own(&world, "1.0.1", Some("mallory"));
    let theirs = entry(&world, &theirs, SIGNATURE).unwrap();
    let theirs_lines: Vec<&str> = theirs.lines().collect();
    let accept = "silver keys trust forged.zip --app=site";
    for (what, signature, word) in [
        ("stripped", None, accept),
        ("of another pack", Some(old), "it is for something else"),
        ("of another key", Some(theirs.clone()), accept),
        ("half of another key's", Some(with(1, theirs_lines[1])), "is not the signature of the key"),
        ("another trusted comment", Some(with(2, &comment)), "it is for something else"),
        ("another key's trusted comment", Some(with(2, theirs_lines[2])), "is not the signature of the key"),
        ("truncated", Some(lines[..3].join("\n")), "not a signature of minisign"),
        ("cut in the last line", Some(new[..new.len() - 10].to_owned()), "not a signature of minisign"),
        ("empty", Some(String::new()), "not a signature of minisign"),
        ("in the legacy format", Some(with(1, &lines[1].replacen("RU", "RW", 1))), "legacy"),
        ("very long", Some("x".repeat(100_000)), "small file"),
    ] {
        let zip = forged(&world, &next, &[(SIGNATURE, signature.as_deref())]);
        let ran = update(&world, &zip);
        assert!(ran.stderr().contains(word), "{what}: {}", ran.snapshot());
        refused(&world, ran, &["hint:"]);
    }
    // the content that was signed, altered
    let zip = forged(&world, &next, &[("public/index.html", Some("1.0.X"))]);
    refused(&world, update(&world, &zip), &["public/index.html"]);
    // an older version of the same publisher is a downgrade as any other
    update(&world, &next).ok();
    let ran = update(&world, &good);
    assert!(ran.stderr().contains("--allow-downgrade"), "{}", ran.snapshot());
    ran.exits(1);
    assert_eq!(page(&world), "1.0.1");
}

#[test]
fn another_publisher_is_accepted_by_name_and_that_is_an_event() {
    let world = World::new();
    keys(&world, &["acme", "other"]);
    update(&world, &own(&world, "1.0.0", Some("acme"))).ok();
    let other = own(&world, "1.0.1", Some("other"));
    let unsigned = own(&world, "1.0.2", None);
    let stranger = site(&world, "org.stranger.site", "1.0.3", Some("acme"));
    for zip in [&other, &unsigned, &stranger] {
        let accept = format!("silver keys trust {zip} --app=site");
        refused(&world, update(&world, zip), &[&accept]);
        refused(&world, world.silver(["update", zip, "--dry-run"]), &[&accept]);
    }
    // nobody can answer, somebody says that it has to be another key, it is only looked at: nothing changes
    world.silver(["keys", "trust", &other, "--app=site"]).exits(2);
    world.silver(["keys", "trust", &other, "--app=site", "--yes", "--key", &public(&world, "acme")]).exits(8);
    world.silver(["keys", "trust", &other, "--app=site", "--dry-run"]).ok();
    refused(&world, update(&world, &other), &[]);
    assert_eq!(world.json(&["registry", "log", "--kind=trust"]), serde_json::json!([]));

    for (event, (zip, key, served)) in [
        (&other, public(&world, "other"), "1.0.1"),
        (&unsigned, "unsigned".to_owned(), "1.0.2"),
        (&stranger, public(&world, "acme"), "1.0.3"),
    ]
    .into_iter()
    .enumerate()
    {
        let event = 1 + 2 * event; // a deployment lies before each
        world.silver(["keys", "trust", zip, "--app=site", "--yes", "--reason", "phoned them"]).ok();
        let said = world.json(&["registry", "show", &event.to_string()]);
        let record = &said["predicate"];
        assert_eq!(record["event"]["kind"], "trust", "{said}");
        assert_eq!((&record["event"]["key"], &record["reason"]), (&key.as_str().into(), &"phoned them".into()));
        assert!(record["event"]["former"]["pack"].is_string(), "{said}");
        // twice is once
        world.silver(["keys", "trust", zip, "--app=site", "--yes"]).ok();
        update(&world, zip).ok();
        assert_eq!(page(&world), served);
        let said = world.json(&["registry", "show", &(event + 1).to_string()]);
        assert_eq!(said["predicate"]["event"]["release"]["pack"]["signature"], key.as_str());
    }
    world.silver(["registry", "verify"]).ok();
}

#[test]
fn a_lock_knows_the_key_and_refuses_others() {
    let world = World::new();
    keys(&world, &["acme", "other"]);
    world.write("mine/customize.toml", MINE);
    let lock = || fs::read_to_string(world.work().join("mine/customize.lock")).unwrap_or_default();
    let with = |command: &[&str]| world.silver(command.iter().chain(&["--customize=mine"]));
    let good = own(&world, "1.0.0", Some("acme"));
    // the first key is shown and agreed to
    let ran = with(&["update", &good]).exits(2);
    assert!(ran.stderr().contains(&public(&world, "acme")) && ran.stderr().contains("--yes"), "{}", ran.snapshot());
    // a command that writes nothing shows it
    let ran = with(&["merge", &good]).ok();
    assert!(ran.stderr().contains(&public(&world, "acme")) && lock().is_empty(), "{}", ran.snapshot());
    with(&["update", &good, "--yes"]).ok();
    assert!(lock().contains(&format!("key = \"{}\"", public(&world, "acme"))), "{}", lock());
    assert_eq!(world.json(&["inspect", &good, "--customize=mine", "--only=pack"])["known_to"].as_array().unwrap().len(), 3);

    // each command that reads both refuses, and the lock stays
    let before = lock();
    let (other, unsigned) = (own(&world, "1.0.1", Some("other")), own(&world, "1.0.2", None));
    for zip in [&other, &unsigned] {
        let accept = format!("silver keys trust {zip} --customize=mine");
        for command in
            [&["update", zip, "--yes"][..], &["merge", zip], &["explain", zip, "pack.toml"], &["customize", "status", zip]]
        {
            refused(&world, with(command), &[&accept]);
        }
    }
    assert_eq!(lock(), before);
    // accepted: in the lock, and on the node
    with(&["keys", "trust", &other, "--yes"]).ok();
    assert!(lock().contains(&public(&world, "other")) && lock().contains("version = \"1.0.0\""), "{}", lock());
    with(&["update", &other, "--yes"]).ok();
    assert_eq!(page(&world), "1.0.1");
    let listed = world.json(&["keys", "list", "--customize=mine"]);
    let trusted: Vec<_> = listed.as_array().unwrap().iter().filter(|row| row["known_as"] != "yours").collect();
    assert_eq!(trusted.len(), 2, "{listed}");
    assert!(trusted.iter().all(|row| row["key"] == public(&world, "other").as_str()), "{listed}");

    // a damaged key in the lock is an error, not a first use
    let text = lock().replace(&public(&world, "other"), "RWdamaged");
    world.write("mine/customize.lock", &text);
    let ran = with(&["update", &other, "--yes"]);
    assert!(ran.stderr().contains("customize.lock") && ran.stderr().contains("RWdamaged"), "{}", ran.snapshot());
    ran.exits(2);
}

#[test]
fn plugins_of_somebody_elses_pack_are_not_run() {
    let world = World::new();
    keys(&world, &["acme"]);
    let zip = trac::pack(&world).display().to_string();
    world.write("mine/customize.toml", "[pack]\nid = \"org.edgewall.trac\"\n");
    let digest = world.json(&["inspect", &zip, "--only=pack"])["digest"].as_str().unwrap().to_owned();
    let key = public(&world, "acme");
    let lock =
        format!("format = 1\n[pack]\nid = \"org.edgewall.trac\"\nversion = \"1.5.0\"\ndigest = \"{digest}\"\nkey = \"{key}\"\n");
    world.write("mine/customize.lock", &lock);
    for command in [
        &["manage-app", &zip, "--customize=mine", "--yes", "install-plugin", "X"][..],
        &["plugin", "allow", &zip, "--customize=mine", "--yes"],
    ] {
        let ran = world.silver(command);
        assert!(ran.stderr().contains("is not signed") && ran.stderr().contains("keys trust"), "{}", ran.snapshot());
        ran.exits(8);
    }
    assert_eq!(fs::read_to_string(world.work().join("mine/customize.lock")).unwrap(), lock);
}

#[test]
fn a_rotation_is_followed_forward_only() {
    let world = World::new();
    keys(&world, &["first", "mallory"]);
    world.silver(["keys", "rotate", "first", "second", "-W"]).ok();
    world.silver(["keys", "rotate", "second", "third", "-W"]).ok();
    update(&world, &own(&world, "1.0.0", Some("first"))).ok();
    let second = own(&world, "1.0.1", Some("second"));
    let third = own(&world, "1.0.2", Some("third"));
    let theirs = own(&world, "1.0.1", Some("mallory"));
    let chain = entry(&world, &third, ROTATIONS).unwrap();
    assert_eq!(chain.lines().count(), 8);

    // statements that the old key did not sign: of somebody else's making, with names exchanged, in disorder
    let own_rotation = {
        world.silver(["keys", "rotate", "mallory", "mallory2", "-W"]).ok();
        fs::read_to_string(world.home().join("data/keys/publisher/mallory2.rotations")).unwrap()
    };
    let renamed = own_rotation
        .replace(&public(&world, "mallory"), &public(&world, "first"))
        .replace(&public(&world, "mallory2"), &public(&world, "mallory"));
    let swapped: Vec<&str> = chain.lines().collect();
    let swapped = [&swapped[4..], &swapped[..4]].concat().join("\n");
    for (zip, rotations, word) in [
        (&theirs, Some(renamed.as_str()), "is not signed by that key"),
        (&theirs, Some(&own_rotation), "do not lead"),
        (&theirs, Some(&chain), "do not lead"),
        (&third, Some(&swapped), "do not lead"),
        (&third, Some(chain.trim_end().rsplit_once('\n').unwrap().0), "not a signature"),
        (&third, None, "silver keys trust"),
    ] {
        let zip = forged(&world, zip, &[(ROTATIONS, rotations)]);
        refused(&world, update(&world, &zip), &[word]);
    }

    // who has not made the step yet still trusts the former key, and is told so
    let shown = world.silver(["inspect", &third, "--only=pack"]).ok();
    assert!(shown.stderr().contains("the former key is known"), "{}", shown.snapshot());
    let known = |zip: &str| world.json(&["inspect", zip, "--only=pack"]);
    let app = known(&third)["known_by_former_key"][0].as_str().unwrap().to_owned();
    assert!(app.starts_with("app ") && app.contains(&public(&world, "first")), "{app}");

    // one that skips a step is accepted, and is recorded with the keys that led to it
    let ran = update(&world, &third).ok();
    assert!(ran.stdout().contains("the former one signed that"), "{}", ran.snapshot());
    let now = known(&third);
    assert_eq!(
        (&now["known_by_former_key"], &now["known_to"][1]),
        (&serde_json::json!([]), &app[..app.find(" (").unwrap()].into())
    );
    let pack = &world.json(&["registry", "show", "1"])["predicate"]["event"]["release"]["pack"];
    assert_eq!(pack["signature"], public(&world, "third").as_str());
    assert_eq!(pack["rotated-from"], serde_json::json!([public(&world, "first"), public(&world, "second")]));
    // the keys before it count no more: not by themselves, not with their own statement, not after a rollback
    let former = own(&world, "1.0.3", Some("first"));
    let replayed = own(&world, "1.0.3", Some("second"));
    for _ in 0..2 {
        for zip in [&former, &replayed, &second] {
            let ran = update(&world, zip);
            assert!(ran.stderr().contains(&public(&world, "third")), "{}", ran.snapshot());
            ran.exits(8);
        }
        world.silver(["rollback", "site", "--yes"]);
    }
    assert_eq!(page(&world), "1.0.0");
    update(&world, &third).ok();
    // nobody makes a statement that leads back
    world.silver(["keys", "rotate", "third", "first"]).exits(1);
}

#[test]
fn the_first_key_of_an_unsigned_application_is_remarked() {
    let world = World::new();
    keys(&world, &["acme"]);
    let unsigned = own(&world, "1.0.0", None);
    update(&world, &unsigned).ok();
    // the same files, signed: there is something to do, namely to know the key
    let signed = own(&world, "1.0.0", Some("acme"));
    let ran = update(&world, &signed).ok();
    assert!(ran.stdout().contains("from now on only the key"), "{}", ran.snapshot());
    refused(&world, update(&world, &unsigned), &["silver keys trust"]);
}

#[test]
fn keys_are_for_their_owner_and_never_overwritten() {
    let world = World::new();
    // somebody to ask is needed, or the flag that says what it means
    let ran = world.silver(["keys", "new", "acme"]).exits(2);
    assert!(ran.stderr().contains("--unencrypted"), "{}", ran.snapshot());
    keys(&world, &["acme"]);
    let secret = world.home().join("data/keys/publisher/acme.key");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&secret), mode(secret.parent().unwrap())), (0o600, 0o700));
    let before = fs::read(&secret).unwrap();
    world.silver(["keys", "new", "acme", "-W"]).exits(2);
    world.silver(["keys", "rotate", "acme", "acme", "-W"]).exits(1);
    assert_eq!(fs::read(&secret).unwrap(), before);
    for name in ["../acme", ".hidden", "a b", ""] {
        let path = name.contains('/');
        let ran = world.silver(["keys", "new", name, "-W"]);
        assert_eq!(ran.code() == 0, path, "{}", ran.snapshot());
    }
    for (key, word) in [("absent", "keys new"), ("./site.zip", "site.zip")] {
        world.write("site.zip", "nonsense");
        world.write("site/pack.toml", "");
        let ran = world.silver(["pack", "site", "--sign", key]);
        assert!(ran.stderr().contains(word) && ran.code() != 0, "{}", ran.snapshot());
    }
    // what others may read is remarked; and whatever is said, the secret is not
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    own(&world, "1.0.0", Some("acme"));
    let ran = world.silver(["pack", "site", "--sign=acme", "-o", "x.zip"]).ok();
    assert!(ran.stderr().contains("others than you may read"), "{}", ran.snapshot());
    let text = String::from_utf8(before).unwrap();
    let text = text.lines().nth(1).unwrap();
    for ran in [ran, world.silver(["keys", "list"]), world.silver(["keys", "list", "--json"])] {
        assert!(!(ran.stdout() + &ran.stderr()).contains(text));
    }
    let zip = fs::read(world.work().join("x.zip")).unwrap();
    assert!(!zip.windows(20).any(|window| text.as_bytes()[100..].starts_with(window)));
}

#[test]
fn a_passphrase_protects_a_key() {
    let world = World::new();
    own(&world, "1.0.0", None);
    let talk = |args: &[&str], words: &[&str]| terminal::talk(&world.command(args), words);
    let said = talk(&["keys", "new", "acme"], &["correct horse", "correct hrose"]);
    assert!(said.contains("differ"), "{said}");
    let said = talk(&["keys", "new", "acme"], &["correct horse", "correct horse"]);
    assert!(said.contains("public key") && !said.contains("correct horse"), "{said}");
    assert_eq!(world.json(&["keys", "list"])[0]["secret"], "encrypted");
    let ran = world.silver(["pack", "site", "--sign=acme"]).exits(2);
    assert!(ran.stderr().contains("nobody can answer"), "{}", ran.snapshot());
    let said = talk(&["pack", "site", "--sign=acme", "-o", "x.zip"], &["wrong"]);
    assert!(said.contains("passphrase is wrong") && !world.work().join("x.zip").exists(), "{said}");
    let said = talk(&["pack", "site", "--sign=acme", "-o", "x.zip"], &["correct horse"]);
    assert!(said.contains(&public(&world, "acme")), "{said}");
    if minisign() {
        minisign_verifies(&world, "x.zip", &public(&world, "acme"));
    }
}

/// Is the program there?
fn minisign() -> bool {
    let there = Command::new("minisign").arg("-v").output().is_ok();
    if !there {
        skipped("there is no program `minisign`");
    }
    there
}

/// The program agrees with the signature of a pack.
fn minisign_verifies(world: &World, zip: &str, key: &str) {
    world.write("tree", &entry(world, zip, ".silver/tree").unwrap());
    world.write("tree.minisig", &entry(world, zip, SIGNATURE).unwrap());
    let ran = Command::new("minisign").args(["-V", "-m", "tree", "-P", key]).current_dir(world.work()).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    assert!(String::from_utf8_lossy(&ran.stdout).contains("silver pack org.example.site"), "{ran:?}");
}

#[test]
fn minisign_understands_silver_and_silver_minisign() {
    if !minisign() {
        return;
    }
    let world = World::new();
    keys(&world, &["acme"]);
    let zip = own(&world, "1.0.0", Some("acme"));
    minisign_verifies(&world, &zip, &public(&world, "acme"));
    let run = |args: &[&str]| {
        let ran = Command::new("minisign").args(args).current_dir(world.work()).output().unwrap();
        assert!(ran.status.success(), "{args:?}: {ran:?}");
    };
    // a rotation is checked by hand, too: what is signed is the trusted comment
    world.silver(["keys", "rotate", "acme", "next", "-W"]).ok();
    let rotation = fs::read_to_string(world.home().join("data/keys/publisher/next.rotations")).unwrap();
    world.write("statement", rotation.lines().nth(2).unwrap().strip_prefix("trusted comment: ").unwrap());
    world.write("statement.minisig", &rotation);
    run(&["-V", "-m", "statement", "-P", &public(&world, "acme")]);

    // its keys sign packs
    run(&["-G", "-W", "-p", "their.pub", "-s", "their.key"]);
    let theirs = own(&world, "1.0.0", Some("./their.key"));
    let key = fs::read_to_string(world.work().join("their.pub")).unwrap();
    let key = key.lines().nth(1).unwrap();
    assert_eq!(world.json(&["inspect", &theirs, "--only=pack"])["signature"], key);
    minisign_verifies(&world, &theirs, key);

    // and so does the program itself, when it is told what to say
    let unsigned = own(&world, "1.0.0", None);
    let digest = world.json(&["inspect", &unsigned, "--only=pack"])["digest"].as_str().unwrap().to_owned();
    world.write("tree", &entry(&world, &unsigned, ".silver/tree").unwrap());
    let comment = format!("silver pack org.example.site 1.0.0 {digest} key {key}");
    run(&["-S", "-s", "their.key", "-m", "tree", "-x", "tree.minisig", "-t", &comment]);
    let signature = fs::read_to_string(world.work().join("tree.minisig")).unwrap();
    let zip = forged(&world, &unsigned, &[(SIGNATURE, Some(&signature))]);
    assert_eq!(world.json(&["inspect", &zip, "--only=pack"])["signature"], key);
    update(&world, &zip).ok();

    // a key that silver made signs with the program
    world.write("message", "hello");
    let secret = world.home().join("data/keys/publisher/acme.key");
    run(&["-S", "-s", secret.to_str().unwrap(), "-m", "message"]);
    run(&["-V", "-m", "message", "-P", &public(&world, "acme")]);
}
