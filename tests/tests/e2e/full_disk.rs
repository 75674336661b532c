//! A full disk while an update is staged: a clear error, the old release serves, nothing is lost.

use silver_tests::{World, world::skipped};
use std::{
    fs,
    io::{ErrorKind, Write},
    process::{Child, Command, Stdio},
};

const HOST: &str = "hello.localhost";

/// A mount namespace in which the world's home is a small disk. It ends with its one process.
struct SmallDisk<'a> {
    world: &'a World,
    holder: Child,
}

impl<'a> SmallDisk<'a> {
    /// None, said aloud, where no disk can be mounted.
    fn mount(world: &'a World, size: &str) -> Option<Self> {
        fs::create_dir_all(world.home()).unwrap();
        let script = "mount -t tmpfs -o size=$1,nr_inodes=3000,mode=700 tmpfs \"$2\" && touch \"$2/mounted\" && exec sleep 600";
        let mut holder = Command::new("unshare")
            .args(["-m", "--propagation", "private", "sh", "-c", script, "sh", size])
            .arg(world.home())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mounted = format!("/proc/{}/root{}/mounted", holder.id(), world.home().display());
        let up = silver_tests::wait_for("a disk, or none", || match holder.try_wait().unwrap() {
            Some(_) => Some(false),
            None => fs::exists(&mounted).unwrap_or(false).then_some(true),
        });
        up.then_some(Self { world, holder })
    }

    /// Runs the command where the disk is: exit code and what it said.
    fn silver(&self, args: &[&str]) -> (i32, String) {
        let plain = self.world.command(args);
        let mut command = Command::new("nsenter");
        command.args(["-m", "-t", &self.holder.id().to_string(), "--"]);
        command.arg(plain.get_program()).args(plain.get_args()).env_clear();
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
    }

    fn ok(&self, args: &[&str]) -> String {
        let (code, said) = self.silver(args);
        assert_eq!(code, 0, "{args:?}: {said}");
        said
    }

    /// A file below the home.
    fn path(&self, name: &str) -> String {
        format!("/proc/{}/root{}/{name}", self.holder.id(), self.world.home().display())
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        self.silver(&["local", "stop"]);
        // the namespace goes with its only process
        self.holder.kill().ok();
        self.holder.wait().ok();
    }
}

/// Files that take what room there is: bytes, or names (inodes).
struct Filler {
    dir: String,
    files: usize,
}

