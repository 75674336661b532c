//! Keeps the processes of apps running.
//!
//! Each instance of a process has a task of its own that starts it, waits for its end and starts it
//! again after a pause that doubles from [`FIRST_PAUSE`] to [`LONGEST_PAUSE`]; one that lived for
//! [`STEADY`] begins anew. After [`LOOP`] quick ends in a row it counts as a crash loop, which is
//! what a readiness probe then reports at once, with the log's tail.
//!
//! The local node does not enforce `memory`: an address-space limit would kill interpreters that
//! only reserve, and cgroups need a systemd session that may not be there. `silver status` shows
//! what a group uses.

mod instance;

use crate::{
    endpoint::Endpoint,
    probes::{CrashLoop, Keeper},
};
use async_trait::async_trait;
use instance::Instance;
pub(crate) use instance::Spec;
use silver_plugin_api::plan::ProcessReport;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Pause after the first end.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A process that lived so long is steady.
pub(crate) const STEADY: Duration = Duration::from_secs(10);
/// So many quick ends in a row are a crash loop.
pub(crate) const LOOP: u32 = 3;

/// Names an instance of a process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) app: String,
    pub(crate) label: String,
    pub(crate) check: bool,
    pub(crate) process: String,
    pub(crate) index: u32,
}

/// All processes of all apps.
#[derive(Debug, Default)]
pub(crate) struct Supervisor {
    instances: Mutex<BTreeMap<Key, Instance>>,
}

impl Supervisor {
    /// Starts an instance; one that is there already is left alone.
    pub(crate) fn start(&self, spec: Spec) {
        self.with(|instances| {
            instances.entry(spec.key.clone()).or_insert_with(|| Instance::start(spec));
        });
    }

    /// Where an instance listens; `None` when there is no such instance.
    #[allow(clippy::option_option, reason = "an instance that does not listen is one all the same")]
    pub(crate) fn endpoint(&self, key: &Key) -> Option<Option<Endpoint>> {
        self.with(|instances| instances.get(key).map(|instance| instance.endpoint.clone()))
    }

    /// Stops the instances that `which` names, all at once, and waits until their groups are gone.
    pub(crate) async fn stop(&self, which: impl Fn(&Key) -> bool) {
        let keys: Vec<Key> = self.with(|instances| instances.keys().filter(|key| which(key)).cloned().collect());
        let ends: Vec<_> = self.with(|instances| keys.iter().filter_map(|key| instances.get(key)).map(Instance::stop).collect());
        futures_util::future::join_all(ends).await;
        // only now: whoever starts the same process meanwhile finds it there
        self.with(|instances| instances.retain(|key, _| !keys.contains(key)));
    }

    /// How the processes of an app are.
    pub(crate) fn status(&self, app: &str) -> Vec<ProcessReport> {
        self.with(|instances| instances.iter().filter(|(key, _)| key.app == app).map(|(_, instance)| instance.status()).collect())
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<Key, Instance>) -> T) -> T {
        work(&mut self.instances.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Keeper for Supervisor {
    async fn crash_loop(&self, app: &str, label: &str, check: bool) -> Option<CrashLoop> {
        self.with(|instances| {
            let of = |key: &Key| key.app == app && key.label == label && key.check == check;
            instances.iter().filter(|(key, _)| of(key)).find_map(|(_, instance)| instance.crash_loop())
        })
    }

    async fn tail(&self, app: &str, label: &str, check: bool) -> Vec<String> {
        self.with(|instances| {
            let of = |key: &Key| key.app == app && key.label == label && key.check == check && key.process == "web";
            instances.iter().filter(|(key, _)| of(key)).flat_map(|(_, instance)| instance.tail()).collect()
        })
    }
}

#[cfg(test)]
mod tests;
