//! Whole processes, timed: wall clock by this process, CPU time and peak memory by GNU time.

use crate::{Failure, run};
use std::{
    process::{Command, Stdio},
    time::Instant,
};

/// What one run took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taken {
    /// Wall clock in milliseconds.
    pub(super) ms: f64,
    /// User and system time of the process and its children, in seconds; GNU time counts hundredths.
    pub(super) cpu: f64,
    /// Peak resident memory in KiB.
    pub(super) peak: u64,
}

/// A side of a comparison: one run of it, the number of the round given.
pub(super) type Side<'a> = Box<dyn Fn(usize) -> Result<Taken, Failure> + 'a>;

/// Runs a program to its end. Where it prints a number, that is its own count of microseconds.
pub(super) fn process(command: &Command) -> Result<Taken, Failure> {
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["-q", "-f", "%U %S %M"]).arg(command.get_program()).args(command.get_args());
    if let Some(dir) = command.get_current_dir() {
        timed.current_dir(dir);
    }
    timed.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    timed.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let start = Instant::now();
    let output = timed.output()?;
    let ms = start.elapsed().as_secs_f64() * 1000.0;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{}: {command:?}\n{said}", output.status).into());
    }
    let counted = said.lines().last().unwrap_or_default();
    let numbers: Vec<f64> = counted.split(' ').filter_map(|number| number.parse().ok()).collect();
    let [user, system, peak] = numbers[..] else { return Err(format!("GNU time says `{counted}`").into()) };
    let own: Option<f64> = String::from_utf8_lossy(&output.stdout).trim().parse().ok();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "KiB of memory")]
    Ok(Taken { ms: own.map_or(ms, |microseconds| microseconds / 1000.0), cpu: user + system, peak: peak as u64 })
}

/// Several programs one after the other, as one.
pub(super) fn processes(commands: &[Command]) -> Result<Taken, Failure> {
    let mut all = Taken::default();
    for command in commands {
        let one = process(command)?;
        all = Taken { ms: all.ms + one.ms, cpu: all.cpu + one.cpu, peak: all.peak.max(one.peak) };
    }
    Ok(all)
}

/// Runs both sides in turns, each first as often as the other, and gives the medians. A run before
/// the first counted one warms caches. What others wrote is on the disk before each run.
pub(super) fn interleaved(rounds: usize, ours: &Side<'_>, theirs: &Side<'_>) -> Result<(Taken, Taken), Failure> {
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let turns: [(&Side<'_>, &mut Vec<Taken>); 2] =
            if round % 2 == 0 { [(ours, &mut one), (theirs, &mut two)] } else { [(theirs, &mut two), (ours, &mut one)] };
        for (side, taken) in turns {
            run::run(&mut Command::new("sync"))?;
            let run = side(round)?;
            if round > 0 {
                taken.push(run);
            }
        }
    }
    Ok((medians(&one), medians(&two)))
}

fn medians(runs: &[Taken]) -> Taken {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Taken {
        ms: median(runs.iter().map(|run| run.ms).collect()),
        cpu: mean(runs.iter().map(|run| run.cpu)),
        peak: runs.iter().map(|run| run.peak).max().unwrap_or_default(),
    }
}

/// GNU time counts hundredths of a second: a median of such numbers would say little.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}
