//! `silver run` and `silver shell`: a program in the release's environment.

use super::Host;
use crate::{
    apps::{AppFailure, Placed},
    failure::because,
    process::{Group, by_setsid, joined},
};
use silver_plugin_api::plan::{HookTarget, RunInput, RunOutput, RunSpec};
use tokio::sync::mpsc;

impl Host {
    /// Runs it until it ends or until nobody listens; its exit code, 128 + signal where one ended it.
    pub(super) async fn run_program(
        &self,
        placed: &Placed,
        spec: &RunSpec,
        input: mpsc::Receiver<RunInput>,
        output: mpsc::Sender<RunOutput>,
    ) -> Result<i32, AppFailure> {
        let (launch, _) = self.launch(placed, &spec.phase, &argv(placed, spec), None)?;
        // where setsid is missing, pipes have to do
        let opens = by_setsid();
        let terminal = spec.tty.zip(opens.as_ref().map(|opens| opens as _));
        let ended = joined(launch, terminal, Group, input, output).await;
        ended.map(|ended| ended.code).map_err(|error| because(&format!("`{}` in `{}`", spec.phase, placed.label), &*error, None))
    }
}

/// What is run: without anything said the hook `shell`, if it is a command, else the system's.
pub(crate) fn argv(placed: &Placed, spec: &RunSpec) -> Vec<String> {
    match placed.release.hooks.get("shell").map(|hook| &hook.target) {
        _ if !spec.argv.is_empty() => spec.argv.clone(),
        Some(HookTarget::Command(argv)) => argv.clone(),
        _ => vec!["/bin/sh".into(), "-i".into()],
    }
}
