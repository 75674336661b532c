use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    nodes::NodesFile,
    providers,
};
use silver_core::nodes::remove_node;
use silver_pack::manifest::Name;

/// Destroy a node that `create-node` has created, with everything on it
///
/// Its applications and their data are lost; the node is taken out of nodes.toml.
#[derive(Debug, clap::Args)]
pub struct DestroyNode {
    /// Which node
    name: Name,
    /// The provider that created it, when nodes.toml does not say
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
}

impl DestroyNode {
    pub fn run(self, context: &Context) -> Result {
        let file = NodesFile::read(context)?;
        let entry = file.nodes.nodes.get(&self.name);
        let noted = entry.and_then(|entry| entry.provider.as_deref());
        let chosen = providers::choose(context, &file, self.provider.as_deref().or(noted))?;
        let nodes = chosen.provider.nodes()?;
        let Some(node) = nodes.iter().find(|node| *node.name == *self.name) else {
            let error = CommandError::usage(format!("the provider has not created a node `{}`", self.name));
            let by_hand = format!(
                "servers that were there before silver are not destroyed by it: take `[nodes.{}]` out of {}",
                self.name,
                file.path.display()
            );
            return Err(error.maybe_hint(entry.map(|_| by_hand)));
        };
        // another server may have been given the name
        if let Some(entry) = entry
            && entry.address.to_string() != node.address
        {
            let message = format!(
                "`{}` is at {} in {}, but the node that was created is at {}",
                self.name,
                entry.address,
                file.path.display(),
                node.address
            );
            return Err(CommandError::usage(message).hint("take the entry out by hand, if the created node is meant"));
        }
        let question = format!("Destroy {} at {} with all its applications and their data?", node.name, node.address);
        if !context.ui.confirm(&question, false)? {
            return Err(CommandError::new(Exit::Interrupted, "nothing was destroyed"));
        }
        chosen.provider.destroy(&self.name)?;
        if entry.is_some() {
            let file = NodesFile::read(context)?;
            file.write(&remove_node(&file.text, &self.name)?)?;
        }
        context.ui.note(&format!("{} is gone", self.name));
        Ok(Exit::Done)
    }
}
