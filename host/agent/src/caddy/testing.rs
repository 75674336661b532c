//! A real Caddy for tests: the version of Debian 12, in a mount namespace of its own with the mounts that a server has.

use super::{Caddy, Settings, Tls, places::Places};
use crate::dirs::Dirs;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A Caddy that runs.
pub(crate) struct Process {
    pub(crate) caddy: Caddy,
    /// Where it answers visitors, and where it leads them away from.
    pub(crate) port: u16,
    pub(crate) plain: u16,
    dirs: Dirs,
    program: PathBuf,
    child: Child,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts one with nothing but its admin API. `None`, said aloud, where there is none.
    pub(crate) async fn start(dirs: &Dirs, tls: Tls) -> Option<Self> {
        let Some(program) = program() else {
            skipped();
            return None;
        };
        let free = || std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        // most tests change the rules again and again, and have no visitors meanwhile
        let settings = Settings { tls, http_port: free(), https_port: free(), handover: Duration::ZERO, ..Settings::default() };
        let (port, plain) = (settings.port(), settings.http_port);
        let places = Places::of(dirs);
        for dir in [&dirs.data("a"), &dirs.run.join("sockets"), &places.public, &places.logs] {
            fs::create_dir_all(dir).unwrap();
        }
        fs::create_dir_all(places.admin.parent().unwrap()).unwrap();
        let base = format!("{{\"admin\":{{\"listen\":\"unix/{}\"}}}}", places.admin.display());
        fs::write(&places.config, base).unwrap();
        let child = run(dirs, &program);
        let caddy = Caddy::new(dirs.clone(), settings);
        let mut process = Self { caddy, port, plain, dirs: dirs.clone(), program, child };
        process.ready().await;
        Some(process)
    }

    /// From the next configuration on, each goes on for so long beside the one after it.
    pub(crate) fn overlap(&mut self, handover: Duration) {
        self.caddy = Caddy::new(self.dirs.clone(), Settings { handover, ..self.caddy.settings.clone() });
    }

    /// Ends it at once, and starts it again.
    pub(crate) async fn restart(&mut self) {
        self.end();
        self.start_again().await;
    }

    /// Ends it at once.
    pub(crate) fn end(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again.
    pub(crate) async fn start_again(&mut self) {
        self.child = run(&self.dirs, &self.program);
        self.ready().await;
    }

    /// Its whole configuration.
    pub(crate) async fn config(&self) -> Value {
        self.caddy.api.config().await.unwrap()
    }

    /// Configures it as somebody else would.
    pub(crate) async fn load(&self, config: &Value) {
        self.caddy.api.load(config).await.unwrap();
    }

    /// Another agent on the same server.
    pub(crate) fn another(&self) -> Caddy {
        Caddy::new(self.dirs.clone(), self.caddy.settings.clone())
    }

    async fn ready(&mut self) {
        for _ in 0..500 {
            if self.caddy.api.config().await.is_ok() {
                return;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "Caddy ended: {}", said(&self.dirs));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("Caddy does not answer: {}", said(&self.dirs));
    }
}

/// With the mounts that a server has.
fn run(dirs: &Dirs, program: &Path) -> Child {
    let places = Places::of(dirs);
    let script = "mount --bind \"$1\" \"$2\" && mount -o remount,bind,ro,nosymfollow,nodev,noexec,nosuid \"$2\" && \
                  mount --bind \"$3\" \"$3\" && mount -o remount,bind,nosymfollow,nodev,noexec,nosuid \"$3\" && \
                  exec \"$4\" run --config \"$5\"";
    let data = dirs.data("a");
    Command::new("unshare")
        .args(if rustix::process::geteuid().is_root() { &["--mount"][..] } else { &["--mount", "--map-root-user"] })
        .args(["sh", "-euc", script, "sh"])
        .args([data.parent().unwrap(), &places.public, &dirs.run.join("sockets"), program, &places.config])
        .env("HOME", dirs.data.parent().unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(dirs.state.join("caddy.log")).unwrap())
        .spawn()
        .unwrap()
}

fn said(dirs: &Dirs) -> String {
    fs::read_to_string(dirs.state.join("caddy.log")).unwrap_or_default()
}

/// Said aloud; where nothing may be skipped, a failure.
#[allow(clippy::disallowed_macros, clippy::disallowed_methods)] // a test tells whoever runs it, and asks how
fn skipped() {
    eprintln!("SKIP Caddy: it is neither installed nor in ~/.cache/silver-test (`cargo xtask test` puts it there)");
    assert!(std::env::var_os("SILVER_REQUIRE_NODES").is_none(), "SILVER_REQUIRE_NODES is set: that is a failure");
}

fn program() -> Option<PathBuf> {
    let kept = std::env::home_dir().map(|home| home.join(".cache/silver-test/caddy/usr/bin/caddy"));
    [Some(PathBuf::from("/usr/bin/caddy")), kept].into_iter().flatten().find(|path: &PathBuf| Path::exists(path))
}
