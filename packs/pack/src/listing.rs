//! The text of a tree: what lies at which path, without the bytes.
//!
//! One line per file or link, `f|x|l SP size SP sha256 SP path LF` (file, executable, link),
//! sorted by path bytes. A directory exists as soon as something lies below it. The digest of a
//! tree is the sha256 of these lines.

use crate::hash;
use rayon::prelude::*;
use silver_plugin_api::{Digest, Entry, EntryKind, TreePath};
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet, btree_map},
    fmt::Write as _,
    ops::Bound,
    sync::OnceLock,
};
use unicode_normalization::UnicodeNormalization;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A regular file that may be executed.
    Executable,
    /// A relative link that stays inside the tree.
    Link,
}

/// A file or link of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Bytes of the content, of a link's target text.
    pub size: u64,
    /// sha256 of the content, of a link's target text.
    pub digest: Digest,
}

impl Node {
    /// The node as the plugin interface shows it.
    pub fn entry(&self, path: &TreePath) -> Entry {
        Entry {
            path: path.clone(),
            kind: if self.kind == Kind::Link { EntryKind::Symlink } else { EntryKind::File },
            size: self.size,
            executable: self.kind == Kind::Executable,
            digest: Some(self.digest),
        }
    }
}

/// Why a path cannot join a listing, or a text is not a listing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// The root cannot be a file.
    #[error("a file needs a name")]
    Root,
    /// A file where a directory is, or the reverse.
    #[error("`{path}` is a file where `{other}` needs a directory")]
    FileIsDirectory {
        /// The file.
        path: TreePath,
        /// What lies below it.
        other: TreePath,
    },
    /// Two names that some machines cannot tell apart.
    #[error("`{path}` and `{other}` are the same name where upper and lower case are not told apart")]
    CaseClash {
        /// The path that came second.
        path: String,
        /// The path that was there.
        other: String,
    },
    /// A line of a text is not a tree line, or not in its place.
    #[error("line {line} is not a tree line: {why}")]
    Line {
        /// 1-based.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

impl ListingError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::FileIsDirectory { .. } | Self::CaseClash { .. } => Some("rename one of the two".to_owned()),
            Self::Root | Self::Line { .. } => None,
        }
    }
}

/// Files and links by path, in the order of path bytes. Whatever is in a listing can be laid out on
/// any machine: no file is where a directory is, no two names differ only by case.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    nodes: BTreeMap<TreePath, Node>,
    /// Made when a name is first compared with those that are there: most listings are only read.
    folded: OnceLock<Folded>,
    digest: OnceLock<Digest>,
}

/// Every path and every directory above it, case-folded → its spelling and how often it is used.
type Folded = HashMap<String, (String, usize)>;

impl Listing {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// What stands at `path`.
    pub fn get(&self, path: &TreePath) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// Does something lie below `path`? (The root is always a directory.)
    pub fn is_dir(&self, path: &TreePath) -> bool {
        path.is_root() || self.below(path).next().is_some()
    }

    /// The entry at `path`: a file, a link, or a directory that is implied by what lies below.
    pub fn stat(&self, path: &TreePath) -> Option<Entry> {
        if let Some(node) = self.get(path) {
            return Some(node.entry(path));
        }
        self.is_dir(path).then(|| Entry {
            path: path.clone(),
            kind: EntryKind::Directory,
            size: 0,
            executable: false,
            digest: None,
        })
    }

