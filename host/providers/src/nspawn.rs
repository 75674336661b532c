//! The provider `nspawn`: nodes on this machine that stay until they are destroyed.

use crate::{
    Created, Provider, ProviderError, Wanted,
    image::{Image, ImageInfo, Images, KINDS, Kind},
    node::{Access, Address, Node, Spec, check_name},
    provider::Watch,
    run::run,
};
use serde::{Deserialize, Serialize};
use std::{fs, os::unix::fs::DirBuilderExt, path::PathBuf, process::Command};

/// Where nodes are kept when nothing else is said.
pub const DIRECTORY: &str = "/var/lib/silver-nspawn";

/// Where a node's directory gets its note before it gets its name; no node is called so.
const NEW: &str = ".new";

/// Programs that are run, with the packages of Debian that have them.
const PROGRAMS: [(&str, &str); 9] = [
    ("systemd-nspawn", "systemd-container"),
    ("mmdebstrap", "mmdebstrap"),
    ("dpkg-scanpackages", "dpkg-dev"),
    ("ip", "iproute2"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setsid", "util-linux"),
];

/// Nodes of systemd-nspawn.
#[derive(Debug, Clone)]
pub struct Nspawn {
    dir: PathBuf,
    images: Images,
}

/// What is noted of a node, as `node.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    address: Address,
    /// The very directories that it stands on: another version of silver may make other images.
    image: Image,
}

impl Nspawn {
    /// Nodes in a directory, made of images in another.
    pub fn new(dir: impl Into<PathBuf>, images: Images) -> Self {
        Self { dir: dir.into(), images }
    }

    /// Can this machine make nodes? If not, says why.
    pub fn check() -> Result<(), ProviderError> {
        if !rustix::process::geteuid().is_root() {
            let hint = Some("run it as root: `sudo silver …`".into());
            return Err(ProviderError::Unable { why: "namespaces, mounts and bridges need root".into(), hint });
        }
        let paths: Vec<PathBuf> = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from).into();
        let missing = PROGRAMS.iter().filter(|(program, _)| !paths.iter().any(|dir| dir.join(program).exists()));
        let (names, packages): (Vec<&str>, Vec<&str>) = missing.copied().unzip();
        if !names.is_empty() {
            let hint = Some(format!("apt-get install {}", packages.join(" ")));
            return Err(ProviderError::Unable { why: format!("there is no {}", names.join(", no ")), hint });
        }
        let tried = run(Command::new("unshare").args(["--mount", "--net", "--pid", "--fork", "true"]));
        tried.map(drop).map_err(|error| ProviderError::Unable { why: error.to_string(), hint: None })
    }

    /// Of a node that was created.
    pub fn node(&self, name: &str) -> Result<Node, ProviderError> {
        self.open(name).map(|(node, _)| node)
    }

    fn open(&self, name: &str) -> Result<(Node, Note), ProviderError> {
        check_name(name)?;
        let dir = self.dir.join(name);
        let path = dir.join("node.json");
        let Ok(text) = fs::read_to_string(&path) else { return Err(ProviderError::NoSuchNode(name.into())) };
        let note: Note = serde_json::from_str(&text).map_err(|error| ProviderError::Damaged { path, why: error.to_string() })?;
        let image = note.image.clone();
        let spec = Spec { name: name.into(), dir, image, address: note.address, keys: Vec::new(), disk_mib: None };
        Ok((Node::open(spec)?, note))
    }

    /// Names of all that were created, in order.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let nodes = entries.filter(|entry| entry.path().join("node.json").exists());
        let names = nodes.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| check_name(name).is_ok()).collect();
        names.sort();
        names
    }

    /// Takes name and address: one at a time.
    fn claim(&self, wanted: &Wanted, image: &Image) -> Result<Address, ProviderError> {
        check_name(&wanted.name)?;
        fs::create_dir_all(&self.dir).map_err(ProviderError::file(&self.dir, "make the directory"))?;
        let lock = self.dir.join("lock");
        let held = fs::File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let _held = held.map_err(ProviderError::file(&lock, "lock"))?;
        let dir = self.dir.join(&wanted.name);
        if dir.exists() {
            return Err(ProviderError::Exists(wanted.name.clone()));
        }
        let note = |name: &String| fs::read_to_string(self.dir.join(name).join("node.json")).ok();
        let taken: Vec<Address> = (self.names().iter().filter_map(note))
            .filter_map(|text| serde_json::from_str::<Note>(&text).ok())
            .map(|note| note.address)
            .collect();
        let address = Address::all().find(|address| !taken.contains(address)).ok_or(ProviderError::Crowded)?;
        // a directory without its note would be nobody's to destroy, and in everybody's way
        let new = self.dir.join(NEW);
        if new.exists() {
            // of somebody who was killed: the lock is ours
            fs::remove_dir_all(&new).map_err(ProviderError::file(&new, "remove"))?;
        }
        // root of a node is root of this machine: nobody else here may run what it makes setuid
        let made = fs::DirBuilder::new().mode(0o700).create(&new);
        made.map_err(ProviderError::file(&new, "make the directory"))?;
        let note = Note { address, image: image.clone() };
        let text = serde_json::to_string(&note).unwrap_or_default();
        let path = new.join("node.json");
        fs::write(&path, text).map_err(ProviderError::file(path, "write"))?;
        fs::rename(&new, &dir).map_err(ProviderError::file(&dir, "rename it into place"))?;
        Ok(address)
    }

    /// A node whose name and address are taken.
    fn made(&self, wanted: &Wanted, image: Image, address: Address) -> Result<Node, ProviderError> {
        let access = Access::generate(&self.dir.join(".access"))?;
        let mut keys = wanted.keys.clone();
        keys.push(access.public_key()?);
        let spec = Spec { name: wanted.name.clone(), dir: self.dir.join(&wanted.name), image, address, keys, disk_mib: None };
        let node = Node::create(spec)?;
        node.start()?;
        access.know(&node)?;
        node.wait_ssh(&access)?;
        Ok(node)
    }
}

impl Provider for Nspawn {
    fn kind(&self) -> &'static str {
        "nspawn"
    }

    fn images(&self) -> Result<Vec<ImageInfo>, ProviderError> {
        self.images.list()
    }

    fn create(&self, wanted: &Wanted, watch: Watch<'_>) -> Result<Created, ProviderError> {
        Self::check()?;
        crate::node::sweep();
        let kind = wanted.image.as_deref().map_or(Ok(KINDS[0]), Kind::named)?;
        let image = self.images.ensure(kind, watch)?;
        let address = self.claim(wanted, &image)?;
        match self.made(wanted, image, address) {
            Ok(node) => Ok(created(&node, kind)),
            Err(error) => {
                // what failed is told; what is left of the attempt is in nobody's way but the next one's
                let _ = self.destroy(&wanted.name);
                Err(error)
            }
        }
    }

    fn nodes(&self) -> Result<Vec<Created>, ProviderError> {
        let one = |name: &String| self.open(name).map(|(node, note)| created(&node, note.image.kind));
        self.names().iter().map(one).collect()
    }

    fn destroy(&self, name: &str) -> Result<(), ProviderError> {
        self.open(name)?.0.destroy()
    }
}

fn created(node: &Node, kind: Kind) -> Created {
    Created {
        name: node.name().into(),
        address: format!("root@{}", node.address().ip()),
        host_key: node.host_key().into(),
        image: kind.name().into(),
        running: node.is_running(),
    }
}
