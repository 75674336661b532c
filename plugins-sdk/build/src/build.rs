//! From a project to a component.

use crate::{BuildError, Lang, Place, javascript, project::Project, python, rust};
use std::fs;

/// Builds the project's component; gives its bytes, which are also written where [`Project::component`] says.
pub fn build(project: &Project, place: &Place<'_>) -> Result<Vec<u8>, BuildError> {
    let wasm = match project.lang {
        Lang::Rust => rust::project(project, place)?,
        Lang::Python => python::build(project, place)?,
        Lang::Js => javascript::build(project, place)?,
    };
    let path = project.component();
    fs::write(&path, &wasm).map_err(BuildError::io(&path))?;
    Ok(wasm)
}
