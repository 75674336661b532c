use super::*;
use crate::plan::FileFormat;
use alloc::{string::ToString, vec};

/// Not SHA-256, which this crate does not have; it tells texts apart.
fn digest(bytes: &[u8]) -> Digest {
    let mut all = [0u8; 32];
    for (at, byte) in bytes.iter().enumerate() {
        let place = &mut all[at % 32];
        *place = place.wrapping_mul(31).wrapping_add(*byte).wrapping_add(u8::try_from(at % 251).unwrap_or_default());
    }
    Digest::from_bytes(all)
}

fn file(path: &str, text: &str) -> Resource {
    let content = Content::text(text);
    Resource::File(File {
        path: path.into(),
        content,
        owner: "root".into(),
        group: "root".into(),
        mode: 0o644,
        state: Presence::Present,
    })
}

fn unit(name: &str) -> Resource {
    Resource::Unit(Unit { name: name.into(), content: None, enabled: true, running: true })
}

/// One of each kind.
fn each() -> Plan {
    let user = User {
        name: "web".into(),
        system: true,
        home: Some("/srv/web".into()),
        shell: None,
        groups: vec!["a".into(), "b".into()],
        authorized_keys: vec!["ssh-ed25519 AAAAC3Nzabcdefgh ann@desk".into()],
        state: Presence::Present,
    };
    let resources = vec![
        Resource::Package(Package { name: "caddy".into(), version: Some("2.6.2-5".into()), state: Presence::Present }),
        Resource::Repository(Repository {
            name: "vendor".into(),
            uri: "https://apt.example.org".into(),
            suite: "bookworm".into(),
            components: vec!["main".into()],
            key: Content::text("key"),
        }),
        file("/etc/a.conf", "a = 1\n"),
        Resource::Directory(Directory { path: "/srv/web".into(), owner: "web".into(), group: "web".into(), mode: 0o750 }),
        Resource::Link(Link { path: "/srv/link".into(), target: "web".into(), state: Presence::Present }),
        Resource::Group(Group { name: "a".into(), system: false, state: Presence::Present }),
        Resource::User(user),
        unit("caddy.service"),
        Resource::IniKeys(IniKeys {
            path: "/etc/b.ini".into(),
            format: FileFormat::Ini,
            entries: vec![("s.k".into(), "v".into())],
            owned: vec!["s.k".into(), "s.gone".into()],
        }),
        Resource::Sysctl(Sysctl { key: "vm.swappiness".into(), value: "10".into() }),
        Resource::Firewall(Firewall { name: "ssh".into(), port: 22, ..Firewall::default() }),
        Resource::Command(Command { argv: vec!["true".into()], creates: Some("/done".into()), ..Command::default() }),
    ];
    let items = resources.into_iter().map(|resource| Item::new(resource.kind(), resource, "because")).collect();
    Plan { items, facts_used: vec!["memory".into()] }
}

#[test]
fn the_version_knows_what_is_meant_and_nothing_else() {
    let plan = each();
    assert_eq!(plan.check(), Ok(()));
    let version = plan.version(digest);

    let mut same = plan.clone();
    same.items.reverse();
    same.facts_used.clear();
    for item in &mut same.items {
        item.why = "another reason".into();
        match &mut item.resource {
            Resource::User(user) => user.groups.reverse(),
            Resource::IniKeys(keys) => keys.owned.reverse(),
            Resource::File(file) => file.content = Content::Blob(file.content.digest(digest).unwrap()),
            _ => {}
        }
    }
    assert_eq!(same.version(digest), version);

    // whatever is changed of an item, the version is another one
    type Change = fn(&mut Resource);
    let changes: [(&str, Change); 12] = [
        ("package", |it| {
            if let Resource::Package(it) = it {
                it.version = None;
            }
        }),
        ("package", |it| {
            if let Resource::Package(it) = it {
                it.state = Presence::Absent;
            }
        }),
        ("repository", |it| {
            if let Resource::Repository(it) = it {
                it.key = Content::text("other");
            }
        }),
        ("file", |it| {
            if let Resource::File(it) = it {
                it.mode = 0o600;
            }
        }),
        ("file", |it| {
            if let Resource::File(it) = it {
                it.content = Content::text("a = 2\n");
            }
        }),
        ("directory", |it| {
            if let Resource::Directory(it) = it {
                it.owner = "root".into();
            }
        }),
        ("user", |it| {
            if let Resource::User(it) = it {
                it.shell = Some("/bin/sh".into());
            }
        }),
        ("unit", |it| {
            if let Resource::Unit(it) = it {
                it.running = false;
            }
        }),
        ("ini-keys", |it| {
            if let Resource::IniKeys(it) = it {
                it.owned.clear();
            }
        }),
        ("sysctl", |it| {
            if let Resource::Sysctl(it) = it {
                it.value = "11".into();
            }
        }),
        ("firewall", |it| {
            if let Resource::Firewall(it) = it {
                it.sources = vec!["10.0.0.0/8".into()];
            }
        }),
        ("command", |it| {
            if let Resource::Command(it) = it {
                it.creates = None;
            }
        }),
    ];
    for (kind, change) in changes {
        let mut other = plan.clone();
        change(&mut other.items.iter_mut().find(|item| item.id == kind).unwrap().resource);
        assert_ne!(other.version(digest), version, "{kind}");
    }
}

