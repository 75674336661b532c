//! What operators have signed, against their keys in nodes.toml.

use super::super::signed::Signed;
use crate::error::Result;
use silver_core::nodes::Nodes;
use silver_registry::Registry;

/// What was found, by the path of the event.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    /// Changes that an operator of nodes.toml has signed.
    signed: usize,
    /// Changes that nobody has signed.
    unsigned: usize,
    /// Signatures that do not hold.
    pub(super) faults: Vec<(String, String)>,
    /// Signatures that hold, by keys that no operator has.
    pub(super) strangers: Vec<(String, String)>,
}

impl Signatures {
    /// Looks at every change of a log that was verified.
    pub(super) fn check(registry: &Registry, nodes: &Nodes) -> Result<Self> {
        let mut found = Self::default();
        for event in registry.events(0)? {
            let event = event?;
            let record = event.statement.record();
            let Some(plan) = record.event.change().and_then(|change| change.plan) else { continue };
            let Some(signature) = &record.by.signature else {
                found.unsigned += 1;
                continue;
            };
            let path = format!("events/{}.json", event.index);
            match Signed::judge(signature, &plan, nodes)? {
                Signed::By { .. } => found.signed += 1,
                Signed::Forged(why) => found.faults.push((path, why)),
                Signed::Stranger(key) => {
                    let by = format!("signed with {}, which no operator of nodes.toml has", key.fingerprint());
                    found.strangers.push((path, by));
                }
            }
        }
        Ok(found)
    }

    /// How many there are, if there are any.
    pub(super) fn words(&self) -> Option<String> {
        let Self { signed, unsigned, strangers, .. } = self;
        (signed + strangers.len() > 0).then(|| {
            format!(
                "{signed} changes signed by operators, {} by keys of nobody in nodes.toml, {unsigned} not signed",
                strangers.len()
            )
        })
    }
}
