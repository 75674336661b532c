//! Who published a pack: `.silver/signature` and `.silver/rotations`, in minisign's formats
//! (<https://jedisct1.github.io/minisign/>, Ed25519 over BLAKE2b).
//!
//! What is signed is `.silver/tree`, the file whose sha256 is the pack digest, so that
//! `minisign -V` checks it without silver. The trusted comment says what the signature is for and
//! names the key, because a signature alone has only eight bytes of it, which anybody can choose.
//!
//! Neither file is listed in `.silver/tree`: the pack digest is that of the content, whoever signs it.
//! Whatever is not exactly as silver writes it is refused.

mod file;
mod key;
mod rotation;
mod secret;

pub use file::SignatureFile;
pub use key::{KeyError, PublicKey};
pub use rotation::{MAX_ROTATIONS, rotate};
pub use secret::{Protection, SecretError, SecretKey};

use silver_plugin_api::Digest;

/// No sound signature is longer, nor a list of rotations.
pub const MAX_BYTES: u64 = 64 << 10;

/// A signature that was checked, over one pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The publisher's key.
    pub key: PublicKey,
    /// The keys before it, oldest first; each signed that the next one follows.
    pub rotated_from: Vec<PublicKey>,
}

/// Why a signature is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not in minisign's format.
    #[error("it is not a signature of minisign: {0}")]
    Format(&'static str),
    /// minisign's old way of signing, without hashing first.
    #[error("it was made in minisign's legacy format")]
    Legacy,
    /// The trusted comment is not for this pack.
    #[error("it is for something else: `{}`", .found.escape_debug())]
    OtherComment {
        /// The trusted comment.
        found: String,
    },
    /// The key in the trusted comment is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It was made with another key than it names, or over other bytes.
    #[error("it is not the signature of the key {key} over this pack")]
    Wrong {
        /// The key that it names.
        key: PublicKey,
    },
    /// A statement of a rotation is not signed by the key that it speaks for.
    #[error("the rotation from {from} is not signed by that key")]
    Forged {
        /// Who is said to have signed.
        from: PublicKey,
    },
    /// The rotations do not lead, one after the other, to the key that signed the pack.
    #[error("the rotations do not lead from key to key to the one that signed the pack")]
    BrokenChain,
    /// Too many rotations.
    #[error("there are more than {MAX_ROTATIONS} rotations")]
    TooMany,
    /// Rotations without a signature.
    #[error("it has rotations of keys, but no signature")]
    Unsigned,
}

/// What a signature is for. Its text is the trusted comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The pack's id.
    pub id: &'a str,
    /// The pack's version.
    pub version: &'a str,
    /// The pack digest.
    pub digest: Digest,
}

impl Subject<'_> {
    /// The trusted comment of a signature by `key`. It says nothing of the time, so that signing
    /// twice gives the same bytes.
    pub fn comment(&self, key: &PublicKey) -> String {
        let Self { id, version, digest } = self;
        format!("silver pack {id} {version} {digest} key {key}")
    }
}

/// Signs `tree` (the bytes of `.silver/tree`); the content of `.silver/signature`.
pub fn sign(secret: &SecretKey, subject: &Subject<'_>, tree: &[u8]) -> String {
    let public = secret.public();
    SignatureFile::make(secret, "signature of a silver pack", &subject.comment(&public), tree).to_string()
}

/// Checks `.silver/signature` and, where there are any, `.silver/rotations`.
pub fn check(
    subject: &Subject<'_>,
    tree: &[u8],
    signature: Option<&str>,
    rotations: Option<&str>,
) -> Result<Option<Signature>, SignatureError> {
    let Some(text) = signature else {
        return if rotations.is_some() { Err(SignatureError::Unsigned) } else { Ok(None) };
    };
    let file = SignatureFile::parse(text)?;
    let comment = file.comment();
    let other = || SignatureError::OtherComment { found: comment.to_owned() };
    let key: PublicKey = comment.rsplit_once(" key ").ok_or_else(other)?.1.parse()?;
    if comment != subject.comment(&key) {
        return Err(other());
    }
    if !file.is_by(&key, tree) {
        return Err(SignatureError::Wrong { key });
    }
    let rotated_from = rotation::check(rotations.unwrap_or_default(), &key)?;
    Ok(Some(Signature { key, rotated_from }))
}

/// The keys that the rotations in `text` lead from, oldest first, if they lead to `key`.
pub fn rotations(text: &str, key: &PublicKey) -> Result<Vec<PublicKey>, SignatureError> {
    rotation::check(text, key)
}

#[cfg(test)]
mod tests;
