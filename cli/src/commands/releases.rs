use crate::{app_name, context::Context, error::Result, exit::Exit, moment, node};
use serde::Serialize;
use silver_core::node::Node;
use silver_plugin_api::plan::DataClass;

/// List the releases of an application that are on the node, oldest first
#[derive(Debug, clap::Args)]
pub struct Releases {
    /// Name of the application, or a location
    app: String,
}

#[derive(Serialize)]
struct Row {
    release: String,
    current: bool,
    version: String,
    app_version: String,
    created: String,
    replaced: Option<String>,
    data: DataClass,
    checkpoint: Option<String>,
    digest: String,
}

impl Releases {
    pub fn run(self, context: &Context) -> Result {
        context.block_on(async {
            let node = node::connect(context)?;
            let app = app_name::find(&node, &self.app).await?.app;
            let observed = node.observe(&app).await?;
            let rows: Vec<Row> = observed
                .releases
                .into_iter()
                .map(|release| Row {
                    current: observed.current.as_ref() == Some(&release.label),
                    version: release.release.pack.version,
                    app_version: release.release.pack.app_version,
                    created: moment::seconds(&release.created),
                    replaced: release.parent,
                    data: release.data,
                    checkpoint: release.checkpoint,
                    digest: release.release.id.short(),
                    release: release.label,
                })
                .collect();
            context.ui.list(&rows, "no release is on the node")?;
            Ok(Exit::Done)
        })
    }
}
