use super::*;
use crate::{dirs::Dirs, testing};
use silver_plugin_api::{Digest, plan::EnvironmentSpec};
use std::process::Command;

fn dirs() -> Dirs {
    Dirs::server()
}

fn room() -> Room {
    let mut release = testing::release("trac");
    release.environment = Some(EnvironmentSpec {
        id: Digest::from_bytes([0xab; 32]),
        kind: "python".into(),
        interpreter: "python".into(),
        build: Vec::new(),
        bin: "bin".into(),
    });
    Room::of(&dirs(), &testing::placed(release, "trac.20261122_1", &["trac.example.org"]), "silver-trac")
}

fn process(argv: &[&str], memory: Option<u64>) -> String {
    let argv: Vec<String> = argv.iter().map(|&word| word.to_owned()).collect();
    let name = Name::new("trac.20261122_1", "web", Part::Process(0));
    let kind = Kind::Process {
        socket: Some("/run/silver/sockets/0123456789ab/web.0.sock".into()),
        stop_signal: "INT".into(),
        stop_timeout_ms: 30_000,
    };
    let environment = Path::new("/run/silver/apps/trac/trac.20261122_1/env/web.0");
    Program { name: &name, room: &room(), argv: &argv, environment, memory, network: true, kind }.service()
}

fn job() -> String {
    let name = Name::new("trac.20261122_1", "tidy", Part::Job);
    let argv = ["/usr/bin/true".to_owned()];
    let environment = Path::new("/run/silver/apps/trac/trac.20261122_1/env/tidy.job");
    Program {
        name: &name,
        room: &room(),
        argv: &argv,
        environment,
        memory: None,
        network: true,
        kind: Kind::Job { timeout_ms: 600_000 },
    }
    .service()
}

/// All values of a setting.
fn values<'t>(text: &'t str, setting: &str) -> Vec<&'t str> {
    text.lines().filter_map(|line| line.strip_prefix(setting)?.strip_prefix('=')).collect()
}

#[test]
fn a_process_is_described_by_what_is_run() {
    let text = process(&["/srv/bin/gunicorn", "--bind", "unix:/a b", "100%", "$HOME"], Some(1 << 20));
    for (setting, expected) in [
        ("Type", vec!["exec"]),
        ("ExecStartPre", vec![r#"/bin/rm -f "/run/silver/sockets/0123456789ab/web.0.sock""#]),
        ("ExecStart", vec![r#":"/srv/bin/gunicorn" "--bind" "unix:/a b" "100%%" "$HOME""#]),
        ("Restart", vec!["always"]),
        ("StartLimitIntervalSec", vec!["0"]),
        ("KillSignal", vec!["SIGINT"]),
        ("TimeoutStopSec", vec!["30000ms"]),
        ("EnvironmentFile", vec!["/run/silver/apps/trac/trac.20261122_1/env/web.0"]),
        ("User", vec!["silver-trac"]),
        ("MemoryMax", vec!["1048576"]),
        ("UMask", vec!["0007"]),
        ("SyslogIdentifier", vec!["trac.web"]),
        ("LogExtraFields", vec!["SILVER_APP=trac", "SILVER_RELEASE=trac.20261122_1", "SILVER_PROCESS=web", "SILVER_INDEX=0"]),
        ("WantedBy", vec![]),
        ("Environment", vec![]),
    ] {
        assert_eq!(values(&text, setting), expected, "{setting}\n{text}");
    }
    assert_eq!(values(&process(&["/x"], None), "MemoryMax"), ["75%"]);
}

#[test]
fn of_silver_only_what_belongs_to_the_release_is_there() {
    let text = process(&["/x"], None);
    let hidden = ["/var/lib/silver:ro", "/var/log/silver:ro", "/var/cache/silver:ro", "/run/silver:ro"];
    assert_eq!(values(&text, "TemporaryFileSystem"), hidden);
    let label = "trac/trac.20261122_1";
    for (setting, expected) in [
        (
            "BindReadOnlyPaths",
            [
                dirs().tree("trac", "trac.20261122_1").display().to_string(),
                dirs().instance("trac", "trac.20261122_1").display().to_string(),
                format!("/run/silver/apps/{label}/conf"),
                dirs().environment(&Digest::from_bytes([0xab; 32])).display().to_string(),
            ],
        ),
        (
            "BindPaths",
            [
                dirs().data("trac").display().to_string(),
                "/var/cache/silver/apps/trac/home".into(),
                "/var/cache/silver/apps/trac/tmp".into(),
                super::super::places::directory(&dirs(), "trac.20261122_1").display().to_string(),
            ],
        ),
    ] {
        assert_eq!(values(&text, setting), expected);
    }
}

#[test]
fn a_periodic_command_ends_with_its_time_and_is_not_started_again() {
    let text = job();
    assert_eq!(values(&text, "Type"), ["oneshot"]);
    assert_eq!(values(&text, "TimeoutStartSec"), ["600000ms"]);
    assert_eq!(values(&text, "Restart"), [""; 0]);
    assert_eq!(values(&text, "LogExtraFields")[2], "SILVER_PROCESS=cron-tidy");
    let name = Name::new("trac.20261122_1", "tidy", Part::Job);
    let text = timer(&name, &"0 4 1 * mon".parse().unwrap());
    assert_eq!(values(&text, "OnCalendar"), ["*-*-01 04:00:00", "Mon *-*-* 04:00:00"]);
}

#[test]
fn a_process_with_a_port_is_alone_in_its_network_and_reached_by_a_socket() {
    let name = Name::new("trac.20261122_1", "web", Part::Proxy(Some(0)));
    let argv = ["/usr/lib/systemd/systemd-socket-proxyd".to_owned(), "127.0.0.1:8080".into()];
    let (environment, kind) = (Path::new("/run/x"), Kind::Proxy { of: "silver-trac.20261122_1.web.0.service".into() });
    let text = Program { name: &name, room: &room(), argv: &argv, environment, memory: None, network: false, kind }.service();
    for setting in ["Requires", "After", "JoinsNamespaceOf"] {
        assert_eq!(values(&text, setting).last(), Some(&"silver-trac.20261122_1.web.0.service"), "{setting}");
    }
    assert_eq!((values(&text, "PrivateNetwork"), values(&text, "Restart")), (vec!["yes"], vec![]));
    let text = socket(&name, Path::new("/run/silver/sockets/0123/web.0.sock"), "silver-trac", 996);
    assert_eq!(values(&text, "ListenStream"), ["/run/silver/sockets/0123/web.0.sock"]);
    assert_eq!(
        [values(&text, "SocketUser"), values(&text, "SocketGroup"), values(&text, "SocketMode")].concat(),
        ["silver-trac", "996", "0660"]
    );
}

/// systemd's own judgement, where it is installed: 10 is no sandbox at all.
#[test]
fn systemd_finds_little_exposed() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else { return };
    assert!(version.status.success());
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [("silver-web.service", process(&["/bin/true"], None)), ("silver-job.service", job())] {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let command = ["security", "--offline=true", "--threshold=25", "--no-pager"];
        let judged = Command::new("systemd-analyze").args(command).arg(&path).output().unwrap();
        assert!(
            judged.status.success(),
            "{}{}",
            String::from_utf8_lossy(&judged.stdout),
            String::from_utf8_lossy(&judged.stderr)
        );
    }
}
