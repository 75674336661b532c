//! What every command is given: the terminal, the directories, the runtime.

use crate::{args::Globals, dirs, error::Result, interrupt::Interrupt, ui::Ui, words::Words};
use silver_agent::dirs::Dirs;
use silver_transport::RemoteNode;
use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock},
};
use tokio::runtime::{Builder, Runtime};

/// Given to every command.
pub struct Context {
    /// Prints, asks, shows progress.
    pub ui: Ui,
    /// Ctrl-C.
    pub interrupt: Interrupt,
    /// `--node`: names of nodes and groups; empty for this machine.
    pub nodes: Vec<String>,
    /// Servers that were asked something; each starts one agent for the whole command.
    pub(crate) reached: Mutex<BTreeMap<String, RemoteNode>>,
    runtime: OnceLock<Runtime>,
}

impl Context {
    /// Reads the environment once.
    pub fn new(globals: &Globals, words: Words) -> Self {
        Self {
            ui: Ui::new(globals, words),
            interrupt: Interrupt::default(),
            nodes: globals.node.clone(),
            reached: Mutex::default(),
            runtime: OnceLock::new(),
        }
    }

    /// The same, with every question answered yes.
    pub fn assuming_yes(&self) -> Self {
        self.with(self.ui.and(false, true, false), self.nodes.clone())
    }

    /// The same for these nodes, unless others were said.
    pub fn on(&self, nodes: &[String]) -> Self {
        self.with(self.ui.clone(), if self.nodes.is_empty() { nodes.to_vec() } else { self.nodes.clone() })
    }

    fn with(&self, ui: Ui, nodes: Vec<String>) -> Self {
        Self { ui, interrupt: self.interrupt.clone(), nodes, reached: Mutex::default(), runtime: OnceLock::new() }
    }

    /// Where silver keeps its files, from the environment.
    #[expect(clippy::unused_self, reason = "commands ask the context, not the environment")]
    pub fn dirs(&self) -> Result<Dirs> {
        dirs::from_environment()
    }

    /// Runs a future to its end.
    pub fn block_on<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        self.runtime()?.block_on(future)
    }

    /// Has a future run beside what comes next, at the longest to the end of the command.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        self.runtime()?.spawn(future);
        Ok(())
    }

    /// One for the whole command, from its first use on.
    fn runtime(&self) -> Result<&Runtime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        Ok(self.runtime.get_or_init(|| runtime))
    }
}
