//! From a manifest, a merged tree and a node's facts to a release.

use semver::Version;
use silver_builtin::{monitoring::Monitoring, runtimes::runtime, services::service};
use silver_core::resolve::{Overrides, Plugins, ProcessOverride, Request, ResolveError, resolve};
use silver_pack::{
    hash::sha256,
    listing::{Kind, Listing, Node},
    manifest::{self, Manifest},
    snapshot::{MemoryBlobs, Snapshot},
};
use silver_plugin_api::{
    Settings,
    plan::{Listen, NodeFacts, PackRef, Release, RenderedSource},
};
use std::sync::Arc;

const MANIFEST: &str = r#"
format = 1
[pack]
id = "org.example.wiki"
name = "wiki"
version = "1.0.0"
platform = "linux-x86_64-gnu2.28"
[build.python]
requirements = "requirements.lock"
wheels = "wheels"
[runtime]
kind = "python"
version = ">=3.9"
[processes.web]
callable = "wsgi:application"
[processes.worker]
command = ["python", "work.py"]
singleton = true
[health]
ready = { path = "/about" }
[services.data]
kind = "files"
[settings.title]
default = "Wiki"
[secrets.key]
generate = "hex:32"
[secrets.smtp]
prompt = "Password of the mail server"
[[bind]]
from = "setting.title"
to = "ini:conf/wiki.ini#wiki.title"
[[bind]]
from = "app.url"
to = "ini:conf/wiki.ini#wiki.url"
[[bind]]
from = "secret.key"
to = "ini:conf/secret.ini#session.key"
[[bind]]
from = "secret.smtp"
to = "env:SMTP_PASSWORD"
[[bind]]
from = "service.data.url"
to = "template:conf/db.json.j2"
[state."conf/wiki.ini"]
nature = "config"
seed = "conf/wiki.ini"
owned-keys = ["wiki.title", "wiki.url", "components.*"]
[state.db]
nature = "data"
"#;

const CRON: &str = r#"
[[cron]]
schedule = "*/15 * * * *"
command = ["python", "mail.py"]
[[cron]]
name = "tidy"
schedule = "@daily"
command = ["python", "tidy.py"]
timeout = "1m"
"#;

const FILES: [(&str, &str); 6] = [
    ("instance/conf/wiki.ini", "[wiki]\ntitle = from the seed\nother = kept\n[components]\nspam = enabled\n"),
    ("instance/conf/db.json.j2", "{}"),
    ("requirements.lock", ""),
    ("wheels/gunicorn-23.0.0-py3-none-any.whl", "gunicorn"),
    ("wheels/native-1.0-cp311-cp311-manylinux_2_17_x86_64.whl", "native"),
    ("wsgi.py", ""),
];

struct World {
    manifest: String,
    files: Vec<(&'static str, &'static str)>,
    facts: NodeFacts,
    overrides: Overrides,
    app: &'static str,
    title: &'static str,
}

impl World {
    fn new() -> Self {
        let extra = [("python.path", "/usr/bin/python3"), ("python.version", "3.11.2"), ("python.abi", "cp311")];
        Self {
            manifest: MANIFEST.into(),
            files: FILES.into(),
            facts: NodeFacts {
                name: "local".into(),
                arch: "x86_64".into(),
                platform: "linux-x86_64-gnu2.36".into(),
                extra: extra.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
                ..NodeFacts::default()
            },
            overrides: Overrides::default(),
            app: "wiki",
            title: "Wiki",
        }
    }

    fn resolve(&self) -> Result<Release, ResolveError> {
        let manifest: Manifest = manifest::parse(&self.manifest, "pack.toml").unwrap();
        let (mut listing, mut blobs) = (Listing::new(), MemoryBlobs::new());
        for (path, text) in &self.files {
            let digest = blobs.put(text.as_bytes());
            let node = Node { kind: Kind::File, size: text.len() as u64, digest };
            listing.insert(path.parse().unwrap(), node).unwrap();
        }
        let tree = Snapshot::new(listing, Arc::new(blobs));
        let pack = PackRef {
            id: "org.example.wiki".into(),
            name: "wiki".into(),
            version: "1.0.0".into(),
            app_version: "1.0".into(),
            digest: sha256(b"pack"),
            archive: sha256(b"zip"),
            signature: "unsigned".into(),
            rotated_from: Vec::new(),
        };
        let settings = Settings::from([("title".into(), self.title.into())]);
        let request = Request {
            app: self.app,
            pack: &pack,
            manifest: &manifest,
            tree: &tree,
            settings: &settings,
            overrides: &self.overrides,
            app_plugins: &[("spam".into(), "1.2".into())],
            facts: &self.facts,
            silver: &Version::new(0, 1, 0),
        };
        resolve(request, Plugins { runtime: &runtime, service: &service, monitor: &Monitoring })
    }

