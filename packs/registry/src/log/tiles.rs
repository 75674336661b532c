//! Reading and writing the tiles of the Merkle tree.

use super::{TilePath, TreeHead};
use crate::{durable, error::RegistryError};
use sha2::{Digest as _, Sha256};
use silver_plugin_api::Digest;
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};
use tlog_tiles::{Error, Hash, HashReader, Tile, TileHashReader, TileReader};

/// Tiles span eight levels of the tree.
pub(super) const HEIGHT: u8 = 8;
/// Hashes in a full tile.
pub(crate) const TILE_WIDTH: u32 = 1 << HEIGHT;

/// No log has more events; above, the arithmetic of proofs overflows.
const MAX_SIZE: u64 = 1 << 48;
/// A proof has a hash for each level of the tree, at most two.
const MAX_PROOF: usize = 2 * 48;

/// A tile's place and what is to be there.
pub(crate) type TileBytes = (TilePath, Vec<u8>);

/// The tiles below a log's directory.
#[derive(Debug)]
pub struct Tiles {
    dir: PathBuf,
}

/// A proof could not be made or did not hold.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A tile cannot be read.
    #[error("cannot read the tile {path}")]
    Tile {
        /// Below the log's directory.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The tiles do not belong to the head.
    #[error("the tiles do not lead to the tree head's root hash")]
    Inconsistent,
    /// The log has no such entries.
    #[error("the log has {size} events, not {wanted}")]
    Range {
        /// Events in the log.
        size: u64,
        /// How many would be needed.
        wanted: u64,
    },
}

/// The leaf hash of an event: RFC 6962's hash of the sha256 of its file.
pub(crate) fn entry_hash(event: &[u8]) -> Hash {
    tlog_tiles::record_hash(&Sha256::digest(event))
}

/// Do these hashes prove that the log at `head` begins with the whole log at `older`? They may come from anybody.
pub fn goes_on(head: &TreeHead, older: &TreeHead, proof: &[Digest]) -> Result<(), LogError> {
    if older.size > head.size {
        return Err(LogError::Range { size: head.size, wanted: older.size });
    }
    if older.size == 0 {
        return if older.hash() == tlog_tiles::EMPTY_HASH { Ok(()) } else { Err(LogError::Inconsistent) };
    }
    if head.size > MAX_SIZE || proof.len() > MAX_PROOF {
        return Err(LogError::Inconsistent);
    }
    let proof = proof.iter().map(|digest| Hash(*digest.as_bytes())).collect();
    tlog_tiles::check_tree(&proof, head.size, head.hash(), older.size, older.hash()).map_err(|_| LogError::Inconsistent)
}

impl Tiles {
    /// The tiles in `dir`, the directory that holds `tile/`.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The leaf hash of entry `index`, proven to be below `head`.
    pub fn leaf(&self, head: &TreeHead, index: u64) -> Result<Digest, LogError> {
        if index >= head.size {
            return Err(LogError::Range { size: head.size, wanted: index + 1 });
        }
        let hashes = self.read(head, &[tlog_tiles::stored_hash_index(0, index)])?;
        Ok(Digest::from_bytes(hashes[0].0))
    }

    /// Proves that the log at `head` begins with the whole log at `older`.
    pub fn check_consistency(&self, head: &TreeHead, older: &TreeHead) -> Result<(), LogError> {
        let proof = if older.size > head.size { Vec::new() } else { self.proof(head, older.size)? };
        goes_on(head, older, &proof)
    }

    /// What proves to whoever knows the head of its first `size` events that the log at `head` begins with them:
    /// [`goes_on`].
    pub fn proof(&self, head: &TreeHead, size: u64) -> Result<Vec<Digest>, LogError> {
        if size > head.size {
            return Err(LogError::Range { size: head.size, wanted: size });
        }
        if size == 0 {
            return Ok(Vec::new());
        }
        let reader = Authenticated { tiles: self, head, failed: RefCell::default() };
        let proof = tlog_tiles::prove_tree(head.size, size, &reader).map_err(|error| reader.why(&error))?;
        Ok(proof.into_iter().map(|hash| Digest::from_bytes(hash.0)).collect())
    }

    fn read(&self, head: &TreeHead, indexes: &[u64]) -> Result<Vec<Hash>, LogError> {
        let reader = Authenticated { tiles: self, head, failed: RefCell::default() };
        reader.read_hashes(indexes).map_err(|error| reader.why(&error))
    }

