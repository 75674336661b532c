//! The comparisons. Nothing is removed before all are done: ext4 passes over inodes that were freed within
//! the last minutes, one by one, which makes creating files up to ten times slower.

use super::{
    Place, Row,
    measure::{Side, interleaved, process, processes},
    trees::App,
};
use crate::{Failure, run};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A comparison to be made.
struct Plan<'a> {
    name: &'static str,
    ours: Side<'a>,
    peer: &'static str,
    theirs: Side<'a>,
    goal: f64,
}

/// The names of the rows.
pub(super) const NAMES: [&str; 12] = [
    "stage-cold",
    "stage-cold-tar",
    "stage-again",
    "stage-copy",
    "merge",
    "record",
    "record-again",
    "drift-stat",
    "drift-content",
    "verify",
    "build",
    "plugin-call",
];

/// The rows of one application, each measured when it is asked for.
pub(super) fn of<'a>(
    place: &'a Place,
    app: &'a App,
    rounds: usize,
    wanted: &'a dyn Fn(&str) -> bool,
) -> impl Iterator<Item = Result<Row, Failure>> + 'a {
    let below = place.runs.join(app.name);
    // Trac's files are taken by a plugin of its own, those of the other two by the customizer built in
    let fits = move |name: &str| match name {
        "plugin-call" => app.name == "trac",
        "merge" => app.name != "trac",
        _ => true,
    };
    NAMES.into_iter().filter(move |name| wanted(name) && fits(name)).map(move |name| {
        let work = Work { place, app, dir: below.join(name) };
        fs::create_dir_all(&work.dir)?;
        work.measure(name, rounds)
    })
}

struct Work<'a> {
    place: &'a Place,
    app: &'a App,
    dir: PathBuf,
}

