//! Applications on a server: what they may do, and what they cannot, whatever they try.

mod driver;

pub(crate) use driver::{ON_A_NODE, on_a_node};

use silver_agent::dirs::Dirs;
use silver_plugin_api::{
    Digest, Settings, TreePath,
    plan::{
        Cron, CronOn, FileFormat, Front, Listen, Overlap, PackRef, Process, ProcessReport, Release, Rendered, RenderedSource,
        Secret, SecretSource, SetKey, StateNature, StatePath, Value,
    },
};
use silver_tests::{
    nodes::{TestNode, Tests},
    wait_for,
};
use std::{fs, os::unix::fs::symlink, process::Output};

pub(crate) const TESTS: Tests = &[
    ("an_app_is_in_a_room_of_its_own", an_app_is_in_a_room_of_its_own),
    ("an_app_cannot_reach_what_belongs_to_another", an_app_cannot_reach_what_belongs_to_another),
    ("whatever_an_app_starts_ends_with_it", whatever_an_app_starts_ends_with_it),
    ("an_app_that_eats_memory_harms_itself_only", an_app_that_eats_memory_harms_itself_only),
    ("hooks_and_programs_run_in_the_same_room", hooks_and_programs_run_in_the_same_room),
    ("a_port_is_reached_by_its_socket_only", a_port_is_reached_by_its_socket_only),
    ("periodic_commands_are_timers_of_the_release_that_serves", periodic_commands_are_timers_of_the_release_that_serves),
    ("a_reboot_begins_without_units", a_reboot_begins_without_units),
];

/// A node with the test program on it.
pub(crate) struct World {
    pub(crate) node: TestNode,
}

impl World {
    pub(crate) fn new() -> Self {
        let node = TestNode::ready("web1");
        fs::copy(std::env::current_exe().unwrap(), node.disk().join("root/driver")).unwrap();
        Self { node }
    }

    /// Lays a release out as staging does, with the server in `how`.
    pub(crate) fn lay(&self, label: &str, how: &str, change: impl FnOnce(&mut Release)) {
        let (app, _) = label.rsplit_once('.').unwrap();
        let mut release = release(app, how);
        change(&mut release);
        let base = self.node.disk().join("var/lib/silver");
        let dir = base.join("releases").join(app).join(label);
        fs::create_dir_all(dir.join("tree")).unwrap();
        fs::create_dir_all(dir.join("instance/conf")).unwrap();
        fs::create_dir_all(base.join("data").join(app).join("db")).unwrap();
        fs::create_dir_all(base.join("data").join(app).join("files/uploads")).unwrap();
        fs::write(dir.join("tree/server.py"), include_str!("apps/server.py")).unwrap();
        fs::write(dir.join("value"), serde_json::to_vec(&release).unwrap()).unwrap();
        symlink(format!("../../../../data/{app}/db"), dir.join("instance/db")).unwrap();
        symlink(format!("/run/silver/apps/{app}/{label}/conf/conf/app.ini"), dir.join("instance/conf/app.ini")).unwrap();
    }

    pub(crate) fn try_act(&self, action: &str, label: &str, arguments: &str) -> Output {
        self.node.try_sh(&format!("/root/driver {ON_A_NODE} {action} {label} {arguments}"))
    }

