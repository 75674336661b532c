//! Asking systemd, by the programs that it has for that.

use super::name::Name;
use crate::apps::AppFailure;
use silver_plugin_api::plan::ProcessReport;
use std::{collections::BTreeMap, process::Stdio, time::Duration};
use tokio::process::Command;

/// Nothing that systemd is asked takes so long, but for what has a time limit of its own.
const PATIENCE: Duration = Duration::from_mins(30);
/// What is asked of a unit.
const PROPERTIES: &str = "--property=Id,ActiveState,SubState,Result,MainPID,NRestarts,ExecMainStartTimestampMonotonic,ExecMainCode,ExecMainStatus,MemoryCurrent";

/// Runs a program of the system to its end; what it printed.
pub(super) async fn run(program: &str, arguments: &[&str]) -> Result<String, AppFailure> {
    let shown = || format!("`{program} {}`", arguments.join(" "));
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LANG", "C.UTF-8");
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let ended = match tokio::time::timeout(PATIENCE, running).await {
        Ok(ended) => ended.map_err(|error| AppFailure::new(format!("{} cannot be started: {error}", shown())))?,
        Err(_) => return Err(AppFailure::new(format!("{} does not end", shown()))),
    };
    if ended.status.success() {
        return Ok(String::from_utf8_lossy(&ended.stdout).into_owned());
    }
    let log = String::from_utf8_lossy(&ended.stderr).lines().map(str::to_owned).collect();
    Err(AppFailure { message: format!("{} ended with {}", shown(), ended.status), log })
}

/// Asks systemctl.
pub(super) async fn systemctl(verb: &str, units: &[String]) -> Result<(), AppFailure> {
    let mut arguments = vec![verb, "--no-ask-password", "--quiet"];
    arguments.extend(units.iter().map(String::as_str));
    run("systemctl", &arguments).await.map(drop)
}

/// A unit as systemd knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Shown {
    pub(super) unit: String,
    pub(super) active: String,
    pub(super) sub: String,
    pub(super) result: String,
    pub(super) pid: Option<u32>,
    pub(super) restarts: u32,
    /// Microseconds since boot.
    started: u64,
    code: String,
    status: i32,
    memory: Option<u64>,
}

/// All units of an app that systemd has loaded.
pub(super) async fn units(app: &str) -> Result<Vec<(Name, Shown)>, AppFailure> {
    let text = run("systemctl", &["show", PROPERTIES, "--", &format!("{}.service", Name::pattern(app))]).await?;
    Ok(named(app, parse(&text)))
}

/// One unit.
pub(super) async fn unit(unit: &str) -> Result<Shown, AppFailure> {
    let text = run("systemctl", &["show", PROPERTIES, "--", unit]).await?;
    Ok(parse(&text).pop().unwrap_or_default())
}

fn named(app: &str, shown: Vec<Shown>) -> Vec<(Name, Shown)> {
    let named = shown.into_iter().filter_map(|shown| Some((Name::parse(&shown.unit)?, shown)));
    named.filter(|(name, _)| name.app() == app).collect()
}

fn parse(text: &str) -> Vec<Shown> {
    text.split("\n\n").map(fields).filter(|fields| fields.contains_key("Id")).map(|fields| shown(&fields)).collect()
}

fn fields(block: &str) -> BTreeMap<&str, &str> {
    block.lines().filter_map(|line| line.split_once('=')).collect()
}

fn shown(fields: &BTreeMap<&str, &str>) -> Shown {
    let text = |name: &str| fields.get(name).copied().unwrap_or_default();
    let number = |name: &str| text(name).parse().unwrap_or_default();
    Shown {
        unit: text("Id").into(),
        active: text("ActiveState").into(),
        sub: text("SubState").into(),
        result: text("Result").into(),
        pid: text("MainPID").parse().ok().filter(|pid| *pid != 0),
        restarts: u32::try_from(number("NRestarts")).unwrap_or(u32::MAX),
        started: number("ExecMainStartTimestampMonotonic"),
        code: text("ExecMainCode").into(),
        status: text("ExecMainStatus").parse().unwrap_or_default(),
        // `[not set]` where nothing is counted, and the largest number where nothing runs
        memory: text("MemoryCurrent").parse().ok().filter(|bytes| *bytes != u64::MAX),
    }
}

