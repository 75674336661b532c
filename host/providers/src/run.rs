//! Running programs, and what they say when they fail.

use crate::ProviderError;
use std::process::{Command, Stdio};

/// So much of what a program said is shown: its end.
const SHOWN: usize = 2000;

/// Runs a program to its end; its standard output.
pub(crate) fn run(command: &mut Command) -> Result<String, ProviderError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|source| ProviderError::Start { program: program.clone(), source })?;
    if !output.status.success() {
        let said = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
        return Err(ProviderError::Program { program, status: output.status, said: tail(said) });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A shell script with its arguments as `$1`, `$2` …, to its end.
pub(crate) fn script<'a>(prefix: &[&str], text: &str, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut words = prefix.iter().copied().chain(["sh", "-euc", text, "sh"]);
    let mut command = Command::new(words.next().unwrap_or("sh"));
    command.args(words).args(arguments);
    command
}

/// The end of what a program said, without control characters.
pub(crate) fn tail(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(&said[said.len().saturating_sub(SHOWN)..]).into_owned();
    text.trim().chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}
