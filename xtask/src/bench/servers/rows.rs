//! The comparisons with rsync over the same connection, and with times that silver promises.

use super::{
    super::{
        Place, Row, Taken,
        measure::{Side, interleaved, process},
    },
    Beside,
};
use crate::{Failure, run};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Where the application answers.
const HOST: &str = "served.example.org";
/// Where rsync keeps its copy.
const COPY: &str = "/home/deploy/copy";
/// Where a customization has the file that changes from round to round, and where it then lies in the tree.
const OWN: &str = "all/own.txt";

/// A side that is a promise.
fn promised<'a>(ms: f64) -> Side<'a> {
    Box::new(move |_| Ok(Taken { ms, ..Taken::default() }))
}

fn row(name: &str, rounds: usize, ours: &Side<'_>, peer: &str, theirs: &Side<'_>, goal: f64) -> Result<Row, Failure> {
    let (ours, theirs) = interleaved(rounds, ours, theirs)?;
    Ok(Row { name: format!("{name}/wp"), ours, peer: peer.into(), theirs, goal })
}

/// Each round has a bare server of its own.
pub(super) fn three_commands(place: &Place, rounds: usize) -> Result<Row, Failure> {
    let ours: Side<'_> = Box::new(|_| process(Command::new(&place.bench).arg("three-commands")));
    let (ours, theirs) = interleaved(rounds, &ours, &promised(60_000.0))?;
    Ok(Row { name: "ssh-three-commands/hello".into(), ours, peer: "60 s".into(), theirs, goal: 1.0 })
}

impl Beside {
    /// Both sides have the tree on the server.
    pub(super) fn prepare(&self) -> Result<(), Failure> {
        let own = self.mine().join(OWN);
        fs::create_dir_all(own.parent().unwrap_or(&own))?;
        fs::write(&own, "first\n")?;
        let text = "[pack]\nid = \"org.silver.bench.served\"\nversion = \"1\"\n";
        fs::write(self.mine().join("customize.toml"), text)?;
        run::run(Command::new("cp").arg("-al").arg(&self.tree).arg(self.copied()))?;
        fs::create_dir_all(self.copied().join("all"))?;
        fs::write(self.copied().join(OWN), "first\n")?;
        process(&self.update("web1"))?;
        process(&self.rsync(true, &[], &self.copied(), COPY)?)?;
        Ok(())
    }

    /// One row.
    pub(super) fn measure(&self, name: &str) -> Result<Row, Failure> {
        match name {
            "ssh-no-change" => self.no_change(name, true, 0.5),
            "ssh-no-change-new" => self.no_change(name, false, 0.9),
            "ssh-one-file" => self.one_file(name, &|| self.send(&self.mine().join(OWN))),
            "ssh-one-file-whole" => self.one_file(name, &|| self.update("web1")),
            "ssh-upload" => self.upload(name, true, 0.45),
            "ssh-upload-new" => self.upload(name, false, 0.65),
            "ssh-diff" => self.diff(name),
            "ssh-setup-again" => {
                let ours: Side<'_> = Box::new(|_| process(self.silver().args(["setup-node", "web1", "--yes"])));
                row(name, self.rounds, &ours, "2 s", &promised(2000.0), 1.0)
            }
            "ssh-rollback" => self.rollback(name),
            "ssh-ten-nodes" => self.ten_nodes(name),
            other => Err(format!("there is no row {other}").into()),
        }
    }

