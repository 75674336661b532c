//! An application `trac`, its releases, and a node, small enough to be read.

use silver_builtin::backup::BuiltinBackup;
use silver_core::plan::{Decision, Flags, Plan, Refusal, Seen, Wanted, plan};
use silver_pack::{
    hash::sha256,
    listing::{Kind, Listing, Node},
};
use silver_plugin_api::{
    TreePath,
    plan::{
        Access, AppState, Check, CheckTarget, DataClass, Deployment, FileFormat, Hook, HookTarget, Listen, Missing, NodeFacts,
        Observed, ObservedRelease, Overlap, PackRef, Probe, Process, Release, Secret, SecretSource, SetKey, StateNature,
        StatePath, Value,
    },
};
use std::collections::BTreeMap;

pub(crate) fn path(text: &str) -> TreePath {
    text.parse().unwrap()
}

pub(crate) fn listing(files: &[(&str, &str)]) -> Listing {
    let mut listing = Listing::new();
    for (file, text) in files {
        let node = Node { kind: Kind::File, size: text.len() as u64, digest: sha256(text.as_bytes()) };
        listing.insert(path(file), node).unwrap();
    }
    listing
}

fn command(words: &str, timeout_ms: u64) -> Hook {
    Hook { target: HookTarget::Command(words.split(' ').map(Into::into).collect()), timeout_ms }
}

fn state(at: &str, nature: StateNature) -> StatePath {
    let backup = matches!(nature, StateNature::Data | StateNature::Config);
    StatePath { path: path(at), nature, directory: true, seed: None, backup, owned: None, set: Vec::new(), serve: None }
}

pub(crate) fn release(version: &str) -> Release {
    let tree = listing(&[("VERSION", version)]).digest();
    let config = StatePath {
        owned: Some((FileFormat::Ini, vec!["trac.base_url".into()])),
        set: vec![SetKey { key: "trac.base_url".into(), value: Value::fact("SILVER_URL") }],
        directory: false,
        ..state("conf/trac.ini", StateNature::Config)
    };
    let access = Access { path: "/about".into(), status: 200, body_contains: None, body_lacks: None };
    Release {
        id: sha256(version.as_bytes()),
        app: "trac".into(),
        pack: PackRef {
            id: "org.edgewall.trac".into(),
            name: "trac".into(),
            version: version.into(),
            app_version: version.into(),
            digest: sha256(format!("pack {version}").as_bytes()),
            archive: sha256(format!("zip {version}").as_bytes()),
            signature: "unsigned".into(),
            rotated_from: Vec::new(),
        },
        tree,
        settings: [("project-name".to_owned(), "My Project".to_owned())].into(),
        secrets: vec![Secret { name: "session-key".into(), source: SecretSource::Hex(32) }],
        environment: None,
        runtime: "python".into(),
        layout_root: path("env"),
        processes: vec![Process {
            name: "web".into(),
            argv: vec!["serve".into()],
            count: 1,
            listen: Listen::Socket,
            memory: None,
            stop_signal: "TERM".into(),
            stop_timeout_ms: 30_000,
            singleton: false,
        }],
        env: Vec::new(),
        rendered: Vec::new(),
        state: vec![config, state("db", StateNature::Data), state("log", StateNature::Log)],
        hooks: BTreeMap::from([
            ("init".into(), command("trac-admin initenv", 120_000)),
            ("migrate".into(), command("trac-admin upgrade", 900_000)),
            ("plugins-changed".into(), command("trac-admin plugins", 60_000)),
        ]),
        statics: Vec::new(),
        assets: Vec::new(),
        checks: vec![Check {
            name: "plugins load".into(),
            target: CheckTarget::LogLacks { file: path("log/trac.log"), pattern: "Skipping \"".into() },
            timeout_ms: 30_000,
        }],
        probes: vec![Probe { id: "ready".into(), access, every_ms: 1000, timeout_ms: 60_000 }],
        overlap: Overlap::Web,
        services: Vec::new(),
        front: silver_plugin_api::plan::Front::default(),
        assemble: Vec::new(),
        cron: Vec::new(),
        content: Vec::new(),
        extra: BTreeMap::new(),
    }
}

