use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
};
use std::{fs, path::PathBuf};

/// Print the interface of plugins, as WIT, or write it into a directory
#[derive(Debug, clap::Args)]
pub struct Wit {
    /// Write its files here; the directory is absent or empty
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
}

impl Wit {
    pub fn run(self, context: &Context) -> Result {
        let Some(dir) = self.output else {
            for (name, text) in silver_plugin_build::wit() {
                context.ui.line(&format!("// {name}\n{text}"));
            }
            return Ok(Exit::Done);
        };
        if fs::read_dir(&dir).is_ok_and(|mut entries| entries.next().is_some()) {
            let error = CommandError::usage(format!("{} is not empty", dir.display()));
            return Err(error.hint("name a directory that is not there yet"));
        }
        fs::create_dir_all(&dir)?;
        for (name, text) in silver_plugin_build::wit() {
            fs::write(dir.join(name), text)?;
        }
        context.ui.note(&format!("written to {}", dir.display()));
        Ok(Exit::Done)
    }
}
