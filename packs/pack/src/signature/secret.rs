//! The secret key of a publisher, in minisign's form, encrypted by a passphrase or not.
//!
//! Reading and writing the text is all there is here: randomness and files are the caller's.

use super::key::{PublicKey, UNTRUSTED};
use base64::{Engine, prelude::BASE64_STANDARD};
use blake2::{Blake2b, Digest as _, digest::consts::U32};
use ed25519_dalek::{Signer as _, SigningKey};
use std::fmt;
use zeroize::Zeroizing;

const ED25519: [u8; 2] = *b"Ed";
const SCRYPT: [u8; 2] = *b"Sc";
const PLAIN: [u8; 2] = [0, 0];
const BLAKE2B: [u8; 2] = *b"B2";
/// Algorithms, salt and both limits of scrypt: what stands before the encrypted part.
const HEAD: usize = 6 + 32 + 8 + 8;
/// Name of the key, seed and public key, checksum: what is encrypted.
const BODY: usize = 8 + 64 + 32;

/// libsodium's limits for keys that are rarely used, as minisign writes them: about a second and
/// 1 GiB of memory for each attempt.
const OPERATIONS: u64 = 1 << 25;
const MEMORY: u64 = 1 << 30;

/// How the text of a secret key is protected.
#[derive(Clone, Copy)]
pub enum Protection<'a> {
    /// Not at all: whoever reads the file can sign.
    None,
    /// By a passphrase, through scrypt with this salt of random bytes.
    Passphrase {
        /// The passphrase.
        passphrase: &'a str,
        /// Random.
        salt: [u8; 32],
    },
}

/// Why a secret key cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The text is not that of a secret key.
    #[error("it is not a secret key of minisign")]
    Format,
    /// It is encrypted, and no passphrase was given.
    #[error("it is encrypted")]
    Encrypted,
    /// The passphrase is wrong, or the file is damaged: nobody can tell which.
    #[error("the passphrase is wrong, or the file is damaged")]
    Passphrase,
    /// The file is damaged.
    #[error("it is damaged: its checksum is wrong")]
    Damaged,
    /// Decrypting it would take more than minisign ever asks for.
    #[error("decrypting it would take more time or memory than minisign's own limits")]
    Limits,
}

/// A secret key. It is wiped from memory when it is dropped, and no text shows it.
pub struct SecretKey {
    name: [u8; 8],
    key: SigningKey,
}

impl SecretKey {
    /// The key of these random bytes.
    pub fn from_random(name: [u8; 8], seed: &[u8; 32]) -> Self {
        Self { name, key: SigningKey::from_bytes(seed) }
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey::new(self.name, &self.key.verifying_key())
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    /// Is the secret key in `text` encrypted?
    pub fn is_encrypted(text: &str) -> Result<bool, SecretError> {
        Ok(Parts::parse(text)?.limits.is_some())
    }

    /// Reads the content of a secret key file. The passphrase is not looked at when it is not encrypted.
    pub fn parse(text: &str, passphrase: Option<&str>) -> Result<Self, SecretError> {
        let mut parts = Parts::parse(text)?;
        let wrong = if parts.limits.is_some() { SecretError::Passphrase } else { SecretError::Damaged };
        if let Some((operations, memory)) = parts.limits {
            let passphrase = passphrase.ok_or(SecretError::Encrypted)?;
            mask(&mut parts.body, passphrase, &parts.salt, operations, memory)?;
        }
        let (name, rest) = parts.body.split_first_chunk::<8>().ok_or(SecretError::Format)?;
        let (pair, checksum) = rest.split_first_chunk::<64>().ok_or(SecretError::Format)?;
        // minisign writes no checksum into keys that it does not encrypt; seed and public key must agree in any case
        let none = parts.limits.is_none() && checksum == [0; 32];
        if !none && checksum != checksum_of(*name, pair) {
            return Err(wrong);
        }
        let key = SigningKey::from_keypair_bytes(pair).map_err(|_| SecretError::Damaged)?;
        Ok(Self { name: *name, key })
    }

    /// The content of a secret key file.
    pub fn to_file(&self, protection: Protection<'_>) -> Result<Zeroizing<String>, SecretError> {
        self.write(protection, OPERATIONS, MEMORY)
    }

    fn write(&self, protection: Protection<'_>, operations: u64, memory: u64) -> Result<Zeroizing<String>, SecretError> {
        let pair = Zeroizing::new(self.key.to_keypair_bytes());
        let mut body = Zeroizing::new([0; BODY]);
        body[..8].copy_from_slice(&self.name);
        body[8..72].copy_from_slice(&*pair);
        body[72..].copy_from_slice(&checksum_of(self.name, &pair));
        let (kind, algorithm, salt, operations, memory) = match protection {
            Protection::None => ("secret key", PLAIN, [0; 32], 0, 0),
            Protection::Passphrase { passphrase, salt } => {
                mask(&mut body, passphrase, &salt, operations, memory)?;
                ("encrypted secret key", SCRYPT, salt, operations, memory)
            }
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(HEAD + BODY));
        for part in [&ED25519[..], &algorithm, &BLAKE2B, &salt, &operations.to_le_bytes(), &memory.to_le_bytes(), &body[..]] {
            bytes.extend_from_slice(part);
        }
        let encoded = Zeroizing::new(BASE64_STANDARD.encode(&*bytes));
        Ok(Zeroizing::new(format!("{UNTRUSTED}minisign {kind}\n{}\n", *encoded)))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public())
    }
}