#[test]
fn what_makes_no_sense_is_named() {
    let with = |item: Item| Plan { items: vec![Item::new("first", file("/etc/a", ""), "x"), item], facts_used: Vec::new() };
    let table: Vec<(Item, &str)> = vec![
        (Item::new("first", file("/etc/b", ""), "x"), "another item has the same id"),
        (Item::new("b", file("/etc/a", ""), "x"), "item `first` is about the same file /etc/a"),
        (Item::new("b", file("etc/b", ""), "x"), "`etc/b` is no plain absolute path"),
        (Item::new("b", file("/etc/../b", ""), "x"), "`/etc/../b` is no plain absolute path"),
        (Item::new("b", file("/etc/b", ""), "x").after(["c"]), "it comes after `c`, which is no item"),
        (Item::new("b", file("/etc/b", ""), "x").notify("c", OnChange::Reload), "it pokes `c`, which is no item"),
        (
            Item::new("b", file("/etc/b", ""), "x").notify("first", OnChange::Reload),
            "`first` is a file, for which reload means nothing",
        ),
        (
            Item::new("b", Resource::Package(Package { name: "-o".into(), ..Package::default() }), "x"),
            "`-o` is no name of a package",
        ),
        (Item::new("b", unit("../x.service"), "x"), "`../x.service` is no name of a unit"),
        (
            Item::new("b", Resource::Package(Package { name: "sudo:amd64".into(), version: None, state: Presence::Absent }), "x"),
            "`sudo:amd64` is what one gets in by: a node that nobody reaches could not put it back, so no set-up removes it",
        ),
        (Item::new("b", Resource::Command(Command::default()), "x"), "`` is no command"),
        (
            Item::new(
                "b",
                Resource::Firewall(Firewall { name: "a".into(), port: 1, sources: vec!["::/129".into()], ..Firewall::default() }),
                "x",
            ),
            "`::/129` is no address or network",
        ),
        (
            Item::new("b\u{1b}", file("/etc/b", ""), "x"),
            "id and reason are text without control characters, the id without spaces",
        ),
    ];
    for (item, why) in table {
        let flaws = with(item).check().unwrap_err();
        assert_eq!(flaws[0].why, why);
        assert!(!flaws[0].to_string().contains('\u{1b}'));
    }
    let loops = Plan {
        items: vec![Item::new("a", file("/a", ""), "x").after(["b"]), Item::new("b", file("/b", ""), "x").after(["a"])],
        facts_used: Vec::new(),
    };
    assert_eq!(loops.check().unwrap_err()[0].why, "these items wait for each other: a, b");
    let secret = with(Item::new(
        "b",
        {
            let mut resource = file("/etc/b", "");
            if let Resource::File(file) = &mut resource {
                file.content = Content::Secret("key".into());
            }
            resource
        },
        "x",
    ));
    assert!(secret.check().unwrap_err()[0].why.contains("not supported yet"));
}

