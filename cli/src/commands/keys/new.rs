use super::Made;
use crate::{context::Context, error::Result, exit::Exit, key_files};

/// Make a key to sign packs with
///
/// The secret key is encrypted by a passphrase that is asked for. Whoever loses it cannot publish under this identity any
/// more: keep a copy away from this machine.
#[derive(Debug, clap::Args)]
pub struct New {
    /// Name of the key, or the path of the secret key's file
    #[arg(value_name = "NAME|FILE")]
    key: String,
    /// Without a passphrase: whoever reads the file can sign
    #[arg(long, short = 'W')]
    unencrypted: bool,
}

impl New {
    pub fn run(self, context: &Context) -> Result {
        let files = key_files::new(context, &self.key)?;
        files.demand_absent()?;
        let passphrase = key_files::new_passphrase(context, self.unencrypted)?;
        context.interrupt.is_awaited()?; // several files that belong together
        let key = files.create(passphrase.as_deref(), &|_| None)?;
        Made::of(&files, &key).show(context)?;
        context
            .ui
            .note("Publish the public key where those who use your packs can compare it, and keep a copy of the secret one.");
        Ok(Exit::Done)
    }
}
