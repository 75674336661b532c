//! In the namespaces: a bridge, a disk in memory for the nodes, and a home for ssh without anything of the machine's user.

use super::outside::cache;
use silver_providers::{
    image::{Image, Images, Kind},
    node::{Access, Bridge, sweep},
};
use std::{
    error::Error,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

/// What the tests of a program share.
#[derive(Debug)]
pub(super) struct Inside {
    /// Where nodes have their directories.
    pub(super) place: PathBuf,
    pub(super) access: Access,
    bare: Image,
    ready: Image,
    hosts: Mutex<PathBuf>,
}

impl Inside {
    /// Mounts and makes it. What is mounted here only these namespaces see.
    pub(super) fn prepare() -> Result<Self, Box<dyn Error>> {
        sweep();
        let images = Images::new(cache());
        let [bare, ready] = [Kind::Bare, Kind::Ready].map(|kind| images.ensure(kind, &mut |_| {}));
        let place = cache().join("run");
        memory(&place)?;
        run(Command::new("ip").args(["link", "set", "lo", "up"]))?;
        Bridge::ensure()?;
        let access = Access::generate(&place.join("access"))?;
        // ssh looks into the home of the user as the system knows it, whatever HOME says
        let home = root_home()?.join(".ssh");
        memory(&home)?;
        for (from, to) in [(access.key().to_owned(), "id_ed25519"), (access.key().with_extension("pub"), "id_ed25519.pub")] {
            fs::copy(from, home.join(to))?;
        }
        let hosts = place.join("hosts");
        fs::copy("/etc/hosts", &hosts)?;
        run(Command::new("mount").arg("--bind").arg(&hosts).arg("/etc/hosts"))?;
        Ok(Self { place, access, bare: bare?, ready: ready?, hosts: Mutex::new(hosts) })
    }

    pub(super) fn image(&self, kind: Kind) -> Image {
        match kind {
            Kind::Bare => self.bare.clone(),
            Kind::Ready => self.ready.clone(),
        }
    }

    /// From now on the name leads there.
    pub(super) fn resolve(&self, name: &str, to: impl Into<IpAddr>) {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let before = fs::read_to_string(&*hosts).expect("the hosts of the tests");
        let others = before.lines().filter(|line| line.split_whitespace().nth(1) != Some(name)).flat_map(|line| [line, "\n"]);
        let text = others.collect::<String>() + &format!("{} {name}\n", to.into());
        fs::write(&*hosts, text).expect("the hosts of the tests");
    }
}

/// A file system in memory over this directory.
fn memory(dir: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    run(Command::new("mount").args(["-t", "tmpfs", "-o", "mode=700,size=80%", "tmpfs"]).arg(dir))
}

/// Root's home, as the system knows it.
fn root_home() -> Result<PathBuf, Box<dyn Error>> {
    let users = fs::read_to_string("/etc/passwd")?;
    let root = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields.get(2) == Some(&"0"));
    Ok(root.and_then(|fields| fields.get(5).map(PathBuf::from)).ok_or("root has no home")?)
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}
