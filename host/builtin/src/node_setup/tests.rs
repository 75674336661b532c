use super::*;
use silver_plugin_api::setup::{Content, Item, Presence, Resource};

fn node(extra: &[(&str, &str)], memory_mib: u64) -> NodeFacts {
    let debian = [("distribution", "debian"), ("distribution.version", "12")];
    let extra = debian.iter().chain(extra).map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    NodeFacts { name: "web1".into(), os: "linux".into(), memory_mib, extra, ..NodeFacts::default() }
}

fn settings(rows: &[(&str, &str)]) -> Settings {
    rows.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn plan(extra: &[(&str, &str)], memory_mib: u64, rows: &[(&str, &str)]) -> Plan {
    let plan = BuiltinNodeSetup.make_plan(&node(extra, memory_mib), &settings(rows)).unwrap();
    plan.check().unwrap();
    plan
}

fn has(plan: &Plan, id: &str) -> bool {
    plan.item(id).is_some()
}

fn text(plan: &Plan, id: &str) -> String {
    let Some(Item { resource: Resource::File(file), .. }) = plan.item(id) else { panic!("{id} is no file") };
    let Content::Inline(bytes) = &file.content else { panic!("{id} is not inline") };
    String::from_utf8(bytes.clone()).unwrap()
}

#[test]
fn a_bare_debian_gets_everything_and_each_item_says_why() {
    let plan = plan(&[], 1000, &[]);
    for id in [
        "directory:/var/lib/silver/data",
        "package:caddy",
        "unit:caddy.service",
        "package:python3-venv",
        "firewall:ssh-22",
        "firewall:http",
        "firewall:https",
        "upgrades",
        "journal",
        "unit:systemd-timesyncd.service",
        "swap",
        "recover",
    ] {
        assert!(has(&plan, id), "{id} is missing");
    }
    assert!(plan.items.iter().all(|item| item.why.len() > 10), "{plan:?}");
}

/// Debian starts a service as soon as its package is there, so what steers it has to be there before.
#[test]
fn caddy_never_runs_with_the_packages_own_configuration() {
    let plan = plan(&[], 4000, &[]);
    let order: Vec<&str> = plan.order().unwrap().into_iter().map(|at| plan.items[at].id.as_str()).collect();
    let place = |id: &str| order.iter().position(|item| *item == id).unwrap();
    assert!(place("caddy-first") < place("caddy-unit") && place("caddy-unit") < place("package:caddy"));
    assert!(place("unit:run-silver-sockets.mount") < place("caddy-unit"));
}

#[test]
fn the_plan_follows_from_the_machine_and_from_nothing_that_changes_by_itself() {
    let vps = plan(&[], 1000, &[]);
    let mut later = node(&[("packages", "caddy nginx")], 1000);
    (later.free_bytes, later.cpus, later.silver) = (1, 64, "9.9.9".into());
    assert_eq!(BuiltinNodeSetup.make_plan(&later, &Settings::new()).unwrap(), vps);

    assert!(!has(&plan(&[], 4000, &[]), "swap"), "memory is enough");
    assert!(!has(&plan(&[("swap.other", "/dev/sda2")], 1000, &[]), "swap"), "there is some");
    assert!(has(&plan(&[], 4000, &[("swap", "512")]), "swap") && !has(&plan(&[], 1000, &[("swap", "0")]), "swap"));
    let container = plan(&[("container", "systemd-nspawn")], 1000, &[]);
    assert!(!has(&container, "swap") && !has(&container, "unit:systemd-timesyncd.service"));
    assert!(!has(&plan(&[("clock.other", "chrony")], 1000, &[]), "package:systemd-timesyncd"));
}

#[test]
fn the_ports_of_ssh_stay_open_and_more_can_be() {
    let rules = |plan: &Plan| -> Vec<String> {
        let rules = plan.items.iter().filter_map(|item| match &item.resource {
            Resource::Firewall(rule) if rule.state == Presence::Present => Some(rule.rule()),
            _ => None,
        });
        rules.flat_map(|rule| rule.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    let open = plan(&[("ssh.ports", "22 2222")], 4000, &[("open", "25/tcp 51820/udp")]);
    let ports: Vec<String> = rules(&open).iter().map(|rule| rule.split(" accept").next().unwrap().to_owned()).collect();
    assert_eq!(ports, ["tcp dport 22", "tcp dport 2222", "tcp dport 80", "tcp dport 443", "tcp dport 25", "udp dport 51820"]);
    let off = plan(&[], 4000, &[("firewall", "off")]);
    assert!(rules(&off).is_empty() && has(&off, "firewall:ssh-22") && !has(&off, "package:nftables"));
}

#[test]
fn operators_have_a_file_of_their_own_and_none_when_they_are_gone() {
    let rows =
        [("login", "deploy"), ("operators", r#"{"ann": ["ssh-ed25519 A a@home"], "bob": ["ssh-ed25519 B", "ssh-ed25519 C"]}"#)];
    let some = plan(&[("ssh.keys", "/etc/keys/%u")], 4000, &rows);
    let keys = text(&some, "operators");
    assert!(keys.ends_with("# ann\nssh-ed25519 A a@home\n# bob\nssh-ed25519 B\nssh-ed25519 C\n"), "{keys}");
    // what the machine's own configuration says stays
    assert!(text(&some, "operators-keys-file").contains("AuthorizedKeysFile /etc/keys/%u /etc/ssh/silver/%u.keys\n"));
    assert!(some.item("operators-keys-file").unwrap().is_guarded());
    let nobody = BuiltinNodeSetup.check(&node(&[], 4000), &settings(&rows[1..]));
    assert_eq!(nobody[0].code, "setup-operators");
    let none = plan(&[], 4000, &[("login", "deploy")]);
    let Resource::File(file) = &none.item("operators").unwrap().resource else { panic!() };
    assert_eq!((file.path.as_str(), file.state), ("/etc/ssh/silver/deploy.keys", Presence::Absent));
}

/// What the plan runs, in a directory of the test instead of the server's.
#[test]
fn keys_of_former_logins_go_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let run = |argv: &[String]| {
        let argv: Vec<String> = argv.iter().map(|it| it.replace("/etc/ssh/silver", dir.path().to_str().unwrap())).collect();
        std::process::Command::new(&argv[0]).args(&argv[1..]).status().unwrap().success()
    };
    let plan = plan(&[], 4000, &[("login", "deploy"), ("operators", r#"{"ann": ["ssh-ed25519 A"]}"#)]);
    let item = plan.item("operators-former-logins").unwrap();
    let Resource::Command(command) = &item.resource else { panic!("{item:?}") };
    let is_done = || run(command.unless.as_ref().unwrap());
    let names = || {
        let names = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    assert!(is_done(), "there is none at all");
    for name in ["deploy.keys", "notes"] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    assert!(is_done(), "it is the one that shall be there");
    for name in ["root.keys", "an other.keys"] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    assert!(!is_done() && run(&command.argv) && is_done());
    assert_eq!(names(), ["deploy.keys".to_owned(), "notes".to_owned()].into());
    assert!(item.after.iter().any(|id| id == "operators"), "those of the present login are confirmed first");
}

#[test]
fn upgrades_are_those_of_security_by_the_words_of_the_distribution() {
    assert!(text(&plan(&[], 4000, &[]), "upgrades").contains("label=Debian-Security"));
    let ubuntu = plan(&[("distribution", "ubuntu"), ("distribution.version", "24.04")], 4000, &[]);
    assert!(text(&ubuntu, "upgrades").contains("Allowed-Origins"));
}

#[test]
fn what_stands_in_the_way_is_said_before_anything_is_done() {
    let rows: [(&[(&str, &str)], &str); 5] = [
        (&[("distribution", "fedora"), ("distribution.version", "41")], "setup-distribution"),
        (&[("distribution.version", "11")], "setup-distribution"),
        (&[("distribution", "ubuntu"), ("distribution.version", "22.04")], "setup-distribution"),
        (&[("caddy.foreign", "/etc/caddy/Caddyfile")], "setup-caddy-foreign"),
        (&[("web.other", "nginx")], "setup-port-taken"),
    ];
    for (extra, code) in rows {
        let Err(Failure::Invalid(found)) = BuiltinNodeSetup.make_plan(&node(extra, 4000), &Settings::new()) else {
            panic!("{extra:?} is taken");
        };
        assert_eq!(found[0].code, code);
        assert!(found[0].help.is_some() && found[0].message.contains("web1"), "{found:?}");
        assert_eq!(BuiltinNodeSetup.check(&node(extra, 4000), &Settings::new()), found);
    }
}

#[test]
fn settings_that_mean_nothing_are_refused_all_at_once() {
    for (name, value) in [
        ("firewall", "maybe"),
        ("journal", "lots"),
        ("journal", "G"),
        ("journal", ""),
        ("open", "25"),
        ("open", "0/tcp"),
        ("runtimes", "cobol"),
        ("swap", "-1"),
        ("tls", "yes"),
        ("email", "a\"@b"),
        ("ca", "http://a.example"),
        ("shoes", "brown"),
        ("operators", "ann"),
    ] {
        let found = BuiltinNodeSetup.check(&node(&[], 4000), &settings(&[(name, value)]));
        assert_eq!(found.len(), 1, "{name} = {value}: {found:?}");
    }
    let found = BuiltinNodeSetup.check(&node(&[], 4000), &settings(&[("tls", "yes"), ("swap", "much")]));
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn certificates_are_whose_the_settings_say() {
    assert_eq!(text(&plan(&[], 4000, &[]), "front"), "# Written by silver, from nodes.toml.\ntls = \"acme\"\n");
    let own = plan(&[], 4000, &[("tls", "internal"), ("email", "ops@example.org")]);
    assert!(text(&own, "front").ends_with("tls = \"internal\"\nemail = \"ops@example.org\"\n"));
}
