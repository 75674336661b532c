//! Contents inside kept packs.
//!
//! Beside each pack lies `<sha256>.blobs`, so that finding a content needs no validation of the whole
//! archive: one line per content, `sha256 SP method SP offset SP packed SP size LF` (method: `stored`
//! or `deflate`), sorted. It is derived; when it is absent, the pack itself is read.

use silver_pack::{
    archive::{self, Location, Method, Strictness},
    limits::Limits,
};
use silver_plugin_api::Digest;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::RwLock,
    time::SystemTime,
};

/// The kept packs, read when a content is first looked for.
#[derive(Debug)]
pub(super) struct Archives {
    dir: PathBuf,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// When the directory was last changed, as of the last look.
    changed: Option<SystemTime>,
    archives: HashSet<Digest>,
    contents: HashMap<Digest, (Digest, Location)>,
}

impl Archives {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, known: RwLock::default() }
    }

    /// The pack that has this content, and where in it.
    pub(super) fn find(&self, content: &Digest) -> Option<(Digest, Location)> {
        let changed = fs::metadata(&self.dir).and_then(|dir| dir.modified()).ok();
        {
            let known = self.known.read().ok()?;
            let found = known.contents.get(content).copied();
            if found.is_some() || known.changed == changed {
                return found;
            }
        }
        let unknown: Vec<Digest> = {
            let known = self.known.read().ok()?;
            names(&self.dir).into_iter().filter(|archive| !known.archives.contains(archive)).collect()
        };
        // while nothing is locked: a pack that has to be read is read by all cores, which may be looking for contents, too
        let read = |archive: &Digest| Some((*archive, locations(&self.dir.join(format!("{}.zip", archive.hex())))?));
        let found: Vec<_> = unknown.iter().filter_map(read).collect();
        let mut known = self.known.write().ok()?;
        for (archive, locations) in found {
            known.add(archive, locations);
        }
        known.changed = changed;
        known.contents.get(content).copied()
    }

    /// A pack that was just kept.
    pub(super) fn add(&self, archive: &Digest, locations: &HashMap<Digest, Location>) {
        if let Ok(mut known) = self.known.write() {
            known.add(*archive, locations.iter().map(|(content, location)| (*content, *location)));
        }
    }
}

impl Known {
    fn add(&mut self, archive: Digest, locations: impl IntoIterator<Item = (Digest, Location)>) {
        if self.archives.insert(archive) {
            for (content, location) in locations {
                self.contents.entry(content).or_insert((archive, location));
            }
        }
    }
}

/// The digests of the packs in `dir`; the order of names, so that the same pack is found each time.
fn names(dir: &Path) -> Vec<Digest> {
    let digest = |entry: fs::DirEntry| Digest::from_hex(entry.file_name().to_str()?.strip_suffix(".zip")?).ok();
    let mut names: Vec<Digest> = fs::read_dir(dir).into_iter().flatten().flatten().filter_map(digest).collect();
    names.sort_unstable();
    names
}

/// From the lines beside the pack, else from the pack.
fn locations(zip: &Path) -> Option<HashMap<Digest, Location>> {
    let lines = fs::read_to_string(zip.with_extension("blobs")).ok();
    lines
        .as_deref()
        .and_then(parse)
        .or_else(|| Some(archive::open(zip, Strictness::Pack, &Limits::default()).ok()?.0.locations().clone()))
}

/// The text of a `.blobs` file.
pub(crate) fn to_lines(locations: &HashMap<Digest, Location>) -> String {
    let sorted: BTreeMap<_, _> = locations.iter().collect();
    let mut text = String::with_capacity(sorted.len() * 110);
    for (content, location) in sorted {
        let method = match location.method {
            Method::Stored => "stored",
            Method::Deflate => "deflate",
        };
        let Location { offset, packed, size, .. } = location;
        let _ = writeln!(text, "{} {method} {offset} {packed} {size}", content.hex());
    }
    text
}

/// Reads the text of a `.blobs` file.
pub(crate) fn parse(text: &str) -> Option<HashMap<Digest, Location>> {
    text.lines().map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<(Digest, Location)> {
    let mut fields = line.split(' ');
    let content = Digest::from_hex(fields.next()?).ok()?;
    let method = match fields.next()? {
        "stored" => Method::Stored,
        "deflate" => Method::Deflate,
        _ => return None,
    };
    let mut number = || fields.next()?.parse().ok();
    let location = Location { method, offset: number()?, packed: number()?, size: number()? };
    fields.next().is_none().then_some((content, location))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_round_trip() {
        let content = Digest::from_bytes([3; 32]);
        let location = Location { offset: 7, packed: 8, size: 9, method: Method::Deflate };
        let locations = HashMap::from([(content, location)]);
        let lines = to_lines(&locations);
        assert_eq!(lines, format!("{} deflate 7 8 9\n", content.hex()));
        assert_eq!(parse(&lines), Some(locations));
        assert_eq!(parse(&lines.replace("deflate", "inflate")), None);
        assert_eq!(parse(&lines.replace(" 9", " 9 9")), None);
    }
}
