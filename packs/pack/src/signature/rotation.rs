//! A publisher's key is followed by another one: statements, each signed with the key that goes.
//!
//! `.silver/rotations` has one signature of minisign's form after the other, oldest first. What is
//! signed is the trusted comment itself, which names both keys, so that the file needs nothing else.
//! They travel in the pack: whoever has it, on a machine without a network too, has all that it
//! takes to decide. The new key agrees by signing the pack.

use super::{
    SecretKey, SignatureError,
    file::{LINES, SignatureFile},
    key::PublicKey,
};

/// So many rotations are read.
pub const MAX_ROTATIONS: usize = 64;

const FROM: &str = "silver rotation: the key ";
const TO: &str = " is followed by ";

/// The statement that `to` follows the key `from`, to be added to those that led to `from`.
pub fn rotate(from: &SecretKey, to: &PublicKey) -> String {
    let statement = format!("{FROM}{}{TO}{to}", from.public());
    SignatureFile::make(from, "a publisher's key is followed by another", &statement, statement.as_bytes()).to_string()
}

/// The keys that the rotations in `text` lead from, oldest first. They must lead to `key`, one after
/// the other, and no key may come twice: there is no way back to one that was given up.
pub(super) fn check(text: &str, key: &PublicKey) -> Result<Vec<PublicKey>, SignatureError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
    if lines.len() > MAX_ROTATIONS * LINES {
        return Err(SignatureError::TooMany);
    }
    let mut keys: Vec<PublicKey> = Vec::new();
    let mut next = None;
    for lines in lines.chunks(LINES) {
        let (from, to) = statement(&lines.join("\n"))?;
        if next.is_some_and(|next| next != from) || keys.contains(&to) || from == to {
            return Err(SignatureError::BrokenChain);
        }
        keys.push(from);
        next = Some(to);
    }
    if next == Some(*key) { Ok(keys) } else { Err(SignatureError::BrokenChain) }
}

fn statement(text: &str) -> Result<(PublicKey, PublicKey), SignatureError> {
    let file = SignatureFile::parse(text)?;
    let other = || SignatureError::OtherComment { found: file.comment().to_owned() };
    let (from, to) = file.comment().strip_prefix(FROM).and_then(|keys| keys.split_once(TO)).ok_or_else(other)?;
    let (from, to): (PublicKey, PublicKey) = (from.parse()?, to.parse()?);
    if file.is_by(&from, file.comment().as_bytes()) { Ok((from, to)) } else { Err(SignatureError::Forged { from }) }
}
