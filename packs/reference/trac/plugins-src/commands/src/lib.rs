//! `silver manage-app` for the Trac pack: `search`, `install-plugin`, `uninstall-plugin`,
//! `list-plugins`.
//!
//! Trac's plugins are Python packages. Installing one puts its wheel, and those of what it needs beyond
//! the pack, into `plugins/` of the customization; the host pins them in `customize.lock`. The
//! customizer then installs and enables them.

mod install;
mod list;
mod plugins;
mod search;
mod uninstall;
mod wanted;

use silver_plugin::{
    Failure,
    commands::{CommandSpec, Commands, Invocation, Outcome, Param, ParamKind, Reach, Workspace},
};

/// Where Trac's plugins come from: `[index.python]` of pack.toml.
const INDEX: &str = "python";

/// The commands.
pub struct TracCommands;

impl Commands for TracCommands {
    fn list(&self) -> Result<Vec<CommandSpec>, Failure> {
        let plugin = |repeated: bool, summary: &str| Param {
            name: "plugin".into(),
            kind: ParamKind::Text,
            required: true,
            repeated,
            choices: Vec::new(),
            summary: summary.into(),
            extra: silver_plugin::Settings::new(),
        };
        let query = Param { name: "query".into(), required: false, ..plugin(false, "what to look for in names and summaries") };
        let command = |name: &str, summary: &str, params: Vec<Param>| CommandSpec {
            name: name.into(),
            summary: summary.into(),
            params,
            extra: silver_plugin::Settings::new(),
        };
        Ok(vec![
            command("search", "plugins for Trac that are known to this pack", vec![query]),
            command(
                "install-plugin",
                "fetch a plugin from the Python package index, with what it needs",
                vec![plugin(true, "NAME, or NAME==VERSION")],
            ),
            command("uninstall-plugin", "remove a plugin, and what only it needed", vec![plugin(true, "NAME")]),
            command("list-plugins", "the plugins of this customization", Vec::new()),
        ])
    }

    fn run(&self, what: &Invocation, workspace: &mut dyn Workspace, reach: &dyn Reach) -> Result<Outcome, Failure> {
        match what.command.as_str() {
            "search" => search::run(what, reach),
            "install-plugin" => install::run(what, workspace, reach),
            "uninstall-plugin" => uninstall::run(what, workspace, reach),
            "list-plugins" => list::run(what, workspace, reach),
            other => Err(Failure::NotFound(format!("the command `{other}`"))),
        }
    }
}

/// The values of a parameter.
fn values<'a>(what: &'a Invocation, name: &str) -> &'a [String] {
    what.arguments.iter().find(|(given, _)| given == name).map_or(&[], |(_, values)| values)
}

silver_plugin::export!(commands: TracCommands);
