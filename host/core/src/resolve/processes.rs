//! `[processes]`: programs, and what may stand on their command lines.

use super::{Request, ResolveError};
use silver_plugin_api::{
    plan::{Check, CheckTarget, Cron, Hook, HookTarget, Listen, Process, Value},
    runtime::{Program, Runtime},
};
use std::collections::BTreeMap;

/// The process that answers HTTP.
const WEB: &str = "web";

/// The programs as the runtime starts them, with what the operator wants otherwise.
pub(super) fn processes(request: &Request<'_>, runtime: &dyn Runtime) -> Result<Vec<Process>, ResolveError> {
    let defs = &request.manifest.processes;
    if let Some(name) = request.overrides.processes.keys().find(|name| !defs.contains_key(name.as_str())) {
        let known = defs.keys().map(ToString::to_string).collect();
        return Err(ResolveError::NoProcess { name: name.clone(), known });
    }
    let mut processes = Vec::new();
    for (name, def) in defs {
        let program =
            Program { callable: def.callable.clone(), command: def.command.clone(), listen: def.listen.map(Listen::from) };
        let started = runtime.process(&program, request.tree);
        let started = started.map_err(|source| ResolveError::Plugin { what: format!("runtime of process {name}"), source })?;
        let Some((argv, listen)) = started else { continue };
        let other = request.overrides.processes.get(&**name).cloned().unwrap_or_default();
        processes.push(Process {
            name: name.to_string(),
            argv,
            count: other.count.unwrap_or(def.count),
            listen: if **name == *WEB { listen } else { Listen::None },
            memory: other.memory.or(def.memory.map(silver_pack::manifest::ByteSize::bytes)),
            stop_signal: def.stop_signal.clone(),
            stop_timeout_ms: def.stop_timeout.as_millis(),
            singleton: def.singleton,
        });
    }
    Ok(processes)
}

/// Everybody on a machine may read the command lines of its processes.
pub(super) fn no_secret_arguments(
    env: &[(String, Value)],
    processes: &[Process],
    hooks: &BTreeMap<String, Hook>,
    checks: &[Check],
    cron: &[Cron],
) -> Result<(), ResolveError> {
    let processes = processes.iter().map(|process| (format!("process `{}`", process.name), &process.argv));
    let hooks = hooks.iter().filter_map(|(name, hook)| match &hook.target {
        HookTarget::Command(argv) => Some((format!("command `{name}`"), argv)),
        HookTarget::Url(_) => None,
    });
    let checks = checks.iter().filter_map(|check| match &check.target {
        CheckTarget::Command(argv) => Some((format!("check `{}`", check.name), argv)),
        CheckTarget::Http(_) | CheckTarget::LogLacks { .. } => None,
    });
    let cron = cron.iter().map(|cron| (format!("periodic command `{}`", cron.name), &cron.argv));
    for (place, argv) in processes.chain(hooks).chain(checks).chain(cron) {
        no_secret_in(env, &place, argv)?;
    }
    Ok(())
}

/// The same for one command line.
pub(super) fn no_secret_in(env: &[(String, Value)], place: &str, argv: &[String]) -> Result<(), ResolveError> {
    let shown = |name: &str| argv.iter().any(|word| word.contains(&format!("${{{name}}}")));
    match env.iter().find(|(name, value)| value.is_secret() && shown(name)) {
        Some((name, _)) => Err(ResolveError::SecretArgument { name: name.clone(), place: place.to_owned() }),
        None => Ok(()),
    }
}
