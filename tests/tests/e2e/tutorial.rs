//! The commands of the documentation are run as they stand there, and say what stands there.
//!
//! In a block of `console`, a line with `$` is a command (with `>` it goes on), every other line is what it says on
//! both streams; `…` stands for any number of lines. `silver/` is this repository, 8484 the port that the test has.

use regex::Regex;
use silver_tests::{World, world};
use std::{
    ffi::OsString,
    fs,
    os::unix::fs::symlink,
    process::{Command, Stdio},
};

/// A key that a page makes, and its id, are others each time.
const KEYS: [(&str, &str); 2] = [(r"\bRW[A-Za-z0-9+/]{54}", "[KEY]"), (r"\b[0-9A-F]{16}\b", "[ID]")];

/// A command, and what it says.
struct Step {
    line: usize,
    command: String,
    said: Vec<String>,
}

fn steps(text: &str) -> Vec<Step> {
    let (mut steps, mut inside): (Vec<Step>, bool) = (Vec::new(), false);
    for (number, line) in (1..).zip(text.lines()) {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => match (line.strip_prefix("$ "), line.strip_prefix('>'), steps.last_mut()) {
                (Some(command), ..) => steps.push(Step { line: number, command: command.to_owned(), said: Vec::new() }),
                (None, Some(more), Some(step)) if step.said.is_empty() => {
                    step.command.extend(["\n", more.strip_prefix(' ').unwrap_or(more)]);
                }
                (None, _, Some(step)) => step.said.push(line.to_owned()),
                (None, _, None) => panic!("line {number} belongs to no command"),
            },
        }
    }
    steps
}

/// Does `said` fit `wanted`, in which `…` stands for any lines?
fn fits(wanted: &[String], said: &[String]) -> bool {
    match wanted.split_first() {
        None => said.is_empty(),
        Some((first, rest)) if first == "…" => (0..=said.len()).any(|skipped| fits(rest, &said[skipped..])),
        Some((first, rest)) => said.first() == Some(first) && fits(rest, &said[1..]),
    }
}

/// Runs a page of the documentation from its top to its end.
#[expect(clippy::disallowed_methods, reason = "the programs that the page uses are the machine's")]
fn run(page: &str) {
    let text = fs::read_to_string(world::repository().join("docs").join(page)).unwrap();
    let world = World::new();
    symlink(world::repository(), world.work().join("silver")).unwrap();
    let mut path = OsString::from(world::binary().parent().unwrap());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let filters: Vec<(Regex, &str)> =
        world::filters().into_iter().chain(KEYS).map(|(pattern, name)| (Regex::new(pattern).unwrap(), name)).collect();
    let named = |line: &str| {
        let line = line.replace(&format!(":{}", world.port()), ":8484");
        filters.iter().fold(line, |line, (pattern, name)| pattern.replace_all(&line, *name).trim_end().to_owned())
    };
    let steps = steps(&text);
    assert!(!steps.is_empty(), "{page} has no commands");
    for Step { line, command, said } in steps {
        let here = command.replace(":8484", &format!(":{}", world.port()));
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n{here}")])
            .current_dir(world.work())
            .env_clear()
            .env("PATH", &path)
            .env("HOME", world.home())
            .env("LANG", "C.UTF-8")
            .env("USER", "ada")
            .env("SILVER_HOME", world.home())
            .env("SILVER_PORT", world.port().to_string())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let found: Vec<String> = String::from_utf8_lossy(&output.stdout).trim_end().lines().map(named).collect();
        let wanted: Vec<String> = said.iter().map(|line| named(line)).collect();
        assert!(
            fits(&wanted, &found),
            "docs/{page}:{line}: $ {command}\n--- it should say\n{}\n--- it says\n{}\n",
            wanted.join("\n"),
            found.join("\n")
        );
    }
}

#[test]
fn customise_an_application_you_did_not_write() {
    run("customise.md");
}

#[test]
fn ship_your_application_as_a_pack() {
    run("ship.md");
}
