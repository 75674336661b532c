//! JavaScript, through componentize-js: SpiderMonkey and the plugin in one component.

use crate::{BuildError, Place, project::Project, start};
use std::{fs, process::Command};

/// componentize-js, exactly: what it puts into a component is part of what is tested.
const VERSION: &str = "0.23.0";
const GET_NODE: &str = "install Node.js 18 or later with npm: on Debian, apt-get install nodejs npm";

/// Calls the library; its arguments: source, WIT, world, output.
const SCRIPT: &str = include_str!("javascript/build.mjs");

/// Builds an author's project.
///
/// Of WASI only standard output and error stay, on which the engine says what went wrong before it gives up: silver
/// links them to its log. Clocks, randomness and HTTP are left out.
pub(crate) fn build(project: &Project, place: &Place<'_>) -> Result<Vec<u8>, BuildError> {
    let dir = place.dir(&format!("componentize-js-{VERSION}"));
    if !dir.join(".complete").exists() {
        (place.tell)(&format!(
            "installing componentize-js {VERSION} with npm (once, 390 MB) into {}: it makes components of JavaScript",
            dir.display()
        ));
        fs::create_dir_all(&dir).map_err(BuildError::io(&dir))?;
        let package = "{ \"private\": true, \"type\": \"module\" }\n";
        fs::write(dir.join("package.json"), package).map_err(BuildError::io(&dir))?;
        let mut npm = Command::new("npm");
        npm.current_dir(&dir).args(["install", "--silent", "--no-audit", "--no-fund", "--save-exact"]);
        start::output(npm.arg(format!("@bytecodealliance/componentize-js@{VERSION}")), GET_NODE)?;
        fs::write(dir.join(".complete"), VERSION).map_err(BuildError::io(&dir))?;
    }
    (place.tell)(&format!("building with componentize-js {VERSION}"));
    // beside node_modules, where the script finds the library
    let script = dir.join("build.mjs");
    fs::write(&script, SCRIPT).map_err(BuildError::io(&script))?;
    let new = project.dir.join(format!(".{}.new", project.name));
    let mut node = Command::new("node");
    node.current_dir(&project.dir).arg(&script).arg(project.dir.join("plugin.js")).arg(project.sdk().join("wit"));
    let built = start::output(node.arg(project.world.as_str()).arg(&new), GET_NODE)
        .and_then(|_| fs::read(&new).map_err(BuildError::io(&new)));
    // whether it was written or not
    let _ = fs::remove_file(&new);
    built
}