impl Work<'_> {
    fn measure(&self, name: &str, rounds: usize) -> Result<Row, Failure> {
        let plan = match name {
            "stage-cold" => self.stage_cold(),
            "stage-cold-tar" => self.stage_cold_tar()?,
            "stage-again" => self.stage_again()?,
            "stage-copy" => self.stage_copy()?,
            "merge" => self.merge()?,
            "record" => self.record(),
            "record-again" => self.record_again()?,
            "drift-stat" => self.drift_by_stat()?,
            "drift-content" => self.drift_by_content()?,
            "verify" => self.verify()?,
            "build" => self.build(),
            _ => self.plugin_call()?,
        };
        let (ours, theirs) = interleaved(rounds, &plan.ours, &plan.theirs)?;
        Ok(Row { name: format!("{}/{}", plan.name, self.app.name), ours, peer: plan.peer.into(), theirs, goal: plan.goal })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn bench(&self, work: &str, paths: &[&Path]) -> Command {
        let mut command = Command::new(&self.place.bench);
        command.arg(work).args(paths);
        command
    }

    fn silver(&self) -> Command {
        let mut command = Command::new(&self.place.silver);
        command.env("SILVER_HOME", self.path("home"));
        command
    }

    fn stage_cold(&self) -> Plan<'_> {
        Plan {
            name: "stage-cold",
            ours: Box::new(|round| process(&self.bench("stage", &[&self.app.zip, &self.path(&format!("ours{round}"))]))),
            peer: "unzip -q",
            theirs: Box::new(|round| {
                process(Command::new("unzip").arg("-q").arg(&self.app.zip).arg("-d").arg(self.path(&format!("theirs{round}"))))
            }),
            goal: if self.app.name == "syn100k" { 0.55 } else { 0.3 },
        }
    }

    fn stage_cold_tar(&self) -> Result<Plan<'_>, Failure> {
        let archive = self.path("tree.tar.zst");
        run::run(Command::new("tar").arg("--zstd").arg("-cf").arg(&archive).arg("-C").arg(&self.app.tree).arg("."))?;
        let theirs = move |round: usize| {
            let to = self.path(&format!("theirs{round}"));
            fs::create_dir(&to)?;
            process(Command::new("tar").arg("--zstd").arg("-xf").arg(&archive).arg("-C").arg(to))
        };
        Ok(Plan { name: "stage-cold-tar", peer: "tar --zstd -xf", theirs: Box::new(theirs), goal: 0.7, ..self.stage_cold() })
    }

    /// The files that releases share, and the lines of the tree.
    fn filled(&self) -> Result<(PathBuf, PathBuf), Failure> {
        let (store, lines) = (self.path("filled"), self.path("lines"));
        fs::create_dir_all(&store)?;
        run::output(&mut self.bench("fill", &[&self.app.zip, &store, &lines]))?;
        Ok((store, lines))
    }

    fn stage_again(&self) -> Result<Plan<'_>, Failure> {
        let (store, lines) = self.filled()?;
        let first = store.join("first");
        Ok(Plan {
            name: "stage-again",
            ours: Box::new(move |round| process(&self.bench("link", &[&store, &lines, &self.path(&format!("ours{round}"))]))),
            peer: "cp -al",
            theirs: Box::new(move |round| {
                process(Command::new("cp").arg("-al").arg(&first).arg(self.path(&format!("theirs{round}"))))
            }),
            goal: 0.8,
        })
    }

    fn stage_copy(&self) -> Result<Plan<'_>, Failure> {
        let (store, lines) = self.filled()?;
        let first = store.join("first");
        Ok(Plan {
            name: "stage-copy",
            ours: Box::new(move |round| process(&self.bench("copy", &[&store, &lines, &self.path(&format!("ours{round}"))]))),
            peer: "cp -a",
            theirs: Box::new(move |round| {
                process(Command::new("cp").arg("-a").arg(&first).arg(self.path(&format!("theirs{round}"))))
            }),
            goal: 0.5,
        })
    }

    /// A hundred files that the customization adds.
    fn merge(&self) -> Result<Plan<'_>, Failure> {
        let mine = self.path("mine");
        let overlay = mine.join("all");
        fs::create_dir_all(&overlay)?;
        for number in 0..100 {
            fs::write(overlay.join(format!("own{number}.txt")), format!("file {number}\n"))?;
        }
        let name = self.app.name;
        fs::write(mine.join("customize.toml"), format!("[pack]\nid = \"org.silver.bench.{name}\"\nversion = \"1\"\n"))?;
        Ok(Plan {
            name: "merge",
            ours: Box::new(move |_| process(&self.bench("merge", &[&self.app.zip, &mine]))),
            peer: "cp -a tree; cp -a overlay",
            theirs: Box::new(move |round| {
                let to = self.path(&format!("theirs{round}"));
                let mut tree = Command::new("cp");
                tree.arg("-a").arg(&self.app.tree).arg(&to);
                let mut over = Command::new("cp");
                over.arg("-a").arg(&overlay).arg(to.join("own"));
                processes(&[tree, over])
            }),
            goal: 0.05,
        })
    }

    fn git(&self, repository: &Path, words: &[&str]) -> Command {
        let mut git = Command::new("git");
        git.arg("--git-dir").arg(repository).arg("--work-tree").arg(&self.app.tree);
        git.args(["-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0", "-c", "core.fsync=all"]);
        git.args(words).current_dir(&self.app.tree);
        git
    }

    fn repository(&self, name: &str) -> Result<PathBuf, Failure> {
        let repository = self.path(name);
        run::run(Command::new("git").args(["init", "--quiet", "--bare"]).arg(&repository))?;
        run::run(Command::new("git").arg("--git-dir").arg(&repository).args(["config", "core.bare", "false"]))?;
        Ok(repository)
    }

    fn committed(&self) -> Result<PathBuf, Failure> {
        let repository = self.repository("committed")?;
        run::run(&mut self.git(&repository, &["add", "-A"]))?;
        run::run(&mut self.git(&repository, &["commit", "--quiet", "-m", "first"]))?;
        Ok(repository)
    }

    fn recorded(&self) -> Result<PathBuf, Failure> {
        let registry = self.path("recorded");
        run::output(&mut self.bench("record", &[&self.app.zip, &registry]))?;
        Ok(registry)
    }

    fn record(&self) -> Plan<'_> {
        Plan {
            name: "record",
            ours: Box::new(|round| process(&self.bench("record", &[&self.app.zip, &self.path(&format!("ours{round}"))]))),
            peer: "git add -A; git commit",
            theirs: Box::new(|round| {
                let repository = self.repository(&format!("theirs{round}"))?;
                processes(&[self.git(&repository, &["add", "-A"]), self.git(&repository, &["commit", "--quiet", "-m", "first"])])
            }),
            goal: 0.25,
        }
    }

    fn record_again(&self) -> Result<Plan<'_>, Failure> {
        let (registry, repository) = (self.recorded()?, self.committed()?);
        Ok(Plan {
            name: "record-again",
            ours: Box::new(move |_| process(&self.bench("record-again", &[&registry]))),
            peer: "git add -A; git commit",
            theirs: Box::new(move |_| {
                processes(&[
                    self.git(&repository, &["add", "-A"]),
                    self.git(&repository, &["commit", "--quiet", "--allow-empty", "-m", "again"]),
                ])
            }),
            goal: 0.7,
        })
    }

    fn drift_by_stat(&self) -> Result<Plan<'_>, Failure> {
        let (store, lines) = self.filled()?;
        let (tree, seen, repository) = (store.join("first"), self.path("seen"), self.committed()?);
        let digest = run::output(&mut self.bench("note-stats", &[&lines, &tree, &seen]))?;
        let digest = PathBuf::from(digest.trim());
        Ok(Plan {
            name: "drift-stat",
            ours: Box::new(move |_| process(&self.bench("drift-by-stat", &[&tree, &seen, &digest]))),
            peer: "git status",
            theirs: Box::new(move |_| process(&self.git(&repository, &["status", "--porcelain", "--untracked-files=all"]))),
            goal: 0.9,
        })
    }

    fn drift_by_content(&self) -> Result<Plan<'_>, Failure> {
        let (store, lines) = self.filled()?;
        let (tree, sums) = (store.join("first"), self.path("sums"));
        let script = format!("find . -type f -print0 | xargs -0 sha256sum > {}", sums.display());
        run::run(Command::new("sh").args(["-c", &script]).current_dir(&tree))?;
        let there = tree.clone();
        Ok(Plan {
            name: "drift-content",
            ours: Box::new(move |_| process(&self.bench("drift", &[&lines, &tree]))),
            peer: "sha256sum --check",
            theirs: Box::new(move |_| {
                process(Command::new("sha256sum").args(["--check", "--quiet"]).arg(&sums).current_dir(&there))
            }),
            goal: 0.35,
        })
    }

    fn verify(&self) -> Result<Plan<'_>, Failure> {
        let (registry, repository) = (self.recorded()?, self.committed()?);
        Ok(Plan {
            name: "verify",
            ours: Box::new(move |_| process(&self.bench("verify", &[&registry]))),
            peer: "git fsck --full",
            theirs: Box::new(move |_| process(&self.git(&repository, &["fsck", "--full", "--no-progress"]))),
            goal: 0.3,
        })
    }

    fn build(&self) -> Plan<'_> {
        let tree = &self.app.tree;
        Plan {
            name: "build",
            ours: Box::new(move |round| {
                process(
                    self.silver()
                        .arg("pack")
                        .arg(tree)
                        .args(["--no-vcs", "--quiet", "-o"])
                        .arg(self.path(&format!("ours{round}.zip"))),
                )
            }),
            peer: "zip -qr",
            theirs: Box::new(move |round| {
                process(Command::new("zip").arg("-qr").arg(self.path(&format!("theirs{round}.zip"))).arg(".").current_dir(tree))
            }),
            goal: 0.4,
        }
    }

    /// Two milliseconds are what starting any process takes; one more is what a call may add to a merge.
    fn plugin_call(&self) -> Result<Plan<'_>, Failure> {
        let cache = self.path("compiled");
        run::output(&mut self.bench("call", &[&self.app.zip, &cache]))?;
        Ok(Plan {
            name: "plugin-call",
            ours: Box::new(move |_| process(&self.bench("call", &[&self.app.zip, &cache]))),
            peer: "1 ms",
            theirs: Box::new(|_| Ok(super::Taken { ms: 1.0, ..super::Taken::default() })),
            goal: 1.0,
        })
    }
}