    /// The head of the log with one more event, and the tiles that change. Nothing is written.
    pub(crate) fn grown(&self, head: &TreeHead, event: &[u8]) -> Result<(TreeHead, Vec<TileBytes>), LogError> {
        let reader = Authenticated { tiles: self, head, failed: RefCell::default() };
        let why = |error: Error| reader.why(&error);
        let fresh = tlog_tiles::stored_hashes_for_record_hash(head.size, entry_hash(event), &reader).map_err(why)?;
        let grown = Grown { old: &reader, first: tlog_tiles::stored_hash_index(0, head.size), fresh };
        let size = head.size + 1;
        let root = tlog_tiles::tree_hash(size, &grown).map_err(why)?;
        let mut tiles = Vec::new();
        for tile in Tile::new_tiles(HEIGHT, head.size, size) {
            let bytes = tile.read_data(&grown).map_err(why)?;
            tiles.push((TilePath { level: tile.level(), index: tile.level_index(), width: tile.width() }, bytes));
        }
        Ok((TreeHead { origin: head.origin.clone(), size, root: Digest::from_bytes(root.0) }, tiles))
    }

    /// Publishes tiles; a full one makes its partial ones superfluous.
    pub(crate) fn write(&self, tmp: &Path, tiles: &[TileBytes]) -> Result<(), RegistryError> {
        for (place, bytes) in tiles {
            let path = self.dir.join(place.path());
            durable::make_dirs(&self.dir, durable::parent(&path))?;
            durable::publish(tmp, &path, bytes, durable::READ_ONLY)?;
        }
        Ok(())
    }

    /// Removes the partial tiles of the full ones that a log of `size` events ends with.
    pub(crate) fn remove_superfluous(&self, size: u64) -> Result<(), RegistryError> {
        let mut hashes = size;
        let mut level = 0;
        while hashes > 0 && hashes.is_multiple_of(u64::from(TILE_WIDTH)) {
            let full = TilePath { level, index: hashes / u64::from(TILE_WIDTH) - 1, width: TILE_WIDTH };
            durable::remove_dir(&self.dir.join(full.partials()))?;
            hashes >>= HEIGHT;
            level += 1;
        }
        Ok(())
    }
}

/// Reads hashes that are proven to be below a head, and remembers what went wrong.
struct Authenticated<'a> {
    tiles: &'a Tiles,
    head: &'a TreeHead,
    failed: RefCell<Option<LogError>>,
}

impl Authenticated<'_> {
    fn why(&self, _: &Error) -> LogError {
        self.failed.take().unwrap_or(LogError::Inconsistent)
    }
}

impl HashReader for Authenticated<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        if indexes.is_empty() {
            return Ok(Vec::new());
        }
        if self.head.size == 0 {
            return Err(Error::IndexesNotInTree);
        }
        TileHashReader::new(self.head.size, self.head.hash(), self).read_hashes(indexes)
    }
}

impl TileReader for Authenticated<'_> {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            let path = TilePath { level: tile.level(), index: tile.level_index(), width: tile.width() }.path();
            fs::read(self.tiles.dir.join(&path)).map_err(|source| {
                self.failed.replace(Some(LogError::Tile { path, source }));
                Error::InvalidTile
            })
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// The hashes of a log with one more event.
struct Grown<'a> {
    old: &'a Authenticated<'a>,
    first: u64,
    fresh: Vec<Hash>,
}

impl HashReader for Grown<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let known: Vec<u64> = indexes.iter().copied().filter(|index| *index < self.first).collect();
        let known: HashMap<u64, Hash> = known.iter().copied().zip(self.old.read_hashes(&known)?).collect();
        let fresh = |index: u64| usize::try_from(index - self.first).ok().and_then(|at| self.fresh.get(at)).copied();
        let find = |index: &u64| known.get(index).copied().or_else(|| fresh(*index)).ok_or(Error::IndexesNotInTree);
        indexes.iter().map(find).collect()
    }
}

/// The tiles of the log with these leaf hashes, by level and index: what the files must be.
pub(crate) fn compute(leaves: &[Hash]) -> BTreeMap<(u8, u64), Vec<u8>> {
    let mut tiles = BTreeMap::new();
    let mut hashes: Vec<Hash> = leaves.to_vec();
    let mut level = 0;
    while !hashes.is_empty() {
        let mut above = Vec::new();
        for (index, chunk) in (0..).zip(hashes.chunks(TILE_WIDTH as usize)) {
            let bytes = chunk.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>();
            if chunk.len() == TILE_WIDTH as usize {
                above.push(Tile::subtree_hash(&bytes));
            }
            tiles.insert((level, index), bytes);
        }
        hashes = above;
        level += 1;
    }
    tiles
}

