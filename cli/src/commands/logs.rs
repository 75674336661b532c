use crate::{app_name, context::Context, error::Result, exit::Exit, node};
use serde::Serialize;
use silver_core::node::Node;
use silver_plugin_api::plan::{LogLine, LogQuery};
use tokio::sync::mpsc;

/// Show what an application's processes said, and who visited it
#[derive(Debug, clap::Args)]
pub struct Logs {
    /// Name of the application, or a location
    app: String,
    /// Only this log: `web`, `worker`, `access`, a log file of the application
    #[arg(long, short)]
    process: Option<String>,
    /// So many of the newest lines
    #[arg(long, short = 'n', default_value_t = 100, value_name = "N")]
    lines: u32,
    /// Go on with whatever comes, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
}

#[derive(Serialize)]
struct Row {
    release: String,
    process: String,
    text: String,
}

impl Logs {
    pub fn run(self, context: &Context) -> Result {
        context.block_on(async {
            let node = node::connect(context)?;
            let app = app_name::find(&node, &self.app).await?.app;
            let query = LogQuery { app, process: self.process.clone(), lines: self.lines, follow: self.follow };
            let (sender, receiver) = mpsc::channel(256);
            let (asked, ()) = tokio::join!(node.logs(query, sender), show(context, receiver, self.follow));
            asked?;
            Ok(Exit::Done)
        })
    }
}

/// As they come; with `--json` one object a line, so that it can be followed.
async fn show(context: &Context, mut lines: mpsc::Receiver<LogLine>, follow: bool) {
    let mut none = true;
    while let Some(line) = lines.recv().await {
        none = false;
        if context.ui.json() {
            let row = Row { release: line.label, process: line.process, text: line.text };
            context.ui.line(&serde_json::json!(row).to_string());
        } else {
            context.ui.line(&format!("{} | {}", line.process, line.text));
        }
    }
    if none && !follow {
        context.ui.note("nothing was logged yet");
    }
}
