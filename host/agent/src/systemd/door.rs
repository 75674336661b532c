//! What a server's apps ask of the front that stands before them.

use crate::apps::{AppFailure, Placed, Route};
use async_trait::async_trait;
use silver_plugin_api::plan::Access;
use std::time::Duration;

/// The front of a server. As with [`crate::apps::Apps`], everything is idempotent and may be asked by
/// several agents at once; what it knows is in its own configuration and below `run/front`.
#[async_trait]
pub trait Door: Send + Sync {
    /// Does for an app what the route says from now on, in place of what was done before. The release is
    /// the one that requests reach once the gate is open.
    async fn route(&self, route: &Route) -> Result<(), AppFailure>;
    /// Closes the gate: new requests are held up to `hold`, then answered with 503. Returns when the requests
    /// that were inside have been answered; those that take long are cut.
    async fn close(&self, app: &str, hold: Duration) -> Result<(), AppFailure>;
    /// Opens the gate.
    async fn open(&self, app: &str) -> Result<(), AppFailure>;
    /// Asks through the front with the canonical Host header, past a closed gate.
    async fn probe(&self, release: &Placed, access: &Access) -> Result<(), AppFailure>;
    /// How many requests are inside a release: connections to its `web` sockets, whoever made them.
    async fn inside(&self, app: &str, label: &str) -> usize;
}
