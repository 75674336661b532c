//! The operator's SSH signature over the digest of a plan, as `ssh-keygen -Y sign` makes it (PROTOCOL.sshsig
//! of OpenSSH). Here only what is signed and who signed; whether it holds is `ssh-keygen`'s to say, which
//! knows every kind of key.

use base64::{Engine, prelude::BASE64_STANDARD};
use silver_plugin_api::Digest;

/// The namespace: a signature for anything else is none for a plan.
pub const NAMESPACE: &str = "silver-plan";

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
const MAGIC: &[u8] = b"SSHSIG";

/// What is signed: one line.
pub fn message(plan: &Digest) -> String {
    format!("{plan}\n")
}

/// The public key that a signature names, as a line of `authorized_keys` without its comment; `None` when the
/// text is no signature of a plan.
pub fn key(armour: &str) -> Option<String> {
    let body = armour.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let body: String = body.split_whitespace().collect();
    let blob = BASE64_STANDARD.decode(body).ok()?;
    let rest = blob.strip_prefix(MAGIC)?.strip_prefix(&1_u32.to_be_bytes())?;
    let (key, rest) = text(rest)?;
    let (namespace, _) = text(rest)?;
    let (kind, _) = text(key)?;
    let kind = std::str::from_utf8(kind).ok()?;
    let plain = kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-@.".contains(&byte));
    (namespace == NAMESPACE.as_bytes() && plain).then(|| format!("{kind} {}", BASE64_STANDARD.encode(key)))
}

/// A text of SSH: its length in four bytes, and what comes after it.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(into: &mut Vec<u8>, text: &[u8]) {
        into.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        into.extend(text);
    }

    fn armour(namespace: &str, key: &[u8]) -> String {
        let mut blob = MAGIC.to_vec();
        blob.extend(1_u32.to_be_bytes());
        for part in [key, namespace.as_bytes(), b"", b"sha512", b"signature"] {
            put(&mut blob, part);
        }
        format!("{BEGIN}\n{}\n{END}\n", BASE64_STANDARD.encode(blob))
    }

    #[test]
    fn the_key_is_told_and_what_is_no_signature_of_a_plan_is_none() {
        let mut public = Vec::new();
        put(&mut public, b"ssh-ed25519");
        put(&mut public, &[7; 32]);
        let signed = armour(NAMESPACE, &public);
        assert_eq!(key(&signed), Some(format!("ssh-ed25519 {}", BASE64_STANDARD.encode(&public))));
        assert_eq!(key(&armour("git", &public)), None);
        assert_eq!(key(&armour(NAMESPACE, b"short")), None);
        assert_eq!(key(&signed.replace("SSH SIGNATURE", "PGP SIGNATURE")), None);
        for cut in 0..signed.len() - 2 {
            // no byte more than there is is ever looked at
            key(&signed[..cut]);
            key(&format!("{}\n{END}", &signed[..cut]));
        }
    }
}
