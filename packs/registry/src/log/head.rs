//! Signed tree heads (c2sp.org/tlog-checkpoint in a c2sp.org/signed-note).

use crate::{
    error::RegistryError,
    signer::{Signer, VerifierKey},
};
use signed_note::Note;
use silver_plugin_api::Digest;
use tlog_tiles::{Checkpoint, Hash};

/// The head of the log: how many events there are and the root hash over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeHead {
    /// The log's name; also the name of the key that signs it.
    pub origin: String,
    /// Events in the log.
    pub size: u64,
    /// RFC 6962 root hash.
    pub root: Digest,
}

/// What is wrong with a tree head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not a signed note.
    #[error("it is not a signed note")]
    Note,
    /// The note's text is not a tree head.
    #[error("it is not a tree head")]
    Text,
    /// Not signed by the expected key.
    #[error("it is not signed by `{0}`")]
    Signature(String),
    /// The head of another log.
    #[error("it is the head of another log, `{found}`; the key is that of `{expected}`")]
    Origin {
        /// The key's name.
        expected: String,
        /// Its first line.
        found: String,
    },
}

impl TreeHead {
    /// Reads a head without looking at its signature.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeadError> {
        let note = Note::from_bytes(bytes).map_err(|_| HeadError::Note)?;
        let head = Checkpoint::from_bytes(note.text()).map_err(|_| HeadError::Text)?;
        Ok(Self { origin: head.origin().into(), size: head.size(), root: Digest::from_bytes(head.hash().0) })
    }

    /// Reads a head that `key` must have signed.
    pub fn open(bytes: &[u8], key: &VerifierKey) -> Result<Self, HeadError> {
        let head = Self::parse(bytes)?;
        if head.origin != key.name() {
            return Err(HeadError::Origin { expected: key.name().into(), found: head.origin });
        }
        match Note::from_bytes(bytes) {
            Ok(note) if key.verify_note(&note) => Ok(head),
            _ => Err(HeadError::Signature(key.name().into())),
        }
    }

    /// The signed text.
    pub(crate) fn seal(&self, signer: &Signer) -> Result<Vec<u8>, RegistryError> {
        let head = Checkpoint::new(&self.origin, self.size, self.hash(), "").map_err(|error| RegistryError::Unusable {
            what: format!("the log's name `{}`", self.origin),
            why: error.to_string(),
        })?;
        signer.sign_note(&head.to_bytes())
    }

    /// The root as the proofs want it.
    pub(crate) fn hash(&self) -> Hash {
        Hash(*self.root.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_logs_own_key_opens_its_head() {
        let dir = tempfile::tempdir().unwrap();
        let signer = Signer::load_or_create(&dir.path().join("one"), "local").unwrap();
        let other = Signer::load_or_create(&dir.path().join("two"), "local").unwrap();
        let head = TreeHead { origin: signer.verifier().name().into(), size: 3, root: Digest::from_bytes([7; 32]) };
        let sealed = head.seal(&signer).unwrap();
        assert_eq!(TreeHead::open(&sealed, signer.verifier()), Ok(head.clone()));
        assert!(matches!(TreeHead::open(&sealed, other.verifier()), Err(HeadError::Origin { .. })));
        let text = String::from_utf8(sealed.clone()).unwrap();
        assert!(text.starts_with(&format!("{}\n3\nBwcH", head.origin)), "{text}");
        let grown = text.replacen("\n3\n", "\n4\n", 1);
        assert!(matches!(TreeHead::open(grown.as_bytes(), signer.verifier()), Err(HeadError::Signature(_))));
        // another key under the same name
        let forged = TreeHead { origin: signer.verifier().name().into(), ..head }.seal(&other).unwrap();
        assert!(matches!(TreeHead::open(&forged, signer.verifier()), Err(HeadError::Signature(_))));
        assert_eq!(TreeHead::parse(b""), Err(HeadError::Note));
    }
}