/// A secret key file, taken apart.
struct Parts {
    salt: [u8; 32],
    /// Of scrypt, when it is encrypted: operations, bytes.
    limits: Option<(u64, u64)>,
    body: Zeroizing<[u8; BODY]>,
}

impl Parts {
    fn parse(text: &str) -> Result<Self, SecretError> {
        Self::take_apart(text).ok_or(SecretError::Format)
    }

    fn take_apart(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let (comment, key, None) = (lines.next()?, lines.next()?, lines.next()) else { return None };
        comment.strip_prefix(UNTRUSTED)?;
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(key).ok()?);
        let (head, body) = bytes.split_at_checked(HEAD)?;
        let (algorithms, head) = head.split_first_chunk::<6>()?;
        let (salt, limits) = head.split_first_chunk::<32>()?;
        let (operations, memory) = limits.split_first_chunk::<8>()?;
        let limits = match algorithms.split_first_chunk::<2>()? {
            (&ED25519, [kdf @ .., b'B', b'2']) if *kdf == SCRYPT => {
                Some((u64::from_le_bytes(*operations), u64::from_le_bytes(memory.try_into().ok()?)))
            }
            (&ED25519, [kdf @ .., b'B', b'2']) if *kdf == PLAIN => None,
            _ => return None,
        };
        let body = Zeroizing::new(<[u8; BODY]>::try_from(body).ok()?);
        Some(Self { salt: *salt, limits, body })
    }
}

fn checksum_of(name: [u8; 8], pair: &[u8; 64]) -> [u8; 32] {
    let mut hash = Blake2b::<U32>::new();
    for part in [&ED25519[..], &name, pair] {
        hash.update(part);
    }
    hash.finalize().into()
}

/// Encrypts or decrypts: the bytes are combined with those that scrypt makes of the passphrase.
fn mask(body: &mut [u8; BODY], passphrase: &str, salt: &[u8; 32], operations: u64, memory: u64) -> Result<(), SecretError> {
    let parameters = parameters(operations, memory).ok_or(SecretError::Limits)?;
    let mut stream = Zeroizing::new([0; BODY]);
    scrypt::scrypt(passphrase.as_bytes(), salt, &parameters, &mut *stream).map_err(|_| SecretError::Limits)?;
    for (byte, other) in body.iter_mut().zip(stream.iter()) {
        *byte ^= other;
    }
    Ok(())
}

