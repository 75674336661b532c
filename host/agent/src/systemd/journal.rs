//! What systemd's journal has of apps: their processes print to it, and silver adds to each line which release and
//! process it is of.
//!
//! Those fields are for finding lines. Any program may write to the journal whatever it likes, so what a line is believed to
//! be of is the unit that journald itself has seen it come from.

use super::{
    name::{Name, Part},
    unit::{FIELDS, stream},
};
use crate::logs::Redactor;
use serde_json::Value;
use silver_plugin_api::plan::LogLine;
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// The longest line that is passed on.
const LONGEST: usize = 64 << 10;
/// systemd's word that a process of a unit has ended (systemd.journal-fields(7), sd-messages.h). It is the first process.
pub(super) const PROCESS_EXIT: [&str; 2] = ["MESSAGE_ID=98e322203f7a4ed290d09fe03c09fe15", "_PID=1"];

/// Which lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) app: &'a str,
    pub(super) label: Option<&'a str>,
    pub(super) process: Option<&'a str>,
    /// And how processes of these units have ended.
    pub(super) units: &'a [Name],
}

impl Wanted<'_> {
    /// Is it really a line of this app?
    fn has(self, line: &LogLine) -> bool {
        line.label.rsplit_once('.').is_some_and(|(app, _)| app == self.app)
    }

    fn matches(self) -> Vec<String> {
        let of = |field: &str, value: &str| format!("{field}={value}");
        let mut matches = vec![of(FIELDS.app, self.app)];
        matches.extend(self.label.map(|label| of(FIELDS.release, label)));
        matches.extend(self.process.map(|process| of(FIELDS.process, process)));
        if !self.units.is_empty() {
            matches.push("+".to_owned());
            matches.extend(PROCESS_EXIT.map(str::to_owned));
            matches.extend(self.units.iter().map(|unit| of("UNIT", &unit.service())));
        }
        matches
    }
}

/// The last lines, oldest first, and where the journal goes on after them.
pub(super) async fn last(wanted: Wanted<'_>, count: usize, redactor: &Redactor) -> (Vec<LogLine>, Option<String>) {
    let lines = format!("--lines={count}");
    let output = journalctl(&wanted.matches(), &[&lines]).stdout(Stdio::piped()).output().await;
    let text = output.map(|output| output.stdout).unwrap_or_default();
    let entries: Vec<Value> = text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let cursor = entries.last().and_then(cursor).map(str::to_owned);
    (entries.iter().filter_map(|entry| line(entry, redactor)).filter(|line| wanted.has(line)).collect(), cursor)
}

/// The last lines as they were said, when something has just gone wrong: journald is asked to be done with them first.
pub(super) async fn tail(wanted: Wanted<'_>, redactor: &Redactor) -> Vec<String> {
    let _ = super::control::run("journalctl", &["--sync"]).await; // then a line may be missing
    let (lines, _) = last(wanted, 50, redactor).await;
    lines.into_iter().map(|line| line.text.split_once(' ').map(|(_, text)| text.to_owned()).unwrap_or_default()).collect()
}

/// How a process of a unit last ended, in words.
pub(super) async fn last_end(unit: &str) -> Option<String> {
    let matches = [PROCESS_EXIT[0].to_owned(), PROCESS_EXIT[1].to_owned(), format!("UNIT={unit}")];
    let output = journalctl(&matches, &["--lines=1"]).stdout(Stdio::piped()).output().await.ok()?;
    ending(&serde_json::from_slice(&output.stdout).ok()?)
}

fn ending(entry: &Value) -> Option<String> {
    let text = |field: &str| entry.get(field).and_then(Value::as_str);
    Some(match (text("EXIT_CODE")?, text("EXIT_STATUS")?) {
        ("exited", status) => format!("exited with {status}"),
        (_, signal) => format!("was ended by signal {signal}"),
    })
}

/// Lines as they are said, until it is dropped.
pub(super) struct Following {
    app: String,
    entries: Entries,
    redactor: Redactor,
}

impl Following {
    /// After the entry at `cursor`; without one everything there is.
    pub(super) fn start(wanted: Wanted<'_>, cursor: Option<&str>, redactor: Redactor) -> std::io::Result<Self> {
        let from = cursor.map(|cursor| format!("--after-cursor={cursor}"));
        Ok(Self { app: wanted.app.to_owned(), entries: Entries::follow(&wanted.matches(), from.as_deref())?, redactor })
    }

    /// The next line; `None` when journalctl has ended.
    pub(super) async fn next(&mut self) -> Option<LogLine> {
        loop {
            let found = line(&self.entries.next().await?, &self.redactor);
            let ours = |line: &LogLine| Wanted { app: &self.app, label: None, process: None, units: &[] }.has(line);
            if let Some(line) = found.filter(ours) {
                return Some(line);
            }
        }
    }
}

