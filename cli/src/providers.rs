//! Who creates nodes: the tables `[providers.NAME]` of `nodes.toml`, or this machine.

use crate::{
    context::Context,
    error::{CommandError, Result},
    nodes::NodesFile,
};
use silver_core::nodes::Nodes;
use silver_pack::manifest::Name;
use silver_providers::{Nspawn, Provider, image::Images, nspawn::DIRECTORY};
use std::path::PathBuf;

/// The kind that needs no account.
const NSPAWN: &str = "nspawn";
/// What a table of the kind `nspawn` may say.
const SETTINGS: [&str; 3] = ["directory", "image", "images"];

/// A provider with the name that it has in the file.
pub struct Chosen {
    /// None: it stands in no file.
    pub name: Option<Name>,
    /// The image that its nodes are made of when none is named.
    pub image: Option<String>,
    /// The provider.
    pub provider: Box<dyn Provider>,
}

/// The provider of this name; without one the only one of the file, or this machine.
pub fn choose(context: &Context, file: &NodesFile, name: Option<&str>) -> Result<Chosen> {
    let Nodes { providers, .. } = &file.nodes;
    let find = |name: &str| providers.iter().find(|(there, _)| ***there == *name);
    let entry = match (name, providers.len()) {
        (Some(name), _) => Some(find(name).ok_or_else(|| unknown(file, name))?),
        (None, 0) => None,
        (None, 1) => providers.iter().next(),
        (None, _) => {
            let names = providers.keys().map(|name| &**name).collect::<Vec<_>>().join(", ");
            return Err(CommandError::usage("there are several providers").hint(format!("choose one with --provider: {names}")));
        }
    };
    let mut directory = PathBuf::from(DIRECTORY);
    let mut images = context.dirs()?.cache.join("images");
    let mut image = None;
    if let Some((name, provider)) = entry {
        if provider.kind != NSPAWN {
            let error = CommandError::usage(format!("silver knows no providers of the kind `{}` (`{name}`)", provider.kind));
            return Err(error.hint(format!("kind = \"{NSPAWN}\" makes nodes on this machine")));
        }
        if let Some(setting) = provider.settings.keys().find(|setting| !SETTINGS.contains(&setting.as_str())) {
            let error = CommandError::usage(format!("a provider of the kind `{NSPAWN}` has no setting `{setting}` (`{name}`)"));
            return Err(error.hint(format!("it has: {}", SETTINGS.join(", "))));
        }
        let setting = |setting: &str| provider.settings.get(setting);
        directory = setting("directory").map_or(directory, PathBuf::from);
        images = setting("images").map_or(images, PathBuf::from);
        image = setting("image").cloned();
    }
    let provider = Nspawn::new(std::path::absolute(directory)?, Images::new(std::path::absolute(images)?));
    Ok(Chosen { name: entry.map(|(name, _)| name.clone()), image, provider: Box::new(provider) })
}

fn unknown(file: &NodesFile, name: &str) -> CommandError {
    CommandError::usage(format!("there is no provider `{name}` in {}", file.path.display()))
        .hint(format!("add a table:\n[providers.{name}]\nkind = \"{NSPAWN}\""))
}
