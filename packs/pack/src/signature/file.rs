//! A signature in minisign's form: four lines.

use super::{SecretKey, SignatureError, key::PublicKey, key::UNTRUSTED};
use base64::{Engine, prelude::BASE64_STANDARD};
use blake2::{Blake2b512, Digest as _};
use std::fmt;

/// Begins a signature over the BLAKE2b hash of a message, as minisign makes them since 0.10.
const HASHED: [u8; 2] = *b"ED";
/// Begins a signature over the message itself.
const LEGACY: [u8; 2] = *b"Ed";
const TRUSTED: &str = "trusted comment: ";
/// How many lines there are.
pub(super) const LINES: usize = 4;

/// A signature file that was read, or is to be written; nothing is proved yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureFile {
    untrusted: String,
    key: [u8; 8],
    signature: [u8; 64],
    comment: String,
    /// Over the signature and the trusted comment.
    global: [u8; 64],
}

impl SignatureFile {
    /// Signs `message`. The comments are one line each.
    pub fn make(secret: &SecretKey, untrusted: &str, comment: &str, message: &[u8]) -> Self {
        let signature = secret.sign(&hashed(message));
        let global = secret.sign(&commented(&signature, comment));
        Self { untrusted: untrusted.to_owned(), key: secret.public().name(), signature, comment: comment.to_owned(), global }
    }

    /// Reads the content of a signature file, which ends with a line feed or not.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
        let [untrusted, signature, comment, global] = lines[..] else {
            return Err(SignatureError::Format("it has four lines"));
        };
        let untrusted = untrusted.strip_prefix(UNTRUSTED).ok_or(SignatureError::Format("line 1 is no comment"))?;
        let comment = comment.strip_prefix(TRUSTED).ok_or(SignatureError::Format("line 3 is no trusted comment"))?;
        // minisign itself puts tabs between the parts of its trusted comment
        if untrusted.chars().any(char::is_control) || comment.chars().any(|c| c.is_control() && c != '\t') {
            return Err(SignatureError::Format("a comment has control characters"));
        }
        let wrong = SignatureError::Format("line 2 is no signature");
        let bytes: [u8; 74] = decoded(signature).ok_or_else(|| wrong.clone())?;
        let (algorithm, rest) = bytes.split_first_chunk::<2>().ok_or_else(|| wrong.clone())?;
        let (key, signature) = rest.split_first_chunk::<8>().ok_or_else(|| wrong.clone())?;
        match *algorithm {
            HASHED => {}
            LEGACY => return Err(SignatureError::Legacy),
            _ => return Err(wrong),
        }
        Ok(Self {
            untrusted: untrusted.to_owned(),
            key: *key,
            signature: signature.try_into().map_err(|_| wrong)?,
            comment: comment.to_owned(),
            global: decoded(global).ok_or(SignatureError::Format("line 4 is no signature"))?,
        })
    }

    /// The trusted comment; it can be trusted once [`SignatureFile::is_by`] holds.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// Did `key` sign `message` and the trusted comment?
    pub fn is_by(&self, key: &PublicKey, message: &[u8]) -> bool {
        self.key == key.name()
            && key.verify(&hashed(message), &self.signature)
            && key.verify(&commented(&self.signature, &self.comment), &self.global)
    }
}

impl fmt::Display for SignatureFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = BASE64_STANDARD.encode([&HASHED[..], &self.key, &self.signature].concat());
        let global = BASE64_STANDARD.encode(self.global);
        write!(f, "{UNTRUSTED}{}\n{signature}\n{TRUSTED}{}\n{global}\n", self.untrusted, self.comment)
    }
}

fn hashed(message: &[u8]) -> [u8; 64] {
    Blake2b512::digest(message).into()
}

fn commented(signature: &[u8; 64], comment: &str) -> Vec<u8> {
    [&signature[..], comment.as_bytes()].concat()
}

fn decoded<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64_STANDARD.decode(text).ok()?.try_into().ok()
}
