use super::*;
use silver_plugin_api::{
    plan::FileFormat,
    setup::{Command, Content, Directory, File, IniKeys, Link, Presence, Repository, Sysctl},
};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// A machine below a directory: whatever is done by programs is not here.
struct World {
    dir: tempfile::TempDir,
    user: String,
    group: String,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("proc/sys/vm")).unwrap();
        fs::write(dir.path().join("proc/sys/vm/swappiness"), "60\n").unwrap();
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        Self { user: uid.as_raw().to_string(), group: gid.as_raw().to_string(), dir }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }

    fn file(&self, path: &str, text: &str) -> Resource {
        let (owner, group) = (self.user.clone(), self.group.clone());
        Resource::File(File {
            path: path.into(),
            content: Content::text(text),
            owner,
            group,
            mode: 0o640,
            state: Presence::Present,
        })
    }

    /// A command that leaves a line in `/log`.
    fn log(&self, word: &str) -> Command {
        let script = format!("echo {word} >> {}", self.at("/log").display());
        Command { argv: ["/bin/sh", "-c", &script].map(Into::into).to_vec(), ..Command::default() }
    }

    fn said(&self) -> Vec<String> {
        fs::read_to_string(self.at("/log")).unwrap_or_default().lines().map(Into::into).collect()
    }

    /// One of each kind that needs no programs of the system.
    fn plan(&self) -> Plan {
        let directory =
            Directory { path: "/var/lib/silver/app".into(), owner: self.user.clone(), group: self.group.clone(), mode: 0o750 };
        let mut gone = self.file("/etc/gone", "");
        if let Resource::File(file) = &mut gone {
            file.state = Presence::Absent;
        }
        let keys = IniKeys {
            path: "/etc/app.ini".into(),
            format: FileFormat::Ini,
            entries: vec![("main.color".into(), "blue".into())],
            owned: vec!["main.old".into()],
        };
        let items = vec![
            Item::new("deep", self.file("/var/lib/silver/app/deep/file", "deep"), "x"),
            Item::new("dir", Resource::Directory(directory), "x"),
            Item::new("conf", self.file("/etc/app.conf", "a = 1\n"), "x").notify("again", OnChange::Rerun),
            Item::new("gone", gone, "x"),
            Item::new(
                "link",
                Resource::Link(Link { path: "/etc/link".into(), target: "app.conf".into(), state: Presence::Present }),
                "x",
            ),
            Item::new("keys", Resource::IniKeys(keys), "x"),
            Item::new("sysctl", Resource::Sysctl(Sysctl { key: "vm.swappiness".into(), value: "10".into() }), "x"),
            Item::new("again", Resource::Command(self.log("again")), "x"),
        ];
        Plan { items, facts_used: Vec::new() }
    }

    async fn apply(&self, plan: &Plan) -> Applied {
        let (confirm, _nobody) = mpsc::channel(1);
        let applying = Applying {
            machine: Machine::below(self.dir.path()),
            plan: plan.clone(),
            feed: Arc::new(Feed::default()),
            record: RecordFile(self.at("/setup.json")),
            undo: self.at("/undo"),
            agent: "/nowhere".into(),
            confirm,
        };
        applying.apply().await.unwrap()
    }

    fn record(&self) -> Record {
        RecordFile(self.at("/setup.json")).read().unwrap().unwrap()
    }
}

