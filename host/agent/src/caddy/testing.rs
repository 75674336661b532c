//! A real Caddy for tests: the version of Debian 12, in a mount namespace of its own with the mounts that a server has.

use super::{Caddy, Settings, Tls, places::Places};
use crate::dirs::Dirs;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A Caddy that runs.
pub(crate) struct Process {
    pub(crate) caddy: Caddy,
    /// Where it answers visitors.
    pub(crate) port: u16,
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
    pub(crate) async fn start(dirs: &Dirs) -> Option<Self> {
        let Some(program) = program() else {
            skipped();
            return None;
        };
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let settings = Settings { tls: Tls::Off, http_port: port, ..Settings::default() };
        let places = Places::of(dirs);
        let (data, sockets) = (dirs.data("a"), dirs.run.join("sockets"));
        for dir in [&data, &sockets, &places.public, &places.logs, &places.admin.parent().unwrap().to_owned()] {
            fs::create_dir_all(dir).unwrap();
        }
        let base = format!("{{\"admin\":{{\"listen\":\"unix/{}\"}}}}", places.admin.display());
        fs::write(&places.config, base).unwrap();
        let said = fs::File::create(dirs.state.join("caddy.log")).unwrap();
        let script = "mount --bind \"$1\" \"$2\" && mount -o remount,bind,ro,nosymfollow,nodev,noexec,nosuid \"$2\" && \
                      mount --bind \"$3\" \"$3\" && mount -o remount,bind,nosymfollow,nodev,noexec,nosuid \"$3\" && \
                      exec \"$4\" run --config \"$5\"";
        let root = rustix::process::geteuid().is_root();
        let child = Command::new("unshare")
            .args(if root { &["--mount"][..] } else { &["--mount", "--map-root-user"] })
            .args(["sh", "-euc", script, "sh"])
            .args([data.parent().unwrap(), &places.public, &sockets, &program, &places.config])
            .env("HOME", dirs.data.parent().unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .spawn()
            .unwrap();
        let mut process = Self { caddy: Caddy::new(dirs.clone(), settings), port, child };
        process.ready(dirs).await;
        Some(process)
    }

    async fn ready(&mut self, dirs: &Dirs) {
        for _ in 0..500 {
            if self.caddy.api.config().await.is_ok() {
                return;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "Caddy ended: {}", said(dirs));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("Caddy does not answer: {}", said(dirs));
    }
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
