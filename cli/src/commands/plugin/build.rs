use super::check::Checked;
use crate::{context::Context, dirs, error::Result, exit::Exit};
use silver_plugin_build::{Place, build, project::Project};
use std::path::PathBuf;

/// Build the component of a plugin, and check it
///
/// Rust is that of this machine; the toolchains for Python and JavaScript are installed below silver's cache when they
/// are first needed, in versions that silver fixes.
#[derive(Debug, clap::Args)]
pub struct Build {
    /// The plugin's directory
    #[arg(default_value = ".")]
    dir: PathBuf,
}

impl Build {
    pub fn run(self, context: &Context) -> Result {
        let project = Project::open(&self.dir)?;
        let tell = |text: &str| context.ui.note(text);
        let place = Place { cache: context.dirs()?.cache.join("toolchains"), cargo_home: dirs::cargo_home()?, tell: &tell };
        let wasm = build::build(&project, &place)?;
        let checked = Checked::of(&wasm, Some(project.world.as_str()))?;
        let file = project.component();
        if context.ui.json() {
            context.ui.report_json(&checked.report(&file))?;
        } else {
            context.ui.line(&format!("{}: {}", file.display(), checked.in_short()));
        }
        Ok(Exit::Done)
    }
}