/// Ids of what was changed or poked.
fn touched(applied: &Applied) -> Vec<&str> {
    let items = applied.items.iter().filter(|item| item.fate != Fate::InPlace || item.poked.is_some());
    items.map(|item| item.id.as_str()).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn everything_gets_in_place_and_again_is_nothing() {
    let world = World::new();
    fs::create_dir(world.at("/etc")).unwrap();
    fs::write(world.at("/etc/gone"), "").unwrap();
    fs::write(world.at("/etc/app.ini"), "# kept\n[main]\nold = 1\nother = 2\n").unwrap();
    let plan = world.plan();
    assert_eq!(plan.check(), Ok(()));
    let applied = world.apply(&plan).await;
    assert!(applied.is_complete() && applied.has_changed(), "{applied:?}");
    assert_eq!(fs::read_to_string(world.at("/var/lib/silver/app/deep/file")).unwrap(), "deep");
    assert_eq!((mode(&world.at("/var/lib/silver/app")), mode(&world.at("/etc/app.conf"))), (0o750, 0o640));
    assert!(!world.at("/etc/gone").exists());
    let ini = fs::read_to_string(world.at("/etc/app.ini")).unwrap();
    assert!(ini.contains("# kept") && ini.contains("other = 2") && ini.contains("color = blue") && !ini.contains("old"), "{ini}");
    assert_eq!(fs::read_to_string(world.at("/proc/sys/vm/swappiness")).unwrap(), "10");
    assert_eq!(fs::read_to_string(world.at("/etc/sysctl.d/60-silver-vm.swappiness.conf")).unwrap(), "vm.swappiness = 10\n");
    assert_eq!(world.said(), ["again"], "run once, though it was poked as well");
    assert!(world.record().complete && world.record().version == plan.version(hash::sha256));

    let before = fs::metadata(world.at("/setup.json")).unwrap().modified().unwrap();
    let again = world.apply(&plan).await;
    assert!(again.is_complete() && !again.has_changed(), "{again:?}");
    assert_eq!(world.said(), ["again"]);
    assert_eq!(fs::metadata(world.at("/setup.json")).unwrap().modified().unwrap(), before, "not even written");
}

#[tokio::test]
async fn what_was_changed_by_hand_is_put_right_and_nothing_else_is_touched() {
    let world = World::new();
    let plan = world.plan();
    world.apply(&plan).await;
    type Hand = fn(&World);
    let hands: [(&[&str], Hand); 9] = [
        (&["deep"], |world| fs::write(world.at("/var/lib/silver/app/deep/file"), "altered").unwrap()),
        (&["deep"], |world| fs::remove_dir_all(world.at("/var/lib/silver/app/deep")).unwrap()),
        (&["dir"], |world| fs::set_permissions(world.at("/var/lib/silver/app"), fs::Permissions::from_mode(0o777)).unwrap()),
        (&["conf", "again"], |world| fs::set_permissions(world.at("/etc/app.conf"), fs::Permissions::from_mode(0o666)).unwrap()),
        (&["conf", "again"], |world| {
            fs::remove_file(world.at("/etc/app.conf")).unwrap();
            std::os::unix::fs::symlink("elsewhere", world.at("/etc/app.conf")).unwrap();
        }),
        (&["gone"], |world| fs::write(world.at("/etc/gone"), "back").unwrap()),
        (&["link"], |world| {
            fs::remove_file(world.at("/etc/link")).unwrap();
            fs::write(world.at("/etc/link"), "a file").unwrap();
        }),
        (&["keys"], |world| fs::write(world.at("/etc/app.ini"), "[main]\ncolor = red\nold = 1\n").unwrap()),
        (&["sysctl"], |world| fs::write(world.at("/proc/sys/vm/swappiness"), "60\n").unwrap()),
    ];
    for (ids, hand) in hands {
        hand(&world);
        let applied = world.apply(&plan).await;
        assert!(applied.is_complete(), "{ids:?}: {applied:?}");
        assert_eq!(touched(&applied), ids);
        assert_eq!(touched(&world.apply(&plan).await), [""; 0]);
    }
}

#[tokio::test]
async fn what_comes_after_a_failure_is_not_tried_and_all_else_is() {
    let world = World::new();
    fs::create_dir_all(world.at("/etc/a/full directory")).unwrap();
    let fails = Command { argv: vec!["/bin/false".into()], ..Command::default() };
    let items = vec![
        Item::new("in-the-way", world.file("/etc/a", ""), "x"),
        Item::new("fails", Resource::Command(fails), "x"),
        Item::new("after", world.file("/etc/after", ""), "x").after(["fails"]),
        Item::new("after-that", world.file("/etc/after-that", ""), "x").after(["after"]),
        Item::new("poked", Resource::Command(world.log("poked")), "x").after(["after-that"]),
        Item::new("other", world.file("/etc/other", ""), "x").notify("poked", OnChange::Rerun),
    ];
    let plan = Plan { items, facts_used: Vec::new() };
    let applied = world.apply(&plan).await;
    let fate = |id: &str| &applied.items.iter().find(|item| item.id == id).unwrap().fate;
    assert!(matches!(fate("in-the-way"), Fate::Failed { causes, hint: Some(_), .. } if causes[0].contains("a directory is at")));
    assert!(matches!(fate("fails"), Fate::Failed { causes, .. } if causes[0].contains("/bin/false")));
    assert_eq!(*fate("after"), Fate::Skipped { after: "fails".into() });
    assert_eq!(*fate("after-that"), Fate::Skipped { after: "after".into() });
    assert_eq!(*fate("other"), Fate::Changed);
    assert!(!applied.is_complete() && !world.record().complete);
    assert!(world.at("/etc/a/full directory").exists() && !world.at("/etc/after").exists());

    // who was not come to is poked by the set-up that comes to it, although nothing that pokes changes then
    let mut mended = plan.clone();
    mended.items.remove(0);
    mended.items[0].resource = Resource::Command(Command { argv: vec!["/bin/true".into()], ..Command::default() });
    mended.items[3].resource = Resource::Command(Command { creates: Some("/etc/other".into()), ..world.log("poked") });
    let applied = world.apply(&mended).await;
    assert!(applied.is_complete(), "{applied:?}");
    assert_eq!(world.said(), ["poked"]);
    assert!(world.record().pending.is_empty());
}

#[tokio::test]
async fn a_command_is_run_when_there_is_something_to_do() {
    let world = World::new();
    let marker = world.at("/marker");
    let makes = |word: &str| Command { creates: Some("/marker".into()), ..world.log(word) };
    let unless = Command {
        unless: Some(["/usr/bin/test", "-e", &marker.to_string_lossy()].map(Into::into).to_vec()),
        ..world.log("unless")
    };
    let mut plan = Plan {
        items: vec![
            Item::new("unless", Resource::Command(unless), "x"),
            Item::new("once", Resource::Command(world.log("once")), "x"),
        ],
        facts_used: Vec::new(),
    };
    fs::write(&marker, "").unwrap();
    assert!(world.apply(&plan).await.is_complete());
    assert_eq!(world.said(), ["once"]);
    // another version of it is another command
    plan.items[1].resource = Resource::Command(world.log("twice"));
    assert!(world.apply(&plan).await.is_complete());
    assert_eq!(world.said(), ["once", "twice"]);
    // one that says it is done and leaves nothing has not done it
    fs::remove_file(&marker).unwrap();
    plan.items[1].resource = Resource::Command(makes("nothing"));
    let applied = world.apply(&plan).await;
    let still = |item: &ItemResult| matches!(&item.fate, Fate::Failed { causes, .. } if causes[0].contains("still is not"));
    assert!(applied.items.iter().all(still), "{applied:?}");
}

#[tokio::test]
async fn two_items_that_spoil_each_other_are_found_out() {
    let world = World::new();
    let spoil = Command {
        argv: ["/bin/sh", "-c", &format!("echo spoilt > {}", world.at("/etc/app.conf").display())].map(Into::into).to_vec(),
        ..Command::default()
    };
    let items = vec![
        Item::new("conf", world.file("/etc/app.conf", "good"), "x"),
        Item::new("spoil", Resource::Command(spoil), "x").after(["conf"]),
    ];
    let applied = world.apply(&Plan { items, facts_used: Vec::new() }).await;
    assert!(
        matches!(&applied.items[0].fate, Fate::Failed { causes, .. } if causes[0].contains("is not any more")),
        "{applied:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_undone_in_time_is_not_begun() {
    let world = World::new();
    let (owner, group) = (world.user.clone(), world.group.clone());
    let home = Directory { path: "/home/ann".into(), owner, group, mode: 0o777 };
    let items = vec![
        Item::new("sshd", world.file("/etc/ssh/sshd_config", ""), "x"),
        Item::new("home", Resource::Directory(home), "sshd takes no key below a directory that others may write to"),
    ];
    let plan = Plan { items, facts_used: Vec::new() };
    fs::create_dir_all(world.at("/home/ann")).unwrap();
    fs::set_permissions(world.at("/home/ann"), fs::Permissions::from_mode(0o750)).unwrap();
    // nobody reads what is to be confirmed, and the program that would undo is nowhere
    if rustix::process::geteuid().is_root() && Path::new("/run/systemd/system").exists() {
        return; // systemd would take the timer; tests on nodes look at that
    }
    let applied = world.apply(&plan).await;
    for item in &applied.items {
        assert!(matches!(&item.fate, Fate::Failed { causes, .. } if causes[0].contains("systemd-run")), "{applied:?}");
    }
    assert!(!world.at("/etc/ssh/sshd_config").exists());
    assert_eq!(mode(&world.at("/home/ann")), 0o750);
    assert!(fs::read_dir(world.at("/undo")).unwrap().next().is_none());
}

#[tokio::test]
async fn a_repository_is_two_files() {
    let world = World::new();
    if !rustix::process::geteuid().is_root() {
        return; // its files are root's
    }
    fs::create_dir(world.at("/etc")).unwrap();
    fs::write(world.at("/etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    fs::write(world.at("/etc/group"), "root:x:0:\n").unwrap();
    let repository = Repository {
        name: "vendor".into(),
        uri: "https://apt.example.org/debian".into(),
        suite: "bookworm".into(),
        components: vec!["main".into()],
        key: Content::text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n"),
    };
    let plan = Plan { items: vec![Item::new("repo", Resource::Repository(repository), "x")], facts_used: Vec::new() };
    assert!(world.apply(&plan).await.is_complete());
    let text = fs::read_to_string(world.at("/etc/apt/sources.list.d/vendor.sources")).unwrap();
    assert!(text.contains("Signed-By: /etc/apt/keyrings/vendor.asc\n"), "{text}");
    fs::write(world.at("/etc/apt/keyrings/vendor.asc"), "another key").unwrap();
    assert_eq!(touched(&world.apply(&plan).await), ["repo"]);
}