#[test]
fn what_follows_from_the_resources_need_not_be_said() {
    let mut plan = each();
    plan.items.push(Item::new("in-web", file("/srv/web/deep/x", ""), "x").notify("unit", OnChange::Restart));
    let edges = plan.edges();
    let at = |id: &str| plan.items.iter().position(|item| item.id == id).unwrap();
    let before = |id: &str| edges[at(id)].iter().map(|&at| plan.items[at].id.as_str()).collect::<Vec<_>>();
    assert_eq!(before("directory"), ["user"]);
    assert_eq!(before("user"), ["group"]);
    assert_eq!(before("in-web"), ["directory"]);
    assert_eq!(before("unit"), ["in-web"]);
    assert!(before("file").is_empty());
    let order = plan.order().unwrap();
    let place = |id: &str| order.iter().position(|&it| it == at(id)).unwrap();
    assert!(place("group") < place("user") && place("user") < place("directory"));
    assert!(place("directory") < place("in-web") && place("in-web") < place("unit"));
}

#[test]
fn what_is_there_is_compared() {
    let here = |text: &str| PathState {
        kind: PathKind::File,
        owner: "root".into(),
        group: "root".into(),
        mode: 0o644,
        size: text.len() as u64,
        digest: Some(digest(text.as_bytes())),
        target: None,
    };
    let said = |resource: &Resource, found: Found| match standing(resource, &found, digest) {
        Standing::InPlace => vec!["in place".to_string()],
        Standing::Unknown(why) => vec![why],
        Standing::Differs(list) => list.iter().map(|it| alloc::format!("{}: {} -> {}", it.what, it.is, it.shall)).collect(),
    };
    let a = file("/etc/a.conf", "a = 1\n");
    assert_eq!(said(&a, Found::Path(Some(here("a = 1\n")))), ["in place"]);
    assert_eq!(said(&a, Found::Path(None)), ["state: absent -> file"]);
    assert_eq!(
        said(&a, Found::Path(Some(PathState { mode: 0o600, owner: "eve".into(), ..here("a = 1\n") }))),
        ["owner: eve -> root", "mode: 0600 -> 0644"]
    );
    assert!(said(&a, Found::Path(Some(here("a = 2\n"))))[0].starts_with("content: sha256:"));
    assert_eq!(said(&a, Found::Unknown("no right".into())), ["no right"]);
    assert!(said(&a, Found::Group { exists: true })[0].contains("something else"));

    let package = |version: Option<&str>, state| {
        Resource::Package(Package { name: "caddy".into(), version: version.map(Into::into), state })
    };
    let installed = |version: Option<&str>| Found::Package { installed: version.map(Into::into) };
    assert_eq!(said(&package(None, Presence::Present), installed(Some("2"))), ["in place"]);
    assert_eq!(said(&package(None, Presence::Present), installed(None)), ["state: absent -> installed"]);
    assert_eq!(said(&package(Some("3"), Presence::Present), installed(Some("2"))), ["version: 2 -> 3"]);
    assert_eq!(said(&package(None, Presence::Absent), installed(Some("2"))), ["state: 2 -> absent"]);

    let state = |enabled: &str, active: &str, ran| {
        Found::Unit(UnitState { load: "loaded".into(), enabled: enabled.into(), active: active.into(), ran, content: None })
    };
    let caddy = unit("caddy.service");
    assert_eq!(said(&caddy, state("enabled", "active", false)), ["in place"]);
    assert_eq!(said(&caddy, state("static", "inactive", true)), ["in place"]);
    assert_eq!(said(&caddy, state("disabled", "failed", false)), ["enabled: disabled -> enabled", "running: failed -> active"]);

    let keys = each().item("ini-keys").unwrap().resource.clone();
    let has = |values: &[(&str, &str)]| Found::IniKeys {
        exists: true,
        values: values.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
    };
    assert_eq!(said(&keys, has(&[("s.k", "v")])), ["in place"]);
    assert_eq!(said(&keys, has(&[("s.k", "w"), ("s.gone", "x")])), ["s.k: w -> v", "s.gone: x -> absent"]);

    let user = each().item("user").unwrap().resource.clone();
    let found = UserState {
        home: "/srv/web".into(),
        shell: "/bin/false".into(),
        groups: vec!["b".into(), "c".into()],
        authorized_keys: vec!["ssh-ed25519 AAAAC3Nz12345678 bob@desk".into()],
    };
    assert_eq!(
        said(&user, Found::User(Some(found))),
        ["group: no member -> a", "key: absent -> …abcdefgh ann@desk", "key: …12345678 bob@desk -> absent"]
    );
}

