//! Every path that the agent uses, in one place. A server has the same folders as the local node, at the
//! places of its system; nothing but this file knows which of the two it is.
//!
//! | path | on a server | what | owner module |
//! |---|---|---|---|
//! | `data/registry/` | `/var/lib/silver/registry/` | the registry | `silver_registry`, written by agents only |
//! | `data/keys/node.key` | `…/keys/node.key` | Ed25519 key that signs tree heads and events, 0600 | `record` |
//! | `data/nodes/local/apps/<app>.json` | `…/apps/<app>.json` | state, locations and current label of an app | `state` |
//! | `data/nodes/local/releases/<app>/<label>/` | `…/releases/<app>/<label>/` | `release.json`, `tree/` (exactly the merged tree, 0444/0555: copies; on a server links to `store/`), `instance/` (the view) | `stage` |
//! | | `…/store/<ab>/<sha256>[-x]` | files that releases share | `stage::shared` |
//! | `data/nodes/local/current/<app>` | `…/current/<app>` | link to the current release, for people | `state` |
//! | `data/nodes/local/envs/<hex>/` | `…/envs/<hex>/` | interpreters' environments; `.complete` is written last | `stage` |
//! | `data/nodes/local/assembled/<hex>` | `…/assembled/<hex>` | what a build step made: paths and digests, by what it was made from | `stage::assemble` |
//! | `data/nodes/local/data/<app>/` | `…/data/<app>/` | `SILVER_DATA_DIR`: what the app writes | `data` |
//! | `data/nodes/local/secrets/<app>/<name>` | `…/secrets/<app>/<name>` | secrets, 0600 | `secrets` |
//! | `data/nodes/local/checkpoints/<app>/<id>/` | `…/checkpoints/<app>/<id>/` | copies made before an update | `checkpoint` |
//! | `data/nodes/local/journal/<id>.jsonl`, `<id>/` | `…/journal/…` | a transition under way, and former bytes of configs | `journal` |
//! | `data/nodes/local/trash/` | `…/trash/` | what was removed, until it is reaped | `trash` |
//! | | `…/setup.json` | the last set-up: its plan, whether all of it is in place, who is still to be poked | `resources` |
//! | | `…/undo/<id>.json` | how things were before a change that can cut the operator off, until it is confirmed | `resources::guard` |
//! | | `…/firewall.listing` | how nft lists silver's rules when they are loaded | `resources::firewall` |
//! | `state/logs/apps/<app>/` | `/var/log/silver/apps/<app>/` | `<label>.<process>.log`, `access.log`: what apps say | `logs` |
//! | | `/var/log/silver/copied` | how far the journal was copied into the logs of apps | `systemd` |
//! | `state/agent.log` | `/var/log/silver/agent.log` | what agents say | the command |
//! | | `/var/cache/silver/{facts,sshd}` | what programs told of themselves | `facts` |
//! | `cache/apps/<app>/{home,tmp}/` | `/var/cache/silver/apps/<app>/…` | `HOME` and `TMPDIR` of an app | `environment` |
//! | `config/` | `/etc/silver/` | what people write | the command |
//! | `run/agent.lock`, `run/agent.sock` | | one agent per home; its socket, 0600 | `server` |
//! | `run/locks/<app>` | `/run/silver/locks/<app>` | held by whoever changes an app; names the holder. `.staging`, `.building`, `.assembling`, `.reaping` are held while that is done, `.setup` by whoever sets the machine up | `lock` |
//! | | `/run/silver/feeds/<app>/<id>.jsonl` | what a change says while it is carried out, its outcome last | `feed` |
//! | | `/usr/local/lib/silver/silver-<digest>`, `current` | silver itself, and the link to the build that was copied last | `silver_transport::ssh` |
//! | | `/run/silver/front/<app>/` | links that Caddy follows, and the gate ([`crate::caddy`]) | `caddy` |
//! | | `/run/silver/{public,sockets,data}` | mounts that follow no links: data of apps for Caddy; sockets of apps; data of apps to be copied | `silver setup-node` |
//! | | `/run/caddy/{admin,silver}.sock` | Caddy's admin API; its answers to agents | Caddy |
//! | | `/var/lib/silver/caddy.json` | what Caddy starts with | `caddy` |
//! | | `/var/log/silver/front/<app>.log` | requests | Caddy |
//! | `run/apps/<app>/<label>/` | `/run/silver/apps/<app>/<label>/` | `conf/` (rendered files, 0400), `*.sock` (below `/tmp/silver-<uid>-<digest>` when the path is too long for one), `*.pid` (running processes) | `render`, `hosting`, `process` |

