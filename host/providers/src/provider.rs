//! What every provider does: an account, a hypervisor or this machine that creates nodes.

use crate::{ProviderError, image::ImageInfo};

/// Told what takes long, in words for people.
pub type Watch<'a> = &'a mut dyn FnMut(&str);

/// Creates and destroys nodes. Synchronous: whoever calls waits for a machine.
pub trait Provider {
    /// What `kind` says in `[providers.NAME]` of `nodes.toml`.
    fn kind(&self) -> &'static str;
    /// What nodes can be made of.
    fn images(&self) -> Result<Vec<ImageInfo>, ProviderError>;
    /// Creates a node and returns when it answers over SSH.
    fn create(&self, wanted: &Wanted, watch: Watch<'_>) -> Result<Created, ProviderError>;
    /// The nodes that it has created and that are still there.
    fn nodes(&self) -> Result<Vec<Created>, ProviderError>;
    /// Removes a node with everything on it.
    fn destroy(&self, name: &str) -> Result<(), ProviderError>;
}

/// The node that is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its name: letters, digits and hyphens, as a host's.
    pub name: String,
    /// The image's name; the provider's first one without.
    pub image: Option<String>,
    /// Public keys (lines of `authorized_keys`) that may log in.
    pub keys: Vec<String>,
}

/// A node that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its name.
    pub name: String,
    /// Where ssh reaches it: `user@host`.
    pub address: String,
    /// Its host key, known before it was started: `ssh-ed25519 …`.
    pub host_key: String,
    /// The image's name.
    pub image: String,
    /// Does it run?
    pub running: bool,
}
