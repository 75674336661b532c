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
            let (asked, shown) = tokio::join!(node.logs(query, sender), self.show(context, receiver));
            asked?;
            shown?;
            Ok(Exit::Done)
        })
    }

    /// As they come. With `--json` a list; followed, one object a line, since the list has no end.
    async fn show(&self, context: &Context, mut lines: mpsc::Receiver<LogLine>) -> Result<()> {
        let mut rows = Vec::new();
        let mut none = true;
        while let Some(LogLine { label, process, text }) = lines.recv().await {
            none = false;
            let row = Row { release: label, process, text };
            match (context.ui.json(), self.follow) {
                (true, true) => context.ui.line(&serde_json::json!(row).to_string()),
                (true, false) => rows.push(row),
                (false, _) => context.ui.line(&format!("{} | {}", row.process, row.text)),
            }
        }
        if context.ui.json() && !self.follow {
            context.ui.list(&rows, "")?;
        } else if none && !self.follow {
            let of = self.process.as_ref().map(|name| format!(" by `{name}`: without --process all logs are shown"));
            context.ui.note(&format!("nothing was logged yet{}", of.unwrap_or_default()));
        }
        Ok(())
    }
}
