//! Wheels made for tests.

use silver_pack::{
    archive, hash,
    listing::{Kind, Listing, Node},
    snapshot::{MemoryBlobs, Snapshot},
};
use silver_plugin_api::{Digest, TreePath};
use std::{fmt::Write as _, fs, path::Path, sync::Arc};

/// Puts a wheel into `dir`; `requires` are its dependencies, `tags` e.g. `py3-none-any`.
pub(crate) fn wheel_for(dir: &Path, name: &str, version: &str, requires: &[&str], tags: &str) -> Digest {
    let info = format!("{name}-{version}.dist-info");
    let mut metadata =
        format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: made for {tags}\nLicense: MIT\n");
    for requirement in requires {
        let _ = writeln!(metadata, "Requires-Dist: {requirement}");
    }
    let (mut listing, mut blobs) = (Listing::new(), MemoryBlobs::new());
    for (file, content) in [
        (format!("{name}.py"), format!("VERSION = '{version}'\n")),
        (format!("{info}/METADATA"), metadata),
        (format!("{info}/WHEEL"), format!("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tags}\n")),
        (format!("{info}/RECORD"), String::new()),
    ] {
        let node = Node { kind: Kind::File, size: content.len() as u64, digest: blobs.put(content.into_bytes()) };
        listing.insert(TreePath::new(&file).unwrap(), node).unwrap();
    }
    let path = dir.join(format!("{name}-{version}-{tags}.whl"));
    fs::create_dir_all(dir).unwrap();
    archive::write(&Snapshot::new(listing, Arc::new(blobs)), &mut fs::File::create(&path).unwrap()).unwrap();
    hash::sha256(&fs::read(path).unwrap())
}

/// A wheel for any machine.
pub(crate) fn wheel(dir: &Path, name: &str, version: &str, requires: &[&str]) -> Digest {
    wheel_for(dir, name, version, requires, "py3-none-any")
}

/// sha256 of a file.
pub(crate) fn digest(path: &Path) -> Digest {
    hash::sha256(&fs::read(path).unwrap())
}
