//! `silver keys`: the keys that packs are signed with, and those that are trusted.

mod list;
mod new;
mod rotate;
mod trust;

use crate::{context::Context, error::Result};
use clap::Subcommand;
use serde::Serialize;
use silver_build::keys::KeyFiles;
use silver_pack::signature::PublicKey;

/// Keys that packs are signed with, and whose packs are trusted
///
/// Files are minisign's own: a key that `minisign -G` made signs packs, and `minisign -V` checks what silver signed.
#[derive(Debug, clap::Args)]
pub struct Keys {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    New(new::New),
    List(list::List),
    Trust(trust::Trust),
    Rotate(rotate::Rotate),
}

impl Keys {
    pub fn run(self, context: &Context) -> Result {
        match self.command {
            KeysCommand::New(args) => args.run(context),
            KeysCommand::List(args) => args.run(context),
            KeysCommand::Trust(args) => args.run(context),
            KeysCommand::Rotate(args) => args.run(context),
        }
    }
}

/// What `--json` reports of a key that was made.
#[derive(Serialize)]
struct Made {
    key: String,
    id: String,
    secret: Option<String>,
    public: String,
    rotations: Option<String>,
}

impl Made {
    fn of(files: &KeyFiles, key: &PublicKey) -> Self {
        let there = |path: std::path::PathBuf| path.exists().then(|| path.display().to_string());
        Self {
            key: key.to_string(),
            id: key.id(),
            secret: there(files.secret().to_owned()),
            public: files.public().display().to_string(),
            rotations: there(files.rotations()),
        }
    }

    fn show(&self, context: &Context) -> Result<()> {
        if context.ui.json() {
            return context.ui.report_json(self);
        }
        context.ui.line(&format!("public key  {}", self.key));
        for (what, path) in
            [("secret key", &self.secret), ("public file", &Some(self.public.clone())), ("rotations", &self.rotations)]
        {
            if let Some(path) = path {
                context.ui.line(&format!("{what:<12}{path}"));
            }
        }
        Ok(())
    }
}
