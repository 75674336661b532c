//! Every path that the agent uses, in one place.
//!
//! | path | what | owner module |
//! |---|---|---|
//! | `data/registry/` | the registry | `silver_registry`, written by the agent only |
//! | `data/keys/node.key` | Ed25519 key that signs tree heads and events, 0600 | `record` |
//! | `data/nodes/local/apps/<app>.json` | state, locations and current label of an app | `state` |
//! | `data/nodes/local/releases/<app>/<label>/` | `release.json`, `tree/` (exactly the merged tree, copies, 0444/0555), `instance/` (the view) | `stage` |
//! | `data/nodes/local/current/<app>` | link to the current release, for people | `state` |
//! | `data/nodes/local/envs/<hex>/` | interpreters' environments; `.complete` is written last | `stage` |
//! | `data/nodes/local/assembled/<hex>` | what a build step made: paths and digests, by what it was made from | `stage::assemble` |
//! | `data/nodes/local/data/<app>/` | `SILVER_DATA_DIR`: what the app writes | `data` |
//! | `data/nodes/local/secrets/<app>/<name>` | secrets, 0600 | `secrets` |
//! | `data/nodes/local/checkpoints/<app>/<id>/` | copies made before an update | `checkpoint` |
//! | `data/nodes/local/journal/<id>.jsonl`, `<id>/` | a transition under way, and former bytes of configs | `journal` |
//! | `data/nodes/local/trash/` | what was removed, until it is reaped | `trash` |
//! | `state/logs/apps/<app>/<label>.<process>.log`, `access.log` | what apps say | `logs` |
//! | `state/agent.log` | what the agent says | the command |
//! | `cache/apps/<app>/{home,tmp}/` | `HOME` and `TMPDIR` of an app | `environment` |
//! | `run/agent.lock`, `run/agent.sock` | one agent per home; its socket, 0600 | `server` |
//! | `run/locks/<app>` | held by whoever changes an app; names the holder | `lock` |
//! | `run/apps/<app>/<label>/{conf/,*.sock,*.pid}` | rendered files (0400), sockets (below `/tmp/silver-<uid>-<digest>` when the path is too long for one), running processes | `render`, `hosting`, `process` |

use silver_plugin_api::{Digest, TreePath};
use std::path::{Path, PathBuf};

/// The four roots; the command line decides where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    /// What must not be lost.
    pub data: PathBuf,
    /// Logs.
    pub state: PathBuf,
    /// What can be made again.
    pub cache: PathBuf,
    /// Sockets, locks, rendered files: gone after a reboot.
    pub run: PathBuf,
}

impl Dirs {
    /// All four below one directory, as with `SILVER_HOME`.
    pub fn below(home: &Path) -> Self {
        Self { data: home.join("data"), state: home.join("state"), cache: home.join("cache"), run: home.join("run") }
    }

    /// The registry.
    pub fn registry(&self) -> PathBuf {
        self.data.join("registry")
    }

    /// The key that signs the registry's log; never inside the registry.
    pub fn node_key(&self) -> PathBuf {
        self.data.join("keys/node.key")
    }

    /// The keys with which the person at this machine signs packs.
    pub fn publisher_keys(&self) -> PathBuf {
        self.data.join("keys/publisher")
    }

    /// The folders of the local node.
    pub fn node(&self) -> PathBuf {
        self.data.join("nodes/local")
    }

    /// State files of all apps.
    pub fn apps(&self) -> PathBuf {
        self.node().join("apps")
    }

    /// State file of an app.
    pub fn app_file(&self, app: &str) -> PathBuf {
        self.apps().join(format!("{app}.json"))
    }

    /// The releases of an app.
    pub fn releases(&self, app: &str) -> PathBuf {
        self.node().join("releases").join(app)
    }

    /// One release.
    pub fn release(&self, app: &str, label: &str) -> PathBuf {
        self.releases(app).join(label)
    }

    /// The merged tree of a release (`SILVER_TREE_DIR`).
    pub fn tree(&self, app: &str, label: &str) -> PathBuf {
        self.release(app, label).join("tree")
    }

    /// What the file system said of a release's tree when it was laid out (see [`crate::observe::stats`]).
    pub fn stats(&self, app: &str, label: &str) -> PathBuf {
        self.release(app, label).join("stats")
    }

    /// The instance view of a release (`SILVER_INSTANCE_DIR`).
    pub fn instance(&self, app: &str, label: &str) -> PathBuf {
        self.release(app, label).join("instance")
    }

    /// The link to the current release of an app.
    pub fn current(&self, app: &str) -> PathBuf {
        self.node().join("current").join(app)
    }

    /// All environments.
    pub fn environments(&self) -> PathBuf {
        self.node().join("envs")
    }

    /// One environment (`SILVER_ENV_DIR`).
    pub fn environment(&self, id: &Digest) -> PathBuf {
        self.environments().join(id.hex())
    }

    /// What build steps have made.
    pub fn assembled(&self) -> PathBuf {
        self.node().join("assembled")
    }

    /// What an app writes (`SILVER_DATA_DIR`).
    pub fn data(&self, app: &str) -> PathBuf {
        self.node().join("data").join(app)
    }

    /// The secrets of an app, one file each.
    pub fn secrets(&self, app: &str) -> PathBuf {
        self.node().join("secrets").join(app)
    }

    /// The checkpoints of an app.
    pub fn checkpoints(&self, app: &str) -> PathBuf {
        self.node().join("checkpoints").join(app)
    }

    /// One checkpoint.
    pub fn checkpoint(&self, app: &str, id: &str) -> PathBuf {
        self.checkpoints(app).join(id)
    }

    /// All journals.
    pub fn journals(&self) -> PathBuf {
        self.node().join("journal")
    }

    /// What was removed and is not reaped yet; on the same file system as everything that goes there.
    pub fn trash(&self) -> PathBuf {
        self.node().join("trash")
    }

    /// Logs of an app.
    pub fn logs(&self, app: &str) -> PathBuf {
        self.state.join("logs/apps").join(app)
    }

    /// What the agent says.
    pub fn agent_log(&self) -> PathBuf {
        self.state.join("agent.log")
    }

    /// Held for as long as an agent runs.
    pub fn agent_lock(&self) -> PathBuf {
        self.run.join("agent.lock")
    }

    /// Held for as long as somebody changes an app.
    pub fn app_lock(&self, app: &str) -> PathBuf {
        self.run.join("locks").join(app)
    }

    /// The agent's socket.
    pub fn agent_socket(&self) -> PathBuf {
        self.run.join("agent.sock")
    }

    /// Sockets and rendered files of a release.
    pub fn run_release(&self, app: &str, label: &str) -> PathBuf {
        self.run.join("apps").join(app).join(label)
    }

    /// Where the rendered file that appears at `path` of the instance view lies.
    pub fn rendered(&self, app: &str, label: &str, path: &TreePath) -> PathBuf {
        self.run_release(app, label).join("conf").join(path.as_str())
    }
}
