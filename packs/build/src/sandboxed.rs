//! Running foreign build steps in the sandbox of `silver_pack::sandbox`.

use crate::process::{self, Output, RunError};
use silver_pack::sandbox::{self, Sandbox};
use silver_plugin_api::path::plain;
use std::{ffi::OsStr, process::Command, time::Duration};

/// Does the sandbox work? Asked before anything is made; the error says why not.
pub(crate) fn probe() -> Result<(), String> {
    let output = program(&sandbox::probe(), Duration::from_secs(20)).map_err(|error| match error {
        RunError::Start(error) => error.to_string(),
        RunError::Timeout(_) => error.to_string(),
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(plain(output.stderr.lines().next().unwrap_or("it failed")).into_owned())
}

/// Runs a command in `sandbox` to its end.
pub(crate) fn run<S: AsRef<OsStr>>(
    sandbox: &Sandbox,
    command: impl IntoIterator<Item = S>,
    limit: Duration,
) -> Result<Output, RunError> {
    program(&sandbox.argv(command), limit)
}

fn program(argv: &[std::ffi::OsString], limit: Duration) -> Result<Output, RunError> {
    let (name, arguments) = argv.split_first().map_or((OsStr::new(""), &[][..]), |(name, rest)| (name.as_os_str(), rest));
    process::run(Command::new(name).args(arguments), limit)
}