impl Filler {
    /// Takes every byte.
    fn bytes(disk: &SmallDisk<'_>) -> String {
        let path = disk.path("filler");
        let mut file = fs::File::create(&path).unwrap();
        let full = loop {
            if let Err(error) = file.write_all(&[1; 4096]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        path
    }

    /// Takes every name.
    fn names(disk: &SmallDisk<'_>) -> Self {
        let dir = disk.path("names");
        fs::create_dir(&dir).unwrap();
        let mut filler = Self { dir, files: 0 };
        filler.fill();
        filler
    }

    fn fill(&mut self) {
        while fs::File::create(format!("{}/{}", self.dir, self.files)).is_ok() {
            self.files += 1;
        }
    }

    /// Leaves so many names free.
    fn leave(&mut self, free: usize) {
        self.fill();
        for _ in 0..free {
            self.files -= 1;
            fs::remove_file(format!("{}/{}", self.dir, self.files)).unwrap();
        }
    }
}

#[test]
fn nothing_changes_when_there_is_no_room_for_a_release() {
    let world = World::new();
    let Some(disk) = SmallDisk::mount(&world, "24m") else {
        skipped("mounting a small disk needs root and mount namespaces");
        return;
    };
    let [good, next] = ["good", "next"].map(|edition| world.hello(edition).display().to_string());
    disk.ok(&["update", &good, "--yes"]);
    world.http().post(HOST, "/count", "").unwrap();

    // nothing free: the plan knows what the release needs
    let filler = Filler::bytes(&disk);
    let (code, said) = disk.silver(&["update", &next, "--yes"]);
    assert_eq!(code, 1, "{said}");
    for word in ["error:", "0 bytes free", "hint: make room"] {
        assert!(said.contains(word), "`{word}` is not in\n{said}");
    }
    assert!(world.http().page(HOST, "/who").contains("1.0.0"));
    fs::remove_file(filler).unwrap();

    // room for the bytes, but not for the names of all files: found out while staging
    let mut filler = Filler::names(&disk);
    for free in [2, 4, 8, 12] {
        filler.leave(free);
        let (code, said) = disk.silver(&["update", &next, "--yes", "--quiet"]);
        assert_eq!(code, 1, "{free} free: {said}");
        for word in ["error:", "No space left on device", "hint:"] {
            assert!(said.contains(word), "{free} free: `{word}` is not in\n{said}");
        }
        assert!(world.http().page(HOST, "/who").contains("1.0.0"));
    }
    filler.leave(600);
    assert_eq!(world.http().page(HOST, "/count"), "1");
    disk.ok(&["update", &next, "--yes"]);
    disk.ok(&["registry", "verify"]);
    let releases: serde_json::Value = serde_json::from_str(&disk.ok(&["releases", "hello", "--json"])).unwrap();
    assert_eq!(releases.as_array().unwrap().len(), 2, "{releases}");
    assert!(world.http().page(HOST, "/who").contains("1.0.1"));
    assert_eq!(world.http().page(HOST, "/count"), "1");
}

#[test]
fn a_disk_that_fills_up_during_the_change_leaves_something_that_the_next_command_settles() {
    let world = World::new();
    let Some(disk) = SmallDisk::mount(&world, "24m") else {
        skipped("mounting a small disk needs root and mount namespaces");
        return;
    };
    let good = world.hello("good").display().to_string();
    disk.ok(&["update", &good, "--yes"]);
    world.http().post(HOST, "/count", "").unwrap();

    // its migration takes every byte that there is
    let dir = silver_tests::hello::variant("next");
    let app = dir.path().join("app.py");
    let greedy = r#"
import os, sys
if sys.argv[1:] == ["migrate"]:
    with open(os.environ["SILVER_DATA_DIR"] + "/filler", "wb", 0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            sys.exit(0)
"#;
    let manifest = dir.path().join("pack.toml");
    fs::write(&manifest, fs::read_to_string(&manifest).unwrap().replace("timeout = \"20s\"", "timeout = \"2s\"")).unwrap();
    fs::write(&app, [greedy, &fs::read_to_string(&app).unwrap()].concat()).unwrap();
    let zip = world.work().join("greedy.zip").display().to_string();
    world.silver(["pack", dir.path().to_str().unwrap(), "-o", &zip]).ok();
    let (code, said) = disk.silver(&["update", &zip, "--yes", "--quiet"]);
    assert!([4, 5].contains(&code), "{code}: {said}");
    assert!(said.contains("error: the update failed"), "{said}");
    assert!(world.http().page(HOST, "/who").contains("1.0.0"), "the old release serves on");

    fs::remove_file(disk.path("data/nodes/local/data/hello/filler")).unwrap();
    let next = world.hello("next").display().to_string();
    disk.ok(&["update", &next, "--yes"]);
    assert!(world.http().page(HOST, "/who").contains("1.0.1"));
    assert_eq!(world.http().page(HOST, "/count"), "1");
    disk.ok(&["registry", "verify"]);
    let log: serde_json::Value = serde_json::from_str(&disk.ok(&["registry", "log", "--json"])).unwrap();
    let outcomes: Vec<&str> = log.as_array().unwrap().iter().filter_map(|event| event["outcome"].as_str()).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "reverted").count(), 1, "the failed attempt is on record: {log}");
}

#[test]
fn data_are_put_back_also_when_there_is_no_room_for_a_second_copy() {
    let world = World::new();
    let Some(disk) = SmallDisk::mount(&world, "48m") else {
        skipped("mounting a small disk needs root and mount namespaces");
        return;
    };
    let good = world.hello("good").display().to_string();
    disk.ok(&["update", &good, "--yes"]);
    world.http().post(HOST, "/count", "").unwrap();
    let data = disk.path("data/nodes/local/data/hello/db");
    fs::write(format!("{data}/large"), vec![1; 8 << 20]).unwrap();

    // among the data its migration takes every byte that there is, and fails
    let dir = silver_tests::hello::variant("breaking");
    let app = dir.path().join("app.py");
    let greedy = r#"
import os, sys
if sys.argv[1:] == ["migrate"]:
    with open(os.environ["SILVER_DATA_DIR"] + "/db/filler", "wb", 0) as filler:
        while True:
            filler.write(bytes(4096))
"#;
    fs::write(&app, [greedy, &fs::read_to_string(&app).unwrap()].concat()).unwrap();
    let zip = world.work().join("greedy.zip").display().to_string();
    world.silver(["pack", dir.path().to_str().unwrap(), "-o", &zip]).ok();
    let (code, said) = disk.silver(&["update", &zip, "--yes", "--quiet"]);
    assert_eq!(code, 4, "{said}");
    assert!(world.http().page(HOST, "/who").contains("1.0.0"));
    assert_eq!(world.http().page(HOST, "/count"), "1");
    assert_eq!(fs::metadata(format!("{data}/large")).unwrap().len(), 8 << 20);
    assert!(!fs::exists(format!("{data}/filler")).unwrap());
    let next = world.hello("next").display().to_string();
    disk.ok(&["update", &next, "--yes"]);
    disk.ok(&["registry", "verify"]);
}
