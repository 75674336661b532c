use super::Made;
use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    key_files,
};
use silver_build::keys::KeyFileError;

/// Sign with a key that another one follows it
///
/// The statement lies beside the new key and goes into every pack that is signed with it: who knows the old key, or any
/// before it, then accepts the new one. The new key is made if it is not there yet.
#[derive(Debug, clap::Args)]
pub struct Rotate {
    /// The key that goes
    #[arg(value_name = "OLD")]
    old: String,
    /// The key that comes; of one that is there only the public half is read
    #[arg(value_name = "NEW")]
    new: String,
    /// A new key without a passphrase: whoever reads the file can sign
    #[arg(long, short = 'W')]
    unencrypted: bool,
}

impl Rotate {
    pub fn run(self, context: &Context) -> Result {
        let (old, new) = (key_files::find(context, &self.old)?, key_files::new(context, &self.new)?);
        let there = new.public().exists();
        if there && new.rotations().exists() {
            return Err(KeyFileError::Exists { path: new.rotations() }.into());
        }
        let signing = key_files::unlock(context, &old)?;
        let key = if there {
            let key = new.read_public()?;
            let rotations = signing.rotate(&key).map_err(|error| CommandError::new(Exit::Error, error))?;
            new.add_rotations(&rotations)?;
            key
        } else {
            new.demand_absent()?;
            let passphrase = key_files::new_passphrase(context, self.unencrypted)?;
            context.interrupt.is_awaited()?; // several files that belong together
            // a key that was just made cannot be among those before it
            new.create(passphrase.as_deref(), &|key| signing.rotate(key).ok())?
        };
        Made::of(&new, &key).show(context)?;
        context.ui.note(&format!(
            "Sign with `silver pack --sign {}` from now on. Keep the old key until nobody updates from packs that it signed.",
            self.new
        ));
        Ok(Exit::Done)
    }
}