    pub(crate) fn act(&self, action: &str, label: &str, arguments: &str) -> String {
        let output = self.try_act(action, label, arguments);
        assert!(output.status.success(), "{action} {label}: {}", text(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn start(&self, label: &str, how: &str) {
        self.lay(label, how, |_| {});
        self.act("start", label, "");
    }

    fn processes(&self, label: &str) -> Vec<ProcessReport> {
        serde_json::from_str(&self.act("processes", label, "")).unwrap()
    }

    fn secret(&self, app: &str) -> String {
        fs::read_to_string(self.node.disk().join(format!("var/lib/silver/secrets/{app}/key"))).unwrap()
    }

    /// As a user of the node.
    fn as_user(&self, user: &str, script: &str) -> Output {
        self.node.try_sh(&format!("setpriv --reuid={user} --regid={user} --clear-groups sh -c '{script}'"))
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Where a web process of the release listens on the node.
pub(crate) fn socket(label: &str, index: u32) -> String {
    silver_agent::systemd::socket(&Dirs::server(), label, "web", index).display().to_string()
}

fn path(text: &str) -> TreePath {
    text.parse().unwrap()
}

pub(crate) fn state(at: &str, nature: StateNature) -> StatePath {
    let serve = (nature == StateNature::Public).then(|| "/uploads/".to_owned());
    StatePath { path: path(at), nature, directory: true, seed: None, backup: true, owned: None, set: Vec::new(), serve }
}

pub(crate) fn release(app: &str, how: &str) -> Release {
    let digest = Digest::from_bytes([1; 32]);
    let web = Process {
        name: "web".into(),
        argv: ["python3", "server.py", how].map(str::to_owned).into(),
        count: 1,
        listen: Listen::Socket,
        memory: (how == "eats").then_some(64 << 20),
        stop_signal: "TERM".into(),
        stop_timeout_ms: 1000,
        singleton: false,
    };
    let key = SetKey { key: "app.key".into(), value: Value::secret("key") };
    let source = RenderedSource::Keys { format: FileFormat::Ini, base: path("conf/app.ini"), set: vec![key] };
    Release {
        id: digest,
        app: app.into(),
        pack: PackRef {
            id: format!("test.{app}"),
            name: app.into(),
            version: "1.0.0".into(),
            app_version: "1".into(),
            digest,
            archive: digest,
            signature: "unsigned".into(),
            rotated_from: Vec::new(),
        },
        tree: digest,
        assemble: Vec::new(),
        content: Vec::new(),
        settings: Settings::new(),
        secrets: vec![Secret { name: "key".into(), source: SecretSource::Hex(16) }],
        environment: None,
        runtime: "command".into(),
        layout_root: path("instance"),
        processes: vec![web],
        cron: Vec::new(),
        env: vec![("KEY".into(), Value::secret("key"))],
        rendered: vec![Rendered { path: path("conf/app.ini"), source }],
        state: vec![state("db", StateNature::Data), state("files/uploads", StateNature::Public)],
        hooks: std::collections::BTreeMap::new(),
        statics: Vec::new(),
        assets: Vec::new(),
        checks: Vec::new(),
        probes: Vec::new(),
        overlap: Overlap::Web,
        services: Vec::new(),
        front: Front::default(),
        extra: Settings::new(),
    }
}

fn cron(name: &str, script: &str) -> Cron {
    let argv = ["sh", "-c", script].map(str::to_owned).into();
    Cron { name: name.into(), schedule: "0 0 1 1 *".parse().unwrap(), argv, on: CronOn::One, timeout_ms: 60_000 }
}

fn an_app_is_in_a_room_of_its_own() {
    let world = World::new();
    let label = "trac.20261122_1";
    world.lay(label, "gunicorn", |release| release.cron = vec![cron("tidy", "true")]);
    world.act("start", label, "");
    for unit in ["web.0", "tidy.job"] {
        let judged = world.node.sh(&format!("systemd-analyze security --no-pager silver-{label}.{unit}.service | tail -1"));
        let exposed: f32 = judged.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap();
        assert!(exposed <= 2.5, "{judged}");
    }
    // Caddy gets to the socket and to what is public, and others do not
    let socket = socket(label, 0);
    let ask = format!("curl -s --max-time 5 --unix-socket {socket} http://x/");
    assert_eq!(text(&world.as_user("caddy", &ask)), "ok");
    assert!(!world.as_user("nobody", &ask).status.success());
    world.act(
        "run",
        label,
        "sh -c 'echo picture > /var/lib/silver/data/trac/files/uploads/a; echo row > $SILVER_INSTANCE_DIR/db/row'",
    );
    assert_eq!(text(&world.as_user("caddy", "cat /var/lib/silver/data/trac/files/uploads/a")), "picture\n");
    for refused in ["cat /var/lib/silver/data/trac/db/row", "ls /var/lib/silver/data/trac"] {
        assert!(!world.as_user("caddy", refused).status.success(), "{refused}");
    }
    assert!(!world.as_user("nobody", "cat /var/lib/silver/data/trac/files/uploads/a").status.success());
    // the value of a secret is where the app has it, and nowhere else
    let secret = world.secret("trac");
    assert!(world.act("run", label, "sh -c 'cat $SILVER_INSTANCE_DIR/conf/app.ini; echo $KEY'").matches(&secret).count() == 2);
    let shown = "cat /run/systemd/system/silver-*; systemctl show 'silver-trac*'; ps axww; cat /proc/[0-9]*/cmdline | tr \"\\0\" \" \"; \
                 cat /proc/[0-9]*/environ; find /run/silver /var/lib/silver /etc /var/cache/silver -type f -exec cat {} +";
    assert!(!text(&world.as_user("nobody", shown)).contains(&secret));
    let units = world.node.sh("cat /run/systemd/system/silver-*; systemctl show 'silver-trac*'; ps axww");
    assert!(!units.contains(&secret));
    // nor is it shown by silver's logs, though the app has printed it
    let logs = world.act("logs", label, "");
    assert!(logs.contains("serving, key ***") && !logs.contains(&secret), "{logs}");
}

fn an_app_cannot_reach_what_belongs_to_another() {
    let world = World::new();
    world.start("trac.20261122_1", "plain");
    world.start("spy.20261122_1", "plain");
    world.act("run", "trac.20261122_1", "sh -c 'echo row > $SILVER_DATA_DIR/db/row'");
    let socket = socket("trac.20261122_1", 0);
    let sees = |what: &str| {
        let output = world.try_act("run", "spy.20261122_1", &format!("sh -c \"{}\"", what.replace('$', "\\$")));
        assert!(!output.status.success(), "{what}: {}", text(&output));
    };
    for path in [
        "/var/lib/silver/data/trac/db/row",
        "/var/lib/silver/secrets/trac/key",
        "/var/lib/silver/secrets/spy/key",
        "/var/lib/silver/releases/trac/trac.20261122_1/tree/server.py",
        "/run/silver/apps/trac/trac.20261122_1/conf/conf/app.ini",
        "/run/silver/apps/spy/spy.20261122_1/env/*",
        "/etc/shadow",
        "/proc/1/environ",
        "/root/driver",
    ] {
        sees(&format!("cat {path}"));
    }
    sees(&format!("python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\\\"{socket}\\\")'"));
    sees("ls /var/lib/silver/data/trac || ls /run/dbus || ls /home/deploy || ls /var/lib/silver/registry");
    // nor can it change what it runs, or become more than it is
    for attempt in [
        "echo x >> /var/lib/silver/releases/spy/spy.20261122_1/tree/server.py",
        "ln -s /etc/shadow /run/silver/apps/spy/spy.20261122_1/tree",
        "chmod u+w $SILVER_INSTANCE_DIR/conf/app.ini",
        "chmod u+s /bin/sh || sudo -n true",
        "unshare --user true",
        "kill -0 1",
        "echo x > /etc/x || echo x > /sys/fs/cgroup/x",
        "mknod $TMPDIR/disk b 8 0",
    ] {
        sees(attempt);
    }
    // what it leads elsewhere with a link is not followed by root
    world.act(
        "run",
        "spy.20261122_1",
        "sh -c 'cd $SILVER_DATA_DIR; mv db mine; ln -s /etc db; ln -s /etc/shadow files/uploads/shadow'",
    );
    world.act("stop", "spy.20261122_1", "");
    world.act("start", "spy.20261122_1", "");
    assert_eq!(world.node.sh("stat -c %U /etc /etc/shadow"), "root\nroot");
}

fn whatever_an_app_starts_ends_with_it() {
    let world = World::new();
    let label = "fork.20261122_1";
    world.start(label, "stays");
    assert_eq!(world.node.sh("pgrep -c -u silver-fork"), "2");
    world.act("stop", label, "");
    assert_eq!(text(&world.node.try_sh("pgrep -c -u silver-fork")), "0\n");
    assert_eq!(world.node.sh("ls /run/systemd/system | grep -c ^silver- || true"), "0");
    assert!(world.processes(label).is_empty());
    // one that does not stay up is told at once, with what it said
    world.lay("loop.20261122_1", "ends", |_| {});
    let output = world.try_act("start", "loop.20261122_1", "");
    let told = text(&output);
    assert!(!output.status.success() && told.contains("it exited with 7") && told.contains("no such table: wiki"), "{told}");
    // what an agent that was killed has left running of a hook ends before anything is undone
    world.act("stop", "loop.20261122_1", "");
    world.start("hook.20261122_1", "plain");
    let started = "systemd-run --quiet --unit=killed /root/driver on-a-node run hook.20261122_1 sleep 1000";
    world.node.sh(started);
    wait_for("the program", || world.node.try_sh("pgrep -u silver-hook sleep").status.success().then_some(()));
    world.node.sh("systemctl kill --signal=KILL killed");
    world.act("settle", "hook.20261122_1", "");
    assert!(!world.node.try_sh("pgrep -u silver-hook sleep").status.success());
}

fn an_app_that_eats_memory_harms_itself_only() {
    let world = World::new();
    world.start("trac.20261122_1", "plain");
    let before = world.processes("trac.20261122_1");
    world.start("eat.20261122_1", "eats");
    wait_for("its end and a new start", || (world.processes("eat.20261122_1")[0].restarts > 0).then_some(()));
    let eater = &world.processes("eat.20261122_1")[0];
    assert!(eater.memory.is_none_or(|bytes| bytes <= 64 << 20), "{eater:?}");
    assert!(eater.last_exit.as_ref().is_some_and(|how| how.contains("signal 9") || how.contains("memory")), "{eater:?}");
    let logs = world.act("logs", "eat.20261122_1", "");
    assert!(logs.contains("silver: web was ended by signal 9"), "{logs}");
    let after = world.processes("trac.20261122_1");
    assert_eq!((before[0].pid, after[0].restarts), (after[0].pid, 0));
    assert!(after[0].memory.is_some_and(|bytes| bytes > 1 << 20), "{after:?}");
}

fn hooks_and_programs_run_in_the_same_room() {
    let world = World::new();
    let label = "trac.20261122_1";
    world.start(label, "plain");
    let said = world.act("hook", label, "sh -c 'id -un; pwd; echo $SILVER_PHASE $SILVER_URL; touch $SILVER_DATA_DIR/db/made'");
    assert_eq!(said, format!("silver-trac\n/var/lib/silver/releases/trac/{label}/tree\nmigrate https://trac.example.org\n"));
    for (script, how) in [("echo why >&2; exit 3", "exited with 3"), ("kill -9 $$", "was ended by signal 9")] {
        let output = world.try_act("hook", label, &format!("sh -c '{script}'"));
        assert!(!output.status.success() && text(&output).contains(how), "{}", text(&output));
    }
    let output = world.try_act("hook-of-2s", label, "sh -c \"trap '' TERM; sleep 1000 & sleep 1000\"");
    assert!(text(&output).contains("was not done within 2s"), "{}", text(&output));
    assert!(!world.node.try_sh("pgrep -u silver-trac sleep").status.success(), "all of it ended");
    let output = world.try_act("run", label, "sh -c 'echo out; echo err >&2; exit 5'");
    assert_eq!((output.status.code(), text(&output).as_str()), (Some(5), "out\nerr\n"));
    assert_eq!(world.try_act("run", label, "sh -c 'kill -9 $$'").status.code(), Some(137));
    for _ in 0..5 {
        let output = world.try_act("run-on-a-terminal", label, "sh -c 'stty size; id -un; exit 6'");
        assert_eq!((output.status.code(), text(&output).as_str()), (Some(6), "24 80\r\nsilver-trac\r\n"));
    }
    assert_eq!(world.node.sh("systemctl list-units --all --no-legend 'silver-*once*' | wc -l"), "0");
}

fn a_port_is_reached_by_its_socket_only() {
    let world = World::new();
    let label = "port.20261122_1";
    world.lay(label, "plain", |release| {
        let web = &mut release.processes[0];
        web.argv = ["python3", "-m", "http.server", "--bind", "127.0.0.1", "${PORT}"].map(str::to_owned).into();
        (web.listen, web.count) = (Listen::Port, 2);
    });
    world.act("start", label, "");
    for index in 0..2 {
        let ask = format!("curl -s --max-time 5 --unix-socket {} http://x/server.py", socket(label, index));
        assert!(text(&world.as_user("caddy", &ask)).contains("asked to misbehave"), "{index}");
        assert!(!world.as_user("nobody", &ask).status.success());
    }
    assert!(!world.node.try_sh("curl -s --max-time 5 http://127.0.0.1:8080/").status.success(), "not even root");
    // the one that ends is back behind the same socket
    world.node.sh(&format!("systemctl kill --signal=KILL silver-{label}.web.0"));
    wait_for("its new start", || world.processes(label).iter().find(|process| process.restarts == 1)?.pid);
    world.act("start", label, "");
    world.act("stop", label, "");
    assert_eq!(text(&world.node.try_sh("systemctl list-units --all --no-legend 'silver-port*'")), "");
    assert!(!world.node.try_sh("pgrep -u silver-port").status.success());
}

fn periodic_commands_are_timers_of_the_release_that_serves() {
    let world = World::new();
    let (old, new) = ("trac.20261122_1", "trac.20261122_2");
    for label in [old, new] {
        world.lay(label, "plain", |release| release.cron = vec![cron("tidy", "echo $SILVER_PHASE of $SILVER_RELEASE")]);
    }
    let timers = || world.node.sh("systemctl list-timers --all --no-legend 'silver-*' | grep -o 'silver-[^ ]*timer'");
    world.act("start", old, "");
    assert_eq!(timers(), format!("silver-{old}.tidy.job.timer"));
    world.node.sh(&format!("systemctl start silver-{old}.tidy.job.service"));
    world.act("start", new, "");
    assert_eq!(timers(), format!("silver-{new}.tidy.job.timer"), "never those of two releases");
    let logs = world.act("logs", old, "");
    assert!(logs.lines().any(|line| line.starts_with("cron-tidy ") && line.ends_with(&format!("cron of {old}"))), "{logs}");
    world.act("stop", new, "");
    assert_eq!(text(&world.node.try_sh("systemctl list-timers --all --no-legend 'silver-*'")), "");
}

fn a_reboot_begins_without_units() {
    let world = World::new();
    let label = "trac.20261122_1";
    world.start(label, "plain");
    world.act("run", label, "sh -c 'echo kept > $SILVER_DATA_DIR/db/row'");
    let secret = world.secret("trac");
    world.node.reboot().unwrap();
    world.node.wait();
    assert_eq!(world.node.sh("systemctl list-units --all --no-legend 'silver-*' | wc -l"), "0");
    world.act("start", label, "");
    assert_eq!(world.act("run", label, "sh -c 'cat $SILVER_DATA_DIR/db/row'"), "kept\n");
    assert_eq!(world.secret("trac"), secret);
}