    fn bind(&mut self, from: &str, to: &str) {
        self.manifest.push_str(&["[[bind]]\nfrom = \"", from, "\"\nto = \"", to, "\"\n"].concat());
    }
}

#[test]
fn every_value_comes_to_its_place() {
    let release = World::new().resolve().unwrap();
    let config = &release.state[0];
    let set: Vec<(&str, String)> = config.set.iter().map(|set| (set.key.as_str(), set.value.masked())).collect();
    // the seed of the release gives what no bind gives; `wiki.other` is the administrator's
    assert_eq!(set, [("components.spam", "enabled".into()), ("wiki.title", "Wiki".into()), ("wiki.url", "${SILVER_URL}".into())]);
    let env: Vec<(&str, String)> = release.env.iter().map(|(name, value)| (name.as_str(), value.masked())).collect();
    assert_eq!(env.last().unwrap(), &("SMTP_PASSWORD", "***".into()));
    assert!(env.contains(&("PYTHONDONTWRITEBYTECODE", "1".into())), "{env:?}");
    for (name, from) in [("SMTP_PASSWORD", "bind"), ("PYTHONDONTWRITEBYTECODE", "runtime")] {
        assert_eq!(release.env_from(name), from, "{name}");
    }
    let rendered: Vec<&str> = release.rendered.iter().map(|rendered| rendered.path.as_str()).collect();
    assert_eq!(rendered, ["conf/db.json", "conf/secret.ini"]);
    let RenderedSource::Template { template, values } = &release.rendered[0].source else { panic!("no template") };
    assert_eq!((template.as_str(), values[0].0.as_str()), ("conf/db.json.j2", "data_url"));
    assert_eq!(values[0].1.masked(), "sqlite:${SILVER_DATA_DIR}/db/wiki.sqlite");
}

#[test]
fn python_is_served_by_what_the_pack_has() {
    let release = World::new().resolve().unwrap();
    let web = &release.processes[0];
    assert_eq!((web.name.as_str(), web.listen, web.argv[2].as_str()), ("web", Listen::Socket, "gunicorn"));
    assert!(web.argv.contains(&"unix:${SILVER_SOCKET}".to_owned()) && web.argv.last().unwrap() == "wsgi:application");
    let worker = &release.processes[1];
    assert_eq!((worker.listen, worker.singleton), (Listen::None, true));
    let environment = release.environment.unwrap();
    assert_eq!(environment.build[0], ["/usr/bin/python3", "-m", "venv", "${SILVER_ENV_DIR}"]);
    let install = &environment.build[1];
    assert!(install.contains(&"--no-index".to_owned()) && install.contains(&"--no-deps".to_owned()), "{install:?}");
    assert!(install.contains(&"${SILVER_TREE_DIR}/wheels/gunicorn-23.0.0-py3-none-any.whl".to_owned()), "{install:?}");

    let mut asgi = World::new();
    asgi.files.push(("wheels/uvicorn-0.30.0-py3-none-any.whl", "uvicorn"));
    assert_eq!(asgi.resolve().unwrap().processes[0].argv[2], "uvicorn");
}

#[test]
fn the_id_changes_with_what_makes_the_release_and_with_nothing_else() {
    type Change = fn(&mut World);
    let id = World::new().resolve().unwrap().id;
    assert_eq!(World::new().resolve().unwrap().id, id);
    let changes: [Change; 5] = [
        |world| world.title = "Ours",
        |world| world.files.push(("a", "b")),
        |world| world.facts.extra.insert("python.version".into(), "3.11.3".into()).map_or((), drop),
        |world| drop(world.overrides.env.insert("DEBUG".into(), "1".into())),
        |world| world.manifest = world.manifest.replace("[secrets.key]", "[secrets.more]\ngenerate = \"hex:16\"\n[secrets.key]"),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut world = World::new();
        change(&mut world);
        assert_ne!(world.resolve().unwrap().id, id, "change {number}");
    }
}

