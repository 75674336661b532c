//! The node's signing key: Ed25519, in a file of its own outside the registry.
//!
//! Both files hold one line in the encodings of c2sp.org/signed-note: `node.key` (mode 0600)
//! `PRIVATE+KEY+<name>+<id>+<base64>`, and beside it `node.pub` `<name>+<id>+<base64>` for those who
//! verify. The name is also the origin of the log: `silver/<node>/<16 random hex digits>`.

use crate::{durable, error::RegistryError};
use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::SigningKey;
use signed_note::{Note, Signer as _, StandardSigner, StandardVerifier, Verifier as _, VerifierList};
use std::{fs, io, path::Path, path::PathBuf};

/// Signs tree heads and events.
pub struct Signer {
    key: StandardSigner,
    verifier: VerifierKey,
}

/// The public half: checks tree heads and events.
#[derive(Clone)]
pub struct VerifierKey {
    key: StandardVerifier,
    text: String,
}

/// The public key's file beside a private one: `node.key` → `node.pub`.
pub fn public_path(private: &Path) -> PathBuf {
    private.with_extension("pub")
}

impl Signer {
    /// The key at `path`, made when there is none. `node` becomes part of the new key's name.
    pub fn load_or_create(path: &Path, node: &str) -> Result<Self, RegistryError> {
        match Self::load(path) {
            Err(RegistryError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Self::create(path, node),
            other => other,
        }
    }

    /// The key at `path`.
    pub fn load(path: &Path) -> Result<Self, RegistryError> {
        let text = fs::read_to_string(path).map_err(RegistryError::io("read", path))?;
        Self::parse(text.trim_end())
            .ok_or_else(|| RegistryError::Unusable { what: path.display().to_string(), why: "it is not a signing key".into() })
    }

    fn create(path: &Path, node: &str) -> Result<Self, RegistryError> {
        let dir = durable::parent(path);
        fs::create_dir_all(dir).map_err(RegistryError::io("create", dir))?;
        let mut seed = [0; 32];
        let mut tail = [0; 8];
        for bytes in [&mut seed[..], &mut tail[..]] {
            getrandom::fill(bytes).map_err(|error| RegistryError::io("make", path)(io::Error::other(error)))?;
        }
        let name = format!("silver/{}/{:016x}", fit(node), u64::from_be_bytes(tail));
        let text = encode(&name, &SigningKey::from_bytes(&seed));
        let Some(signer) = Self::parse(&text) else {
            return Err(RegistryError::Unusable { what: path.display().to_string(), why: format!("`{name}` cannot name a key") });
        };
        // the public half first: a private key without it never exists
        durable::publish(dir, &public_path(path), format!("{}\n", signer.verifier.text).as_bytes(), 0o644)?;
        durable::publish(dir, path, format!("{text}\n").as_bytes(), 0o600)?;
        Ok(signer)
    }

    fn parse(text: &str) -> Option<Self> {
        let key = StandardSigner::new(text).ok()?;
        // base64 has pluses of its own
        let seed = BASE64_STANDARD.decode(text.splitn(5, '+').nth(4)?).ok()?;
        let secret: [u8; 32] = seed.get(1..)?.try_into().ok()?;
        let public = signed_note::new_ed25519_verifier_key(key.name(), &SigningKey::from_bytes(&secret).verifying_key());
        Some(Self { verifier: VerifierKey::parse(&public)?, key })
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs `message` as it stands.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, RegistryError> {
        self.key.sign(message).map_err(|error| self.refused(&error))
    }

    /// `text` as a signed note.
    pub(crate) fn sign_note(&self, text: &[u8]) -> Result<Vec<u8>, RegistryError> {
        let mut note = Note::new(text, &[]).map_err(|error| self.refused(&error))?;
        note.add_sigs(&[&self.key]).map_err(|error| self.refused(&error))?;
        Ok(note.to_bytes())
    }

    fn refused(&self, error: &dyn std::fmt::Display) -> RegistryError {
        RegistryError::Unusable { what: format!("the key `{}`", self.key.name()), why: error.to_string() }
    }
}

impl VerifierKey {
    /// Reads a public key file.
    pub fn load(path: &Path) -> Result<Self, RegistryError> {
        let text = fs::read_to_string(path).map_err(RegistryError::io("read", path))?;
        Self::parse(text.trim_end())
            .ok_or_else(|| RegistryError::Unusable { what: path.display().to_string(), why: "it is not a public key".into() })
    }

    /// Parses `<name>+<id>+<base64>`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self { key: StandardVerifier::new(text).ok()?, text: text.to_owned() })
    }

    /// The name of the key and the origin of its log.
    pub fn name(&self) -> &str {
        self.key.name()
    }

    /// `<name>+<id>+<base64>`: what goes into a list of trusted keys.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Did this key sign `message`?
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify(message, signature)
    }

    /// Did this key sign the note?
    pub(crate) fn verify_note(&self, note: &Note) -> bool {
        note.verify(&VerifierList::new(vec![Box::new(self.key.clone())])).is_ok()
    }
}

fn encode(name: &str, key: &SigningKey) -> String {
    const ED25519: u8 = 1;
    let public: Vec<u8> = [&[ED25519], key.verifying_key().as_bytes().as_slice()].concat();
    let private: Vec<u8> = [&[ED25519], key.as_bytes().as_slice()].concat();
    format!("PRIVATE+KEY+{name}+{:08x}+{}", signed_note::key_id(name, &public), BASE64_STANDARD.encode(private))
}

/// A node's name as part of a key's name, which has no spaces and no pluses.
fn fit(node: &str) -> String {
    node.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') { c } else { '-' }).collect()
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Signer").field(&self.verifier.text).finish()
    }
}

impl std::fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("VerifierKey").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_only_for_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/node.key");
        let made = Signer::load_or_create(&path, "my node+1").unwrap();
        let again = Signer::load_or_create(&path, "other").unwrap();
        assert_eq!(made.verifier().text(), again.verifier().text());
        assert!(made.verifier().name().starts_with("silver/my-node-1/"), "{}", made.verifier().name());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let public = VerifierKey::load(&public_path(&path)).unwrap();
        let signature = made.sign(b"message").unwrap();
        assert!(public.verify(b"message", &signature));
        assert!(!public.verify(b"massage", &signature));
    }

    #[test]
    fn a_damaged_key_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.key");
        fs::write(&path, "PRIVATE+KEY+x").unwrap();
        assert!(matches!(Signer::load_or_create(&path, "local"), Err(RegistryError::Unusable { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "PRIVATE+KEY+x");
    }

    #[test]
    fn notes_are_bound_to_the_key() {
        let dir = tempfile::tempdir().unwrap();
        let one = Signer::load_or_create(&dir.path().join("one"), "local").unwrap();
        let two = Signer::load_or_create(&dir.path().join("two"), "local").unwrap();
        let note = Note::from_bytes(&one.sign_note(b"text\n").unwrap()).unwrap();
        assert!(one.verifier().verify_note(&note));
        assert!(!two.verifier().verify_note(&note));
    }
}
