//! Objects and trees: each is what its name says, and all that the log names are there.

use super::{
    files::Files,
    report::{Finding, Report},
};
use crate::{error::RegistryError, needed::Needed, objects::archives, statement::Statement, trees::unpack};
use rayon::prelude::*;
use silver_pack::{
    archive::{self, ArchiveError, Strictness},
    hash,
    limits::Limits,
};
use silver_plugin_api::Digest;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::{self, File},
    io,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// What the statements of the log need.
struct Wanted {
    needed: Needed,
    /// Were all events and trees read? If not, what nothing seems to name may be in one of the others.
    complete: bool,
}

/// What an object's file turned out to be.
enum Object {
    /// A loose content of this size.
    Loose(u64),
    /// A pack, the contents inside with their sizes, and the text that must lie beside it.
    Archive(HashMap<Digest, u64>, String),
    /// Not what its name says.
    Altered(String),
}

struct Counter<'a> {
    done: AtomicU64,
    total: u64,
    progress: &'a (dyn Fn(u64, u64) + Sync),
}

impl Counter<'_> {
    fn add(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        (self.progress)(done, self.total);
    }
}

pub(super) fn check(
    dir: &Path,
    events: &[(u64, Statement)],
    files: &mut Files,
    report: &mut Report,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<(), RegistryError> {
    let needed = Needed::by(events.iter().map(|(index, statement)| (*index, statement)));
    let mut wanted = Wanted { needed, complete: events.len() as u64 == report.events };
    check_trees(dir, &mut wanted, files, report)?;
    check_objects(dir, &wanted, files, report, progress)
}

fn check_trees(dir: &Path, wanted: &mut Wanted, files: &mut Files, report: &mut Report) -> Result<(), RegistryError> {
    let mut trees = wanted.needed.trees.clone();
    for path in files.take_below("trees/") {
        let Some(digest) = path.strip_prefix("trees/").and_then(|name| Digest::from_hex(name.strip_suffix(".zst")?).ok()) else {
            report.problem(Finding::Extra, path, "it is not a tree");
            continue;
        };
        let full = dir.join(&path);
        let packed = fs::read(&full).map_err(RegistryError::io("read", &full))?;
        report.trees += 1;
        match (unpack(&packed, &digest), trees.remove(&digest)) {
            (Err(why), _) => {
                wanted.complete = false;
                report.problem(Finding::Altered, path, why);
            }
            (Ok(tree), Some(_)) => wanted.needed.add_tree(&tree, &digest),
            (Ok(_), None) => unnamed(path, wanted, report),
        }
    }
    for (digest, event) in trees {
        wanted.complete = false;
        report.problem(Finding::Missing, format!("trees/{}.zst", digest.hex()), format!("event {event} names it"));
    }
    Ok(())
}

/// A sound object that no event names.
fn unnamed(path: String, wanted: &Wanted, report: &mut Report) {
    if wanted.complete {
        report.leftover(path, "is in no event");
    }
}

fn check_objects(
    dir: &Path,
    wanted: &Wanted,
    files: &mut Files,
    report: &mut Report,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<(), RegistryError> {
    let needed = &wanted.needed;
    let mut lines = BTreeMap::new();
    let mut objects = Vec::new();
    for (path, size) in files.take_with_sizes("objects/") {
        match name(&path) {
            Some(Name::Lines(archive)) => _ = lines.insert(archive, path),
            Some(Name::Loose(digest)) => objects.push((path, size, digest, false)),
            Some(Name::Archive(digest)) => objects.push((path, size, digest, true)),
            None => report.problem(Finding::Extra, path, "its name is not that of an object"),
        }
    }
    let total = objects.iter().map(|(_, size, ..)| size).sum();
    let counter = Counter { done: AtomicU64::new(0), total, progress };
    let looked: Vec<_> = objects
        .into_par_iter()
        .map(|(path, size, digest, archive)| {
            let full = dir.join(&path);
            let object = if archive { look_at_archive(&full, &digest) } else { look_at_loose(&full, &digest) };
            counter.add(size);
            (path, size, digest, object)
        })
        .collect();

    let mut there: HashMap<Digest, u64> = HashMap::new();
    let mut gone = needed.redacted.clone();
    let mut archives = HashSet::new();
    for (path, size, digest, object) in looked {
        report.objects += 1;
        report.bytes += size;
        match object.map_err(RegistryError::io("read", &dir.join(&path)))? {
            Object::Altered(why) => {
                gone.insert(digest);
                report.problem(Finding::Altered, path, why);
            }
            Object::Loose(size) => {
                there.insert(digest, size);
                if !needed.blobs.contains_key(&digest) {
                    unnamed(path, wanted, report);
                }
            }
            Object::Archive(contents, right) => {
                check_lines(dir, &path, &right, lines.remove(&digest), report)?;
                there.extend(contents);
                archives.insert(digest);
                if !needed.archives.contains_key(&digest) {
                    unnamed(path, wanted, report);
                }
            }
        }
    }
    for (archive, path) in lines {
        if needed.archives.contains_key(&archive) {
            // one line for the pack, not one for each of its contents
            let text = fs::read_to_string(dir.join(&path)).unwrap_or_default();
            gone.extend(archives::parse(&text).unwrap_or_default().into_keys());
        } else {
            report.leftover(path, "belongs to a pack that is not here");
        }
    }
    check_needed(needed, &there, &archives, &gone, report);
    Ok(())
}

/// Everything that the log names is there, with the right size. What is known to be `gone` is not
/// reported again.
fn check_needed(
    needed: &Needed,
    there: &HashMap<Digest, u64>,
    archives: &HashSet<Digest>,
    gone: &HashSet<Digest>,
    report: &mut Report,
) {
    for (digest, event) in &needed.archives {
        if !archives.contains(digest) && !gone.contains(digest) {
            report.problem(Finding::Missing, format!("objects/zip/{}.zip", digest.hex()), format!("event {event} names it"));
        }
    }
    for (digest, (size, what)) in &needed.blobs {
        let hex = digest.hex();
        let path = || format!("objects/loose/{}/{}", &hex[..2], &hex[2..]);
        match there.get(digest) {
            Some(found) if size.is_some_and(|size| size != *found) => {
                report.problem(Finding::Altered, path(), format!("it has {found} bytes, other than {what}"));
            }
            None if !gone.contains(digest) => report.problem(Finding::Missing, path(), format!("it is {what}")),
            _ => {}
        }
    }
}

fn check_lines(dir: &Path, zip: &str, right: &str, there: Option<String>, report: &mut Report) -> Result<(), RegistryError> {
    let Some(path) = there else {
        report.problem(Finding::Missing, zip.replace(".zip", ".blobs"), "it tells where the contents of the pack lie");
        return Ok(());
    };
    let full = dir.join(&path);
    if fs::read(&full).map_err(RegistryError::io("read", &full))? != right.as_bytes() {
        report.problem(Finding::Altered, path, "it does not tell where the contents of the pack lie");
    }
    Ok(())
}

fn look_at_loose(path: &Path, digest: &Digest) -> io::Result<Object> {
    let (found, size) = hash::copy_hashed(&mut File::open(path)?, &mut io::sink())?;
    Ok(if found == *digest { Object::Loose(size) } else { Object::Altered(format!("its content is {found}")) })
}

fn look_at_archive(path: &Path, digest: &Digest) -> io::Result<Object> {
    Ok(match archive::open(path, Strictness::Pack, &Limits::default()) {
        Ok((archive, _)) if archive.digest() == *digest => {
            let sizes = archive.locations().iter().map(|(content, location)| (*content, location.size)).collect();
            Object::Archive(sizes, archives::to_lines(archive.locations()))
        }
        Ok((archive, _)) => Object::Altered(format!("its content is {}", archive.digest())),
        Err(ArchiveError::Io { source, .. }) => return Err(source),
        Err(error) => Object::Altered(format!("it is not the pack that was kept: {error}")),
    })
}

/// What a path below `objects/` is the name of.
enum Name {
    Loose(Digest),
    Archive(Digest),
    Lines(Digest),
}

fn name(path: &str) -> Option<Name> {
    let digest = |hex: &str| Digest::from_hex(hex).ok();
    if let Some(file) = path.strip_prefix("objects/zip/") {
        return match file.rsplit_once('.')? {
            (hex, "zip") => Some(Name::Archive(digest(hex)?)),
            (hex, "blobs") => Some(Name::Lines(digest(hex)?)),
            _ => None,
        };
    }
    let (first, rest) = path.strip_prefix("objects/loose/")?.split_once('/')?;
    if first.len() == 2 { Some(Name::Loose(digest(&format!("{first}{rest}"))?)) } else { None }
}
