use crate::{context::Context, error::Result, exit::Exit, nodes::NodesFile, providers};
use serde::Serialize;

/// List what nodes can be made of
#[derive(Debug, clap::Args)]
pub struct ListImages {
    /// The provider of nodes.toml that is asked
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
}

#[derive(Serialize)]
struct Row {
    image: String,
    what: String,
    /// Where it lies; none, when it is made with the first node.
    place: Option<String>,
}

impl ListImages {
    pub fn run(self, context: &Context) -> Result {
        let file = NodesFile::read(context)?;
        let images = providers::choose(context, &file, self.provider.as_deref())?.provider.images()?;
        let place = |place: std::path::PathBuf| place.display().to_string();
        let rows = images.into_iter().map(|image| Row { image: image.name, what: image.what, place: image.place.map(place) });
        context.ui.list(&rows.collect::<Vec<_>>(), "there are none")?;
        Ok(Exit::Done)
    }
}
