use crate::{app_name, carry, context::Context, error::Result, exit::Exit, moment, node};
use serde::Serialize;
use silver_builtin::monitoring::Monitoring;
use silver_core::{node::Node, status};
use silver_plugin_api::{monitor::Health, plan::AppState};

/// Show the applications: which release, does it answer, was anything altered
#[derive(Debug, clap::Args)]
pub struct Status {
    /// Only this application: its name, or a location
    app: Option<String>,
}

#[derive(Serialize)]
struct Row {
    app: String,
    state: AppState,
    health: Health,
    message: String,
    version: Option<String>,
    app_version: Option<String>,
    release: Option<String>,
    since: Option<String>,
    url: Option<String>,
    processes: usize,
    restarts: u32,
    drift: Vec<String>,
    running: Option<String>,
    /// Told as remarks: there is hardly ever anything to tell.
    #[serde(skip)]
    step: Option<String>,
    #[serde(skip)]
    left: bool,
}

impl Status {
    pub fn run(self, context: &Context) -> Result {
        context.block_on(async {
            let node = node::connect(context)?;
            let only = match &self.app {
                Some(app) => Some(app_name::find(&node, app).await?.app),
                None => None,
            };
            let port = node.facts().await?.front_port;
            let rows: Vec<Row> =
                status::status(&node, &Monitoring, only.as_deref()).await?.into_iter().map(|app| row(app, port)).collect();
            for row in rows.iter().filter(|row| !row.drift.is_empty()) {
                let release = row.release.as_deref().unwrap_or(&row.app);
                context.ui.warning(&format!("drift: files of {release} are not as deployed: {}", row.drift.join(", ")));
                context.ui.hint(&format!("`silver update` with the pack that is deployed lays {} out anew", row.app));
            }
            for (row, id) in rows.iter().filter_map(|row| Some((row, row.running.as_ref()?))) {
                let at = row.step.as_deref().map(|step| format!(" at `{step}`")).unwrap_or_default();
                if row.left {
                    context.ui.warning(&format!("{}: the change {id} was cut short{at}", row.app));
                    context.ui.hint(&format!("the next change of {} finishes it or puts everything back first", row.app));
                } else {
                    context.ui.note(&format!("{}: the change {id} is under way{at}", row.app));
                }
            }
            context.ui.list(&rows, "nothing is deployed here yet: `silver update PACK.zip`")?;
            Ok(Exit::Done)
        })
    }
}

fn row(status: status::AppStatus, port: u16) -> Row {
    let status::AppStatus { report, verdict, drift } = status;
    let pack = report.release.as_ref().map(|release| &release.pack);
    Row {
        state: report.state,
        health: verdict.health,
        message: verdict.message,
        version: pack.map(|pack| pack.version.clone()),
        app_version: pack.map(|pack| pack.app_version.clone()),
        release: report.current,
        since: report.created.as_deref().map(moment::seconds),
        url: report.locations.first().map(|location| carry::url(location, port)),
        processes: report.processes.iter().filter(|process| process.pid.is_some()).count(),
        restarts: report.processes.iter().map(|process| process.restarts).sum(),
        drift,
        running: report.running,
        step: report.step,
        left: report.left,
        app: report.app,
    }
}