    /// All files and links.
    pub fn iter(&self) -> btree_map::Iter<'_, TreePath, Node> {
        self.nodes.iter()
    }

    /// Files and links strictly below `under`.
    pub fn below<'a>(&'a self, under: &TreePath) -> btree_map::Range<'a, TreePath, Node> {
        self.below_after(under, None)
    }

    /// Files and links strictly below `under` whose path comes after `after`.
    pub fn below_after<'a>(&'a self, under: &TreePath, after: Option<&TreePath>) -> btree_map::Range<'a, TreePath, Node> {
        // `0` is the byte after `/`: between `under/` and `under0` lies what is below `under`
        let (first, last) = (format!("{under}/"), format!("{under}0"));
        let mut from = if under.is_root() { Bound::Unbounded } else { Bound::Included(first.as_str()) };
        let to = if under.is_root() { Bound::Unbounded } else { Bound::Excluded(last.as_str()) };
        if let Some(after) = after {
            if !under.is_root() && after.as_str() >= last.as_str() {
                return self.nodes.range::<str, _>((Bound::Excluded(last.as_str()), Bound::Included(last.as_str())));
            }
            if under.is_root() || after.as_str() >= first.as_str() {
                from = Bound::Excluded(after.as_str());
            }
        }
        self.nodes.range::<str, _>((from, to))
    }

    /// How many files and links.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Is there nothing?
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Bytes of all files and links.
    pub fn total_size(&self) -> u64 {
        self.nodes.values().map(|node| node.size).sum()
    }

    /// Puts `node` at `path`; returns what it replaced. Nothing has changed after an error.
    pub fn insert(&mut self, path: TreePath, node: Node) -> Result<Option<Node>, ListingError> {
        if path.is_root() {
            return Err(ListingError::Root);
        }
        if let Some(old) = self.nodes.get_mut(&path) {
            self.digest = OnceLock::new();
            return Ok(Some(std::mem::replace(old, node)));
        }
        if let Some((other, _)) = self.below(&path).next() {
            return Err(ListingError::FileIsDirectory { other: other.clone(), path });
        }
        for end in directory_ends(&path) {
            if let Some((file, _)) = self.nodes.get_key_value(&path[..end]) {
                return Err(ListingError::FileIsDirectory { path: file.clone(), other: path.clone() });
            }
        }
        let prefixes: Vec<(&str, String)> =
            directory_ends(&path).chain([path.len()]).map(|end| (&path[..end], fold(&path[..end]))).collect();
        for (spelling, folded) in &prefixes {
            if let Some((other, _)) = self.folded().get(folded).filter(|(other, _)| other != spelling) {
                return Err(ListingError::CaseClash { path: (*spelling).to_owned(), other: other.clone() });
            }
        }
        if let Some(names) = self.folded.get_mut() {
            for (spelling, folded) in prefixes {
                names.entry(folded).or_insert_with(|| (spelling.to_owned(), 0)).1 += 1;
            }
        }
        self.digest = OnceLock::new();
        self.nodes.insert(path, node);
        Ok(None)
    }

    /// A listing of `nodes`, whose paths ascend by their bytes, in one go.
    pub(crate) fn from_ascending(nodes: Vec<(TreePath, Node)>) -> Result<Self, ListingError> {
        debug_assert!(nodes.is_sorted_by(|(one, _), (next, _)| one < next), "paths ascend");
        if fit_together(&nodes) {
            return Ok(Self { nodes: nodes.into_iter().collect(), ..Self::default() });
        }
        // one by one, to say which does not go with which
        let mut listing = Self::new();
        for (path, node) in nodes {
            listing.insert(path, node)?;
        }
        Ok(listing)
    }

    fn folded(&self) -> &Folded {
        self.folded.get_or_init(|| {
            let mut names = Folded::with_capacity(self.nodes.len() * 2);
            for path in self.nodes.keys() {
                for end in directory_ends(path).chain([path.len()]) {
                    let spelling = &path[..end];
                    names.entry(fold(spelling)).or_insert_with(|| (spelling.to_owned(), 0)).1 += 1;
                }
            }
            names
        })
    }

    /// Could an (empty) directory stand at `path`?
    pub(crate) fn check_directory(&self, path: &TreePath) -> Result<(), ListingError> {
        for end in directory_ends(path).chain([path.len()]) {
            if let Some((file, _)) = self.nodes.get_key_value(&path[..end]) {
                return Err(ListingError::FileIsDirectory { path: file.clone(), other: path.clone() });
            }
            if let Some((other, _)) = self.folded().get(&fold(&path[..end])).filter(|(other, _)| *other != path[..end]) {
                return Err(ListingError::CaseClash { path: path[..end].to_owned(), other: other.clone() });
            }
        }
        Ok(())
    }

    /// Takes away what stands at `path`.
    pub fn remove(&mut self, path: &TreePath) -> Option<Node> {
        let node = self.nodes.remove(path)?;
        self.digest = OnceLock::new();
        let Some(names) = self.folded.get_mut() else { return Some(node) };
        for end in directory_ends(path).chain([path.len()]) {
            let folded = fold(&path[..end]);
            if let Some(used) = names.get_mut(&folded) {
                used.1 -= 1;
                if used.1 == 0 {
                    names.remove(&folded);
                }
            }
        }
        Some(node)
    }

    /// The tree digest: sha256 of [`Listing::to_lines`].
    pub fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| hash::sha256(self.to_lines().as_bytes()))
    }

    /// The lines.
    pub fn to_lines(&self) -> String {
        self.lines_but(&[])
    }

    /// As [`Listing::to_lines`], without the lines of some paths.
    pub(crate) fn lines_but(&self, apart: &[&str]) -> String {
        let mut text = String::with_capacity(self.nodes.len() * 120);
        for (path, node) in self.nodes.iter().filter(|(path, _)| !apart.contains(&path.as_str())) {
            let kind = match node.kind {
                Kind::File => 'f',
                Kind::Executable => 'x',
                Kind::Link => 'l',
            };
            let _ = writeln!(text, "{kind} {} {} {path}", node.size, node.digest.hex());
        }
        text
    }

    /// Reads lines back: exactly what [`Listing::to_lines`] writes, nothing else.
    pub fn parse(text: &str) -> Result<Self, ListingError> {
        if !text.is_empty() && !text.ends_with('\n') {
            return Err(wrong(text.lines().count(), "it does not end with a line feed"));
        }
        let parsed: Option<Vec<_>> = text.par_split_terminator('\n').map(|line| parse_line(line).ok()).collect();
        let ascends = |nodes: &Vec<(TreePath, Node)>| nodes.is_sorted_by(|(one, _), (next, _)| one < next);
        if let Some(nodes) = parsed.filter(ascends)
            && !nodes.first().is_some_and(|(path, _)| path.is_root())
        {
            return Self::from_ascending(nodes);
        }
        // one by one, to say what is wrong with which
        let mut nodes: Vec<(TreePath, Node)> = Vec::new();
        for (at, line) in text.split_terminator('\n').enumerate() {
            let (path, node) = parse_line(line).map_err(|why| wrong(at + 1, why))?;
            if path.is_root() {
                return Err(ListingError::Root);
            }
            if nodes.last().is_some_and(|(last, _)| *last >= path) {
                return Err(wrong(at + 1, format!("`{path}` is not after the path before it")));
            }
            nodes.push((path, node));
        }
        Self::from_ascending(nodes)
    }
}

