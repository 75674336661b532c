//! A pack with native code runs on some machines only; the manifest says which.

use super::elf;
use silver_pack::{
    listing::Kind,
    manifest::Manifest,
    platform::{Library, Platform},
    snapshot::Snapshot,
};
use silver_plugin_api::TreePath;
use std::{collections::BTreeSet, io::Read};

/// Writes `[pack] platform` if the pack holds native code for one processor only and the manifest
/// does not say it already. Also returns what the author should know.
pub(super) fn record(text: &str, manifest: &Manifest, tree: &Snapshot) -> (String, Vec<String>) {
    let mut warnings = Vec::new();
    let wheels: Vec<&str> = tree.listing().iter().map(|(path, _)| path.name()).filter(|name| is_wheel(name)).collect();
    let found: Vec<(Platform, TreePath)> = native(tree, &mut warnings);
    let needed = of_wheels(&wheels).into_iter().chain(of_files(&found, &mut warnings));
    let needed = needed.fold(Needed::None, Needed::and);
    if let Needed::Several = needed {
        let warning =
            "the pack holds native code for several processors: set `platform` in `[pack]` if it runs on one of them only";
        warnings.push(warning.to_owned());
    }
    if let (Some(said), Needed::One(needed)) = (&manifest.pack.platform, &needed)
        && !needed.runs_on(said, &said.abi.iter().map(String::as_str).collect::<Vec<_>>())
    {
        warnings.push(format!("`pack.toml` says `platform = \"{said}\"`, but what is inside needs {needed}"));
    }
    let (None, Needed::One(platform)) = (&manifest.pack.platform, needed) else { return (text.to_owned(), warnings) };
    let Ok(mut document) = text.parse::<toml_edit::DocumentMut>() else { return (text.to_owned(), warnings) };
    document["pack"]["platform"] = toml_edit::value(platform.to_string());
    (document.to_string(), warnings)
}

/// What pieces of native code need together.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Needed {
    None,
    One(Platform),
    Several,
}

impl Needed {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, one) | (one, Self::None) => one,
            (Self::One(a), Self::One(b)) if a.processor == b.processor => {
                Self::One(Platform { library: stronger(a.library, b.library), abi: a.abi.or(b.abi), ..b })
            }
            _ => Self::Several,
        }
    }
}

/// The newer one; of two different libraries glibc, since what is there for musl has its like beside it.
fn stronger(a: Option<Library>, b: Option<Library>) -> Option<Library> {
    let rank = |library: &Option<Library>| library.as_ref().map(|library| (library.name == "gnu", library.version));
    if rank(&a) >= rank(&b) { a } else { b }
}

/// The suffix is part of the format, in lower case.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "PEP 427")]
fn is_wheel(name: &str) -> bool {
    name.ends_with(".whl")
}

/// What the wheels need: of each package, the one that needs least. Wheels for several processors are
/// the runtime's to choose from.
fn of_wheels(wheels: &[&str]) -> Option<Needed> {
    let (mut processors, mut glibc) = (BTreeSet::new(), 0);
    for wheel in wheels {
        let tags = wheel.strip_suffix(".whl")?.rsplit('-').next()?;
        let native: Vec<(u32, &str)> = tags.split('.').filter_map(manylinux).collect();
        if let Some(least) = native.iter().map(|(glibc, _)| *glibc).min() {
            glibc = glibc.max(least);
            processors.extend(native.iter().map(|(_, arch)| *arch));
        }
    }
    let processor = processors.first().filter(|_| processors.len() == 1)?;
    let library = Some(Library { name: "gnu".into(), version: (2, glibc) });
    Some(Needed::One(Platform { system: "linux".into(), processor: (*processor).into(), library, abi: None }))
}

/// What files of native code outside of wheels need.
fn of_files(found: &[(Platform, TreePath)], warnings: &mut Vec<String>) -> Option<Needed> {
    let mut abis: Vec<&(Platform, TreePath)> = found.iter().filter(|(platform, _)| platform.abi.is_some()).collect();
    abis.dedup_by_key(|(platform, _)| &platform.abi);
    if let [(one, first), .., (other, second)] = abis.as_slice() {
        let [one, other] = [one, other].map(|platform| platform.abi.as_deref().unwrap_or_default());
        warnings.push(format!("`{first}` is for {one}, `{second}` is for {other}: an interpreter loads one of the two"));
    }
    let several = abis.len() > 1;
    let needed = found.iter().map(|(platform, _)| {
        let abi = platform.abi.clone().filter(|_| !several);
        Needed::One(Platform { abi, ..platform.clone() })
    });
    needed.reduce(Needed::and)
}