/// Entries as they come, until it is dropped.
pub(super) struct Entries {
    _journalctl: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Entries {
    /// Those that match; `from`: which option of journalctl says where to begin, else with the first.
    pub(super) fn follow(matches: &[String], from: Option<&str>) -> std::io::Result<Self> {
        let options: Vec<&str> = ["--follow", "--no-tail"].into_iter().chain(from).collect();
        let mut journalctl = journalctl(matches, &options).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let stdout = journalctl.stdout.take().ok_or_else(|| std::io::Error::other("no output"))?;
        Ok(Self { _journalctl: journalctl, lines: BufReader::new(stdout).lines() })
    }

    /// The next one; `None` when journalctl has ended.
    pub(super) async fn next(&mut self) -> Option<Value> {
        loop {
            let text = self.lines.next_line().await.ok().flatten()?;
            if let Ok(entry) = serde_json::from_str(&text) {
                return Some(entry);
            }
        }
    }
}

/// Where the journal goes on after an entry.
pub(super) fn cursor(entry: &Value) -> Option<&str> {
    entry.get("__CURSOR")?.as_str()
}

fn journalctl(matches: &[String], options: &[&str]) -> Command {
    let mut command = Command::new("journalctl");
    command.args(["--output=json", "--all", "--quiet", "--no-pager"]).args(options).args(matches);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").stdin(Stdio::null()).stderr(Stdio::null());
    command
}

/// Which program of which release an entry is of.
pub(super) fn origin(entry: &Value) -> Option<Name> {
    let field = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    // what systemd says of a unit
    let unit = if field("_PID") == "1" { "UNIT" } else { "_SYSTEMD_UNIT" };
    Name::parse(field(unit))
}

/// An entry as the local node's logs have it: each line begins with its time.
pub(super) fn line(entry: &Value, redactor: &Redactor) -> Option<LogLine> {
    let name = origin(entry)?;
    let field = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let at = jiff::Timestamp::from_microsecond(field("__REALTIME_TIMESTAMP").parse().ok()?).ok()?;
    if field("_PID") == "1" {
        let how = ending(entry)?;
        let text = format!("{at:.3} silver: {} {how}", name.program);
        return Some(LogLine { process: stream(&name), label: name.label, text });
    }
    let mut message = match entry.get("MESSAGE")? {
        Value::String(text) => text.clone(),
        // what is not text comes as numbers
        Value::Array(bytes) => {
            let bytes: Vec<u8> = bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => return None,
    };
    if message.len() > LONGEST {
        message.truncate((0..=LONGEST).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0));
    }
    let number = match name.part {
        Part::Process(index @ 1..) => format!("[{index}] "),
        _ => String::new(),
    };
    let text = format!("{at:.3} {number}{}", redactor.clean(&message));
    Some(LogLine { process: stream(&name), label: name.label, text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn entries_become_lines() {
        let redactor = Redactor::new(&BTreeMap::from([("key".to_owned(), "hunter2-hunter2".to_owned())]));
        let entry = |message: Value, index: &str| {
            json!({ "MESSAGE": message, "__REALTIME_TIMESTAMP": "1795392000123456", "_PID": "42",
                    "_SYSTEMD_UNIT": format!("silver-a.20261122_1.web.{index}.service") })
        };
        for (message, index, expected) in [
            (json!("hello"), "0", "2026-11-23T00:00:00.123Z hello"),
            (json!("hello"), "2", "2026-11-23T00:00:00.123Z [2] hello"),
            (json!([104, 255, 27]), "0", "2026-11-23T00:00:00.123Z h\u{fffd}\u{1b}"),
            (json!("the key is hunter2-hunter2"), "0", "2026-11-23T00:00:00.123Z the key is ***"),
        ] {
            let line = line(&entry(message, index), &redactor).unwrap();
            assert_eq!((line.label.as_str(), line.process.as_str(), line.text.as_str()), ("a.20261122_1", "web", expected));
        }
        let end = json!({ "UNIT": "silver-a.20261122_1.web.0.service", "_PID": "1", "EXIT_CODE": "killed", "EXIT_STATUS": "9",
            "__REALTIME_TIMESTAMP": "1795392000123456", "MESSAGE": "Main process exited" });
        let told = line(&end, &redactor).unwrap();
        assert_eq!((told.label.as_str(), told.process.as_str()), ("a.20261122_1", "web"));
        assert_eq!(told.text, "2026-11-23T00:00:00.123Z silver: web was ended by signal 9");
        assert_eq!(line(&entry(Value::Null, "0"), &redactor), None, "too large for the journal");
        let long = line(&entry(json!("é".repeat(LONGEST)), "0"), &redactor).unwrap();
        assert!(long.text.len() <= LONGEST + 30);
    }

    #[test]
    fn nobody_speaks_in_the_name_of_another() {
        let redactor = Redactor::default();
        let said = |by: &str| {
            json!({ "MESSAGE": "I am b", "__REALTIME_TIMESTAMP": "1795392000123456", "_PID": "42", "_SYSTEMD_UNIT": by,
                    "UNIT": "silver-b.20261122_1.web.0.service", "SILVER_APP": "b", "SILVER_RELEASE": "b.20261122_1",
                    "SILVER_PROCESS": "../../x", "EXIT_CODE": "exited", "EXIT_STATUS": "1" })
        };
        let line = |by: &str| line(&said(by), &redactor);
        let found = line("silver-a.20261122_1.mail.job.service").unwrap();
        assert_eq!((found.label.as_str(), found.process.as_str()), ("a.20261122_1", "cron-mail"));
        assert!(!Wanted { app: "b", label: None, process: None, units: &[] }.has(&found));
        assert_eq!((line("ssh.service"), line("")), (None, None));
    }

    #[test]
    fn ends_are_told_in_words() {
        assert_eq!(ending(&json!({ "EXIT_CODE": "exited", "EXIT_STATUS": "3" })).unwrap(), "exited with 3");
        assert_eq!(ending(&json!({ "EXIT_CODE": "killed", "EXIT_STATUS": "9" })).unwrap(), "was ended by signal 9");
        assert_eq!(ending(&json!({ "MESSAGE": "x" })), None);
    }
}
