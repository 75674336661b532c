//! Plugins that add `silver manage-app` commands.

use crate::{
    Settings,
    diagnostic::Diagnostic,
    digest::Digest,
    failure::Failure,
    index::Index,
    tree::{Overlay, Tree},
};
use alloc::{boxed::Box, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The type of a command's parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParamKind {
    /// Any text.
    Text,
    /// A path below the customization directory.
    Path,
    /// One of [`Param::choices`].
    Choice,
    /// `--name`, without a value.
    Flag,
    /// A whole number.
    Integer,
}

/// One parameter of a command. Required ones are positional, the others are `--name VALUE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Param {
    /// Name, lower case with dashes.
    pub name: String,
    /// Type.
    pub kind: ParamKind,
    /// Must it be given?
    pub required: bool,
    /// May it be given more than once?
    pub repeated: bool,
    /// For [`ParamKind::Choice`].
    pub choices: Vec<String>,
    /// One line.
    pub summary: String,
    /// Room to grow.
    pub extra: Settings,
}

/// A command that a plugin offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CommandSpec {
    /// Name, lower case with dashes.
    pub name: String,
    /// One line.
    pub summary: String,
    /// Parameters, positional ones in order.
    pub params: Vec<Param>,
    /// Room to grow.
    pub extra: Settings,
}

/// A parsed call of a command.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Invocation {
    /// Which command.
    pub command: String,
    /// Values by parameter name, validated against [`CommandSpec::params`].
    pub arguments: Vec<(String, Vec<String>)>,
    /// Resolved settings.
    pub settings: Settings,
    /// Target platform.
    pub target: String,
    /// Show, change nothing.
    pub dry_run: bool,
    /// Room to grow. Today [`EXTRA_APP_PLUGINS`](crate::customizer::EXTRA_APP_PLUGINS): the app plugins that
    /// the lock pins, a JSON list of [`AppPlugin`](crate::customizer::AppPlugin).
    pub extra: Settings,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    /// One line for the person.
    pub summary: String,
    /// Findings.
    pub diagnostics: Vec<Diagnostic>,
    /// Exit status for scripts; 0 commits the edits.
    pub status: u8,
    /// Room to grow. Today [`EXTRA_APP_PLUGINS`](crate::customizer::EXTRA_APP_PLUGINS): the app plugins as they
    /// shall be after the command, all of them, in the same form as they were given. The host
    /// writes them into `customize.toml` and `customize.lock`, with the digests of their files;
    /// the plugin itself may not change these two files. Without the key they stay as they are.
    pub extra: Settings,
}

/// A reply of [`HttpFetch::get`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// HTTPS GET against hosts that the operator granted.
pub trait HttpFetch {
    /// Fetches `url`; `expect` pins the body's digest.
    fn get(&self, url: &str, accept: Option<&str>, expect: Option<&Digest>) -> Result<Reply, Failure>;
}

/// Talking to the person at the terminal. Text is data: whoever renders it strips control characters.
pub trait Console {
    /// One line.
    fn line(&self, text: &str);
    /// A table.
    fn table(&self, header: &[String], rows: &[Vec<String>]);
    /// Progress of something long.
    fn progress(&self, label: &str, done: u64, total: Option<u64>);
    /// A question; `Failure::Denied` when nobody can answer and `--yes` was not given.
    fn confirm(&self, question: &str, default_yes: bool) -> Result<bool, Failure>;
}

/// What a command may touch: a staged copy of the customization directory, but for `customize.toml`
/// and `customize.lock` (see [`Outcome::extra`]). Nothing is visible on
/// disk until the command returns status 0 and the host commits; nothing outside can be named.
pub trait Workspace {
    /// The customization directory as it was at the start.
    fn current(&self) -> Box<dyn Tree>;
    /// The pack's tree.
    fn app(&self) -> Box<dyn Tree>;
    /// The edits so far.
    fn edits(&mut self) -> &mut dyn Overlay;
}

/// The reach of a command beyond its workspace; each part answers `Failure::Denied` without a grant.
pub trait Reach {
    /// The index that `pack.toml` gives this name (`python` of `[index.python]`).
    fn index(&self, name: &str) -> Result<Box<dyn Index + '_>, Failure>;
    /// HTTPS.
    fn http(&self) -> &dyn HttpFetch;
    /// The terminal.
    fn console(&self) -> &dyn Console;
}

/// A plugin that adds commands.
pub trait Commands {
    /// The commands it offers.
    fn list(&self) -> Result<Vec<CommandSpec>, Failure>;
    /// Runs one.
    fn run(&self, what: &Invocation, workspace: &mut dyn Workspace, reach: &dyn Reach) -> Result<Outcome, Failure>;
}