/// scrypt's own parameters for libsodium's limits (`crypto_pwhash_scryptsalsa208sha256`, pickparams).
/// `None` for more than minisign asks for: a file must not make the machine run out of memory.
fn parameters(operations: u64, memory: u64) -> Option<scrypt::Params> {
    const BLOCK: u64 = 8;
    if operations > OPERATIONS || memory > MEMORY {
        return None;
    }
    let operations = operations.max(32_768);
    // the least power of two that is over half of the most that fits
    let cost = |most: u64| (1..63).find(|log| 1_u64 << log > most / 2).unwrap_or(63_u8);
    let (log, parallel) = if operations < memory / 32 {
        (cost(operations / (BLOCK * 4)), 1)
    } else {
        let log = cost(memory / (BLOCK * 128));
        (log, (operations / 4 / (1 << log)).min(0x3fff_ffff) / BLOCK)
    };
    scrypt::Params::new(log, u32::try_from(BLOCK).ok()?, u32::try_from(parallel).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SecretKey {
        SecretKey::from_random([3; 8], &[4; 32])
    }

    #[test]
    fn a_key_comes_back_from_its_text_with_the_passphrase_only() {
        let plain = key().to_file(Protection::None).unwrap();
        assert_eq!(SecretKey::parse(&plain, None).unwrap().public(), key().public());
        assert_eq!(SecretKey::is_encrypted(&plain), Ok(false));
        // with limits that a test can afford
        let protection = Protection::Passphrase { passphrase: "geheim", salt: [9; 32] };
        let text = key().write(protection, 32_768, 1 << 20).unwrap();
        assert_eq!(SecretKey::is_encrypted(&text), Ok(true));
        assert_eq!(SecretKey::parse(&text, Some("geheim")).unwrap().public(), key().public());
        assert_eq!(SecretKey::parse(&text, Some("Geheim")).unwrap_err(), SecretError::Passphrase);
        assert_eq!(SecretKey::parse(&text, None).unwrap_err(), SecretError::Encrypted);
    }

    #[test]
    fn damage_is_found() {
        let text = key().to_file(Protection::None).unwrap();
        let line = text.lines().nth(1).unwrap();
        let bytes = BASE64_STANDARD.decode(line).unwrap();
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            let text = format!("{UNTRUSTED}x\n{}\n", BASE64_STANDARD.encode(bytes));
            // salt and limits say nothing where nothing is encrypted
            assert_eq!(SecretKey::parse(&text, Some("")).is_ok(), (6..HEAD).contains(&at), "byte {at}");
        }
        for text in [&text[..text.len() - 5], line, "", &format!("{}\n", &*text)] {
            assert_eq!(SecretKey::parse(text, None).unwrap_err(), SecretError::Format, "{text}");
        }
    }

    #[test]
    fn a_key_without_a_checksum_is_taken_only_where_minisign_writes_none() {
        let without = |text: &str| {
            let mut bytes = BASE64_STANDARD.decode(text.lines().nth(1).unwrap()).unwrap();
            bytes[HEAD + 72..].fill(0);
            format!("{UNTRUSTED}x\n{}\n", BASE64_STANDARD.encode(bytes))
        };
        let plain = without(&key().to_file(Protection::None).unwrap());
        assert_eq!(SecretKey::parse(&plain, None).unwrap().public(), key().public());
        let protection = Protection::Passphrase { passphrase: "p", salt: [9; 32] };
        let text = without(&key().write(protection, 32_768, 1 << 20).unwrap());
        assert_eq!(SecretKey::parse(&text, Some("p")).unwrap_err(), SecretError::Passphrase);
    }

    #[test]
    fn a_file_cannot_ask_for_all_of_the_memory() {
        let protection = Protection::Passphrase { passphrase: "p", salt: [0; 32] };
        for (operations, memory) in [(OPERATIONS, MEMORY + 1), (OPERATIONS + 1, MEMORY), (u64::MAX, u64::MAX)] {
            assert_eq!(key().write(protection, operations, memory).unwrap_err(), SecretError::Limits);
        }
        let minisigns = parameters(OPERATIONS, MEMORY).unwrap();
        assert_eq!((minisigns.log_n(), minisigns.r(), minisigns.p()), (20, 8, 1));
    }

    #[test]
    fn no_text_shows_a_secret() {
        let shown = format!("{:?}", key());
        assert!(shown.contains(&key().public().to_string()) && !shown.contains("4, 4") && !shown.contains("0404"), "{shown}");
    }
}
