use super::pins::{self, Place};
use crate::{context::Context, error::Result, merging::integrity};

/// Copy all locked app plugins into the customization, so that an update needs no index
///
/// They lie in `app-plugins/KIND/`, for every platform that is locked, as their index gave them; each is checked
/// against customize.lock whenever it is used. From then on the folder is kept complete by whatever changes the
/// lock. Remove the folder to have them fetched again.
#[derive(Debug, clap::Args)]
pub struct Vendor {
    #[command(flatten)]
    place: Place,
}

impl Vendor {
    pub fn run(self, context: &Context) -> Result {
        let opened = self.place.open(context)?;
        opened.customization.check_wanted()?;
        opened.customization.check_lock().map_err(integrity)?;
        let rows = opened.customization.lock.app_plugins.clone();
        let files = opened.indexes(context)?.vendor(&opened.customization.files, &rows)?;
        let rows = rows.into_iter().filter(silver_pack::customization::LockedPlugin::is_resolved).collect();
        let after = pins::pin(&opened.customization, files, rows)?;
        opened.write(context, &after, "no app plugins are locked")
    }
}
