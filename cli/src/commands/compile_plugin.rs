use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
};

/// Compile one plugin, from standard input to standard output: started by other commands, not by people
#[derive(Debug, clap::Args)]
pub struct CompilePlugin {
    /// Seconds of processor time that it may take
    cpu_seconds: u64,
    /// Bytes of address space that it may take
    memory: u64,
}

impl CompilePlugin {
    pub fn run(self, _: &Context) -> Result {
        silver_extensions::compile(self.cpu_seconds, self.memory).map_err(|message| CommandError::new(Exit::Error, message))?;
        Ok(Exit::Done)
    }
}
