//! `[state]`: the paths that the application writes.

use super::{Request, ResolveError};
use silver_pack::{manifest::StateDef, render};
use silver_plugin_api::{
    Failure, TreePath,
    plan::{FileFormat, SetKey, StateNature, StatePath, Value},
};

/// State paths with the values that their seeds give to the owned keys; binds come on top.
pub(super) fn state(request: &Request<'_>) -> Result<Vec<StatePath>, ResolveError> {
    let mut paths = Vec::new();
    for (path, def) in &request.manifest.state {
        let owned = owned(path, def);
        let set = match &owned {
            Some((format, keys)) => seeded(request, def.seed.as_ref(), *format, keys)?,
            None => Vec::new(),
        };
        paths.push(StatePath {
            path: path.clone(),
            nature: def.nature,
            directory: def.is_directory(),
            seed: def.seed.clone(),
            backup: def.in_backup(),
            owned,
            set,
            serve: def.serve.clone(),
        });
    }
    Ok(paths)
}

fn owned(path: &TreePath, def: &StateDef) -> Option<(FileFormat, Vec<String>)> {
    let format = StateDef::format(path).filter(|_| def.nature == StateNature::Config)?;
    Some((format, def.owned_keys.clone()))
}

/// What the seed of this release says about the owned keys: an update brings it into the data.
fn seeded(
    request: &Request<'_>,
    seed: Option<&TreePath>,
    format: FileFormat,
    owned: &[String],
) -> Result<Vec<SetKey>, ResolveError> {
    let Some(seed) = seed else { return Ok(Vec::new()) };
    let root = &request.manifest.layout.root;
    let file = root.join(seed).map_err(|_| ResolveError::Path { path: format!("{root}/{seed}") })?;
    let text = match request.tree.read_text(&file) {
        Ok(text) => text,
        Err(Failure::NotFound(_)) => return Ok(Vec::new()),
        Err(source) => return Err(ResolveError::Read { file, source }),
    };
    let keys = render::read_keys(format, &text, owned).map_err(|source| ResolveError::Keys { file, source })?;
    Ok(keys.into_iter().map(|(key, value)| SetKey { key, value: Value::text(value) }).collect())
}
