//! Comparisons that need servers: real Debian nodes of systemd-nspawn, reached over ssh. This program runs itself again
//! beside them, in the namespaces that `silver-bench` makes, and reads the rows that come out there.

mod rows;

use super::{Options, Place, Row, trees::App};
use crate::{Failure, need, run};
use serde_json::{Value, json};
use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The chore that is run beside the servers.
pub(crate) const BESIDE: &str = "bench-beside-servers";
/// What is measured.
pub(super) const NAMES: [&str; 11] = [
    "ssh-no-change",
    "ssh-no-change-new",
    "ssh-one-file",
    "ssh-one-file-whole",
    "ssh-upload",
    "ssh-upload-new",
    "ssh-diff",
    "ssh-setup-again",
    "ssh-rollback",
    "ssh-three-commands",
    "ssh-ten-nodes",
];
/// So many servers there are where several are measured.
const MANY: usize = 10;

/// Measures the rows of these names; each is handed on as soon as it is there.
pub(super) fn measure(
    place: &Place,
    app: &App,
    names: &[&str],
    options: &Options,
    mut done: impl FnMut(Row),
) -> Result<(), Failure> {
    need::nodes()?;
    need::debian(&["rsync"], "the peer of what goes over ssh", || run::succeeds("rsync", &["--version"]))?;
    let rounds = options.rounds.unwrap_or(7);
    if names.contains(&"ssh-three-commands") {
        // each round has a server of its own, which has to be made: fewer will do
        done(rows::three_commands(place, rounds.min(3))?);
    }
    for (servers, names) in [(1, one(names)), (MANY, many(names))] {
        if names.is_empty() {
            continue;
        }
        let mut beside = Command::new(&place.bench);
        beside.arg("beside-servers").arg(servers.to_string()).arg(env::current_exe()?).args([BESIDE, &rounds.to_string()]);
        beside.args([&place.silver, &place.bench, &place.runs, &app.tree, &app.zip]).args(names);
        let mut child = beside.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        if let Some(said) = child.stdout.take() {
            for line in BufReader::new(said).lines() {
                done(read(&line?)?);
            }
        }
        let status = child.wait()?;
        if !status.success() {
            return Err(format!("beside the servers: {status}").into());
        }
    }
    Ok(())
}

fn one<'a>(names: &[&'a str]) -> Vec<&'a str> {
    names.iter().copied().filter(|name| !["ssh-ten-nodes", "ssh-three-commands"].contains(name)).collect()
}

fn many<'a>(names: &[&'a str]) -> Vec<&'a str> {
    names.iter().copied().filter(|name| *name == "ssh-ten-nodes").collect()
}

/// Where this runs, and what it measures with.
struct Beside {
    rounds: usize,
    silver: PathBuf,
    bench: PathBuf,
    runs: PathBuf,
    tree: PathBuf,
    zip: PathBuf,
    /// Addresses of the servers.
    servers: Vec<String>,
    /// The key that they know.
    key: PathBuf,
    /// Silver's own files in this world.
    home: PathBuf,
}

/// Beside the servers: measures what is asked for and prints a line for each row.
pub(crate) fn beside(words: &[&str]) -> Result<(), Failure> {
    let [rounds, silver, bench, runs, tree, zip, names @ ..] = words else { return Err("words are missing".into()) };
    let path = |text: &&str| PathBuf::from(*text);
    let here = |name: &str| env::var(name).map_err(|_| format!("no {name}: this is run by `cargo xtask bench`"));
    let beside = Beside {
        rounds: rounds.parse()?,
        silver: path(silver),
        bench: path(bench),
        runs: path(runs),
        tree: path(tree),
        zip: path(zip),
        servers: here("SILVER_BENCH_SERVERS")?.split(' ').map(str::to_owned).collect(),
        key: here("SILVER_BENCH_KEY")?.into(),
        home: here("SILVER_HOME")?.into(),
    };
    fs::create_dir_all(&beside.runs)?;
    beside.prepare()?;
    for name in names {
        let row = beside.measure(name)?;
        println!("{}", write(&row));
        std::io::stdout().flush()?;
    }
    Ok(())
}

impl Beside {
    /// A shell script of root on the first server.
    fn on_server(&self, script: &str) -> Result<String, Failure> {
        let mut ssh = self.ssh();
        run::output(ssh.arg(format!("deploy@{}", self.servers[0])).arg(format!("sudo sh -ec '{script}'")))
    }

    /// A connection of its own.
    fn ssh(&self) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.args(self.ssh_words());
        ssh
    }

    fn ssh_words(&self) -> Vec<String> {
        let options = "-F none -o BatchMode=yes -o ControlPath=none -o IdentitiesOnly=yes -o StrictHostKeyChecking=no \
                       -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -i";
        options.split(' ').map(str::to_owned).chain([self.key.display().to_string()]).collect()
    }

    /// Silver's master connection, if one is open.
    fn master(&self) -> Option<PathBuf> {
        let places = fs::read_dir(self.home.join("run/ssh")).ok()?;
        let masters = places.flatten().filter_map(|place| fs::read_link(place.path().join("master")).ok());
        masters.map(|master| master.join("master")).find(|socket| socket.exists())
    }

    /// The next command has to log in.
    fn hang_up(&self) -> Result<(), Failure> {
        match self.master() {
            Some(socket) => run::output(Command::new("ssh").args(["-O", "exit", "-S"]).arg(socket).arg("none")).map(drop),
            None => Ok(()),
        }
    }

    /// `rsync` of the tree, over a new connection or over the one that silver has open.
    fn rsync(&self, live: bool, options: &[&str], from: &Path, to: &str) -> Result<Command, Failure> {
        let ssh = if live {
            let socket = self.master().ok_or("no connection is open")?;
            format!("ssh -F none -o BatchMode=yes -S {}", socket.display())
        } else {
            format!("ssh {}", self.ssh_words().join(" "))
        };
        let mut rsync = Command::new("rsync");
        rsync.arg("-a").args(options).args(["-e", &ssh]).arg(format!("{}/", from.display()));
        rsync.arg(format!("deploy@{}:{to}/", self.servers[0]));
        Ok(rsync)
    }
}

fn write(row: &Row) -> Value {
    let taken = |taken: &super::Taken| json!([taken.ms, taken.cpu, taken.peak]);
    json!({ "name": row.name, "ours": taken(&row.ours), "peer": row.peer, "theirs": taken(&row.theirs), "goal": row.goal })
}

fn read(line: &str) -> Result<Row, Failure> {
    let row: Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
    let taken = |side: &str| {
        let numbers = &row[side];
        Some(super::Taken { ms: numbers[0].as_f64()?, cpu: numbers[1].as_f64()?, peak: numbers[2].as_u64()? })
    };
    let text = |field: &str| Some(row[field].as_str()?.to_owned());
    let read = || {
        let (ours, theirs) = (taken("ours")?, taken("theirs")?);
        Some(Row { name: text("name")?, ours, peer: text("peer")?, theirs, goal: row["goal"].as_f64()? })
    };
    read().ok_or_else(|| format!("this is no row: {line}").into())
}