/// RFC 6962's Merkle tree hash.
pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => tlog_tiles::EMPTY_HASH,
        [one] => *one,
        _ => {
            let left = leaves.len().next_power_of_two() / 2;
            tlog_tiles::node_hash(root(&leaves[..left]), root(&leaves[left..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grow(tiles: &Tiles, tmp: &Path, head: &mut TreeHead, count: u64) -> Vec<Hash> {
        (0..count)
            .map(|_| {
                let event = head.size.to_string();
                let (next, changed) = tiles.grown(head, event.as_bytes()).unwrap();
                tiles.write(tmp, &changed).unwrap();
                tiles.remove_superfluous(next.size).unwrap();
                *head = next;
                entry_hash(event.as_bytes())
            })
            .collect()
    }

    fn empty() -> TreeHead {
        TreeHead { origin: "silver/test/0".into(), size: 0, root: Digest::from_bytes(tlog_tiles::EMPTY_HASH.0) }
    }

    #[test]
    fn grown_tiles_are_those_computed_from_the_leaves() {
        let dir = tempfile::tempdir().unwrap();
        let tmp = tempfile::tempdir_in(dir.path()).unwrap();
        let tiles = Tiles::new(dir.path());
        let mut head = empty();
        let mut leaves = Vec::new();
        let mut older = vec![head.clone()];
        for size in [1, 2, 3, 255, 256, 257, 515] {
            leaves.extend(grow(&tiles, tmp.path(), &mut head, size - leaves.len() as u64));
            assert_eq!(head.root.as_bytes(), &root(&leaves).0, "{size}");
            let all = compute(&leaves);
            assert_eq!(all.len(), TilePath::all(size).count());
            for place in TilePath::all(size) {
                let bytes = fs::read(dir.path().join(place.path())).unwrap();
                assert_eq!(bytes, all[&(place.level, place.index)], "{}", place.path());
            }
            for before in &older {
                tiles.check_consistency(&head, before).unwrap();
            }
            older.push(head.clone());
        }
        assert!(!dir.path().join("tile/0/000.p").exists());
        assert_eq!(tiles.leaf(&head, 300).unwrap().as_bytes(), &entry_hash(b"300").0);
    }

    #[test]
    fn a_proof_convinces_who_knows_an_older_head_and_of_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let tmp = tempfile::tempdir_in(dir.path()).unwrap();
        let tiles = Tiles::new(dir.path());
        let (mut head, mut older) = (empty(), Vec::new());
        for size in [1, 2, 7, 300] {
            older.push(head.clone());
            let more = size - head.size;
            grow(&tiles, tmp.path(), &mut head, more);
        }
        older.push(head.clone());
        for before in &older {
            let proof = tiles.proof(&head, before.size).unwrap();
            goes_on(&head, before, &proof).unwrap();
            let other = TreeHead { root: Digest::from_bytes([1; 32]), ..before.clone() };
            assert!(matches!(goes_on(&head, &other, &proof), Err(LogError::Inconsistent)), "{}", before.size);
            if before.size > 0 {
                let longer: Vec<Digest> = proof.iter().copied().chain([Digest::from_bytes([2; 32])]).collect();
                assert!(matches!(goes_on(&head, before, &longer), Err(LogError::Inconsistent)), "{}", before.size);
            }
        }
        assert!(matches!(goes_on(&older[1], &head, &[]), Err(LogError::Range { size: 1, wanted: 300 })));
        // who signs the head can say anything
        for size in [MAX_SIZE, MAX_SIZE + 1, u64::MAX] {
            let vast = TreeHead { size, ..head.clone() };
            for proof in [Vec::new(), vec![Digest::from_bytes([3; 32]); MAX_PROOF], vec![Digest::from_bytes([3; 32]); 10_000]] {
                assert!(matches!(goes_on(&vast, &older[3], &proof), Err(LogError::Inconsistent)), "{size}");
            }
        }
    }

    #[test]
    fn another_history_is_not_consistent() {
        let dir = tempfile::tempdir().unwrap();
        let tmp = tempfile::tempdir_in(dir.path()).unwrap();
        let tiles = Tiles::new(dir.path());
        let mut head = empty();
        grow(&tiles, tmp.path(), &mut head, 5);
        let mut other = TreeHead { size: 3, root: Digest::from_bytes([1; 32]), ..empty() };
        assert!(matches!(tiles.check_consistency(&head, &other), Err(LogError::Inconsistent)));
        other.size = 9;
        assert!(matches!(tiles.check_consistency(&head, &other), Err(LogError::Range { size: 5, wanted: 9 })));
        fs::write(dir.path().join("tile/0/000.p/5"), [0; 160]).unwrap();
        assert!(matches!(tiles.leaf(&head, 0), Err(LogError::Inconsistent)));
    }
}