impl PartialEq for Listing {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes
    }
}

impl Eq for Listing {}

impl<'a> IntoIterator for &'a Listing {
    type Item = (&'a TreePath, &'a Node);
    type IntoIter = btree_map::Iter<'a, TreePath, Node>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn wrong(line: usize, why: impl Into<String>) -> ListingError {
    ListingError::Line { line, why: why.into() }
}

fn parse_line(line: &str) -> Result<(TreePath, Node), String> {
    let mut fields = line.splitn(4, ' ');
    let mut field = |name| fields.next().ok_or_else(|| format!("the {name} is missing"));
    let kind = match field("kind")? {
        "f" => Kind::File,
        "x" => Kind::Executable,
        "l" => Kind::Link,
        other => return Err(format!("`{}` is not f, x or l", other.escape_debug())),
    };
    let size_text = field("size")?;
    let size: u64 = size_text.parse().map_err(|_| format!("`{}` is not a size", size_text.escape_debug()))?;
    if size.to_string() != size_text {
        return Err(format!("`{size_text}` is not the shortest form of the size"));
    }
    let digest = Digest::from_hex(field("digest")?).map_err(|error| error.to_string())?;
    let path_text = field("path")?;
    let path = TreePath::new(path_text).map_err(|error| format!("`{}` is not a path: {error}", path_text.escape_debug()))?;
    Ok((path, Node { kind, size, digest }))
}

/// Where the names of the directories above `path` end, from the top.
/// Is no file where a directory is, and are no two names the same but for their case? What lies below a
/// directory stands together in ascending paths, so that each directory is met once.
fn fit_together(nodes: &[(TreePath, Node)]) -> bool {
    let mut names: HashSet<Cow<'_, str>> = HashSet::with_capacity(nodes.len() * 2);
    let mut last = "";
    nodes.iter().all(|(path, _)| {
        let shared = last.bytes().zip(path.bytes()).take_while(|(one, other)| one == other).count();
        last = path;
        let new = directory_ends(path).filter(|end| *end >= shared).chain([path.len()]);
        !path.is_root() && new.into_iter().all(|end| names.insert(folded_name(&path[..end])))
    })
}

fn directory_ends(path: &str) -> impl Iterator<Item = usize> + '_ {
    path.bytes().enumerate().filter(|(_, byte)| *byte == b'/').map(|(at, _)| at)
}

