//! The continuous probes of an app that serves. What they last said is kept in memory; what it
//! means is the monitor plugin's to say.

use crate::front::{Backend, Front, ask};
use silver_plugin_api::{monitor::Sample, plan::Probe};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// The readiness probe may be told to ask each second, which is right before a switch; afterwards
/// no probe asks more often than this.
const OFTENEST: Duration = Duration::from_secs(5);

type Samples = Arc<Mutex<BTreeMap<String, (Result<u64, String>, Instant)>>>;

/// Probes one release for as long as this lives.
#[derive(Debug)]
pub(crate) struct Sampler {
    of: Arc<Backend>,
    samples: Samples,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Sampler {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Sampler {
    /// Begins with one sample of each probe.
    pub(crate) fn start(front: &Arc<Front>, backend: &Arc<Backend>) -> Self {
        let samples = Samples::default();
        let probes = backend.placed.release.probes.iter();
        let tasks =
            probes.map(|probe| tokio::spawn(sample(Arc::clone(front), Arc::clone(backend), probe.clone(), Arc::clone(&samples))));
        Self { of: Arc::clone(backend), tasks: tasks.collect(), samples }
    }

    /// Is it this one that is probed?
    pub(crate) fn is_of(&self, backend: &Arc<Backend>) -> bool {
        Arc::ptr_eq(&self.of, backend)
    }

    /// What each probe last said.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let sample = |(probe, (result, at)): (&String, &(Result<u64, String>, Instant))| Sample {
            probe: probe.clone(),
            result: result.clone(),
            age_seconds: at.elapsed().as_secs(),
        };
        samples.iter().map(sample).collect()
    }
}

async fn sample(front: Arc<Front>, backend: Arc<Backend>, probe: Probe, samples: Samples) {
    let every = Duration::from_millis(probe.every_ms).max(OFTENEST);
    let patience = Duration::from_millis(probe.timeout_ms).clamp(Duration::from_secs(1), Duration::from_secs(30));
    loop {
        // not while the gate is closed: nobody may touch the data then, not even by looking at a page
        if let Some(_inside) = front.entry(backend.placed.app()).pass() {
            let result = ask(&front, &backend, &probe.access, patience).await;
            let result = result.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            samples.lock().unwrap_or_else(PoisonError::into_inner).insert(probe.id.clone(), (result, Instant::now()));
        }
        tokio::time::sleep(every).await;
    }
}
