//! `SHA256SUMS.minisig`: who made the list, where the pack or the operator names a key.

use silver_pack::signature::{PublicKey, SignatureError, SignatureFile};
use silver_plugin_api::Failure;

/// The name of the signature, as minisign itself calls it.
pub(super) const SIGNATURE: &str = "SHA256SUMS.minisig";

/// Who has to have signed the list, and who says so.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignedBy {
    key: PublicKey,
    said_by: &'static str,
}

impl SignedBy {
    /// The pack's manifest names `key`.
    pub(super) fn pack(key: PublicKey) -> Self {
        Self { key, said_by: "the pack" }
    }

    /// The operator names `key`.
    pub(super) fn operator(key: PublicKey) -> Self {
        Self { key, said_by: "customize.toml" }
    }

    /// Refuses the bytes of a list, at the place `shown`, without a signature of them by the key. Any
    /// trusted comment does: what it says is not used.
    pub(super) fn demand(&self, list: &[u8], signature: Option<&[u8]>, shown: &str) -> Result<(), Failure> {
        let Self { key, said_by } = self;
        let Some(signature) = signature else {
            let message = format!("`{SIGNATURE}` is missing at {shown}: {said_by} says that the list is signed with {key}");
            let help = "whoever has the key makes it with `minisign -S -m SHA256SUMS`; a mirror carries it as it is";
            return Err(refused(message, help));
        };
        let text = str::from_utf8(signature).map_err(|_| SignatureError::Format("it is not text"));
        let file = text.and_then(SignatureFile::parse).map_err(|error| {
            let help = match error {
                SignatureError::Legacy => "whoever has the key signs again with minisign 0.10 or newer, without `-l`",
                _ => "take it from the publisher again, as it is",
            };
            refused(format!("`{SIGNATURE}` at {shown} is not believed: {error}"), help)
        })?;
        if file.is_by(key, list) {
            return Ok(());
        }
        let message =
            format!("`{SIGNATURE}` at {shown} is not the signature of `SHA256SUMS` by the key {key}, which {said_by} names");
        let help = "one of the two files was changed, or another key signed: take both from the publisher again, and find out why before \
                    another key is named (`key` below [index.directory] of customize.toml)";
        Err(refused(message, help))
    }
}

fn refused(message: String, help: &str) -> Failure {
    Failure::invalid("bad-signature", message, Some(help))
}
