//! The public key of a publisher.

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::VerifyingKey;
use std::{cmp::Ordering, fmt, hash::Hash, str::FromStr};

/// Begins a public key in minisign's form: Ed25519.
const ALGORITHM: [u8; 2] = *b"Ed";
/// Begins the first line of each file.
pub(super) const UNTRUSTED: &str = "untrusted comment: ";

/// A public key in minisign's form: a name of eight bytes that its maker chose, and an Ed25519 key.
///
/// Its text (`RW…`, 56 characters) is what people compare. Two keys are the same only when all of
/// it is: the name alone proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey {
    name: [u8; 8],
    key: [u8; 32],
}

/// Not a public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not that of a key.
    #[error("`{}` is not a public key of minisign (56 characters that begin with RW)", .0.escape_debug())]
    Text(String),
    /// The file is not that of a key.
    #[error("a public key file has two lines: a comment and the key")]
    File,
    /// Signatures that anybody can make would be valid for it.
    #[error("the public key is a weak one")]
    Weak,
}

impl PublicKey {
    pub(super) fn new(name: [u8; 8], key: &VerifyingKey) -> Self {
        Self { name, key: key.to_bytes() }
    }

    /// What begins every signature of this key: its eight bytes of name.
    pub(super) fn name(&self) -> [u8; 8] {
        self.name
    }

    /// The key id as minisign shows it: 16 hex digits.
    pub fn id(&self) -> String {
        format!("{:016X}", u64::from_le_bytes(self.name))
    }

    /// Is `signature` one of this key over `message`? Small-order keys and signatures in more than
    /// one form are refused.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        VerifyingKey::from_bytes(&self.key).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }

    /// Reads the content of a public key file (`minisign.pub`).
    pub fn parse_file(text: &str) -> Result<Self, KeyError> {
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let (Some(comment), Some(key), None) = (lines.next(), lines.next(), lines.next()) else { return Err(KeyError::File) };
        if !comment.starts_with(UNTRUSTED) {
            return Err(KeyError::File);
        }
        key.parse()
    }

    /// The content of a public key file.
    pub fn to_file(&self) -> String {
        format!("{UNTRUSTED}minisign public key {}\n{self}\n", self.id())
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let none = || KeyError::Text(text.chars().take(80).collect());
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| none())?;
        let (algorithm, rest) = bytes.split_first_chunk::<2>().ok_or_else(none)?;
        let (name, key) = rest.split_first_chunk::<8>().ok_or_else(none)?;
        let key: [u8; 32] = key.try_into().map_err(|_| none())?;
        if *algorithm != ALGORITHM {
            return Err(none());
        }
        let point = VerifyingKey::from_bytes(&key).map_err(|_| none())?;
        if point.is_weak() {
            return Err(KeyError::Weak);
        }
        Ok(Self { name: *name, key })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<u8> = [&ALGORITHM[..], &self.name, &self.key].concat();
        f.pad(&BASE64_STANDARD.encode(bytes))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.name, self.key).cmp(&(other.name, other.key))
    }
}

crate::manifest::text_type!(PublicKey, "^RW[A-Za-z0-9+/]{54}$", ["RWRafL25DX375autQ9TUeX3qV9rCyj65Xzp7nwtieRV7NssPHCiFOMT0"]);
