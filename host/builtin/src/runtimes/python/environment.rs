//! The virtual environment: not relocatable, so it is built at its final place.

use super::{FACT_ABI, FACT_PATH, FACT_VERSION, wheel, wheels};
use silver_plugin_api::{
    Digest, Failure, Tree,
    plan::{EnvironmentSpec, NodeFacts},
    runtime::RuntimeNeeds,
};
use std::fmt::Write as _;

/// Changed when the way an environment is built changes.
const RECIPE: u32 = 1;

/// Compiles what was installed with hash-based .pyc: files of a release share one time of change,
/// so time-based ones would be taken for stale or, worse, for fresh. A file that cannot be compiled
/// (a template that ends in .py) is left alone, as pip does.
const COMPILE: &str = "import compileall, py_compile, sys; compileall.compile_dir(sys.argv[1], quiet=2, workers=0, \
                       invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)";

pub(super) fn spec(
    needs: &RuntimeNeeds,
    tree: &dyn Tree,
    node: &NodeFacts,
    digest: &dyn Fn(&[u8]) -> Digest,
) -> Result<Option<EnvironmentSpec>, Failure> {
    let wheels = wheels(tree, &needs.wheels)?;
    if wheels.is_empty() {
        return Ok(None);
    }
    let fact = |name: &str| {
        let missing = || Failure::invalid("no-python", format!("node `{}` does not tell its `{name}`", node.name), None);
        node.extra.get(name).cloned().ok_or_else(missing)
    };
    let (path, version, abi) = (fact(FACT_PATH)?, fact(FACT_VERSION)?, fact(FACT_ABI)?);
    let wheels = wheel::choose(wheels, &abi, node)?;

    let mut inputs = format!("python environment {RECIPE}\n{path}\n{version}\n{abi}\n{}\n", node.platform);
    for (wheel, content) in &wheels {
        // writing to a String does not fail
        writeln!(inputs, "{} {}", content.hex(), wheel.name()).ok();
    }
    let python = "${SILVER_ENV_DIR}/bin/python".to_owned();
    let mut install: Vec<String> = [
        "-m",
        "pip",
        "install",
        "--no-index",
        "--no-deps",
        "--no-compile",
        "--no-cache-dir",
        "--no-warn-script-location",
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
    ]
    .map(Into::into)
    .into();
    install.insert(0, python.clone());
    install.extend(wheels.iter().map(|(wheel, _)| format!("${{SILVER_TREE_DIR}}/{wheel}")));
    let build = vec![
        vec![path.clone(), "-m".into(), "venv".into(), "${SILVER_ENV_DIR}".into()],
        install,
        vec![python, "-c".into(), COMPILE.into(), "${SILVER_ENV_DIR}/lib".into()],
    ];
    Ok(Some(EnvironmentSpec {
        id: digest(inputs.as_bytes()),
        kind: "python".into(),
        interpreter: format!("{} {version}", path.rsplit('/').next().unwrap_or(&path)),
        build,
        bin: "bin".into(),
    }))
}
