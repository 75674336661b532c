//! A folder of tarballs, made a registry for npm while it runs: on loopback, for as long as it takes.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};
use silver_plugin_api::TreePath;
use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// The registry; it ends when it is dropped.
pub(super) struct Registry {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl Registry {
    /// Serves the tarballs of npm (`*.tgz`) in a folder.
    pub(super) fn serve(folder: &Path) -> io::Result<Self> {
        let packages = Arc::new(read(folder)?);
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let end = ended.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let packages = packages.clone();
                // whoever hangs up gets nothing
                stream.map(|stream| thread::spawn(move || answer(stream, &packages, address))).ok();
            }
        });
        Ok(Self { address, ended })
    }

    /// Its address.
    pub(super) fn address(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // wakes the listener
        TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).ok();
    }
}

struct Tarball {
    path: PathBuf,
    /// Its package.json, with `dist` but for the address.
    manifest: Map<String, Value>,
}

/// By name and version.
type Packages = BTreeMap<String, BTreeMap<String, Tarball>>;

fn read(folder: &Path) -> io::Result<Packages> {
    let mut packages = Packages::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|suffix| suffix != "tgz") {
            continue;
        }
        let content = fs::read(&path)?;
        let broken = |why: String| io::Error::other(format!("`{}`: {why}", path.display()));
        let tree = crate::unpack::tgz(&content).map_err(|error| broken(error.to_string()))?;
        let text = tree.text(&TreePath::new("package.json").unwrap_or_default()).map_err(|error| broken(error.to_string()))?;
        let mut manifest: Map<String, Value> = serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
        let field = |name: &str| manifest.get(name).and_then(Value::as_str).map(str::to_owned);
        let (Some(name), Some(version)) = (field("name"), field("version")) else {
            return Err(broken("its package.json has no name or version".into()));
        };
        let integrity = format!("sha512-{}", STANDARD.encode(Sha512::digest(&content)));
        manifest.insert("dist".into(), json!({ "integrity": integrity }));
        packages.entry(name).or_default().insert(version, Tarball { path, manifest });
    }
    Ok(packages)
}

fn answer(stream: TcpStream, packages: &Packages, address: SocketAddr) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    if stream.read_line(&mut line).is_err() {
        return;
    }
    let mut header = String::new();
    while stream.read_line(&mut header).is_ok_and(|read| read > 2) {
        header.clear();
    }
    let path = line.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').replace("%2f", "/").replace("%2F", "/");
    let body = match path.split_once("/-/") {
        Some((name, version)) => packages.get(name).and_then(|all| all.get(version)).and_then(|one| fs::read(&one.path).ok()),
        None => packages.get(&path).map(|versions| packument(&path, versions, address).to_string().into_bytes()),
    };
    let (status, body) = body.map_or(("404 Not Found", b"{}".to_vec()), |body| ("200 OK", body));
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.get_mut().write_all(&[head.into_bytes(), body].concat()).ok();
}

/// What a registry says of a package.
fn packument(name: &str, versions: &BTreeMap<String, Tarball>, address: SocketAddr) -> Value {
    let mut all = Map::new();
    for (version, one) in versions {
        let mut manifest = Value::Object(one.manifest.clone());
        manifest["dist"]["tarball"] = format!("http://{address}/{name}/-/{version}").into();
        all.insert(version.clone(), manifest);
    }
    let newest = versions.keys().max_by(|a, b| crate::index::directory::newer(a, b));
    json!({ "name": name, "dist-tags": { "latest": newest }, "versions": all })
}
