use super::asked::{asking, rows};
use crate::{context::Context, error::Result, exit::Exit, merging};
use silver_pack::{
    customization::{Customization, Lock},
    pack::Pack,
};
use std::path::PathBuf;

/// Show what the plugins of a pack ask for, and what was decided
///
/// `before` is what was decided for the plugin before an upgrade; `new` means that it did not ask for that.
#[derive(Debug, clap::Args)]
pub struct Grants {
    /// The pack
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// The customization directory; without it nothing is decided
    #[arg(long, value_name = "DIR")]
    customize: Option<PathBuf>,
}

impl Grants {
    pub fn run(self, context: &Context) -> Result {
        let pack = Pack::open(&self.pack)?;
        let lock = match &self.customize {
            None => Lock::default(),
            Some(dir) => {
                merging::demand_directory(dir)?;
                merging::fit_dir(context, &pack, dir)?;
                Customization::load(dir)?.lock
            }
        };
        let rows: Vec<_> = asking(&pack)?.iter().flat_map(|plugin| rows(plugin, &lock)).collect();
        context.ui.list(&rows, "no plugin of this pack asks for anything")?;
        Ok(Exit::Done)
    }
}
