//! Small releases for tests.

use crate::apps::Placed;
use silver_plugin_api::{
    Digest, TreePath,
    plan::{Access, Listen, Overlap, PackRef, Probe, Process, Release},
};
use std::{future::Future, sync::Arc, time::Duration};

/// A release without processes.
pub(crate) fn release(app: &str) -> Release {
    let digest = Digest::from_bytes([1; 32]);
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
        settings: silver_plugin_api::Settings::new(),
        secrets: vec![],
        environment: None,
        runtime: "command".into(),
        layout_root: TreePath::new("instance").unwrap(),
        processes: vec![],
        env: vec![],
        rendered: vec![],
        state: vec![],
        hooks: std::collections::BTreeMap::new(),
        statics: vec![],
        assets: vec![],
        checks: vec![],
        probes: vec![],
        overlap: Overlap::Web,
        services: vec![],
        front: silver_plugin_api::plan::Front::default(),
        assemble: Vec::new(),
        cron: Vec::new(),
        content: Vec::new(),
        extra: silver_plugin_api::Settings::new(),
    }
}

/// A process named `web`.
pub(crate) fn web(argv: &[&str], listen: Listen) -> Process {
    Process {
        name: "web".into(),
        argv: argv.iter().map(|&text| text.into()).collect(),
        count: 1,
        listen,
        memory: None,
        stop_signal: "TERM".into(),
        stop_timeout_ms: 2_000,
        singleton: false,
    }
}

/// The release under a label.
pub(crate) fn placed(release: Release, label: &str, locations: &[&str]) -> Placed {
    Placed { label: label.into(), release: Arc::new(release), locations: locations.iter().map(|&text| text.into()).collect() }
}

/// A page that answers 200.
pub(crate) fn page(path: &str) -> Access {
    Access { path: path.into(), status: 200, body_contains: None, body_lacks: None }
}

/// A readiness probe.
pub(crate) fn ready(path: &str, timeout_ms: u64) -> Probe {
    Probe { id: "ready".into(), access: page(path), every_ms: 50, timeout_ms }
}

/// Waits for a condition; panics with `what` after a minute.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), wait).await.unwrap_or_else(|_| panic!("never happened: {what}"));
}
