//! The text of a unit: a pure function of what is to be run.

use super::{
    name::{Name, Part},
    quote::word,
    room::Room,
};
use silver_plugin_api::plan::Schedule;
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// First line of every unit.
const HEAD: &str = "# Made by silver when the application was started, and gone after a reboot: changes here are lost.\n";
/// Between the end of a process and its next start.
const PAUSE: &str = "1s";

/// Names of what silver adds to each line in the journal.
pub(super) struct Fields {
    pub(super) app: &'static str,
    pub(super) release: &'static str,
    pub(super) process: &'static str,
    pub(super) index: &'static str,
}

/// See [`Fields`].
pub(super) const FIELDS: Fields =
    Fields { app: "SILVER_APP", release: "SILVER_RELEASE", process: "SILVER_PROCESS", index: "SILVER_INDEX" };

/// How a program is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// For as long as the application is enabled; started again when it ends.
    Process {
        /// The socket it makes, which one that was killed has left.
        socket: Option<PathBuf>,
        /// Without `SIG`.
        stop_signal: String,
        /// Then it is killed.
        stop_timeout_ms: u64,
    },
    /// Passes connections to a socket on to a port of another unit, in whose network it is.
    Proxy {
        /// The unit of the process that listens.
        of: String,
    },
    /// When its timer says so.
    Job {
        /// Then it is killed.
        timeout_ms: u64,
    },
}

/// A program of an app.
#[derive(Debug)]
pub(super) struct Program<'a> {
    pub(super) name: &'a Name,
    pub(super) room: &'a Room,
    /// The first is the path of a file.
    pub(super) argv: &'a [String],
    /// The file with its environment.
    pub(super) environment: &'a Path,
    pub(super) memory: Option<u64>,
    /// May it reach the network? Without, it has one of its own with nothing in it but itself.
    pub(super) network: bool,
    pub(super) kind: Kind,
}

impl Program<'_> {
    /// The unit that runs it. There is no value in it that is a secret, and nothing installs it: what is to run
    /// after a reboot is started by silver's own unit, as the record says.
    pub(super) fn service(&self) -> String {
        let Name { label, program, .. } = self.name;
        let mut text = format!("{HEAD}[Unit]\nDescription={program} of {label}\nAfter=network.target\n");
        match &self.kind {
            Kind::Process { .. } => text.push_str("StartLimitIntervalSec=0\n"),
            Kind::Proxy { of } => {
                let _ = writeln!(text, "Requires={of}\nAfter={of}\nJoinsNamespaceOf={of}\nStartLimitIntervalSec=0");
            }
            Kind::Job { .. } => {}
        }
        text.push_str("\n[Service]\n");
        let mut set = |name: &str, value: &str| {
            let _ = writeln!(text, "{name}={value}"); // memory takes everything
        };
        match &self.kind {
            Kind::Process { socket, stop_signal, stop_timeout_ms } => {
                set("Type", "exec");
                if let Some(socket) = socket {
                    set("ExecStartPre", &format!("/bin/rm -f {}", word(&socket.to_string_lossy())));
                }
                set("ExecStart", &self.command());
                set("Restart", "always");
                set("RestartSec", PAUSE);
                set("KillSignal", &format!("SIG{stop_signal}"));
                set("TimeoutStopSec", &format!("{stop_timeout_ms}ms"));
            }
            Kind::Proxy { .. } => {
                set("ExecStart", &self.command());
                set("TimeoutStopSec", "1s");
            }
            Kind::Job { timeout_ms } => {
                set("Type", "oneshot");
                set("ExecStart", &self.command());
                set("TimeoutStartSec", &format!("{timeout_ms}ms"));
                set("TimeoutStopSec", "10s");
            }
        }
        set("EnvironmentFile", &self.environment.to_string_lossy());
        for (name, value) in output(self.name) {
            set(name, &value);
        }
        for (name, value) in self.room.properties(self.memory, self.network) {
            set(name, &value);
        }
        text
    }

    fn command(&self) -> String {
        let words: Vec<String> = self.argv.iter().map(|argument| word(argument)).collect();
        format!(":{}", words.join(" "))
    }
}

/// Where what it says goes, and by which names it is found there.
pub(super) fn output(name: &Name) -> Vec<(&'static str, String)> {
    let Name { label, program, part } = name;
    let index = if let Part::Process(index) = part { *index } else { 0 };
    vec![
        ("StandardInput", "null".into()),
        ("StandardOutput", "journal".into()),
        ("StandardError", "journal".into()),
        ("SyslogIdentifier", format!("{}.{program}", name.app())),
        ("LogExtraFields", format!("{}={}", FIELDS.app, name.app())),
        ("LogExtraFields", format!("{}={label}", FIELDS.release)),
        ("LogExtraFields", format!("{}={}", FIELDS.process, stream(name))),
        ("LogExtraFields", format!("{}={index}", FIELDS.index)),
    ]
}

/// What a log calls it: a check has a log of its own, or its lines would stand among those of the release.
pub(super) fn stream(name: &Name) -> String {
    match &name.part {
        Part::Process(_) | Part::Proxy(_) | Part::Once(_) => name.program.clone(),
        Part::Check => format!("{}-check", name.program),
        Part::Job => format!("cron-{}", name.program),
    }
}

/// The socket that leads to a proxy. systemd makes it; it is the app's and its group the front's, as is one that
/// an app makes by itself.
pub(super) fn socket(name: &Name, path: &Path, user: &str, front: u32) -> String {
    let path = path.to_string_lossy();
    format!(
        "{HEAD}[Unit]\nDescription=socket of {} of {}\n\n[Socket]\nListenStream={path}\nSocketUser={user}\nSocketGroup={front}\n\
         SocketMode=0660\nRemoveOnStop=yes\nBacklog=1024\nTriggerLimitIntervalSec=0\n",
        name.program, name.label
    )
}

/// The timer of a periodic command.
pub(super) fn timer(name: &Name, schedule: &Schedule) -> String {
    let mut text = format!("{HEAD}[Unit]\nDescription=when {} of {} is due ({schedule})\n\n[Timer]\n", name.program, name.label);
    for calendar in schedule.calendar() {
        let _ = writeln!(text, "OnCalendar={calendar}"); // memory takes everything
    }
    text.push_str("AccuracySec=1s\n");
    text
}

#[cfg(test)]
mod tests;
