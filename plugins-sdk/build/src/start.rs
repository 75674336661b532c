//! Starting the toolchains' programs.

use crate::BuildError;
use std::process::{Command, Stdio};

/// How much is shown of what a program said before it failed, in lines.
const SHOWN: usize = 40;

/// Runs a program to its end; gives its standard output. `hint` says how to get it when it is not there.
pub(crate) fn output(command: &mut Command, hint: &'static str) -> Result<String, BuildError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|source| BuildError::Missing { program, hint, source })?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(BuildError::Failed {
            program: shown(command),
            status: output.status.to_string(),
            said: end(&String::from_utf8_lossy(&said)),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The last lines.
fn end(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(SHOWN)..].join("\n")
}

/// The program's name and its first words.
fn shown(command: &Command) -> String {
    let name = std::path::Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let words = command.get_args().take(2).map(|word| word.to_string_lossy().into_owned());
    std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ")
}
