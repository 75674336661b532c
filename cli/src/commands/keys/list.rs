use crate::{context::Context, error::Result, exit::Exit, key_files, trust};
use serde::Serialize;
use silver_build::keys::KeyFiles;
use silver_pack::{customization::Customization, signature::PublicKey};
use silver_plugin_api::plan::{Publisher, UNSIGNED};
use std::path::PathBuf;

/// List the keys of yours, and those whose packs are trusted: by the applications of this machine, by a customization
#[derive(Debug, clap::Args)]
pub struct List {
    /// Also the key that this customization's lock knows
    #[arg(long, value_name = "DIR")]
    customize: Option<PathBuf>,
}

#[derive(Serialize)]
struct Row {
    /// `yours`, `app`, `customization`.
    known_as: &'static str,
    name: String,
    pack: Option<String>,
    /// The public key, or `unsigned`.
    key: String,
    /// As minisign names it.
    id: Option<String>,
    /// Of a key of yours: `encrypted`, `unencrypted`, `absent`.
    secret: Option<&'static str>,
}

impl List {
    pub fn run(self, context: &Context) -> Result {
        let mut rows = key_files::all(context)?.iter().map(row).collect::<Result<Vec<_>>>()?;
        rows.extend(trust::apps(context)?.into_iter().map(|(app, publisher)| trusted("app", app, publisher)));
        if let Some(dir) = &self.customize {
            crate::merging::demand_directory(dir)?;
            let locked = Customization::load(dir)?.lock.pack;
            rows.extend(locked.map(|locked| trusted("customization", dir.display().to_string(), locked.publisher())));
        }
        context.ui.list(&rows, "no keys yet: `silver keys new NAME` makes one")?;
        Ok(Exit::Done)
    }
}

fn row(files: &KeyFiles) -> Result<Row> {
    let key = files.read_public()?;
    let secret = match files.secret().exists().then(|| files.is_encrypted()).transpose()? {
        None => "absent",
        Some(true) => "encrypted",
        Some(false) => "unencrypted",
    };
    let name = key_files::name(files);
    Ok(Row { known_as: "yours", name, pack: None, key: key.to_string(), id: Some(key.id()), secret: Some(secret) })
}

fn trusted(known_as: &'static str, name: String, publisher: Publisher) -> Row {
    let id = Some(&publisher.key).filter(|key| *key != UNSIGNED).and_then(|key| key.parse().ok());
    Row { known_as, name, pack: Some(publisher.pack), key: publisher.key, id: id.map(|key: PublicKey| key.id()), secret: None }
}
