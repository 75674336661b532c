//! The key that this machine's log is signed with.

use crate::error::{CommandError, Result};
use silver_agent::dirs::Dirs;
use silver_registry::{Signer, VerifierKey, signer};

/// The public key: from the private one where that can be read, else from the file beside it.
pub(super) fn of(dirs: &Dirs) -> Result<VerifierKey> {
    let private = dirs.node_key();
    if let Ok(signer) = Signer::load(&private) {
        return Ok(signer.verifier().clone());
    }
    VerifierKey::load(&signer::public_path(&private)).map_err(|error| {
        CommandError::from(error).hint("without the key nothing proves who signed the log; put it back from a backup")
    })
}
