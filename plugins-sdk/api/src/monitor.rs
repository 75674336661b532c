//! Monitoring: what to look at (data) and what it means (a pure function). A draft.

use crate::{
    Settings,
    failure::Failure,
    plan::{Probe, Release},
};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The result of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sample {
    /// [`Probe::id`].
    pub probe: String,
    /// Milliseconds it took, or why it failed.
    pub result: Result<u64, String>,
    /// Seconds since it was taken.
    pub age_seconds: u64,
}

/// How a subject is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// As expected.
    Up,
    /// Answers, but not as expected.
    Degraded,
    /// Does not answer.
    Down,
    /// Nothing is known.
    Unknown,
}

/// What samples mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verdict {
    /// The application.
    pub subject: String,
    /// How it is.
    pub health: Health,
    /// Why, in words.
    pub message: String,
}

/// `[health]` of a manifest, as the monitor gets it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HealthNeeds {
    /// `ready`, if the manifest has one.
    pub ready: Option<Probe>,
    /// `live`, if the manifest has one.
    pub live: Option<Probe>,
    /// Does the app answer HTTP at all?
    pub web: bool,
}

/// Says what to look at and what it means.
pub trait Monitor {
    /// The probes of an application. One with the id `ready` gates the switch.
    fn probes(&self, app: &str, needs: &HealthNeeds, settings: &Settings) -> Result<Vec<Probe>, Failure>;
    /// What the samples mean.
    fn judge(&self, release: &Release, samples: &[Sample]) -> Verdict;
}
