//! The list of commands; one file each.

mod add_node;
pub mod agent;
mod apply;
mod compile_plugin;
mod completions;
mod create_node;
mod customize;
mod destroy_node;
mod diff;
mod doctor;
mod env;
mod explain;
mod inspect;
mod keys;
mod list_images;
mod list_nodes;
mod local;
mod logs;
mod manage_app;
mod merge;
mod pack;
mod plan;
mod plugin;
mod registry;
mod releases;
mod rollback;
mod run;
mod serve;
pub mod setup_node;
mod shell;
mod state;
mod status;
mod update;

use crate::{
    context::Context,
    error::{CommandError, Result},
    scratch::Scratch,
};
use clap::Subcommand;
use silver_core::plan::StateChange;

/// What silver can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Pack(pack::Pack),
    Inspect(inspect::Inspect),
    #[command(alias = "deploy")]
    Update(update::Update),
    Plan(plan::Plan),
    Apply(apply::Apply),
    Diff(diff::Diff),
    Status(status::Status),
    Releases(releases::Releases),
    Rollback(rollback::Rollback),
    /// Answer 503 at an application's locations and stop its processes
    Disable(state::State),
    /// Undo `disable`
    Enable(state::State),
    /// Remove an application's routes and stop its processes; release and data stay
    Deactivate(state::State),
    /// Undo `deactivate`
    Activate(state::State),
    Merge(merge::Merge),
    Explain(explain::Explain),
    ManageApp(manage_app::ManageApp),
    Plugin(plugin::Plugin),
    Customize(customize::Customize),
    Keys(keys::Keys),
    Logs(logs::Logs),
    Env(env::Env),
    Run(run::Run),
    Shell(shell::Shell),
    Serve(serve::Serve),
    Doctor(doctor::Doctor),
    Registry(registry::Registry),
    AddNode(add_node::AddNode),
    SetupNode(setup_node::SetupNode),
    /// List the servers of nodes.toml: can they be reached, which silver is there, how much room
    ///
    /// They are asked at the same time, also whether they are set up as they shall be: SETUP is `current`, `outdated` (set up
    /// as something else than today), `drifted` (changed since by somebody else), `incomplete` or `none`. Nothing is changed
    /// on them: a server without an agent is said to be so.
    ListNodes,
    CreateNode(create_node::CreateNode),
    DestroyNode(destroy_node::DestroyNode),
    ListImages(list_images::ListImages),
    Local(local::Local),
    #[command(hide = true)]
    CompilePlugin(compile_plugin::CompilePlugin),
    #[command(hide = true)]
    Agent(agent::Agent),
    Completions(completions::Completions),
}

impl Command {
    /// Does it do something on nodes?
    fn takes_nodes(&self) -> bool {
        matches!(
            self,
            Self::Update(_)
                | Self::Plan(_)
                | Self::Apply(_)
                | Self::Diff(_)
                | Self::Doctor(_)
                | Self::Status(_)
                | Self::Releases(_)
                | Self::Rollback(_)
                | Self::Disable(_)
                | Self::Enable(_)
                | Self::Deactivate(_)
                | Self::Activate(_)
                | Self::Explain(_)
                | Self::Keys(_)
                | Self::Logs(_)
                | Self::Env(_)
                | Self::Registry(_)
                | Self::Run(_)
                | Self::Shell(_)
        )
    }

    /// Does it publish what it makes only at its very end, in one step? Then Ctrl-C may end it at any time before.
    fn changes_at_its_end(&self) -> bool {
        matches!(
            self,
            Self::Pack(_)
                | Self::Inspect(_)
                | Self::Merge(_)
                | Self::Explain(_)
                | Self::ManageApp(_)
                | Self::Registry(_)
                | Self::Keys(_)
        )
    }
}

/// Runs the command.
pub fn run(command: Command, context: &Context) -> Result {
    if !context.nodes.is_empty() && !command.takes_nodes() {
        return Err(CommandError::usage("this command does not take `--node`"));
    }
    let _scratch = if command.changes_at_its_end() {
        let scratch = Scratch::new()?;
        context.interrupt.removes(scratch.path());
        context.interrupt.ends_at_once(&context.ui)?;
        Some(scratch)
    } else {
        None
    };
    match command {
        Command::Pack(args) => args.run(context),
        Command::Inspect(args) => args.run(context),
        Command::Update(args) => args.run(context),
        Command::Plan(args) => args.run(context),
        Command::Apply(args) => args.run(context),
        Command::Diff(args) => args.run(context),
        Command::Status(args) => args.run(context),
        Command::Releases(args) => args.run(context),
        Command::Rollback(args) => args.run(context),
        Command::Disable(args) => args.run(context, StateChange::Disable),
        Command::Enable(args) => args.run(context, StateChange::Enable),
        Command::Deactivate(args) => args.run(context, StateChange::Deactivate),
        Command::Activate(args) => args.run(context, StateChange::Activate),
        Command::Merge(args) => args.run(context),
        Command::Explain(args) => args.run(context),
        Command::ManageApp(args) => args.run(context),
        Command::Plugin(args) => args.run(context),
        Command::Customize(args) => args.run(context),
        Command::Keys(args) => args.run(context),
        Command::Logs(args) => args.run(context),
        Command::Env(args) => args.run(context),
        Command::Run(args) => args.run(context),
        Command::Shell(args) => args.run(context),
        Command::Serve(args) => args.run(context),
        Command::Doctor(args) => args.run(context),
        Command::Registry(args) => args.run(context),
        Command::AddNode(args) => args.run(context),
        Command::SetupNode(args) => args.run(context),
        Command::ListNodes => list_nodes::run(context),
        Command::CreateNode(args) => args.run(context),
        Command::DestroyNode(args) => args.run(context),
        Command::ListImages(args) => args.run(context),
        Command::Local(args) => args.run(context),
        Command::CompilePlugin(args) => args.run(context),
        Command::Agent(args) => args.run(context),
        Command::Completions(args) => args.run(context),
    }
}
