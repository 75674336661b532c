//! Trees: the lines of a listing, compressed, by the sha256 of the lines. `trees/<sha256>.zst`.
//!
//! A file is one Zstandard frame (RFC 8878) and one skippable frame of 32 bytes, the sha256 of the
//! first: a frame has bits that say nothing about its content, and no bit of a registry may change
//! unnoticed.

use crate::{
    durable::{self, READ_ONLY},
    error::RegistryError,
};
use silver_pack::{hash, listing::Listing};
use silver_plugin_api::Digest;
use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The longest text of a tree: a million paths of ordinary length. What claims more is damaged.
const MAX_LINES: u64 = 256 << 20;

/// The header of the skippable frame at the end: magic number and length, little-endian.
const SEAL: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 32, 0, 0, 0];

/// The trees of a registry.
#[derive(Debug)]
pub struct Trees {
    dir: PathBuf,
    tmp: PathBuf,
}

impl Trees {
    pub(crate) fn new(registry: &Path) -> Self {
        Self { dir: registry.join("trees"), tmp: registry.join("tmp") }
    }

    /// Is this tree here?
    pub fn has(&self, digest: &Digest) -> bool {
        self.path(digest).is_file()
    }

    /// Keeps a tree; its blobs must be here already. Durable when it returns.
    pub fn put(&self, tree: &Listing) -> Result<Digest, RegistryError> {
        let digest = tree.digest();
        let dest = self.path(&digest);
        if !dest.is_file() {
            let packed = pack(tree).map_err(RegistryError::io("compress", &dest))?;
            durable::publish(&self.tmp, &dest, &packed, READ_ONLY)?;
        }
        Ok(digest)
    }

    /// The tree with this digest, checked.
    pub fn get(&self, digest: &Digest) -> Result<Listing, RegistryError> {
        let path = self.path(digest);
        let packed = fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => RegistryError::NoTree(*digest),
            _ => RegistryError::io("read", &path)(error),
        })?;
        unpack(&packed, digest).map_err(|why| RegistryError::damaged(&path, why))
    }

    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(format!("{}.zst", digest.hex()))
    }
}

fn pack(tree: &Listing) -> io::Result<Vec<u8>> {
    let mut packed = zstd::bulk::compress(tree.to_lines().as_bytes(), 3)?;
    let seal = hash::sha256(&packed);
    packed.extend_from_slice(&SEAL);
    packed.extend_from_slice(seal.as_bytes());
    Ok(packed)
}

/// The listing in the bytes of a tree's file, which must have this digest.
pub(crate) fn unpack(packed: &[u8], digest: &Digest) -> Result<Listing, String> {
    let sealed = packed.split_last_chunk::<32>().and_then(|(rest, seal)| Some((rest.strip_suffix(&SEAL)?, seal)));
    let Some((frame, _)) = sealed.filter(|(frame, seal)| hash::sha256(frame).as_bytes() == *seal) else {
        return Err("it is not as it was written".into());
    };
    let mut lines = Vec::new();
    let decoder = zstd::stream::read::Decoder::with_buffer(frame).map_err(|error| error.to_string())?;
    decoder.take(MAX_LINES + 1).read_to_end(&mut lines).map_err(|error| format!("it cannot be decompressed: {error}"))?;
    if lines.len() as u64 > MAX_LINES {
        return Err("it is far too long".into());
    }
    let found = hash::sha256(&lines);
    if found != *digest {
        return Err(format!("it holds the tree {found}"));
    }
    let text = String::from_utf8(lines).map_err(|_| "it is not UTF-8")?;
    Listing::parse(&text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use silver_pack::listing::{Kind, Node};
    use silver_plugin_api::TreePath;

    #[test]
    fn trees_round_trip_and_damage_is_found() {
        let dir = tempfile::tempdir().unwrap();
        for sub in ["trees", "tmp"] {
            fs::create_dir(dir.path().join(sub)).unwrap();
        }
        let trees = Trees::new(dir.path());
        let mut tree = Listing::new();
        for name in ["a", "b/c"] {
            let node = Node { kind: Kind::File, size: 1, digest: hash::sha256(name.as_bytes()) };
            tree.insert(TreePath::new(name).unwrap(), node).unwrap();
        }
        let digest = trees.put(&tree).unwrap();
        assert_eq!(trees.get(&digest).unwrap(), tree);
        let absent = hash::sha256(b"absent");
        assert!(matches!(trees.get(&absent), Err(RegistryError::NoTree(_))));

        let packed = fs::read(trees.path(&digest)).unwrap();
        for at in 0..packed.len() * 8 {
            let mut altered = packed.clone();
            altered[at / 8] ^= 1 << (at % 8);
            assert!(unpack(&altered, &digest).is_err(), "bit {at}");
        }
        assert_eq!(zstd::decode_all(&packed[..]).unwrap(), tree.to_lines().as_bytes());
        let mut longer = packed.clone();
        longer.push(0);
        assert!(unpack(&longer, &digest).is_err());
        assert!(unpack(&packed[..packed.len() - 1], &digest).is_err());
    }
}
