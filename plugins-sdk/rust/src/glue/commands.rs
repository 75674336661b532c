//! The exports of the world `command-plugin`.

use super::{
    convert::{diagnostics, failure},
    reach::Host,
    trees::Handle,
};
use crate::{
    bindings::{
        commands::exports::silver::plugin::commands as wit,
        customizer::silver::plugin::{trees, types},
    },
    log::install_panic_hook,
};
use silver_plugin_api::{
    Overlay, Tree,
    commands::{CommandSpec, Commands, Invocation, Param, ParamKind, Workspace},
};

pub fn list(plugin: &impl Commands) -> Result<Vec<wit::CommandSpec>, types::Failure> {
    install_panic_hook();
    Ok(plugin.list().map_err(failure)?.into_iter().map(spec).collect())
}

pub fn run(plugin: &impl Commands, what: wit::Invocation, staging: &wit::Staging) -> Result<wit::Outcome, types::Failure> {
    install_panic_hook();
    let what = Invocation {
        command: what.command,
        arguments: what.arguments,
        settings: what.settings.into_iter().collect(),
        target: what.target,
        dry_run: what.dry_run,
        extra: what.extra.into_iter().collect(),
    };
    let mut workspace = Staged { staging, edits: Handle(staging.edits()) };
    let outcome = plugin.run(&what, &mut workspace, &Host).map_err(failure)?;
    Ok(wit::Outcome {
        summary: outcome.summary,
        diagnostics: diagnostics(outcome.diagnostics),
        status: outcome.status,
        extra: outcome.extra.into_iter().collect(),
    })
}

struct Staged<'a> {
    staging: &'a wit::Staging,
    edits: Handle<trees::Overlay>,
}

impl Workspace for Staged<'_> {
    fn current(&self) -> Box<dyn Tree> {
        Box::new(self.staging.current())
    }

    fn app(&self) -> Box<dyn Tree> {
        Box::new(self.staging.app())
    }

    fn edits(&mut self) -> &mut dyn Overlay {
        &mut self.edits
    }
}

fn spec(spec: CommandSpec) -> wit::CommandSpec {
    wit::CommandSpec {
        name: spec.name,
        summary: spec.summary,
        params: spec.params.into_iter().map(param).collect(),
        extra: spec.extra.into_iter().collect(),
    }
}

fn param(param: Param) -> wit::Param {
    wit::Param {
        name: param.name,
        kind: match param.kind {
            ParamKind::Text => wit::ParamKind::Text,
            ParamKind::Path => wit::ParamKind::Path,
            ParamKind::Choice => wit::ParamKind::Choice,
            ParamKind::Flag => wit::ParamKind::Flag,
            ParamKind::Integer => wit::ParamKind::Integer,
        },
        required: param.required,
        repeated: param.repeated,
        choices: param.choices,
        summary: param.summary,
        extra: param.extra.into_iter().collect(),
    }
}