    fn no_change(&self, name: &str, live: bool, goal: f64) -> Result<Row, Failure> {
        let ours: Side<'_> = Box::new(|_| {
            self.connected(live)?;
            process(&self.update("web1"))
        });
        let theirs: Side<'_> = Box::new(|_| {
            self.connected(live)?;
            process(&self.rsync(live, &[], &self.copied(), COPY)?)
        });
        row(name, self.rounds, &ours, "rsync -a", &theirs, goal)
    }

    /// A file with another content each round, of both sides.
    fn one_file(&self, name: &str, command: &dyn Fn() -> Command) -> Result<Row, Failure> {
        let ours: Side<'_> = Box::new(|round| {
            self.put_aside(&format!("{name}-{round}"), false)?;
            self.connected(true)?;
            fs::write(self.mine().join(OWN), format!("{name} of round {round}\n"))?;
            process(&command())
        });
        let theirs: Side<'_> = Box::new(|round| {
            self.connected(true)?;
            // not the same file as the one that was written before: it may be a link
            let (file, new) = (self.copied().join(OWN), self.copied().join("new"));
            fs::write(&new, format!("{name} of round {round}, theirs\n"))?;
            fs::rename(new, file)?;
            process(&self.rsync(true, &[], &self.copied(), COPY)?)
        });
        row(name, self.rounds, &ours, "rsync -a", &theirs, 0.6)
    }

    /// To a server that has nothing of it: what was sent before is put aside. Both sides lay out a new directory.
    fn upload(&self, name: &str, live: bool, goal: f64) -> Result<Row, Failure> {
        let ours: Side<'_> = Box::new(|round| {
            self.put_aside(&format!("{name}-{round}"), true)?;
            self.connected(live)?;
            process(&self.send(Path::new("-")))
        });
        let theirs: Side<'_> = Box::new(|round| {
            self.connected(live)?;
            process(&self.rsync(live, &[], &self.tree, &format!("/home/deploy/{name}-{round}"))?)
        });
        let row = row(name, self.rounds, &ours, "rsync -a", &theirs, goal)?;
        self.on_server(&format!("rm -rf /var/lib/aside /home/deploy/{name}-*"))?;
        // what the registry names has to be there again
        process(&self.update("web1"))?;
        Ok(row)
    }

    /// The same files on both sides, every byte compared.
    fn diff(&self, name: &str) -> Result<Row, Failure> {
        fs::write(self.mine().join(OWN), "compared\n")?;
        process(&self.update("web1"))?;
        let ours: Side<'_> = Box::new(|_| {
            let mine = format!("--customize={}", self.mine().display());
            process(self.silver().arg("diff").arg(&self.zip).args(["served", &mine, "--node", "web1"]))
        });
        let theirs: Side<'_> = Box::new(|_| process(&self.rsync(true, &["-n", "-c"], &self.copied(), COPY)?));
        row(name, self.rounds, &ours, "rsync -a -n -c", &theirs, 0.3)
    }

    /// Back and forth between two releases.
    fn rollback(&self, name: &str) -> Result<Row, Failure> {
        let ours: Side<'_> = Box::new(|round| {
            fs::write(self.mine().join(OWN), format!("{name} of round {round}\n"))?;
            process(&self.update("web1"))?;
            process(self.silver().args(["rollback", "served", "--node", "web1", "--yes"]))
        });
        row(name, self.rounds, &ours, "1 s", &promised(1000.0), 1.0)
    }

    /// An update of all against the same update of one.
    fn ten_nodes(&self, name: &str) -> Result<Row, Failure> {
        let all: Vec<String> = (1..=self.servers.len()).map(|number| format!("web{number}")).collect();
        let all = all.join(",");
        let on = |nodes: &str, round: usize, whose: &str| {
            fs::write(self.mine().join(OWN), format!("{name} of round {round}, {whose}\n"))?;
            process(&self.update(nodes))
        };
        on(&all, usize::MAX, "first")?;
        let ours: Side<'_> = Box::new(|round| on(&all, round, "all"));
        let theirs: Side<'_> = Box::new(|round| on("web1", round, "one"));
        row(name, self.rounds, &ours, "the same on one", &theirs, 1.5)
    }

    /// What was sent and never made live is put aside, so that nobody has to remove it; with `all`, the contents as well.
    fn put_aside(&self, name: &str, all: bool) -> Result<(), Failure> {
        let contents = "mv store $aside/; mkdir -m 700 store; mkdir $aside/zip; mv registry/objects/zip/* $aside/zip/;";
        let contents = if all { contents } else { "" };
        let script = format!(
            "cd /var/lib/silver; aside=/var/lib/aside/{name}; mkdir -p $aside; {contents} \
             if [ -e releases/sent ]; then mv releases/sent $aside/; fi"
        );
        self.on_server(&script).map(drop)
    }

    /// The next command finds a connection, or has to log in, and then nobody else is logged in.
    fn connected(&self, live: bool) -> Result<(), Failure> {
        if !live {
            return self.hang_up();
        }
        if self.master().is_none() {
            process(self.silver().args(["status", "--node", "web1"]))?;
        }
        Ok(())
    }

    /// The customization: in this world, which is under no version control.
    fn mine(&self) -> PathBuf {
        self.home.with_file_name("mine")
    }

    /// What rsync copies: the tree with the operator's file.
    fn copied(&self) -> PathBuf {
        self.runs.join("copied")
    }

    fn silver(&self) -> Command {
        Command::new(&self.silver)
    }

    fn update(&self, nodes: &str) -> Command {
        let mut command = self.silver();
        let mine = format!("--customize={}", self.mine().display());
        command.arg("update").arg(&self.zip).args([HOST, &mine, "--node", nodes, "--yes", "--quiet"]);
        command
    }

    /// Only sends and lays out.
    fn send(&self, own: &Path) -> Command {
        let mut command = Command::new(&self.bench);
        command.arg("send").arg(&self.zip).args(["web1"]).arg(own);
        command
    }
}
