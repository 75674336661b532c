//! Git, without what a repository's configuration names: what the file system's watcher, filters and hooks are, and how
//! objects are fetched that are not there.

use super::{Head, answer};
use crate::provenance::Source;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

/// A directory in a repository.
#[derive(Debug)]
pub(super) struct Git<'a> {
    dir: &'a Path,
    /// The names of the filters that any configuration defines.
    filters: BTreeSet<String>,
}

impl<'a> Git<'a> {
    /// `None` when there is no repository, or its filters cannot be named on a command line.
    pub(super) fn of(dir: &'a Path) -> Option<Self> {
        let bare = Self { dir, filters: BTreeSet::new() };
        bare.ask(&["rev-parse", "--git-dir"])?;
        let keys = bare.ask(&["config", "--null", "--name-only", "--list"])?;
        let filters = keys.split('\0').filter_map(|key| Some(key.strip_prefix("filter.")?.rsplit_once('.')?.0.to_owned()));
        let git = Self { filters: filters.collect(), ..bare };
        // `-c` takes what follows the first `=` for the value; what is not UTF-8 has not arrived as it is
        let unspeakable = |name: &String| name.contains(['=', char::REPLACEMENT_CHARACTER]);
        (!git.filters.iter().any(unspeakable)).then_some(git)
    }

    pub(super) fn source(&self) -> Option<Source> {
        let directory = self.ask(&["rev-parse", "--show-prefix"])?;
        // `log` would check signatures with a program that the configuration names
        let revision = self.ask(&["rev-list", "-1", "HEAD", "--", "."])?;
        if revision.is_empty() {
            return None;
        }
        let directory = directory.trim_end_matches('/').to_owned();
        Some(Source { vcs: "git", revision, directory, dirty: self.dirty()? })
    }

    pub(super) fn head(&self) -> Option<Head> {
        Some(Head { revision: self.ask(&["rev-parse", "--verify", "HEAD"])?, dirty: self.dirty()? })
    }

    /// Is anything in the directory otherwise than in a revision? What a filter would have to tell counts as changed
    /// as soon as it was touched.
    fn dirty(&self) -> Option<bool> {
        // git would ask a submodule with the submodule's own configuration
        let changes = self.ask(&["status", "--porcelain", "--ignore-submodules=dirty", "--", "."])?;
        if !changes.is_empty() {
            return Some(true);
        }
        for submodule in self.submodules()? {
            if Git::of(&submodule)?.dirty()? {
                return Some(true);
            }
        }
        Some(false)
    }

    /// The submodules below the directory that are checked out.
    fn submodules(&self) -> Option<Vec<PathBuf>> {
        let top = self.ask(&["rev-parse", "--show-toplevel"])?;
        if !Path::new(&top).join(".gitmodules").exists() {
            return Some(Vec::new());
        }
        let files = self.ask(&["ls-files", "-z", "--stage", "--", "."])?;
        let links = files.split('\0').filter_map(|line| line.strip_prefix("160000 ")?.split_once('\t'));
        let dirs = links.map(|(_, path)| self.dir.join(path));
        Some(dirs.filter(|dir| dir.join(".git").exists()).collect())
    }

    fn ask(&self, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new("git");
        command.args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]);
        for filter in &self.filters {
            for off in ["clean=", "smudge=", "process=", "required=false"] {
                command.arg("-c").arg(format!("filter.{filter}.{off}"));
            }
        }
        command.arg("--no-pager").args(arguments).current_dir(self.dir);
        // objects that are not there are not fetched: an older git knows the last of these only
        command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none");
        answer(&mut command)
    }
}

#[cfg(test)]
mod tests {
    use crate::{provenance::Source, vcs};
    use std::{
        fs,
        path::Path,
        process::Command,
        time::{Duration, SystemTime},
    };