impl Shown {
    /// Does it run, or is it about to?
    pub(super) fn runs(&self) -> bool {
        matches!(self.active.as_str(), "active" | "activating" | "reloading" | "deactivating")
    }

    /// How it ended, in words; `None` when that was as it should be, or it has not.
    pub(super) fn end(&self) -> Option<String> {
        match (self.result.as_str(), self.code.as_str()) {
            ("success" | "", _) => None,
            ("oom-kill", _) => Some("was killed because it used more memory than it may".into()),
            ("timeout", _) => Some("was not done in its time".into()),
            (_, "1") => Some(format!("exited with {}", self.status)),
            (_, "2" | "3") => Some(format!("was ended by signal {}", self.status)),
            (other, _) => Some(format!("could not be run ({other})")),
        }
    }

    /// Its exit code, 128 + signal where one ended it.
    pub(super) fn exit_code(&self) -> i32 {
        match self.code.as_str() {
            "2" | "3" => 128 + self.status,
            _ => self.status,
        }
    }

    /// For `silver status`; `now` is in microseconds since boot.
    pub(super) fn report(&self, name: &Name, index: u32, check: bool, now: u64) -> ProcessReport {
        ProcessReport {
            name: name.program.clone(),
            index,
            label: name.label.clone(),
            check,
            pid: self.pid,
            restarts: self.restarts,
            uptime_seconds: if self.pid.is_some() { now.saturating_sub(self.started) / 1_000_000 } else { 0 },
            memory: self.pid.and(self.memory),
            last_exit: self.end(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "Id=silver-trac.20261122_1.web.0.service\nActiveState=active\nSubState=running\nResult=success\nMainPID=42\nNRestarts=2\n\
        ExecMainStartTimestampMonotonic=5000000\nExecMainCode=0\nExecMainStatus=0\nMemoryCurrent=1048576\n\n\
        Id=silver-trac.20261122_1.mail.job.service\nActiveState=failed\nSubState=failed\nResult=exit-code\nMainPID=0\nNRestarts=0\n\
        ExecMainStartTimestampMonotonic=1\nExecMainCode=1\nExecMainStatus=3\nMemoryCurrent=[not set]\n\n\
        Id=silver-trac.x.20261122_1.web.0.service\nActiveState=active\n\n\
        Id=silver-trac.20261122_1.worker.0.service\nActiveState=activating\nSubState=auto-restart\nResult=oom-kill\nMainPID=0\n\
        NRestarts=7\nExecMainCode=2\nExecMainStatus=9\nMemoryCurrent=18446744073709551615\n";

    #[test]
    fn what_systemd_shows_is_understood() {
        let all = named("trac", parse(SHOWN));
        let names: Vec<&str> = all.iter().map(|(name, _)| name.program.as_str()).collect();
        assert_eq!(names, ["web", "mail", "worker"], "a unit of another app is not ours");
        let report = |at: usize| all[at].1.report(&all[at].0, 0, false, 65_000_000);
        let web = report(0);
        assert_eq!((web.pid, web.restarts, web.uptime_seconds, web.memory), (Some(42), 2, 60, Some(1_048_576)));
        assert_eq!((web.last_exit, all[0].1.runs()), (None, true));
        assert_eq!((report(1).last_exit.as_deref(), all[1].1.runs(), all[1].1.exit_code()), (Some("exited with 3"), false, 3));
        let worker = report(2);
        assert!(worker.last_exit.unwrap().contains("memory"));
        assert_eq!((worker.memory, all[2].1.exit_code(), all[2].1.runs()), (None, 137, true));
        assert!(parse("").is_empty() && parse("garbage\n\nmore=x").is_empty());
    }
}
