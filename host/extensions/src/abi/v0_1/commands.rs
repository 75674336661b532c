//! Commands of version 0.1.

use super::{
    V01,
    bindings::commands::{CommandPlugin, CommandPluginPre, exports::silver::plugin::commands as wit},
    convert::{answered, diagnostics, pairs},
};
use crate::{
    extensions::Loaded,
    host::{Call, State, line, text},
    limits::Limit,
};
use silver_plugin_api::{
    Failure,
    commands::{CommandSpec, Commands, Invocation, Outcome, Param, ParamKind, Reach, Workspace},
};
use std::{collections::BTreeSet, sync::Arc};
use wasmtime::{
    Store,
    component::{HasSelf, Resource},
};

impl V01<CommandPluginPre<State>> {
    /// Joins the component with its imports.
    pub(crate) fn commands(loaded: Arc<Loaded>) -> wasmtime::Result<Self> {
        let mut linker = loaded.linker()?;
        CommandPlugin::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        let pre = CommandPluginPre::new(loaded.prepare(&linker)?)?;
        Ok(Self { loaded, pre })
    }

    fn run_in_store<R>(
        &self,
        call: &'static str,
        run: impl FnOnce(&mut Store<State>, &CommandPlugin) -> wasmtime::Result<Result<R, wit::Failure>>,
    ) -> Result<R, Failure> {
        let answer = self.loaded.run(call, |store| {
            let instance = self.pre.instantiate(&mut *store)?;
            run(store, &instance)
        })?;
        answer.map_err(|failure| self.loaded.blame(answered(failure)))
    }
}

impl Commands for V01<CommandPluginPre<State>> {
    fn list(&self) -> Result<Vec<CommandSpec>, Failure> {
        let specs = self.run_in_store("list-commands", |store, plugin| {
            let answer = plugin.silver_plugin_commands().call_list_commands(&mut *store)?;
            let items = answer.iter().flatten().map(|spec| 1 + spec.params.len()).sum::<usize>();
            if items > store.data().limits.items {
                return Err(store.data().reached(Limit::Items));
            }
            Ok(answer.map(|specs| specs.iter().map(spec).collect::<Vec<_>>()))
        })?;
        let wrong = |what| self.loaded.blame(Failure::Internal(what));
        unique(specs.iter().map(|spec| &spec.name)).map_err(wrong)?;
        for spec in &specs {
            unique(spec.params.iter().map(|param| &param.name)).map_err(wrong)?;
        }
        Ok(specs)
    }

    fn run(&self, what: &Invocation, workspace: &mut dyn Workspace, reach: &dyn Reach) -> Result<Outcome, Failure> {
        let call = Call { workspace: Some(workspace), reach: Some(reach), ..Call::default() };
        call.lend(|| {
            self.run_in_store("run-command", |store, plugin| {
                let staging = Resource::new_borrow(0);
                let answer = plugin.silver_plugin_commands().call_run_command(&mut *store, &told(what), staging)?;
                if answer.iter().any(|outcome| outcome.diagnostics.len() > store.data().limits.items) {
                    return Err(store.data().reached(Limit::Items));
                }
                Ok(answer.map(|outcome| Outcome {
                    summary: text(&outcome.summary),
                    diagnostics: diagnostics(outcome.diagnostics),
                    status: outcome.status,
                    extra: outcome.extra.into_iter().collect(),
                }))
            })
        })
    }
}

/// Names become words of the command line: lower case, digits and dashes, each once.
fn unique<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(plain) || name.len() > 64 {
            return Err(format!("`{name}` is not a name for a command or parameter (lower case, digits, dashes)"));
        }
        if !seen.insert(name) {
            return Err(format!("it offers `{name}` twice"));
        }
    }
    Ok(())
}

fn spec(spec: &wit::CommandSpec) -> CommandSpec {
    CommandSpec {
        name: line(&spec.name),
        summary: line(&spec.summary),
        params: spec.params.iter().map(param).collect(),
        extra: spec.extra.iter().map(|(key, value)| (line(key), text(value))).collect(),
    }
}

fn param(param: &wit::Param) -> Param {
    Param {
        name: line(&param.name),
        kind: match param.kind {
            wit::ParamKind::Text => ParamKind::Text,
            wit::ParamKind::Path => ParamKind::Path,
            wit::ParamKind::Choice => ParamKind::Choice,
            wit::ParamKind::Flag => ParamKind::Flag,
            wit::ParamKind::Integer => ParamKind::Integer,
        },
        required: param.required,
        repeated: param.repeated,
        choices: param.choices.iter().map(|choice| line(choice)).collect(),
        summary: line(&param.summary),
        extra: param.extra.iter().map(|(key, value)| (line(key), text(value))).collect(),
    }
}

fn told(what: &Invocation) -> wit::Invocation {
    wit::Invocation {
        command: what.command.clone(),
        arguments: what.arguments.clone(),
        settings: pairs(&what.settings),
        target: what.target.clone(),
        dry_run: what.dry_run,
        extra: pairs(&what.extra),
    }
}