    fn run(dir: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]);
        let output = command.args(arguments).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn commit(dir: &Path) {
        run(dir, &["add", "."]);
        run(dir, &["commit", "-q", "-m", "one"]);
    }

    /// The same content, but git has to read it to know that.
    fn touch(file: &Path) {
        let hour_ago = SystemTime::now() - Duration::from_hours(1);
        fs::File::options().write(true).open(file).unwrap().set_modified(hour_ago).unwrap();
    }

    #[test]
    fn a_directory_under_git() {
        let repository = tempfile::tempdir().unwrap();
        let dir = repository.path().join("packs/mine");
        fs::create_dir_all(&dir).unwrap();
        assert_eq!(vcs::source(&dir), None);
        assert_eq!(vcs::head(&dir), None);
        run(repository.path(), &["init", "-q"]);
        assert_eq!(vcs::source(&dir), None);
        assert_eq!(vcs::head(&dir), None);
        fs::write(dir.join("pack.toml"), "x").unwrap();
        commit(repository.path());
        let first = vcs::source(&dir).unwrap();
        assert_eq!((first.vcs, first.directory.as_str(), first.dirty), ("git", "packs/mine", false));
        // a revision that changes something else changes nothing here
        fs::write(repository.path().join("other"), "x").unwrap();
        commit(repository.path());
        assert_eq!(vcs::source(&dir), Some(first.clone()));
        let head = vcs::head(&dir).unwrap();
        assert_eq!((head.revision.as_str(), head.dirty), (run(&dir, &["rev-parse", "HEAD"]).as_str(), false));
        fs::write(dir.join("pack.toml"), "y").unwrap();
        assert_eq!(vcs::source(&dir), Some(Source { dirty: true, ..first }));
        assert!(vcs::head(&dir).unwrap().dirty);
    }

    /// What a repository can name to be run, and where.
    #[test]
    fn no_program_of_a_repository_is_run() {
        type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);
        let ran = tempfile::NamedTempFile::new().unwrap();
        let run_me = format!("echo ran >> {}; cat", ran.path().display());
        let fetch_me = format!("ext::sh -c \"echo ran >> {}\"", ran.path().display());
        let rows: [Row<'_>; 6] = [
            (".gitattributes", "* filter=x", &[("filter.x.clean", &run_me), ("filter.x.required", "true")]),
            (".git/info/attributes", "* filter=x.y", &[("filter.x.y.process", &run_me), ("filter.x.y.required", "true")]),
            (".gitattributes", "* filter=x=y", &[("filter.x=y.clean", &run_me)]),
            ("other", "", &[("core.fsmonitor", &run_me)]),
            ("other", "", &[("log.showSignature", "true"), ("gpg.program", &run_me)]),
            ("lost", "", &[("remote.o.url", &fetch_me), ("remote.o.promisor", "true"), ("protocol.ext.allow", "always")]),
        ];
        for (file, content, settings) in rows {
            let repository = tempfile::tempdir().unwrap();
            let dir = repository.path();
            run(dir, &["init", "-q"]);
            fs::write(dir.join("pack.toml"), "x").unwrap();
            fs::write(dir.join(file), content).unwrap();
            commit(dir);
            for (name, value) in settings {
                run(dir, &["config", name, value]);
            }
            if file == "lost" {
                let tree = run(dir, &["rev-parse", "HEAD^{tree}"]);
                fs::remove_file(dir.join(".git/objects").join(&tree[..2]).join(&tree[2..])).unwrap();
            }
            touch(&dir.join("pack.toml"));
            let (source, head) = (vcs::source(dir), vcs::head(dir));
            assert_eq!(fs::read_to_string(ran.path()).unwrap(), "", "{settings:?}");
            // what cannot be asked is not known; nothing was changed
            let unknown = file == "lost" || content.ends_with("x=y");
            assert_eq!(source.map(|source| source.dirty), (!unknown).then_some(false), "{settings:?}");
            assert_eq!(head.map(|head| head.dirty), (!unknown).then_some(false), "{settings:?}");
        }
    }

    #[test]
    fn a_submodule_is_looked_at_and_runs_nothing_either() {
        let repository = tempfile::tempdir().unwrap();
        let (dir, ran) = (repository.path(), tempfile::NamedTempFile::new().unwrap());
        let part = dir.join("mine/part");
        fs::create_dir_all(&part).unwrap();
        run(dir, &["init", "-q"]);
        run(&part, &["init", "-q"]);
        fs::write(part.join(".gitattributes"), "* filter=x").unwrap();
        fs::write(part.join("file"), "x").unwrap();
        commit(&part);
        run(&part, &["config", "filter.x.clean", &format!("echo ran >> {}; cat", ran.path().display())]);
        fs::write(dir.join(".gitmodules"), "[submodule \"part\"]\npath = mine/part\nurl = ./part\n").unwrap();
        commit(dir);
        touch(&part.join("file"));
        assert!(!vcs::source(&dir.join("mine")).unwrap().dirty);
        fs::write(part.join("file"), "y").unwrap();
        assert!(vcs::source(&dir.join("mine")).unwrap().dirty);
        assert_eq!(fs::read_to_string(ran.path()).unwrap(), "");
        // one that is not checked out has no changes
        fs::remove_dir_all(&part).unwrap();
        fs::create_dir(&part).unwrap();
        assert!(!vcs::source(&dir.join("mine")).unwrap().dirty);
    }
}
