//! Paths, sorted into the directories that they lie in, so that each core can have directories of its own.

use std::collections::HashMap;

/// What lies in each directory, in the order in which it came, by the directory's path; the root, which is the empty path, and
/// directories that hold nothing but directories are there, too. Fast where things of one directory come together.
pub(crate) fn by_directory<'a, T>(things: impl IntoIterator<Item = (&'a [u8], T)>) -> HashMap<&'a [u8], Vec<T>> {
    let mut dirs = HashMap::from([(&b""[..], Vec::new())]);
    let (mut last, mut inside) = (&b""[..], Vec::new());
    for (path, thing) in things {
        let dir = parent(path);
        if dir != last {
            put(&mut dirs, last, inside);
            (last, inside) = (dir, Vec::new());
        }
        inside.push(thing);
    }
    put(&mut dirs, last, inside);
    dirs
}

/// Adds what lies in a directory, and the directories that it lies in.
fn put<'a, T>(dirs: &mut HashMap<&'a [u8], Vec<T>>, dir: &'a [u8], things: Vec<T>) {
    let mut above = dir;
    while !dirs.contains_key(above) {
        dirs.insert(above, Vec::new());
        above = parent(above);
    }
    dirs.entry(dir).or_default().extend(things);
}

/// The path of the directory that this one lies in.
fn parent(path: &[u8]) -> &[u8] {
    &path[..path.iter().rposition(|byte| *byte == b'/').unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::by_directory;
    use std::collections::BTreeMap;

    #[test]
    fn every_thing_is_in_its_directory_and_every_directory_is_there() {
        let paths = ["a", "b/c/d", "b/c/e/f", "b/c/g", "b/c0", "h"];
        let sorted = by_directory(paths.map(|path| (path.as_bytes(), path)));
        let sorted: BTreeMap<&str, Vec<&str>> =
            sorted.into_iter().map(|(dir, inside)| (std::str::from_utf8(dir).unwrap(), inside)).collect();
        let wanted = [("", vec!["a", "h"]), ("b", vec!["b/c0"]), ("b/c", vec!["b/c/d", "b/c/g"]), ("b/c/e", vec!["b/c/e/f"])];
        assert_eq!(sorted, BTreeMap::from(wanted));
        assert_eq!(by_directory([(&b""[..], ()); 0]).len(), 1, "the root");
    }
}
