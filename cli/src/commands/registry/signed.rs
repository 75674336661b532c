//! Whose signature stands under a change, against the keys of operators in nodes.toml, and does it hold.

use crate::{error::Result, signing};
use silver_core::nodes::{Nodes, PublicKey};
use silver_plugin_api::Digest;
use silver_registry::operator_signature;

/// What is to be said of a signature.
pub(super) enum Signed {
    /// It holds, and is an operator's.
    By {
        /// Their name in nodes.toml.
        operator: String,
        /// Their key.
        key: PublicKey,
    },
    /// It holds, and no operator has this key.
    Stranger(PublicKey),
    /// It does not hold.
    Forged(String),
}

impl Signed {
    /// Looks at a signature over the digest of a plan.
    pub(super) fn judge(signature: &str, plan: &Digest, nodes: &Nodes) -> Result<Self> {
        let Some(key) = operator_signature::key(signature).and_then(|key| key.parse::<PublicKey>().ok()) else {
            return Ok(Self::Forged("what stands there as the operator's signature is none".into()));
        };
        if !signing::holds(signature, plan)? {
            return Ok(Self::Forged(format!("the operator's signature is not one over the plan {plan}")));
        }
        Ok(match operator(nodes, &key) {
            Some(name) => Self::By { operator: name.to_owned(), key },
            None => Self::Stranger(key),
        })
    }
}

/// Who has this key, as nodes.toml says.
pub(super) fn operator<'a>(nodes: &'a Nodes, key: &PublicKey) -> Option<&'a str> {
    let has = |keys: &[PublicKey]| keys.iter().any(|known| known.bare() == key.bare());
    nodes.operators.iter().find(|(_, operator)| has(&operator.ssh_keys)).map(|(name, _)| &**name)
}
