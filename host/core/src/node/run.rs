//! Running a program in an application's environment (`silver run`, `silver shell`).

use serde::{Deserialize, Serialize};

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunRequest {
    /// Application.
    pub app: String,
    /// Program and arguments; empty: the application's `shell` command, or a shell.
    pub argv: Vec<String>,
    /// Columns and rows of the caller's terminal; without one plain pipes are used.
    pub tty: Option<(u16, u16)>,
    /// `--reason`, for the registry.
    pub reason: Option<String>,
    /// Who, as the caller claims: `user@host`.
    pub operator: String,
    /// `SILVER_PHASE`: `run` or `shell`.
    pub phase: String,
}

/// What the caller sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunInput {
    /// Bytes for standard input.
    Data(Vec<u8>),
    /// Standard input has ended.
    End,
    /// The terminal has now so many columns and rows.
    Size(u16, u16),
    /// A signal by its name without `SIG`: `INT`.
    Signal(String),
}

/// What the program says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunOutput {
    /// Bytes of standard output (of the terminal, if there is one).
    Out(Vec<u8>),
    /// Bytes of standard error.
    Err(Vec<u8>),
}