/// A form that is the same for names that differ only by case. Upper and then lower case comes
/// close to Unicode's full case folding (`ß`, `ss`; both sigmas) without a table of our own.
pub(crate) fn fold(name: &str) -> String {
    folded_name(name).into_owned()
}

fn folded_name(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        let has_upper = name.bytes().any(|byte| byte.is_ascii_uppercase());
        return if has_upper { name.to_ascii_lowercase().into() } else { name.into() };
    }
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::new(text).unwrap()
    }

    fn file(text: &str) -> Node {
        Node { kind: Kind::File, size: text.len() as u64, digest: hash::sha256(text.as_bytes()) }
    }

    fn listing(paths: &[&str]) -> Listing {
        let mut listing = Listing::new();
        for name in paths {
            listing.insert(path(name), file(name)).unwrap();
        }
        listing
    }

    #[test]
    fn lines_are_sorted_by_bytes_and_round_trip() {
        let mut tree = listing(&["b", "a/z", "a.txt", "a/é"]);
        tree.insert(path("run"), Node { kind: Kind::Executable, ..file("x") }).unwrap();
        let lines = tree.to_lines();
        let names: Vec<&str> = lines.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
        assert_eq!(names, ["a.txt", "a/z", "a/é", "b", "run"]);
        let back = Listing::parse(&lines).unwrap();
        assert_eq!(back, tree);
        assert_eq!(back.digest(), hash::sha256(lines.as_bytes()));
    }

    #[test]
    fn what_a_machine_cannot_hold_is_refused() {
        for (there, new) in [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a/b")] {
            let error = listing(&[there]).insert(path(new), file("")).unwrap_err();
            assert!(matches!(error, ListingError::FileIsDirectory { .. }), "{there} {new}: {error}");
        }
        for (there, new) in [("README", "readme"), ("Dir/a", "dir/b"), ("straße", "STRASSE"), ("ΣΑΣ", "σας"), ("É", "é")]
        {
            let error = listing(&[there]).insert(path(new), file("")).unwrap_err();
            assert!(matches!(error, ListingError::CaseClash { .. }), "{there} {new}: {error}");
        }
    }

    #[test]
    fn removing_makes_room_again() {
        let mut tree = listing(&["Dir/a", "Dir/b"]);
        let before = tree.digest();
        tree.remove(&path("Dir/a")).unwrap();
        assert_ne!(tree.digest(), before);
        assert!(tree.insert(path("dir/c"), file("")).is_err());
        tree.remove(&path("Dir/b")).unwrap();
        tree.insert(path("dir/c"), file("")).unwrap();
        assert_eq!(tree.remove(&path("nothing")), None);
    }

    #[test]
    fn below_sees_neither_siblings_nor_itself() {
        let tree = listing(&["a-b", "a/b", "a/c/d", "a0", "b"]);
        let names = |under: &str, after: Option<&str>| -> Vec<String> {
            tree.below_after(&path(under), after.map(path).as_ref()).map(|(path, _)| path.to_string()).collect()
        };
        assert_eq!(names("a", None), ["a/b", "a/c/d"]);
        assert_eq!(names("a", Some("a/b")), ["a/c/d"]);
        assert_eq!(names("a", Some("a-b")), ["a/b", "a/c/d"]);
        assert_eq!(names("a", Some("a0")), Vec::<String>::new());
        assert_eq!(names("a", Some("zz")), Vec::<String>::new());
        assert_eq!(names("b", None), Vec::<String>::new());
        assert_eq!(names("", Some("a/c")), ["a/c/d", "a0", "b"]);
        assert!(tree.is_dir(&path("a/c")) && !tree.is_dir(&path("b")));
    }

    #[test]
    fn only_the_one_written_form_is_read() {
        let digest = hash::sha256(b"").hex();
        for text in [
            format!("f 0 {digest} a"),
            format!("f 00 {digest} a\n"),
            format!("f +0 {digest} a\n"),
            format!("d 0 {digest} a\n"),
            format!("f 0 {} a\n", digest.to_uppercase()),
            format!("f 0 {digest} ../a\n"),
            format!("f 0 {digest} \n"),
            format!("f 0 {digest}\n"),
            format!("f 0 {digest} a\r\n"),
            format!("f 0 {digest} b\nf 0 {digest} a\n"),
            format!("f 0 {digest} a\nf 0 {digest} a\n"),
            format!("f 0 {digest} a\n\n"),
        ] {
            assert!(Listing::parse(&text).is_err(), "{text:?}");
        }
        assert!(Listing::parse("").unwrap().is_empty());
    }
}
