//! What operators have signed, against their keys in nodes.toml.

use crate::{error::Result, signing};
use silver_core::nodes::{Nodes, PublicKey};
use silver_registry::{Registry, operator_signature};

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
            let key = operator_signature::key(signature).and_then(|key| key.parse::<PublicKey>().ok());
            match key {
                None => found.faults.push((path, "what stands there as the operator's signature is none".into())),
                Some(_) if !signing::holds(signature, &plan)? => {
                    found.faults.push((path, format!("the operator's signature is not one over the plan {plan}")));
                }
                Some(key) if is_operators(nodes, &key) => found.signed += 1,
                Some(key) => {
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

fn is_operators(nodes: &Nodes, key: &PublicKey) -> bool {
    nodes.operators.values().any(|operator| operator.ssh_keys.iter().any(|known| known.bare() == key.bare()))
}
