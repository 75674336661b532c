//! What every command is given: the terminal, the directories, the runtime.

use crate::{args::Globals, dirs, error::Result, interrupt::Interrupt, ui::Ui, words::Words};
use silver_agent::dirs::Dirs;

/// Given to every command.
pub struct Context {
    /// Prints, asks, shows progress.
    pub ui: Ui,
    /// Ctrl-C.
    pub interrupt: Interrupt,
    /// `--node`: names of nodes and groups; empty for this machine.
    pub nodes: Vec<String>,
}

impl Context {
    /// Reads the environment once.
    pub fn new(globals: &Globals, words: Words) -> Self {
        Self { ui: Ui::new(globals, words), interrupt: Interrupt::default(), nodes: globals.node.clone() }
    }

    /// The same, with every question answered yes.
    pub fn assuming_yes(&self) -> Self {
        Self { ui: self.ui.and(false, true, false), interrupt: self.interrupt.clone(), nodes: self.nodes.clone() }
    }

    /// Where silver keeps its files, from the environment.
    #[expect(clippy::unused_self, reason = "commands ask the context, not the environment")]
    pub fn dirs(&self) -> Result<Dirs> {
        dirs::from_environment()
    }

    /// Runs a future to its end on a runtime of its own.
    #[expect(clippy::unused_self, reason = "commands ask the context")]
    pub fn block_on<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(future)
    }
}
