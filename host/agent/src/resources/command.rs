//! Commands.

use super::{
    ResourceError,
    machine::{Machine, Step},
};
use silver_plugin_api::setup::{Command, Found};
use std::time::Duration;

/// `ran`: has this very command been run before?
pub(crate) async fn observe(machine: &Machine, command: &Command, ran: bool) -> Result<Found, ResourceError> {
    let created = match &command.creates {
        Some(path) => Some(machine.place(path)?.map(|place| place.stat()).transpose()?.flatten().is_some()),
        None => None,
    };
    let done = match (&command.unless, created) {
        (_, Some(true)) => true,
        (Some(unless), _) => {
            let argv = prefixed(command, unless);
            machine.ask(&argv.iter().map(String::as_str).collect::<Vec<_>>()).await?.status.success()
        }
        (None, Some(false)) => false,
        (None, None) => ran,
    };
    Ok(Found::Command { done })
}

pub(crate) async fn apply(machine: &Machine, step: Step<'_>, command: &Command) -> Result<(), ResourceError> {
    let argv = prefixed(command, &command.argv);
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    machine.run_with(step, &argv, &command.env, Duration::from_secs(command.seconds())).await
}

/// With what makes it another user's.
pub(super) fn prefixed(command: &Command, argv: &[String]) -> Vec<String> {
    let mut whole: Vec<String> = match &command.user {
        Some(user) => ["runuser", "-u", user, "--"].map(Into::into).to_vec(),
        None => Vec::new(),
    };
    whole.extend(argv.iter().cloned());
    whole
}