/// The files of native code, but for those inside of wheels.
fn native(tree: &Snapshot, warnings: &mut Vec<String>) -> Vec<(Platform, TreePath)> {
    let mut found = Vec::new();
    for (path, node) in tree.listing().iter().filter(|(_, node)| node.kind != Kind::Link && node.size >= 52) {
        let mut magic = [0; 4];
        // what cannot be read is told when it is packed
        let is_elf = tree.blobs().open(&node.digest).is_ok_and(|mut content| content.read_exact(&mut magic).is_ok());
        if !is_elf || magic != elf::MAGIC {
            continue;
        }
        match tree.bytes(path) {
            Ok(content) => found.extend(elf::needs(&content, path.name()).map(|platform| (platform, path.clone()))),
            Err(error) => warnings.push(format!("what `{path}` needs was not looked at: {error}")),
        }
    }
    found
}

/// glibc's minor version and processor of a platform tag (PEP 600 and its forerunners).
fn manylinux(tag: &str) -> Option<(u32, &str)> {
    for (legacy, glibc) in [("manylinux2014_", 17), ("manylinux2010_", 12), ("manylinux1_", 5)] {
        if let Some(arch) = tag.strip_prefix(legacy) {
            return Some((glibc, arch));
        }
    }
    let (glibc, arch) = tag.strip_prefix("manylinux_2_")?.split_once('_')?;
    Some((glibc.parse().ok()?, arch))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wheels(names: &[&str]) -> Option<String> {
        match of_wheels(names)? {
            Needed::One(platform) => Some(platform.to_string()),
            _ => None,
        }
    }

    #[test]
    fn the_least_that_all_packages_need() {
        let pure = "trac-1.6-py3-none-any.whl";
        let native = "markupsafe-3.0.4-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl";
        let newer = "x-1-cp311-cp311-manylinux_2_28_x86_64.whl";
        let arm = "x-1-cp311-cp311-manylinux_2_28_aarch64.whl";
        assert_eq!(wheels(&[pure]), None);
        assert_eq!(wheels(&[pure, native]).as_deref(), Some("linux-x86_64-gnu2.17"));
        assert_eq!(wheels(&[native, newer]).as_deref(), Some("linux-x86_64-gnu2.28"));
        assert_eq!(wheels(&[native, arm]), None);
    }

    #[test]
    fn files_need_together_what_each_of_them_needs() {
        let files = |names: &[&str]| {
            let path = TreePath::new("a").unwrap();
            let found: Vec<_> = names.iter().map(|name| (name.parse().unwrap(), path.clone())).collect();
            let mut warnings = Vec::new();
            let needed = match of_files(&found, &mut warnings) {
                None | Some(Needed::None) => "none".to_owned(),
                Some(Needed::One(platform)) => platform.to_string(),
                Some(Needed::Several) => "several".to_owned(),
            };
            (needed, warnings.len())
        };
        for (names, needed, warnings) in [
            (&[][..], "none", 0),
            (&["linux-x86_64"], "linux-x86_64", 0),
            (&["linux-x86_64", "linux-x86_64-gnu2.4", "linux-x86_64-gnu2.33"], "linux-x86_64-gnu2.33", 0),
            (&["linux-x86_64-musl", "linux-x86_64-gnu2.4"], "linux-x86_64-gnu2.4", 0),
            (&["linux-x86_64-gnu2.4", "linux-aarch64-gnu2.4", "linux-x86_64"], "several", 0),
            (&["linux-x86_64-gnu2.4-cp311", "linux-x86_64-gnu2.5"], "linux-x86_64-gnu2.5-cp311", 0),
            (&["linux-x86_64-cp311", "linux-x86_64-cp312"], "linux-x86_64", 1),
        ] {
            assert_eq!(files(names), (needed.to_owned(), warnings), "{names:?}");
        }
    }

    #[test]
    fn programs_of_this_machine_say_what_they_need() {
        let this = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let platform = elf::needs(&this, "tests").unwrap();
        assert_eq!((platform.processor.as_str(), platform.abi), (std::env::consts::ARCH, None));
        // every program of Rust needs at least what its standard library needs
        let library = platform.library.unwrap();
        assert!(library.name == "gnu" && library.version >= (2, 14), "{library:?}");
        assert_eq!(elf::needs(&this, "x.cpython-311-x86_64-linux-gnu.so").unwrap().abi.as_deref(), Some("cp311"));
        assert_eq!(elf::needs(&this, "x.abi3.so").unwrap().abi, None);
        assert_eq!(elf::needs(&this[..100], "cut"), None);
        assert_eq!(elf::needs(b"\x7fELF", "short"), None);
    }
}