use crate::disk::{DiskError, make_dir, make_open_dir};
use silver_plugin_api::{Digest, TreePath};
use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Where a server keeps its builds of silver. The link `current` in it leads to the one that was copied last: units
/// name it.
pub const PROGRAMS: &str = "/usr/local/lib/silver";
/// What is there on a server as soon as a set-up was begun, and not before: [`Dirs::setup`].
pub const SET_UP: &str = "/var/lib/silver/setup.json";

/// The roots; the command line decides where they are.
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
    /// What people write.
    pub config: PathBuf,
    /// How it is arranged below them.
    pub layout: Layout,
}

/// How the folders are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One person's: the registry is theirs, and the local node is one of the nodes that they know.
    Local,
    /// A server's: it is the node.
    Server,
}

impl Dirs {
    /// All below one directory, as with `SILVER_HOME`.
    pub fn below(home: &Path) -> Self {
        Self {
            data: home.join("data"),
            state: home.join("state"),
            cache: home.join("cache"),
            run: home.join("run"),
            config: home.join("config"),
            layout: Layout::Local,
        }
    }

    /// Those of a server.
    pub fn server() -> Self {
        Self::server_below(Path::new("/"))
    }

    /// Those of a server whose root is another directory: for tests and images.
    pub fn server_below(root: &Path) -> Self {
        Self {
            data: root.join("var/lib/silver"),
            state: root.join("var/log/silver"),
            cache: root.join("var/cache/silver"),
            run: root.join("run/silver"),
            config: root.join("etc/silver"),
            layout: Layout::Server,
        }
    }

    /// Is this a server? Then several agents work at the same time, apps have users of their own, and releases
    /// share files.
    pub fn is_server(&self) -> bool {
        self.layout == Layout::Server
    }

