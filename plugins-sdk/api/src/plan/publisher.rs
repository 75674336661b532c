//! Who publishes an application: the pack's id and the key that signs it. Only packs of the same
//! publisher may replace it.

use super::release::PackRef;
use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Serialize};

/// [`PackRef::signature`] and [`Publisher::key`] of what nobody signed.
pub const UNSIGNED: &str = "unsigned";

/// The identity that an application keeps from one release to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Publisher {
    /// The pack's id: `org.edgewall.trac`.
    pub pack: String,
    /// The public key in minisign's form (`RW…`), or [`UNSIGNED`].
    pub key: String,
}

/// How a pack follows those of a known publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// The same id and the same key, or both are unsigned.
    Same,
    /// The same id; nothing was signed so far, and now there is a key.
    FirstKey,
    /// The same id; the known key signed the statement that this one follows it.
    Rotated,
}

/// Why a pack is not of the known publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discontinuity {
    /// It is another pack.
    OtherPack,
    /// It is signed by another key.
    OtherKey,
    /// The known packs were signed, this one is not.
    Unsigned,
}

impl PackRef {
    /// Who published it.
    pub fn publisher(&self) -> Publisher {
        Publisher { pack: self.id.clone(), key: self.signature.clone() }
    }

    /// Is it of the publisher that is `known`? The one rule, for locks and for nodes.
    pub fn follows(&self, known: &Publisher) -> Result<Continuity, Discontinuity> {
        if self.id != known.pack {
            return Err(Discontinuity::OtherPack);
        }
        match (known.key == self.signature, known.key.as_str(), self.signature.as_str()) {
            (true, ..) => Ok(Continuity::Same),
            (_, UNSIGNED, _) => Ok(Continuity::FirstKey),
            (_, _, UNSIGNED) => Err(Discontinuity::Unsigned),
            _ if self.rotated_from.contains(&known.key) => Ok(Continuity::Rotated),
            _ => Err(Discontinuity::OtherKey),
        }
    }
}

impl fmt::Display for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            UNSIGNED => write!(f, "{}, unsigned", self.pack),
            key => write!(f, "{}, signed with {key}", self.pack),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use alloc::{string::ToString, vec::Vec};

    fn pack(id: &str, signature: &str, rotated_from: &[&str]) -> PackRef {
        let none = Digest::from_bytes([0; 32]);
        PackRef {
            id: id.into(),
            name: "a".into(),
            version: "1.0.0".into(),
            app_version: "1".into(),
            digest: none,
            archive: none,
            signature: signature.into(),
            rotated_from: rotated_from.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }
    }

    #[test]
    fn only_the_same_publisher_follows() {
        use Continuity::{FirstKey, Rotated, Same};
        use Discontinuity::{OtherKey, OtherPack, Unsigned};
        for (known, given, expected) in [
            (("a", UNSIGNED), pack("a", UNSIGNED, &[]), Ok(Same)),
            (("a", "K"), pack("a", "K", &[]), Ok(Same)),
            (("a", "K"), pack("a", "K", &["J"]), Ok(Same)),
            (("a", UNSIGNED), pack("a", "K", &[]), Ok(FirstKey)),
            (("a", "K"), pack("a", "L", &["K"]), Ok(Rotated)),
            (("a", "K"), pack("a", "M", &["K", "L"]), Ok(Rotated)),
            (("a", "K"), pack("a", "L", &[]), Err(OtherKey)),
            (("a", "K"), pack("a", "L", &["J"]), Err(OtherKey)),
            // a rotation leads forward only
            (("a", "L"), pack("a", "K", &["J"]), Err(OtherKey)),
            (("a", "K"), pack("a", UNSIGNED, &[]), Err(Unsigned)),
            // nobody can claim to follow a key by being unsigned, or to follow nobody by a statement
            (("a", "K"), pack("a", UNSIGNED, &["K"]), Err(Unsigned)),
            (("a", "K"), pack("b", "K", &[]), Err(OtherPack)),
            (("a", UNSIGNED), pack("b", UNSIGNED, &[]), Err(OtherPack)),
            (("a", "K"), pack("b", "L", &["K"]), Err(OtherPack)),
        ] {
            let known = Publisher { pack: known.0.into(), key: known.1.into() };
            assert_eq!(given.follows(&known), expected, "{known} ← {given:?}");
        }
    }
}
