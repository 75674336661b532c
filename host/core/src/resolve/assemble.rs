//! `[[assemble]]`: build steps, and what has to be true of the merged tree for them.

use super::{Request, ResolveError, processes};
use silver_plugin_api::plan::{Assembly, Value};

/// The steps, if the merged tree has what they take and nothing where they write.
pub(super) fn steps(request: &Request<'_>, env: &[(String, Value)]) -> Result<Vec<Assembly>, ResolveError> {
    let steps: Vec<Assembly> = request.manifest.assemble.iter().map(silver_pack::manifest::AssembleDef::resolve).collect();
    for (number, step) in steps.iter().enumerate() {
        processes::no_secret_in(env, &format!("build step {}", number + 1), &step.command)?;
        let failed = |source| ResolveError::Plugin { what: format!("build step {}", number + 1), source };
        let there = request.tree.list(&step.outputs, None, 1).map_err(failed)?;
        if let Some(entry) = there.first() {
            return Err(ResolveError::OutputTaken { outputs: step.outputs.clone(), path: entry.path.clone() });
        }
        // what an earlier step makes is not there yet
        let made = |glob: &String| steps[..number].iter().any(|earlier| glob.starts_with(earlier.outputs.as_str()));
        let taken = request.tree.glob(&step.inputs, None, 1).map_err(failed)?;
        if taken.is_empty() && !step.inputs.iter().any(made) {
            return Err(ResolveError::NoInput { command: step.command.join(" "), inputs: step.inputs.join(", ") });
        }
    }
    Ok(steps)
}
