//! The distribution's packages that a release runs on: the interpreter's, those that its pack asks for,
//! and all that these depend on. Recorded with every deployment, so that a year later somebody can
//! tell which sites ran on a library.

use crate::{dirs::Dirs, facts};
use silver_plugin_api::plan::{REQUIRED_PACKAGES, Release};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What Debian's package manager keeps. Source of the formats: deb-status and `dpkg(1)`.
const DPKG: &str = "/var/lib/dpkg";

/// Name and version of every package that the release runs on, sorted; empty on another distribution.
/// `path` is where programs are found, as in `PATH`.
pub fn of(dirs: &Dirs, release: &Release, path: &str) -> Vec<(String, String)> {
    let Ok(status) = fs::read_to_string(Path::new(DPKG).join("status")) else { return Vec::new() };
    let required = release.extra.get(REQUIRED_PACKAGES).map(String::as_str).unwrap_or_default();
    let mut roots: Vec<String> = required.split_whitespace().map(Into::into).collect();
    roots.extend(interpreter(dirs, release, path).and_then(|program| owner(&Path::new(DPKG).join("info"), &program)));
    closure(&status, &roots)
}

/// The program that executes the release's code, where links lead to.
fn interpreter(dirs: &Dirs, release: &Release, path: &str) -> Option<PathBuf> {
    let kind = release.environment.as_ref().map_or(release.runtime.as_str(), |environment| environment.kind.as_str());
    let name = match kind {
        "python" => "python3",
        "nodejs" => "node",
        _ => return None,
    };
    let program = match &release.environment {
        Some(environment) => dirs.environment(&environment.id).join(&environment.bin).join(name),
        None => facts::find(name, path)?,
    };
    fs::canonicalize(program).ok()
}

/// The package that brought a program: one whose name begins as the program's does (`python3.11-minimal`,
/// `nodejs`), so that not every list is read.
fn owner(info: &Path, program: &Path) -> Option<String> {
    let (name, line) = (program.file_name()?.to_str()?, program.to_str()?);
    let entries = fs::read_dir(info).ok()?.flatten();
    let lists = entries.filter_map(|entry| Some((entry.path(), entry.file_name().into_string().ok()?)));
    let mut named: Vec<(PathBuf, String)> = lists
        .filter_map(|(path, file)| Some((path, file.strip_suffix(".list")?.to_owned())))
        .filter(|(_, package)| package.starts_with(name))
        .collect();
    named.sort();
    let owns = |list: &PathBuf| fs::read_to_string(list).is_ok_and(|text| text.lines().any(|file| file == line));
    let (_, package) = named.into_iter().find(|(list, _)| owns(list))?;
    Some(package.split(':').next().unwrap_or(&package).to_owned())
}

/// The installed packages among `roots`, and what they depend on.
fn closure(status: &str, roots: &[String]) -> Vec<(String, String)> {
    let installed: BTreeMap<&str, Paragraph<'_>> =
        status.split("\n\n").filter_map(Paragraph::parse).map(|paragraph| (paragraph.name, paragraph)).collect();
    let mut provided: BTreeMap<&str, &str> = BTreeMap::new();
    for paragraph in installed.values() {
        for name in names(paragraph.provides).flatten() {
            provided.entry(name).or_insert(paragraph.name);
        }
    }
    let find = |name: &str| installed.get(name).or_else(|| installed.get(provided.get(name)?));
    let mut found: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut open: Vec<&Paragraph<'_>> = roots.iter().filter_map(|root| find(root)).collect();
    while let Some(package) = open.pop() {
        if found.insert((package.name, package.version)) {
            for alternatives in names(package.depends).chain(names(package.pre_depends)) {
                open.extend(alternatives.into_iter().find_map(find));
            }
        }
    }
    found.into_iter().map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
}

/// What is told of an installed package.
struct Paragraph<'a> {
    name: &'a str,
    version: &'a str,
    depends: &'a str,
    pre_depends: &'a str,
    provides: &'a str,
}

impl<'a> Paragraph<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        field("Status")?.ends_with(" installed").then_some(())?;
        Some(Self {
            name: field("Package")?,
            version: field("Version")?,
            depends: field("Depends").unwrap_or_default(),
            pre_depends: field("Pre-Depends").unwrap_or_default(),
            provides: field("Provides").unwrap_or_default(),
        })
    }
}

/// `a (>= 1) | b:any, c` → [[a, b], [c]]
fn names(field: &str) -> impl Iterator<Item = Vec<&str>> {
    let name = |one| -> Option<&str> { one_word(one) };
    field.split(',').map(move |alternatives| alternatives.split('|').filter_map(name).collect())
}

fn one_word(one: &str) -> Option<&str> {
    one.split_whitespace().next()?.split(':').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "\
Package: python3.11-minimal\nStatus: install ok installed\nVersion: 3.11.2-6\nDepends: libpython3.11-minimal (= 3.11.2-6), libc6 (>= 2.35)\nPre-Depends: libexpat1\n
Package: libpython3.11-minimal\nStatus: install ok installed\nVersion: 3.11.2-6\nDepends: absent | libssl (>= 3.0.0), gone\n
Package: libssl3\nStatus: hold ok installed\nVersion: 3.0.15-1\nProvides: libssl, other (= 3)\nDepends: libc6, python3.11-minimal\n
Package: libc6\nStatus: install ok installed\nVersion: 2.36-9\n
Package: libexpat1\nStatus: install ok installed\nVersion: 2.5.0-1\n
Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n
Package: unrelated\nStatus: install ok installed\nVersion: 1\n";

    #[test]
    fn what_a_package_depends_on_is_followed_to_its_end() {
        let told = |roots: &[&str]| {
            let roots: Vec<String> = roots.iter().map(ToString::to_string).collect();
            closure(STATUS, &roots).into_iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>()
        };
        let all = [
            "libc6 2.36-9",
            "libexpat1 2.5.0-1",
            "libpython3.11-minimal 3.11.2-6",
            "libssl3 3.0.15-1",
            "python3.11-minimal 3.11.2-6",
        ];
        assert_eq!(told(&["python3.11-minimal"]), all);
        assert_eq!(told(&["other", "nowhere"]), all, "what is provided under another name, too");
        assert_eq!(told(&["libc6", "gone"]), ["libc6 2.36-9"]);
        assert_eq!(told(&[]), [""; 0]);
    }

    #[test]
    fn a_program_is_found_in_the_list_of_its_package() {
        let dir = tempfile::tempdir().unwrap();
        let list = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        list("python3.11.list", "/.\n/usr/bin/pydoc3.11\n");
        list("python3.11-minimal:amd64.list", "/.\n/usr/bin/python3.11\n");
        list("other.list", "/usr/bin/other-program\n");
        let owner = |program: &str| owner(dir.path(), Path::new(program));
        assert_eq!(owner("/usr/bin/python3.11").as_deref(), Some("python3.11-minimal"));
        assert_eq!(owner("/opt/bin/python3.11"), None);
        assert_eq!(owner("/usr/bin/node"), None);
    }
}
