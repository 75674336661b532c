//! Mercurial, without the repository's configuration: it can name extensions, which are code.

use super::{Head, answer};
use crate::provenance::Source;
use std::{path::Path, process::Command};

/// The first Mercurial of which it is known that it can leave a repository's configuration alone.
const SINCE: u32 = 6;

/// A directory in a repository.
#[derive(Debug)]
pub(super) struct Hg<'a> {
    dir: &'a Path,
    program: &'a Path,
}

impl<'a> Hg<'a> {
    /// `None` when there is no Mercurial, or one that would read the repository's configuration.
    pub(super) fn of(dir: &'a Path, program: &'a Path) -> Option<Self> {
        // starting a program costs more than looking
        if !dir.canonicalize().ok()?.ancestors().any(|dir| dir.join(".hg").exists()) {
            return None;
        }
        let version = Hg { dir: Path::new("/"), program }.ask(&["version", "-T", "{ver}"])?;
        let major: u32 = version.split('.').next()?.parse().ok()?;
        (major >= SINCE).then_some(Hg { dir, program })
    }

    pub(super) fn source(&self) -> Option<Source> {
        let root = self.ask(&["root"])?;
        let revision = self.ask(&["log", "-l", "1", "-T", "{node}", "."])?;
        if revision.is_empty() {
            return None;
        }
        let full = self.dir.canonicalize().ok()?;
        let directory = full.strip_prefix(Path::new(&root).canonicalize().ok()?).ok()?.to_str()?.to_owned();
        Some(Source { vcs: "hg", revision, directory, dirty: self.dirty()? })
    }

    pub(super) fn head(&self) -> Option<Head> {
        Some(Head { revision: self.ask(&["log", "-r", ".", "-T", "{node|short}"])?, dirty: self.dirty()? })
    }

    fn dirty(&self) -> Option<bool> {
        Some(!self.ask(&["status", "."])?.is_empty())
    }

    fn ask(&self, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new(self.program);
        command.args(arguments).current_dir(self.dir);
        answer(command.env("HGPLAIN", "1").env("HGRCSKIPREPO", "1"))
    }
}

#[cfg(test)]
mod tests {
    use super::Hg;
    use crate::provenance::Source;
    use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

    /// A program that takes repositories' configurations as Mercurial does: unless it is told not to.
    fn program(dir: &tempfile::TempDir, version: &str) -> PathBuf {
        let (file, root) = (dir.path().join("hg"), dir.path().join("repository"));
        let script = format!(
            "#!/bin/sh\n[ \"${{HGRCSKIPREPO+set}}\" = set ] || [ ! -e .hg ] || echo \"$1\" >> {root}/ran\n\
             case \"$1\" in\nversion) echo '{version}' ;;\nroot) echo '{root}' ;;\nlog) echo 0123abc ;;\n\
             status) [ -z \"$HGRCSKIPREPO\" ] || cat changes ;;\nesac\n",
            root = root.display()
        );
        fs::create_dir_all(root.join("mine")).unwrap();
        fs::create_dir_all(root.join(".hg")).unwrap();
        fs::write(root.join("mine/changes"), "").unwrap();
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[test]
    fn a_repository_is_asked_without_its_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let program = program(&dir, "6.3.2");
        let mine = dir.path().join("repository/mine");
        let hg = Hg::of(&mine, &program).unwrap();
        let clean = Source { vcs: "hg", revision: "0123abc".into(), directory: "mine".into(), dirty: false };
        assert_eq!(hg.source().as_ref(), Some(&clean));
        fs::write(mine.join("changes"), "M pack.toml\n").unwrap();
        assert_eq!(hg.source(), Some(Source { dirty: true, ..clean }));
        assert!(hg.head().unwrap().dirty);
        assert!(!dir.path().join("repository/ran").exists());
        assert!(Hg::of(dir.path(), &program).is_none(), "there is no repository");
    }

    #[test]
    fn a_mercurial_that_cannot_leave_it_alone_is_not_asked() {
        for version in ["4.9", "", "unknown"] {
            let dir = tempfile::tempdir().unwrap();
            let program = program(&dir, version);
            assert!(Hg::of(&dir.path().join("repository/mine"), &program).is_none(), "{version}");
        }
    }
}
