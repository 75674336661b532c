use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
};
use serde_json::{Value, json};
use silver_extensions::{ABI, Inspection, Limits, MAX_COMPONENT, inspect};
use silver_plugin_build::project::{self, Project};
use std::path::{Path, PathBuf};

/// Check a component without running or compiling it: imports, purity, size, version of the interface
///
/// What it may use when it runs is the host's to say, the same for all plugins; it is shown, too.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The plugin's directory, or a component
    #[arg(default_value = ".")]
    plugin: PathBuf,
}

impl Check {
    pub fn run(self, context: &Context) -> Result {
        let (file, world) = component(&self.plugin)?;
        let checked = Checked::of(&read(&file)?, world)?;
        if context.ui.json() {
            context.ui.report_json(&checked.report(&file))?;
            return Ok(Exit::Done);
        }
        let Inspection { abi, digest, imports, .. } = &checked.inspection;
        let limits = Limits::default();
        let ui = &context.ui;
        ui.line(&format!("{}: {}", file.display(), checked.in_short()));
        ui.line(&format!("digest: {digest}"));
        ui.line(&format!("interface: {abi}; this silver has {ABI}"));
        ui.line("imports:");
        for import in imports {
            let constant = if import.starts_with("wasi:") { " (constant stand-in)" } else { "" };
            ui.line(&format!("  {import}{constant}"));
        }
        ui.line(&format!(
            "limits of one call: {} units of fuel, {} s, {} MiB of memory, {} operations, {} MiB read, {} MiB written",
            limits.fuel,
            limits.time.as_secs(),
            limits.memory >> 20,
            limits.operations,
            limits.read >> 20,
            limits.written >> 20,
        ));
        Ok(Exit::Done)
    }
}

/// The component that is meant, and the world that its project promises.
pub(super) fn component(plugin: &Path) -> Result<(PathBuf, Option<&'static str>)> {
    if plugin.is_file() && !plugin.ends_with(project::FILE) {
        return Ok((plugin.to_owned(), None));
    }
    let project = Project::open(plugin)?;
    Ok((project.component(), Some(project.world.as_str())))
}

/// The bytes of a component that was built.
pub(super) fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let error = CommandError::usage(format!("cannot read {}: {error}", file.display()));
        if missing { error.hint("`silver plugin build` makes it") } else { error }
    })
}

/// A component that may run here.
pub(super) struct Checked {
    pub(super) inspection: Inspection,
}

impl Checked {
    /// Refuses what may not run, or is not of the world that its project promises.
    pub(super) fn of(wasm: &[u8], world: Option<&'static str>) -> Result<Self> {
        let inspection = inspect(wasm).map_err(|refusal| {
            let hint = refusal.hint();
            CommandError::new(Exit::Error, refusal).maybe_hint(hint)
        })?;
        let found = inspection.world.as_str();
        match world {
            Some(wanted) if wanted != found => {
                let message = format!("it is a `{found}`, its {} says `{wanted}`", project::FILE);
                Err(CommandError::new(Exit::Error, message).hint(format!("correct `world` in {}", project::FILE)))
            }
            _ => Ok(Self { inspection }),
        }
    }

    fn pure(&self) -> bool {
        self.inspection.world.is_pure()
    }

    /// `customizer-plugin, pure, 178 kB of 33554 kB`
    pub(super) fn in_short(&self) -> String {
        let pure = if self.pure() { "pure" } else { "reaches what it is granted" };
        let Inspection { world, size, .. } = &self.inspection;
        format!("{}, {pure}, {} kB of {} kB", world.as_str(), size / 1000, MAX_COMPONENT / 1000)
    }

    pub(super) fn report(&self, file: &Path) -> Value {
        let Inspection { world, size, abi, digest, imports, .. } = &self.inspection;
        json!({
            "file": file, "world": world.as_str(), "pure": self.pure(), "size": size, "digest": digest.to_string(),
            "abi": abi, "imports": imports,
        })
    }
}
