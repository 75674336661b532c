//! The tree head, the events, the tiles, and the older tree head.

use super::{
    files::Files,
    report::{Finding, Report},
};
use crate::{
    dsse::Envelope,
    error::RegistryError,
    log::{self, TilePath, TreeHead, entry_hash},
    signer::VerifierKey,
    statement::Statement,
};
use std::{collections::BTreeMap, fs, path::Path};
use tlog_tiles::Hash;

const HEAD: &str = "log/tree-head";

/// An older tree head as it was given.
pub(super) struct Older {
    head: TreeHead,
    text: String,
}

/// Reads an older tree head; whose it is, is looked at later.
pub(super) fn parse_older(text: &str) -> Result<Older, RegistryError> {
    let head = TreeHead::parse(text.as_bytes())
        .map_err(|error| RegistryError::Unusable { what: "the older tree head".into(), why: error.to_string() })?;
    Ok(Older { head, text: text.into() })
}

/// An event on disk.
struct Seen {
    leaf: Option<Hash>,
    statement: Option<Statement>,
}

/// Checks the log; returns the statements that belong to it.
pub(super) fn check(
    dir: &Path,
    key: &VerifierKey,
    older: Option<&Older>,
    files: &mut Files,
    report: &mut Report,
) -> Result<Vec<(u64, Statement)>, RegistryError> {
    let head = check_head(dir, key, files, report)?;
    // a head that nobody signed is not believed when it says how many events there are
    let size = head.as_ref().map_or_else(|| events_there(files), |head| head.size);
    let mut seen = Vec::new();
    for index in 0..size {
        seen.push(check_event(dir, index, key, files, report)?);
    }
    let tiles = read_tiles(dir, files)?;
    let leaves = choose(head.as_ref(), &seen, &leaves_in(&tiles, size), size);
    if let Some(head) = &head
        && leaves.as_ref().is_none_or(|leaves| log::root(leaves) != head.hash())
    {
        report.problem(Finding::Altered, HEAD, "neither the events nor the tiles lead to its root hash");
    }
    if let Some(leaves) = &leaves {
        check_leaves(&seen, leaves, report);
        check_tiles(dir, key, leaves, &tiles, files, report)?;
        check_older(key, older, leaves, report);
    }
    report.events = size;
    report.head = head;
    let good = |(index, event): (u64, Seen)| Some((index, event.statement?));
    Ok((0..).zip(seen).filter_map(good).collect())
}

fn name(index: u64) -> String {
    format!("events/{index}.json")
}

/// How many events there are from the first without a gap.
fn events_there(files: &Files) -> u64 {
    (0..u64::MAX).take_while(|index| files.has(&name(*index))).count() as u64
}

fn check_head(dir: &Path, key: &VerifierKey, files: &mut Files, report: &mut Report) -> Result<Option<TreeHead>, RegistryError> {
    if files.take(HEAD).is_none() {
        report.problem(Finding::Missing, HEAD, "nothing says what the log holds");
        return Ok(None);
    }
    let path = dir.join(HEAD);
    match TreeHead::open(&fs::read(&path).map_err(RegistryError::io("read", &path))?, key) {
        Ok(head) => Ok(Some(head)),
        Err(error) => {
            report.problem(Finding::Altered, HEAD, error.to_string());
            Ok(None)
        }
    }
}

fn check_event(dir: &Path, index: u64, key: &VerifierKey, files: &mut Files, report: &mut Report) -> Result<Seen, RegistryError> {
    let at = name(index);
    if files.take(&at).is_none() {
        report.problem(Finding::Missing, at, "the log has it");
        return Ok(Seen { leaf: None, statement: None });
    }
    let path = dir.join(&at);
    let bytes = fs::read(&path).map_err(RegistryError::io("read", &path))?;
    match signed_statement(&bytes, key) {
        Ok(statement) => Ok(Seen { leaf: Some(entry_hash(&bytes)), statement: Some(statement) }),
        Err(why) => {
            report.problem(Finding::Altered, at, why);
            Ok(Seen { leaf: None, statement: None })
        }
    }
}

fn signed_statement(bytes: &[u8], key: &VerifierKey) -> Result<Statement, String> {
    let envelope = Envelope::parse(bytes).map_err(|error| error.to_string())?;
    let payload = envelope.open(key).map_err(|error| error.to_string())?;
    let statement = Statement::parse(&payload)?;
    if statement != Statement::new(statement.record().clone()) {
        return Err("its subject is not the release that it describes".into());
    }
    Ok(statement)
}

/// All files below `log/tile`, by path below `log`.
fn read_tiles(dir: &Path, files: &mut Files) -> Result<BTreeMap<String, Vec<u8>>, RegistryError> {
    let read = |path: String| {
        let full = dir.join(&path);
        let bytes = fs::read(&full).map_err(RegistryError::io("read", &full))?;
        Ok((path.trim_start_matches("log/").to_owned(), bytes))
    };
    files.take_below("log/tile/").into_iter().map(read).collect()
}

