//! What an environment needs from outside of itself: the interpreter that its programs link to.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Every sandbox sees these.
const SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32"];

/// The programs outside of `environment` (and of the system) that links in `bin` lead to, and the
/// libraries beside them: `/opt/python/bin/python3.11` and `/opt/python/lib`. No more of the place
/// where they are, which may be somebody's home.
pub(super) fn outside(environment: &Path, bin: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let entries = fs::read_dir(bin).into_iter().flatten().filter_map(Result::ok);
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink())) {
        let mut hop = entry.path();
        // each link on the way is looked up in the sandbox, too
        for _ in 0..16 {
            let Ok(target) = fs::read_link(&hop) else { break };
            let parent = hop.parent().unwrap_or(Path::new("/"));
            hop = parent.join(target);
            if !seen_anyway(environment, &hop) {
                found.insert(hop.clone());
            }
        }
        let Ok(program) = fs::canonicalize(entry.path()) else { continue };
        if seen_anyway(environment, &program) {
            continue;
        }
        let prefix = program.parent().and_then(Path::parent);
        let libraries = prefix.into_iter().flat_map(|prefix| ["lib", "lib64"].map(|name| prefix.join(name)));
        found.extend(libraries.filter(|path| path.is_dir()));
        found.insert(program);
    }
    found
}

fn seen_anyway(environment: &Path, path: &Path) -> bool {
    path.starts_with(environment) || SYSTEM.iter().any(|system| path.starts_with(system))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_program_and_its_libraries_and_nothing_else_of_a_home() {
        let home = tempfile::tempdir().unwrap();
        let home = fs::canonicalize(home.path()).unwrap();
        let (environment, python) = (home.join("env"), home.join("python"));
        for dir in [environment.join("bin"), python.join("bin"), python.join("lib/python3"), home.join("secret")] {
            fs::create_dir_all(dir).unwrap();
        }
        fs::write(python.join("bin/python3.11"), "").unwrap();
        symlink("python3.11", python.join("bin/python3")).unwrap();
        symlink(python.join("bin/python3"), environment.join("bin/python")).unwrap();
        symlink("python", environment.join("bin/python3")).unwrap();
        symlink("/usr/bin/env", environment.join("bin/env")).unwrap();
        let found = outside(&environment, &environment.join("bin"));
        let wanted = [python.join("bin/python3"), python.join("bin/python3.11"), python.join("lib")];
        assert_eq!(found, BTreeSet::from(wanted));
    }
}
