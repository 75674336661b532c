//! Where Caddy and the agents meet.
//!
//! | path | what |
//! |---|---|
//! | `run/front/<app>/at/<label>/` | links to what of a release is served: `web.<n>.sock`, `s<n>` (static directories), `p<n>` (public state, where no link is followed), `h<n>` (the same, where links are) |
//! | `run/front/<app>/i.<rules>` | link to the release that is served under these rules of Caddy's configuration: **the switch is one rename of it** |
//! | `run/front/<app>/v.<rules>` | link to `i.<rules>`: the way of the visitors, gone while the gate is closed |
//! | `run/front/<app>/now` | link to the `i.<rules>` that Caddy was last configured with |
//! | `run/front/<app>/open` | there while the gate is open |
//! | `run/front/<app>/gate` | link to a socket that answers whether a request may come in: Caddy's own while the gate is open, that of an agent (`g.<pid>`) while it is closed |
//! | `run/public`, `run/sockets` | mounts of the data of apps and of their sockets, without following links |
//! | `/run/caddy/admin.sock`, `/run/caddy/silver.sock` | Caddy's admin API; its answers to agents, past the gates |
//! | `data/caddy.json` | what Caddy starts with |
//! | `state/front/<app>.log` | requests, written by Caddy |
//!
//! All of it belongs to root; an app can change none of it.

use crate::dirs::Dirs;
use std::path::PathBuf;

/// The paths.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// Links and gates, by app.
    pub(super) front: PathBuf,
    /// The data of apps, without following links.
    pub(super) public: PathBuf,
    /// Caddy's admin API.
    pub(super) admin: PathBuf,
    /// Where Caddy answers agents.
    pub(super) inside: PathBuf,
    /// What Caddy starts with.
    pub(super) config: PathBuf,
    /// The access logs.
    pub(super) logs: PathBuf,
}

impl Places {
    pub(super) fn of(dirs: &Dirs) -> Self {
        // beside silver's own directory: Caddy's unit makes it, and removes it with Caddy
        let caddy = dirs.run.with_file_name("caddy");
        Self {
            front: dirs.run.join("front"),
            public: dirs.run.join("public"),
            admin: caddy.join("admin.sock"),
            inside: caddy.join("silver.sock"),
            config: dirs.data.join("caddy.json"),
            logs: dirs.state.join("front"),
        }
    }

    /// Everything about an app.
    pub(super) fn app(&self, app: &str) -> PathBuf {
        self.front.join(app)
    }
}