/// What the tests change, and what they look at.
pub(crate) struct World {
    pub(crate) wanted: Wanted,
    pub(crate) facts: NodeFacts,
    pub(crate) observed: Observed,
    pub(crate) old_tree: Option<Listing>,
    pub(crate) missing: Missing,
    pub(crate) renewed: Vec<String>,
    pub(crate) flags: Flags,
}

impl World {
    /// 1.6.0 is wanted on an empty node.
    pub(crate) fn empty() -> Self {
        let release = release("1.6.0");
        Self {
            wanted: Wanted {
                tree: listing(&[("VERSION", "1.6.0")]),
                release,
                assembled: 0,
                overrides: silver_core::resolve::Overrides::default(),
                init_settings: Vec::new(),
                locations: None,
                migrate: DataClass::Unchanged,
                min_upgradable: None,
                subpath: false,
                archive_bytes: 1_234_567,
                deployment: Deployment::default(),
            },
            facts: NodeFacts { name: "local".into(), free_bytes: 1 << 40, ..NodeFacts::default() },
            observed: Observed { app: "trac".into(), next_label: "trac.20261122_1".into(), ..Observed::default() },
            old_tree: None,
            missing: Missing { archive: true, ..Missing::default() },
            renewed: Vec::new(),
            flags: Flags::new("attempt"),
        }
    }

    /// 1.6.0 serves, and `version` is wanted.
    pub(crate) fn serving(version: &str, migrate: DataClass) -> Self {
        let mut world = Self::empty();
        world.wanted.release = release(version);
        world.wanted.tree = listing(&[("VERSION", version)]);
        world.wanted.migrate = migrate;
        world.old_tree = Some(listing(&[("VERSION", "1.6.0")]));
        world.observed = Observed {
            state: AppState::Active,
            current: Some("trac.20261122_1".into()),
            releases: vec![observed("trac.20261122_1", "1.6.0", None, DataClass::Unchanged)],
            locations: vec!["trac.localhost".into()],
            next_label: "trac.20261122_2".into(),
            has_data: true,
            secrets: vec!["session-key".into()],
            ..world.observed
        };
        world
    }

    /// 1.6.0, 1.6.1 and 1.6.2 were deployed; the last ones changed the data as said, and 1.6.2 serves.
    pub(crate) fn third(second: DataClass, third: DataClass) -> Self {
        let mut world = Self::serving("1.6.2", DataClass::Unchanged);
        let one = "trac.20261122_1";
        world.observed.releases.push(observed("trac.20261122_2", "1.6.1", Some(one), second));
        world.observed.releases.push(observed("trac.20261123_1", "1.6.2", Some("trac.20261122_2"), third));
        world.observed.current = Some("trac.20261123_1".into());
        world.old_tree = Some(listing(&[("VERSION", "1.6.2")]));
        world
    }

    pub(crate) fn seen(&self) -> Seen<'_> {
        Seen {
            facts: &self.facts,
            observed: &self.observed,
            tree: self.old_tree.as_ref(),
            missing: &self.missing,
            renewed: &self.renewed,
            backup: &BuiltinBackup,
        }
    }

    pub(crate) fn decide(&self) -> Result<Decision, Refusal> {
        plan(&self.wanted, self.seen(), &self.flags)
    }

    pub(crate) fn plan(&self) -> Plan {
        match self.decide() {
            Ok(Decision::Do(plan)) => *plan,
            other => panic!("no plan: {other:?}"),
        }
    }
}

pub(crate) fn observed(label: &str, version: &str, parent: Option<&str>, data: DataClass) -> ObservedRelease {
    ObservedRelease {
        label: label.into(),
        release: release(version),
        checkpoint: (data != DataClass::Unchanged).then(|| format!("before-{label}")),
        data,
        created: format!("2026-11-22T1{}:00:00Z", version.len() + label.len() - 20),
        parent: parent.map(Into::into),
    }
}

/// The ids of a plan's steps.
pub(crate) fn ids(plan: &Plan) -> Vec<&str> {
    plan.transition.steps.iter().map(|step| step.id.as_str()).collect()
}
