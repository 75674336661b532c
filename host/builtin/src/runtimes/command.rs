//! `command`: programs of the pack or of the node, as they are written in the manifest.

use silver_plugin_api::{
    Digest, Failure, Tree,
    plan::{EnvironmentSpec, Listen, NodeFacts},
    runtime::{Program, Runtime, RuntimeNeeds},
};

/// Programs as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Command;

impl Runtime for Command {
    fn kind(&self) -> &'static str {
        "command"
    }

    fn check(&self, _: &RuntimeNeeds, _: &NodeFacts) -> Result<(), Failure> {
        Ok(())
    }

    fn environment(
        &self,
        _: &RuntimeNeeds,
        _: &dyn Tree,
        _: &NodeFacts,
        _: &dyn Fn(&[u8]) -> Digest,
    ) -> Result<Option<EnvironmentSpec>, Failure> {
        Ok(None)
    }

    fn process(&self, program: &Program, _: &dyn Tree) -> Result<Option<(Vec<String>, Listen)>, Failure> {
        if let Some(callable) = &program.callable {
            return Err(Failure::invalid(
                "callable-without-python",
                format!("`callable = {callable:?}` needs the runtime `python`"),
                Some("give a `command`"),
            ));
        }
        Ok(Some((program.command.clone(), program.listen.unwrap_or_else(|| listen_of(&program.command)))))
    }
}

/// A program that is told the port on its command line listens there; any other finds its socket in
/// the environment.
pub(super) fn listen_of(argv: &[String]) -> Listen {
    if argv.iter().any(|word| word.contains("${PORT}")) { Listen::Port } else { Listen::Socket }
}