#[test]
fn rules_are_as_nft_reads_them() {
    let rule = |sources: &[&str]| {
        let sources = sources.iter().map(ToString::to_string).collect();
        Firewall { name: "ssh".into(), port: 22, sources, ..Firewall::default() }.rule()
    };
    assert_eq!(rule(&[]), "tcp dport 22 accept comment \"ssh\"\n");
    assert_eq!(
        rule(&["192.0.2.0/24", "2001:db8::/32", "10.0.0.1"]),
        "ip saddr { 10.0.0.1, 192.0.2.0/24 } tcp dport 22 accept comment \"ssh\"\n\
         ip6 saddr { 2001:db8::/32 } tcp dport 22 accept comment \"ssh\"\n"
    );
}

#[test]
fn what_can_cut_off_is_guarded() {
    let paths =
        ["/etc/ssh/sshd_config", "/etc/sudoers.d/x", "/etc/nftables.conf", "/etc/passwd", "/home/ann/.ssh/authorized_keys"];
    for path in paths {
        assert!(file(path, "").can_cut_off(), "{path}");
    }
    for resource in [unit("ssh.service"), unit("nftables.service"), each().item("firewall").unwrap().resource.clone()] {
        assert!(resource.can_cut_off());
    }
    let group = Resource::Group(Group { name: "sudo".into(), system: true, state: Presence::Absent });
    assert!(group.can_cut_off() && directory("/etc/ssh/silver", 0o755).can_cut_off());
    assert!(!file("/etc/caddy/Caddyfile", "").can_cut_off() && !unit("caddy.service").can_cut_off());
    assert!(Item { guard: true, ..Item::new("a", file("/etc/x", ""), "x") }.is_guarded());
}

fn directory(path: &str, mode: u32) -> Resource {
    Resource::Directory(Directory { path: path.into(), owner: "root".into(), group: "root".into(), mode })
}

/// Of a directory, a user or a unit it is told by what is there.
#[test]
fn what_is_there_and_can_cut_off_is_guarded() {
    let there = |owner: &str, mode| {
        let (owner, group) = (owner.to_string(), "root".to_string());
        Found::Path(Some(PathState { kind: PathKind::Directory, owner, group, mode, size: 0, digest: None, target: None }))
    };
    let user = |shell: &str| {
        Resource::User(User { name: "ann".into(), shell: Some(shell.into()), home: Some("/home/ann".into()), ..User::default() })
    };
    let ann = || Found::User(Some(UserState { home: "/home/ann".into(), shell: "/bin/bash".into(), ..UserState::default() }));
    let stopped = || Resource::Unit(Unit { name: "wg-quick@wg0.service".into(), ..Unit::default() });
    let runs = |active: &str| Found::Unit(UnitState { active: active.into(), ..UnitState::default() });
    let rows = [
        (directory("/root", 0o700), there("root", 0o755), true),
        (directory("/home/deploy", 0o755), there("deploy", 0o755), true),
        (directory("/srv", 0o777), there("root", 0o755), true),
        (directory("/var/lib/silverware", 0o700), there("root", 0o711), true),
        (directory("/srv", 0o755), there("root", 0o755), false),
        (directory("/srv/www", 0o777), Found::Path(None), false),
        (directory("/var/lib/silver/keys", 0o700), there("root", 0o777), false),
        (user("/usr/sbin/nologin"), ann(), true),
        (user("/bin/bash"), ann(), false),
        (user("/usr/sbin/nologin"), Found::User(None), false),
        (stopped(), runs("active"), true),
        (stopped(), runs("inactive"), false),
        (unit("caddy.service"), runs("active"), false),
    ];
    for (resource, found, guarded) in rows {
        let item = Item::new("a", resource, "x");
        assert_eq!(item.is_guarded_at(&found), guarded, "{item:?} {found:?}");
        assert!(!item.is_guarded(), "{item:?}");
    }
}