#[test]
fn what_the_operator_wants_otherwise_wins() {
    let mut world = World::new();
    world.overrides.env.insert("PYTHONUNBUFFERED".into(), "0".into());
    world.overrides.processes.insert("worker".into(), ProcessOverride { count: Some(3), memory: Some(1 << 20) });
    let release = world.resolve().unwrap();
    assert_eq!((release.processes[1].count, release.processes[1].memory), (3, Some(1 << 20)));
    assert!(release.env.iter().any(|(name, value)| name == "PYTHONUNBUFFERED" && value.masked() == "0"));
    assert_eq!(release.env_from("PYTHONUNBUFFERED"), "customization");
}

#[test]
fn periodic_commands_are_numbered_where_they_have_no_name() {
    let mut world = World::new();
    world.manifest += CRON;
    world.facts.extra.insert("timers".into(), "systemd".into());
    let cron = world.resolve().unwrap().cron;
    let seen: Vec<_> = cron.iter().map(|cron| (cron.name.as_str(), cron.schedule.to_string(), cron.timeout_ms)).collect();
    assert_eq!(seen, [("1", "*/15 * * * *".into(), 600_000), ("tidy", "@daily".into(), 60_000)]);
}

#[test]
fn refusals_name_the_thing() {
    type Change = fn(&mut World);
    let cases: [(Change, &str); 14] = [
        (|world| world.app = "Wiki_1", "`Wiki_1` cannot be the name of an application"),
        (
            |world| world.manifest = world.manifest.replace("gnu2.28", "gnu2.40"),
            "the pack has native code for linux-x86_64-gnu2.40, the node is linux-x86_64-gnu2.36",
        ),
        (
            |world| world.manifest = world.manifest.replace("gnu2.28", "gnu2.28-cp312"),
            "the pack has native code for linux-x86_64-gnu2.28-cp312, the node is linux-x86_64-gnu2.36 with cp311",
        ),
        (
            |world| world.manifest = world.manifest.replace("name = \"wiki\"\n", "name = \"wiki\"\nsilver = \">=2\"\n"),
            "the pack needs silver >=2, this is 0.1.0: `[pack] silver` asks for it",
        ),
        (|world| world.manifest = world.manifest.replace(">=3.9", ">=3.12"), "runtime python refuses"),
        (
            |world| {
                world.manifest =
                    world.manifest.replace("[runtime]", "[runtime]\nrequires = { packages = [\"graphviz\", \"libc6\"] }");
                world.facts.extra.insert("packages".into(), "bash libc6".into());
            },
            "the application needs packages that node `local` does not have: graphviz",
        ),
        (|world| drop(world.facts.extra.remove("python.version")), "runtime python refuses"),
        (|world| world.files.retain(|(path, _)| !path.contains("gunicorn")), "runtime of process web refuses"),
        (|world| world.files.push(("wheels/other-1-cp312-cp312-any.whl", "")), "runtime python refuses"),
        (
            |world| world.bind("service.data.socket", "env:SOCKET"),
            "`[[bind]] from = \"service.data.socket\"`: service `data` has no such fact; it has: path, url",
        ),
        (
            |world| world.manifest = world.manifest.replace("\"work.py\"]", "\"work.py\", \"--password=${SMTP_PASSWORD}\"]"),
            "`${SMTP_PASSWORD}` in process `worker` would show a secret in the list of processes",
        ),
        (|world| drop(world.overrides.env.insert("SILVER_URL".into(), "x".into())), "`SILVER_URL` cannot be set: it is silver's"),
        (
            |world| world.overrides.processes = [("cron".to_owned(), ProcessOverride::default())].into(),
            "`[processes.cron]` of customize.toml: the pack has no such process",
        ),
        (|world| world.manifest += CRON, "the pack has periodic commands (`[[cron]]`), which node `local` has no timers for"),
    ];
    for (change, message) in cases {
        let mut world = World::new();
        change(&mut world);
        assert_eq!(world.resolve().unwrap_err().to_string(), message);
    }
}