/// The leaf hashes that the tiles of level 0 hold.
fn leaves_in(tiles: &BTreeMap<String, Vec<u8>>, size: u64) -> Vec<Option<Hash>> {
    let mut leaves = Vec::new();
    for tile in TilePath::all(size).take_while(|tile| tile.level == 0) {
        let bytes = tiles.get(&tile.path()).map_or(&[][..], Vec::as_slice);
        let hash = |at: usize| bytes.get(at * 32..at * 32 + 32).and_then(|hash| hash.try_into().ok()).map(Hash);
        leaves.extend((0..tile.width as usize).map(hash));
    }
    leaves
}

/// The history that the head was signed over: as the events say, or as the tiles say, or as the
/// soundly signed events say with the tiles in the gaps. `None` when there are gaps in all.
fn choose(head: Option<&TreeHead>, seen: &[Seen], tiles: &[Option<Hash>], size: u64) -> Option<Vec<Hash>> {
    let size = usize::try_from(size).ok()?;
    let event = |at: usize| seen.get(at).and_then(|event| event.leaf);
    let tile = |at: usize| tiles.get(at).copied().flatten();
    let by_events: Option<Vec<Hash>> = (0..size).map(event).collect();
    let by_tiles: Option<Vec<Hash>> = (0..size).map(tile).collect();
    let mixed: Option<Vec<Hash>> = (0..size).map(|at| event(at).or_else(|| tile(at))).collect();
    let fits = |leaves: &Vec<Hash>| head.is_some_and(|head| log::root(leaves) == head.hash());
    let candidates = [by_events, by_tiles, mixed.clone()];
    candidates.into_iter().flatten().find(fits).or(mixed)
}

fn check_leaves(seen: &[Seen], leaves: &[Hash], report: &mut Report) {
    for (index, (event, leaf)) in (0..).zip(seen.iter().zip(leaves)) {
        if event.leaf.is_some_and(|found| found != *leaf) {
            report.problem(Finding::Altered, name(index), "it is signed, but it is not the event that the log holds");
        }
    }
}

fn check_tiles(
    dir: &Path,
    key: &VerifierKey,
    leaves: &[Hash],
    tiles: &BTreeMap<String, Vec<u8>>,
    files: &mut Files,
    report: &mut Report,
) -> Result<(), RegistryError> {
    let size = leaves.len() as u64;
    let right = log::compute(leaves);
    let next = beyond(dir, size, key, leaves, files, report)?;
    let hashes = |tile: &TilePath| tile.width as usize * tlog_tiles::HASH_SIZE;
    let is = |tiles: &BTreeMap<_, Vec<u8>>, tile: &TilePath, bytes: &[u8]| {
        tiles.get(&(tile.level, tile.index)).and_then(|all| all.get(..hashes(tile))).map(|right| right == bytes)
    };
    for (path, bytes) in tiles {
        let at = || format!("log/{path}");
        let Some(tile) = TilePath::parse(path) else {
            report.problem(Finding::Extra, at(), "it is not a tile");
            continue;
        };
        match is(&right, &tile, bytes) {
            Some(true) => {}
            Some(false) => report.problem(Finding::Altered, at(), "it does not hold the hashes of the events"),
            None if is(&next, &tile, bytes) == Some(true) => report.leftover(at(), "belongs to an event that was not finished"),
            None => report.problem(Finding::Extra, at(), "the log has no such tile"),
        }
    }
    // of a tile that is not full yet, every width was published with an event
    let needed = TilePath::all(size).flat_map(|tile| {
        let first = if tile.is_full() { tile.width } else { 1 };
        (first..=tile.width).map(move |width| TilePath { width, ..tile }.path())
    });
    for path in needed.filter(|path| !tiles.contains_key(path)) {
        report.problem(Finding::Missing, format!("log/{path}"), "the log needs it");
    }
    Ok(())
}

/// An event that was signed but not counted any more when the agent was killed, and its tiles.
fn beyond(
    dir: &Path,
    size: u64,
    key: &VerifierKey,
    leaves: &[Hash],
    files: &mut Files,
    report: &mut Report,
) -> Result<BTreeMap<(u8, u64), Vec<u8>>, RegistryError> {
    let at = name(size);
    if !files.has(&at) {
        return Ok(BTreeMap::new());
    }
    let path = dir.join(&at);
    let bytes = fs::read(&path).map_err(RegistryError::io("read", &path))?;
    if signed_statement(&bytes, key).is_err() {
        return Ok(BTreeMap::new());
    }
    files.take(&at);
    report.leftover(at, "was not finished: the tree head does not count it");
    Ok(log::compute(&[leaves, &[entry_hash(&bytes)]].concat()))
}

fn check_older(key: &VerifierKey, older: Option<&Older>, leaves: &[Hash], report: &mut Report) {
    let Some(older) = older else { return };
    let mut rewritten = |detail: String| report.problem(Finding::Rewritten, HEAD, detail);
    if let Err(error) = TreeHead::open(older.text.as_bytes(), key) {
        return rewritten(format!("the older tree head is not this log's: {error}"));
    }
    let size = older.head.size;
    match usize::try_from(size).ok().and_then(|size| leaves.get(..size)) {
        None => rewritten(format!("the older tree head counts {size} events, the log has {}", leaves.len())),
        Some(first) if log::root(first) != older.head.hash() => {
            rewritten(format!("the first {size} events are not those that the older tree head was signed over"));
        }
        Some(_) => {}
    }
}
