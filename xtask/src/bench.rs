//! `cargo xtask bench`: silver's work against the programs that people use for the same, as ratios of
//! one interleaved run on one machine. The rules for honest figures stand in docs/benchmarks.md.

mod measure;
mod rows;
mod servers;
mod trees;

use crate::{Failure, need, run, target};
use measure::Taken;
use serde_json::json;
pub(crate) use servers::{BESIDE as BESIDE_SERVERS, beside as beside_servers};
use std::{fs, path::PathBuf};

/// What to run and how to tell.
#[derive(Debug, Default)]
pub(crate) struct Options {
    only: Option<String>,
    json: bool,
    rounds: Option<usize>,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self, Failure> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--json" => options.json = true,
                "--only" => options.only = Some(words.next().ok_or("--only NAME")?.to_string()),
                "--rounds" => options.rounds = Some(words.next().ok_or("--rounds N")?.parse()?),
                other => return Err(format!("bench has no option `{other}`").into()),
            }
        }
        Ok(options)
    }
}

/// Where everything is.
struct Place {
    dir: PathBuf,
    /// What the timed runs leave behind, until the end.
    runs: PathBuf,
    silver: PathBuf,
    bench: PathBuf,
}

/// One comparison, done.
struct Row {
    name: String,
    ours: Taken,
    peer: String,
    theirs: Taken,
    goal: f64,
}

impl Row {
    fn ratio(&self) -> f64 {
        self.ours.ms / self.theirs.ms
    }
}

/// Runs every row, or those whose name contains `only`.
pub(crate) fn bench(options: &Options) -> Result<(), Failure> {
    let place = prepare()?;
    let done = measure_all(&place, options);
    // those of runs that were interrupted as well
    for left in fs::read_dir(&place.dir)?.filter_map(Result::ok) {
        if left.file_name().as_encoded_bytes().starts_with(b"runs-") {
            fs::remove_dir_all(left.path())?;
        }
    }
    let done = done?;
    if done.is_empty() {
        return Err("no row has such a name".into());
    }
    if options.json {
        let rows: Vec<_> = done.iter().map(to_json).collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
    }
    Ok(())
}

fn measure_all(place: &Place, options: &Options) -> Result<Vec<Row>, Failure> {
    type Make = fn(&Place) -> Result<trees::App, Failure>;
    let mut done = Vec::new();
    let mut take = |row: Row| {
        if !options.json {
            show(&row);
        }
        done.push(row);
    };
    let wanted = |row: &str, tree: &str| options.only.as_ref().is_none_or(|only| format!("{row}/{tree}").contains(only.as_str()));
    for (tree, make) in [("trac", trees::trac as Make), ("wp", trees::wordpress), ("syn100k", trees::synthetic)] {
        let wanted = |row: &str| wanted(row, tree);
        if !rows::NAMES.into_iter().any(wanted) {
            continue;
        }
        for row in rows::of(place, &make(place)?, options.rounds.unwrap_or(7), &wanted) {
            take(row?);
        }
    }
    let on_servers: Vec<&str> = servers::NAMES.into_iter().filter(|row| wanted(row, "wp")).collect();
    if !on_servers.is_empty() {
        servers::measure(place, &trees::served(place)?, &on_servers, options, &mut take)?;
    }
    Ok(done)
}

fn prepare() -> Result<Place, Failure> {
    let there = |program: &'static str, flag: &'static str| move || run::succeeds(program, &[flag]);
    need::debian(&["unzip"], "a peer of staging", there("unzip", "-v"))?;
    need::debian(&["zip"], "a peer of packing", there("zip", "-v"))?;
    need::debian(&["zstd"], "tar uses it", there("zstd", "--version"))?;
    need::debian(&["git"], "a peer of the registry", there("git", "--version"))?;
    need::debian(&["time"], "counts CPU time and memory", there("/usr/bin/time", "--version"))?;
    need::python()?;
    // standard output is for the rows
    run::run(run::cargo(&["xtask", "plugins"]).stdout(std::io::stderr()))?;
    eprintln!("building silver, optimised");
    let arguments = ["build", "--quiet", "--locked", "--release", "-p", "silver-cli", "-p", "silver-tests", "--bins"];
    run::run(&mut run::cargo(&arguments))?;
    let (dir, built) = (target().join("bench"), target().join("release"));
    fs::create_dir_all(&dir)?;
    let runs = dir.join(format!("runs-{}", std::process::id()));
    Ok(Place { dir, runs, silver: built.join("silver"), bench: built.join("silver-bench") })
}

fn show(row: &Row) {
    let Row { name, ours, peer, theirs, goal } = row;
    let verdict = if row.ratio() <= *goal { "met" } else { "SHORT" };
    println!(
        "{name:<24} {:>8.1} ms | {peer:<28} {:>8.1} ms | ratio {:.3} (goal {goal}) {verdict} | cpu {:.2} / {:.2} s | peak {} / {} MiB",
        ours.ms,
        theirs.ms,
        row.ratio(),
        ours.cpu,
        theirs.cpu,
        ours.peak / 1024,
        theirs.peak / 1024,
    );
}

fn to_json(row: &Row) -> serde_json::Value {
    let Row { name, ours, peer, theirs, goal } = row;
    let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
    json!({
        "name": name, "ours_ms": rounded(ours.ms), "peer": peer, "peer_ms": rounded(theirs.ms),
        "ratio": rounded(row.ratio()), "goal": goal, "cpu_ratio": rounded(ours.cpu / theirs.cpu.max(0.001)),
        "peak_kib": ours.peak, "peer_peak_kib": theirs.peak,
    })
}