    /// Makes the folders of a server, so that those who must can pass through them, and nobody else.
    pub(crate) fn prepare(&self) -> Result<(), DiskError> {
        let open = ["", "releases", "current", "envs", "data"].map(|name| self.node().join(name));
        let open = open.into_iter().chain([self.state.clone(), self.state.join("apps")]);
        let open = open.chain([self.cache.clone(), self.cache.join("apps"), self.run.clone(), self.run.join("apps")]);
        for dir in open {
            make_open_dir(&dir)?;
        }
        for name in ["store", "registry", "keys", "apps", "secrets", "checkpoints", "journal", "trash", "assembled"] {
            make_dir(&self.node().join(name))?;
        }
        make_dir(&self.run.join("locks"))?;
        make_dir(&self.run.join("feeds"))
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

    /// The newest head that was seen of each node's log, by the node's name.
    pub fn seen_heads(&self) -> PathBuf {
        self.data.join("heads")
    }

    /// The folders of the node.
    pub fn node(&self) -> PathBuf {
        match self.layout {
            Layout::Local => self.data.join("nodes/local"),
            Layout::Server => self.data.clone(),
        }
    }

    /// Files that releases share.
    pub fn store(&self) -> PathBuf {
        self.node().join("store")
    }

    /// The set-up that was applied.
    pub fn setup(&self) -> PathBuf {
        self.node().join("setup.json")
    }

    /// How things were that wait for a confirmation.
    pub fn setup_undo(&self) -> PathBuf {
        self.node().join("undo")
    }

    /// Held for as long as somebody sets the machine up.
    pub fn setup_lock(&self) -> PathBuf {
        self.app_lock(".setup")
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

    /// The same for who reads what an app may be changing: on a server through a mount that follows no links.
    pub fn data_without_links(&self, app: &str) -> PathBuf {
        let (mounted, data) = (self.run.join("data").join(app), self.data(app));
        let same = |one: fs::Metadata, other: fs::Metadata| (one.dev(), one.ino()) == (other.dev(), other.ino());
        let is_it = fs::metadata(&mounted).ok().zip(fs::metadata(&data).ok()).is_some_and(|(one, other)| same(one, other));
        if self.is_server() && is_it { mounted } else { data }
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
        let apps = match self.layout {
            Layout::Local => "logs/apps",
            Layout::Server => "apps",
        };
        self.state.join(apps).join(app)
    }

    /// How far the journal was copied into the logs of apps.
    pub fn copied_logs(&self) -> PathBuf {
        self.state.join("copied")
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

    /// A lock that is held while something is done that concerns several apps; no app has such a name.
    pub fn short_lock(&self, what: &str) -> PathBuf {
        self.run.join("locks").join(format!(".{what}"))
    }

    /// What changes of an app say, one file each.
    pub fn feeds(&self, app: &str) -> PathBuf {
        self.run.join("feeds").join(app)
    }

    /// The agent's socket.
    pub fn agent_socket(&self) -> PathBuf {
        self.run.join("agent.sock")
    }

    /// Sockets and rendered files of all releases of an app.
    pub fn run_app(&self, app: &str) -> PathBuf {
        self.run.join("apps").join(app)
    }

    /// Sockets and rendered files of a release.
    pub fn run_release(&self, app: &str, label: &str) -> PathBuf {
        self.run_app(app).join(label)
    }

    /// Where the rendered file that appears at `path` of the instance view lies.
    pub fn rendered(&self, app: &str, label: &str, path: &TreePath) -> PathBuf {
        self.run_release(app, label).join("conf").join(path.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_read_where_no_link_is_followed_if_they_are_there() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::server_below(home.path());
        fs::create_dir_all(dirs.data("a")).unwrap();
        assert_eq!(dirs.data_without_links("a"), dirs.data("a"));
        // not the mount: what another disk has would be missing
        fs::create_dir_all(dirs.run.join("data/a")).unwrap();
        assert_eq!(dirs.data_without_links("a"), dirs.data("a"));
        fs::remove_dir_all(dirs.run.join("data")).unwrap();
        std::os::unix::fs::symlink(dirs.data("a").parent().unwrap(), dirs.run.join("data")).unwrap(); // as good as a mount
        assert_eq!(dirs.data_without_links("a"), dirs.run.join("data/a"));
    }

    #[test]
    fn a_server_has_the_folders_of_its_system() {
        let dirs = Dirs::server();
        for (path, expected) in [
            (dirs.store(), "/var/lib/silver/store"),
            (dirs.registry(), "/var/lib/silver/registry"),
            (dirs.setup(), SET_UP),
            (dirs.node_key(), "/var/lib/silver/keys/node.key"),
            (dirs.app_file("a"), "/var/lib/silver/apps/a.json"),
            (dirs.tree("a", "a.1"), "/var/lib/silver/releases/a/a.1/tree"),
            (dirs.current("a"), "/var/lib/silver/current/a"),
            (dirs.data("a"), "/var/lib/silver/data/a"),
            (dirs.journals(), "/var/lib/silver/journal"),
            (dirs.logs("a"), "/var/log/silver/apps/a"),
            (dirs.agent_log(), "/var/log/silver/agent.log"),
            (dirs.cache.clone(), "/var/cache/silver"),
            (dirs.run_release("a", "a.1"), "/run/silver/apps/a/a.1"),
            (dirs.feeds("a"), "/run/silver/feeds/a"),
            (dirs.config.clone(), "/etc/silver"),
        ] {
            assert_eq!(path, Path::new(expected));
        }
        let local = Dirs::below(Path::new("/home"));
        assert_eq!(local.logs("a"), Path::new("/home/state/logs/apps/a"));
        assert_eq!(local.data("a"), Path::new("/home/data/nodes/local/data/a"));
    }
}
