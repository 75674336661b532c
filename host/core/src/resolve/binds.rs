//! `[[bind]]`: values on their way into the application.

use super::{Facts, Request, ResolveError};
use silver_pack::{
    manifest::{BindSource, BindTarget},
    render,
};
use silver_plugin_api::{
    Settings, TreePath,
    plan::{ENV_FROM, FileFormat, Rendered, RenderedSource, SetKey, StateNature, StatePath, Value},
    runtime::Runtime,
};
use std::collections::BTreeMap;

/// What becomes of the binds, besides keys of state files.
pub(super) struct Bound {
    pub(super) env: Vec<(String, Value)>,
    pub(super) rendered: Vec<Rendered>,
}

/// Every bind at its place; keys of configs that the application writes go into `state`.
pub(super) fn binds(request: &Request<'_>, facts: &Facts, state: &mut [StatePath]) -> Result<Bound, ResolveError> {
    let mut env = Vec::new();
    let mut rendered: BTreeMap<TreePath, RenderedSource> = BTreeMap::new();
    for bind in &request.manifest.bind {
        let value = value(&bind.from, request, facts)?;
        match &bind.to {
            BindTarget::Env(name) => env.push((name.clone(), value)),
            BindTarget::Key { format, file, key } => match state_of(state, file) {
                Some(config) if config.nature == StateNature::Config && config.path == *file => {
                    own(config, key, value, &bind.from)?;
                }
                Some(_) => return Err(ResolveError::BindIntoData { file: file.clone() }),
                None => set(&mut rendered, file, *format, key, value),
            },
            BindTarget::Template { template, name } => {
                let file = BindTarget::rendered_file(template);
                if state_of(state, &file).is_some() {
                    return Err(ResolveError::BindIntoData { file });
                }
                let name = name.clone().unwrap_or_else(|| bind.from.template_name());
                let source = rendered
                    .entry(file)
                    .or_insert_with(|| RenderedSource::Template { template: template.clone(), values: Vec::new() });
                if let RenderedSource::Template { values, .. } = source {
                    values.push((name, value));
                }
            }
        }
    }
    let rendered = rendered.into_iter().map(|(path, source)| Rendered { path, source }).collect();
    Ok(Bound { env, rendered })
}

/// The environment, and where the names come from that no bind gave.
pub(super) struct Env {
    pub(super) values: Vec<(String, Value)>,
    /// For [`Release::extra`](silver_plugin_api::plan::Release::extra).
    pub(super) from: Settings,
}

/// The environment: what the runtime wants, then the binds, then the operator's own; the last wins.
pub(super) fn env(request: &Request<'_>, runtime: &dyn Runtime, bound: Vec<(String, Value)>) -> Result<Env, ResolveError> {
    let wanted = runtime.env().into_iter().map(|(name, value)| (name, (Value::text(value), Some("runtime"))));
    let bound = bound.into_iter().map(|(name, value)| (name, (value, None)));
    let mut env: BTreeMap<String, (Value, Option<&str>)> = wanted.chain(bound).collect();
    for (name, value) in &request.overrides.env {
        let reserved = ["HOME", "PATH", "PORT", "TMPDIR", "STATIC_URL"].contains(&name.as_str());
        if reserved || name.starts_with("SILVER_") {
            return Err(ResolveError::Reserved { name: name.clone() });
        }
        env.insert(name.clone(), (Value::text(value), Some("customization")));
    }
    let from = env.iter().filter_map(|(name, (_, from))| Some((format!("{ENV_FROM}{name}"), (*from)?.to_owned()))).collect();
    Ok(Env { values: env.into_iter().map(|(name, (value, _))| (name, value)).collect(), from })
}

fn value(from: &BindSource, request: &Request<'_>, facts: &Facts) -> Result<Value, ResolveError> {
    let missing = |why: String| ResolveError::BindSource { from: from.to_string(), why };
    Ok(match from {
        BindSource::AppUrl => Value::fact("SILVER_URL"),
        BindSource::AppBasePath => Value::fact("SILVER_BASE_PATH"),
        BindSource::AppDataDir => Value::fact("SILVER_DATA_DIR"),
        BindSource::AppInstanceDir => Value::fact("SILVER_INSTANCE_DIR"),
        BindSource::AppRelease => Value::fact("SILVER_RELEASE"),
        BindSource::Secret(name) => Value::secret(name),
        BindSource::Setting(name) => {
            let value = request.settings.get(&**name);
            Value::text(value.ok_or_else(|| missing("the setting has no value".into()))?)
        }
        BindSource::Service { name, fact } => {
            let found = facts.get(&(name.to_string(), fact.to_string()));
            let known = || {
                let of_it = facts.keys().filter(|(service, _)| *service == **name);
                of_it.map(|(_, fact)| fact.as_str()).collect::<Vec<_>>().join(", ")
            };
            found.cloned().ok_or_else(|| missing(format!("service `{name}` has no such fact; it has: {}", known())))?
        }
    })
}

/// The state path at or above a file.
fn state_of<'a>(state: &'a mut [StatePath], file: &TreePath) -> Option<&'a mut StatePath> {
    state.iter_mut().find(|path| file.below(&path.path).is_some())
}

fn own(config: &mut StatePath, key: &str, value: Value, from: &BindSource) -> Result<(), ResolveError> {
    let file = || config.path.clone();
    if let BindSource::Secret(secret) = from {
        return Err(ResolveError::SecretInState { secret: secret.to_string(), file: file() });
    }
    let owned = config.owned.iter().flat_map(|(_, keys)| keys).any(|pattern| render::covers(pattern, key));
    if !owned {
        return Err(ResolveError::NotOwned { file: file(), key: key.into() });
    }
    config.set.retain(|set| set.key != key);
    config.set.push(SetKey { key: key.into(), value });
    Ok(())
}

fn set(rendered: &mut BTreeMap<TreePath, RenderedSource>, file: &TreePath, format: FileFormat, key: &str, value: Value) {
    let source =
        rendered.entry(file.clone()).or_insert_with(|| RenderedSource::Keys { format, base: file.clone(), set: Vec::new() });
    if let RenderedSource::Keys { set, .. } = source {
        set.push(SetKey { key: key.into(), value });
    }
}
