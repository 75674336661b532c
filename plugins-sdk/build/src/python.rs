//! Python, through componentize-py: CPython, the standard library and the plugin in one component.

use crate::{BuildError, Place, project::Project, start};
use std::{fs, process::Command};

/// componentize-py, exactly: what it puts into a component is part of what is tested.
const VERSION: &str = "0.25.1";
const GET_PYTHON: &str = "install Python 3 with venv: on Debian, apt-get install python3-venv";

/// Builds an author's project.
///
/// All of WASI is replaced by traps (`--stub-wasi`): Python asks for sockets otherwise, which no plugin gets. It starts
/// without any of it, since it was started when it was built; what goes wrong is told by the SDK through silver's own log.
pub(crate) fn build(project: &Project, place: &Place<'_>) -> Result<Vec<u8>, BuildError> {
    let venv = place.dir(&format!("componentize-py-{VERSION}"));
    let program = venv.join("bin/componentize-py");
    if !venv.join(".complete").exists() {
        (place.tell)(&format!(
            "installing componentize-py {VERSION} with pip (once, 70 MB) into {}: it makes components of Python",
            venv.display()
        ));
        let mut make = Command::new("python3");
        start::output(make.args(["-m", "venv", "--clear"]).arg(&venv), GET_PYTHON)?;
        let mut pip = Command::new(venv.join("bin/pip"));
        start::output(
            pip.args(["install", "--quiet", "--disable-pip-version-check", &format!("componentize-py=={VERSION}")]),
            GET_PYTHON,
        )?;
        fs::write(venv.join(".complete"), VERSION).map_err(BuildError::io(&venv))?;
    }
    (place.tell)(&format!("building with componentize-py {VERSION}"));
    let new = project.dir.join(format!(".{}.new", project.name));
    let mut command = Command::new(&program);
    command.current_dir(&project.dir).env_remove("VIRTUAL_ENV").env_remove("PYTHONPATH");
    command.arg("-d").arg(project.sdk().join("wit")).args(["-w", project.world.as_str(), "componentize", "--stub-wasi"]);
    command.args(["plugin", "-p", ".", "-p", "sdk", "-o"]).arg(&new);
    let built = start::output(&mut command, GET_PYTHON).and_then(|_| fs::read(&new).map_err(BuildError::io(&new)));
    // whether it was written or not
    let _ = fs::remove_file(&new);
    built
}
