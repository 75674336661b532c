//! Public keys as ssh writes them: of hosts and of people.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use silver_pack::hash::sha256;
use std::{fmt, str::FromStr};

/// `ssh-ed25519 AAAA… [comment]`, as in `known_hosts` and `authorized_keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: String,
    blob: Vec<u8>,
    /// What its owner calls it; empty for none.
    pub comment: String,
}

impl PublicKey {
    /// `ssh-ed25519`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Kind and key, without the comment: two keys are the same when these are.
    pub fn bare(&self) -> String {
        format!("{} {}", self.kind, STANDARD.encode(&self.blob))
    }

    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(sha256(&self.blob).as_bytes()))
    }
}

impl FromStr for PublicKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("not a public key of ssh: {why}; write \"ssh-ed25519 AAAA…\"");
        if text.chars().any(char::is_control) {
            return Err(wrong("it is one line without control characters"));
        }
        let mut words = text.trim().splitn(3, ' ');
        let (kind, encoded) = words.next().zip(words.next()).ok_or_else(|| wrong("kind and key are divided by a space"))?;
        let blob = STANDARD.decode(encoded).map_err(|_| wrong("the key is not base64"))?;
        // RFC 4253, 6.6: the kind is the first field of the key, with its length before it
        let named = blob.get(4..4 + kind.len()) == Some(kind.as_bytes())
            && blob.get(..4).and_then(|length| length.try_into().ok()).map(u32::from_be_bytes) == u32::try_from(kind.len()).ok();
        if !named {
            return Err(wrong("the key is of another kind than it says"));
        }
        let comment = words.next().unwrap_or_default().trim().to_owned();
        Ok(Self { kind: kind.to_owned(), blob, comment })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.bare())?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " {}", self.comment) }
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
