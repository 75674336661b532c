//! The built-in monitoring plugin: probes from `[health]`, and what their results mean.

use silver_plugin_api::{
    Failure, Settings,
    monitor::{Health, HealthNeeds, Monitor, Sample, Verdict},
    plan::{Probe, Release},
};

/// What `[health]` says, and nothing more.
#[derive(Debug, Clone, Copy, Default)]
pub struct Monitoring;

/// A sample counts for so many of its probe's intervals; then nothing is known.
const STALE_AFTER: u64 = 3;
/// And at least for so many seconds: probes that are made each second may be held up for a while.
const STALE_LEAST_SECONDS: u64 = 30;

impl Monitor for Monitoring {
    fn probes(&self, _: &str, needs: &HealthNeeds, _: &Settings) -> Result<Vec<Probe>, Failure> {
        Ok(needs.ready.iter().chain(&needs.live).cloned().collect())
    }

    fn judge(&self, release: &Release, samples: &[Sample]) -> Verdict {
        let verdict = |health, message: String| Verdict { subject: release.app.clone(), health, message };
        if release.probes.is_empty() {
            return verdict(Health::Unknown, "the pack declares no health page".into());
        }
        let fresh: Vec<&Sample> = samples.iter().filter(|sample| is_fresh(release, sample)).collect();
        let failed: Vec<(&str, &str)> = fresh
            .iter()
            .filter_map(|sample| sample.result.as_ref().err().map(|why| (sample.probe.as_str(), why.as_str())))
            .collect();
        let answered = fresh.iter().filter_map(|sample| sample.result.as_ref().ok()).max();
        match (answered, failed.first()) {
            (None, None) => verdict(Health::Unknown, "not looked at yet".into()),
            (Some(ms), None) => verdict(Health::Up, format!("answers in {ms} ms")),
            (Some(_), Some((probe, why))) => verdict(Health::Degraded, format!("{probe}: {why}")),
            (None, Some((probe, why))) => verdict(Health::Down, format!("{probe}: {why}")),
        }
    }
}

fn is_fresh(release: &Release, sample: &Sample) -> bool {
    let probe = release.probes.iter().find(|probe| probe.id == sample.probe);
    probe.is_some_and(|probe| sample.age_seconds <= (probe.every_ms * STALE_AFTER / 1000).max(STALE_LEAST_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use silver_plugin_api::plan::Access;

    fn probe(id: &str, every_ms: u64) -> Probe {
        let access = Access { path: "/".into(), status: 200, body_contains: None, body_lacks: None };
        Probe { id: id.into(), access, every_ms, timeout_ms: 1000 }
    }

    #[test]
    fn samples_become_verdicts() {
        let digest = silver_plugin_api::Digest::from_bytes([0; 32]);
        let mut release: Release = serde_json::from_value(serde_json::json!({
            "id": digest, "app": "trac", "tree": digest, "settings": {}, "secrets": [], "environment": null,
            "pack": {"id": "a.b", "name": "trac", "version": "1.0.0", "app-version": "1", "digest": digest, "archive": digest, "signature": "unsigned"},
            "runtime": "python", "layout-root": "", "processes": [], "env": [], "rendered": [], "state": [], "hooks": {},
            "statics": [], "assets": [], "checks": [], "probes": [], "overlap": "web", "services": [], "max-body": null, "extra": {}
        }))
        .unwrap();
        let sample = |probe: &str, result: Result<u64, &str>, age_seconds| Sample {
            probe: probe.into(),
            result: result.map_err(Into::into),
            age_seconds,
        };
        assert_eq!(Monitoring.judge(&release, &[]).health, Health::Unknown);
        release.probes = vec![probe("ready", 1000), probe("live", 60_000)];
        for (samples, health) in [
            (vec![], Health::Unknown),
            (vec![sample("ready", Ok(5), 1)], Health::Up),
            (vec![sample("ready", Ok(5), 31)], Health::Unknown),
            (vec![sample("live", Ok(5), 179), sample("ready", Err("500"), 1)], Health::Degraded),
            (vec![sample("ready", Err("500"), 1), sample("live", Ok(5), 181)], Health::Down),
            (vec![sample("other", Err("500"), 1)], Health::Unknown),
        ] {
            assert_eq!(Monitoring.judge(&release, &samples).health, health, "{samples:?}");
        }
    }
}
